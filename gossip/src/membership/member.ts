// What membership keeps per known node, and which state gives way to which claim.

import type { Endpoint, Incarnation, InstantMs, NodeName } from "../types.ts";
import type { AddressBytes, RecordState, VersionVector } from "../wire/messages.ts";

/** Mutable, and owned by the member table alone; others read it. */
export interface MemberRecord {
  readonly name: NodeName;
  /** As the wire carries it; `endpoint` is the same for people and sockets. */
  addr: AddressBytes;
  endpoint: Endpoint;
  meta: Uint8Array;
  vsn: VersionVector;
  incarnation: Incarnation;
  state: RecordState;
  stateChangedMs: InstantMs;
  /** When it was last told directly that it is thought gone. */
  correctedMs: InstantMs;
  /** When it was last probed because somebody said that it is silent. */
  reportedMs: InstantMs;
}

/** memberlist state.go: only these may be probed, asked for help or exchanged with. */
export function isRunning(record: MemberRecord): boolean {
  return record.state === "alive" || record.state === "suspect";
}

export type ClaimKind = "alive" | "suspect" | "dead";

/**
 * Spec section 4.7: at equal incarnation the accusations win over "alive" and death over suspicion, so only the
 * accused itself, by raising its incarnation, can undo them. The table says whether a claim of an equal incarnation
 * is news to a record in that state; a larger incarnation is news except where `AT_LARGER` says otherwise.
 */
const AT_EQUAL: Readonly<Record<ClaimKind, Readonly<Record<RecordState, boolean>>>> = {
  alive: { alive: false, suspect: false, dead: false, left: false },
  suspect: { alive: true, suspect: false, dead: false, left: false },
  dead: { alive: true, suspect: true, dead: false, left: false },
};

/** The dead cannot be suspected, nor die again: they must be alive first. */
const AT_LARGER: Readonly<Record<ClaimKind, Readonly<Record<RecordState, boolean>>>> = {
  alive: { alive: true, suspect: true, dead: true, left: true },
  suspect: { alive: true, suspect: false, dead: false, left: false },
  dead: { alive: true, suspect: true, dead: false, left: false },
};

/** Whether a claim about another node changes its record. */
export function supersedes(
  claim: { readonly kind: ClaimKind; readonly incarnation: number },
  record: { readonly state: RecordState; readonly incarnation: number },
): boolean {
  if (claim.incarnation < record.incarnation) return false;
  const table = claim.incarnation === record.incarnation ? AT_EQUAL : AT_LARGER;
  return table[claim.kind][record.state];
}

/** Six version bytes as memberlist's and Serf's min, max and current. Zero where the sender gave none. */
export interface Versions {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCurrent: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCurrent: number;
}

export function readVersions(vsn: VersionVector): Versions {
  return {
    protocolMin: vsn[0] ?? 0,
    protocolMax: vsn[1] ?? 0,
    protocolCurrent: vsn[2] ?? 0,
    delegateMin: vsn[3] ?? 0,
    delegateMax: vsn[4] ?? 0,
    delegateCurrent: vsn[5] ?? 0,
  };
}

/** What a stock agent of today says of itself: memberlist 1..5 speaking 2, Serf 2..5 speaking 5 unless told otherwise. */
export function ownVersions(serfProtocol: number): VersionVector {
  return Uint8Array.of(1, 5, 2, 2, MAX_SERF_PROTOCOL, serfProtocol);
}

export const MIN_SERF_PROTOCOL = 2;
export const MAX_SERF_PROTOCOL = 5;

/** Whether two members understand each other: what each speaks lies in the range of the other, in both layers. */
export function understandEachOther(one: VersionVector, other: VersionVector): boolean {
  const [a, b] = [readVersions(one), readVersions(other)];
  return understands(a, b) && understands(b, a);
}

function understands(listener: Versions, speaker: Versions): boolean {
  return (
    isWithin(speaker.protocolCurrent, listener.protocolMin, listener.protocolMax) &&
    isWithin(speaker.delegateCurrent, listener.delegateMin, listener.delegateMax)
  );
}

export function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

export const PROTOCOL_MAX_WITH_STREAM_PING = 3;
export const PROTOCOL_MAX_WITH_NACK = 4;
export const PROTOCOL_MAX_WITH_CRC = 5;

export function protocolMax(record: MemberRecord): number {
  return record.vsn[1] ?? 0;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
