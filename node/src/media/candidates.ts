/**
 * Which addresses a worker tells others: the configured ones, or else the machine's own and loopback. Loopback
 * alone would not do even on one machine: Firefox gathers no candidate that reaches it.
 */
import { networkInterfaces } from "node:os";
import { type AddressFamily, familyOf } from "./ip-address.ts";
import type { HostCandidate } from "./sdp-answer.ts";

/** More would only lengthen every answer; a client checks each. */
const MAX_CANDIDATES = 16;
const HOST_TYPE_PREFERENCE = 126;
/** Below that of any UDP candidate (RFC 6544 section 4.2), above that of relayed ones. */
const TCP_TYPE_PREFERENCE = 90;
/** RFC 6544 section 4.2: of a passive host candidate. */
const PASSIVE_DIRECTION_PREFERENCE = 4;
/** A client connects to each. */
const MAX_TCP_CANDIDATES = 8;

export interface InterfaceAddress {
  readonly address: string;
  readonly internal: boolean;
}

/** Addresses of this machine as the system lists them. */
export function machineAddresses(): InterfaceAddress[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
}

/**
 * Candidates in order of preference. `advertise` replaces everything else; a bound `host` other than a wildcard
 * leaves only itself. Throws when an address to advertise is not a literal.
 */
export function hostCandidates(input: {
  readonly port: number;
  readonly host: string | undefined;
  readonly advertise: readonly string[];
  readonly families: readonly AddressFamily[];
  readonly machine: readonly InterfaceAddress[];
}): HostCandidate[] {
  for (const address of input.advertise) {
    if (familyOf(address) === undefined) throw new TypeError(`advertise: "${address}" is no IP address`);
  }
  const addresses = input.advertise.length > 0 ? [...input.advertise] : ownAddresses(input);
  const unique = [...new Set(addresses)].slice(0, MAX_CANDIDATES);
  return unique.map((host, index) => ({ host, port: input.port, priority: hostPriority(unique.length - index) }));
}

/** The same addresses as passive TCP candidates, as far as TCP listens there. */
export function tcpCandidates(udp: readonly HostCandidate[], families: readonly AddressFamily[]): HostCandidate[] {
  const usable = udp.filter(({ host }) => {
    const family = familyOf(host);
    return family !== undefined && families.includes(family);
  });
  return usable.slice(0, MAX_TCP_CANDIDATES).map(({ host, port }, index) => ({
    host,
    port,
    tcp: true,
    priority:
      TCP_TYPE_PREFERENCE * 2 ** 24 +
      (PASSIVE_DIRECTION_PREFERENCE * 2 ** 13 + MAX_TCP_CANDIDATES - index) * 2 ** 8 +
      255,
  }));
}

function ownAddresses(input: {
  readonly host: string | undefined;
  readonly families: readonly AddressFamily[];
  readonly machine: readonly InterfaceAddress[];
}): string[] {
  const { host, families } = input;
  if (host !== undefined && host !== "0.0.0.0" && host !== "::") return [host];
  const usable = input.machine.filter(({ address }) => {
    const family = familyOf(address);
    return family !== undefined && families.includes(family) && !/^fe80:/i.test(address) && address !== "::1";
  });
  const rank = ({ address, internal }: InterfaceAddress): number =>
    (internal ? 2 : 0) + (address.includes(":") ? 1 : 0);
  return usable.sort((a, b) => rank(a) - rank(b)).map(({ address }) => address);
}

/** RFC 8445 section 5.1.2.1: type, then local preference, then component 1. */
function hostPriority(localPreference: number): number {
  return HOST_TYPE_PREFERENCE * 2 ** 24 + (65_535 - MAX_CANDIDATES + localPreference) * 2 ** 8 + 255;
}
