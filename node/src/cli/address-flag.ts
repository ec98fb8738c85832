// Addresses in flags: "host", "host:port", "[v6]:port", ":port".

import { isIP } from "node:net";
import { FlagError } from "./flags.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Throws FlagError. An empty host stays empty. */
export function parseAddressFlag(text: string, defaultPort: number): HostPort {
  if (isIP(text) !== 0) return { host: text, port: defaultPort };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port > 65_535) throw new FlagError(`not an address: ${text}`);
  return { host, port };
}

/** As it is written in tables. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
