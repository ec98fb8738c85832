/** Which addresses are of the public Internet: webhooks go there and nowhere else, unless networks are allowed. Pure. */
import { BlockList, isIP } from "node:net";

/** IANA's registries of special-purpose addresses, RFC 6890 and what came after; and what carries IPv4 inside IPv6. */
const SPECIAL_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
] as const;
/** Only 2000::/3 is global unicast; of that, what is set apart. */
const SPECIAL_V6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"] as const;

/** Throws RangeError for what is no network ("10.0.0.0/8", "fd00::/8"). */
export function networks(list: readonly string[]): BlockList {
  const found = new BlockList();
  for (const network of list) {
    const [address = "", prefix = ""] = network.split("/");
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(prefix)) throw new RangeError(`${network} is no network`);
    found.addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
  }
  return found;
}

const special = networks([...SPECIAL_V4, ...SPECIAL_V6]);
const global = networks(["2000::/3"]);

/** False for text that is no address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  // IPv4 in disguise (::ffff:0:0/96, 64:ff9b::/96) lies outside of 2000::/3 and so is never public here.
  return family === 6 && global.check(address, "ipv6") && !special.check(address, "ipv6");
}

export function isAllowedAddress(address: string, allowed: BlockList): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return isPublicAddress(address) || allowed.check(address, family === 4 ? "ipv4" : "ipv6");
}
