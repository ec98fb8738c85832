/** Which address a node tells others when it is bound to all of them. */
import { networkInterfaces } from "node:os";
import { isLoopback, type NodeConfig } from "./config.ts";

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

/** Does this base URL lead to this machine? A name that is no address counts as another's. */
export function isThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  return isLoopback(host) || ownAddresses().some(({ address }) => address === host);
}

const ownAddresses = () => Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);

function ownAddress(): string {
  const outside = ownAddresses().find((address) => !address.internal && address.family === "IPv4");
  return outside?.address ?? "127.0.0.1";
}

/** Bound to loopback, and no proxy brings strangers there: whoever asks sits at this machine. */
export function isForThisMachine(config: Pick<NodeConfig, "httpHost" | "httpUrl" | "trustProxy">): boolean {
  const { httpHost, httpUrl, trustProxy } = config;
  return isLoopback(httpHost) && trustProxy.length === 0 && (httpUrl === undefined || isThisMachine(httpUrl));
}
