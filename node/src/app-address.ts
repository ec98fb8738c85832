/** Which address a node tells others when it is bound to all of them. */
import { networkInterfaces } from "node:os";

/** "host:port" or "[v6]:port" without the port; an address alone stays as it is. */
export function hostOnly(text: string): string {
  return text.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^([^:]+):\d+$/, "$1");
}

/** For URLs: IPv6 in brackets. Advertised addresses first, then the bound one, then the machine's own. */
export function addressToTell(boundHost: string, advertise: readonly string[]): string {
  const isAny = boundHost === "0.0.0.0" || boundHost === "::";
  const [advertised] = advertise;
  const host = isAny ? (advertised === undefined ? ownAddress() : hostOnly(advertised)) : boundHost;
  return host.includes(":") ? `[${host}]` : host;
}

function ownAddress(): string {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = own.find((address) => !address.internal && address.family === "IPv4");
  return outside?.address ?? "127.0.0.1";
}
