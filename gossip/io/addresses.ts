// What operators write to what sockets take: "host", "host:port", "[v6]:port", "name/host:port".

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { type Endpoint, UsageError } from "../src/types.ts";
import { messageOf } from "./errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Throws UsageError "bad_address". */
export function parseHostPort(text: string, defaultPort: number): HostPort {
  const [, bracketed, bracketPort, plain, plainPort] =
    /^(?:\[([^\]]*)\](?::(\d+))?|([^:]*)(?::(\d+))?)$/.exec(text) ?? [];
  const isBareV6 = isIP(text) === 6;
  const host = isBareV6 ? text : (bracketed ?? plain);
  const portText = isBareV6 ? undefined : (bracketPort ?? plainPort);
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port > 65_535)
    throw new UsageError("bad_address", `not an address: ${JSON.stringify(text)}`);
  return { host, port };
}

/** All addresses that a join target stands for; a name is asked of the system's resolver. Rejects when it has none. */
export async function resolveTarget(target: string, defaultPort: number): Promise<Endpoint[]> {
  const slash = target.lastIndexOf("/");
  const { host, port } = parseHostPort(slash < 0 ? target : target.slice(slash + 1), defaultPort);
  if (isIP(host) !== 0) return [{ host, port }];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => ({ host: address, port }));
}

/** All of them; why some have no address is in `failures`. */
export async function resolveTargets(
  targets: readonly string[],
  defaultPort: number,
): Promise<{ readonly targets: Endpoint[]; readonly failures: string[] }> {
  const failures: string[] = [];
  const resolved = await Promise.all(
    targets.map((target) =>
      resolveTarget(target, defaultPort).catch((error: unknown) => {
        failures.push(`Failed to resolve ${target}: ${messageOf(error)}`);
        return [];
      }),
    ),
  );
  return { targets: resolved.flat(), failures };
}

/** A socket of both families shows IPv4 peers as mapped addresses; the cluster knows them by their IPv4 ones. */
export function unmappedHost(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice("::ffff:".length) : host;
}

/** What to tell others when bound to all addresses: a private one, else any but loopback, else loopback. */
export function advertisableHost(bindHost: string): string {
  if (bindHost !== "0.0.0.0" && bindHost !== "::") return bindHost;
  const family = bindHost === "::" ? "IPv6" : "IPv4";
  const candidates = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .filter((address) => address.family === family && !address.internal && !address.address.startsWith("fe80"))
    .map(({ address }) => address);
  return candidates.find(isPrivate) ?? candidates[0] ?? (family === "IPv6" ? "::1" : "127.0.0.1");
}

/** RFC 1918, RFC 6598 and RFC 4193. */
function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/.test(address);
}
