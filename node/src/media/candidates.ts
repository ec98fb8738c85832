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
