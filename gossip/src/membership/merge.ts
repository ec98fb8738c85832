// What a claim about a member means: pure decisions (record, claim) -> what to do. The machine carries them out.
// Spec sections 4.4 to 4.7; SWIM section 4.2.

import type { DropReason } from "../sink.ts";
import type { DurationMs, InstantMs, NodeName } from "../types.ts";
import type { AddressBytes, VersionVector } from "../wire/messages.ts";
import { bytesEqual, type MemberRecord, supersedes, understandEachOther } from "./member.ts";

/**
 * Real incarnations count refutations and tag changes and stay small. A claim far beyond them is forged, and near the
 * end of uint32 it could not be refuted at all, so we never believe one.
 */
export const MAX_INCARNATION = 0x7fff_ffff;

export interface AliveClaim {
  readonly node: NodeName;
  readonly incarnation: number;
  readonly addr: AddressBytes;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly vsn: VersionVector;
}

export interface AccusationClaim {
  readonly node: NodeName;
  readonly incarnation: number;
  readonly from: NodeName;
}

export interface MergeContext {
  readonly isSelf: boolean;
  /** We have called leave. */
  readonly leaving: boolean;
  readonly nowMs: InstantMs;
  /** 0: a dead member's name never moves to another address before it is forgotten. */
  readonly deadNodeReclaimMs: DurationMs;
  /** What we speak and understand. */
  readonly ownVersions: VersionVector;
}

export interface Ignore {
  readonly kind: "ignore";
  readonly reason: DropReason;
}

/** `joined`: it was unknown, dead or left. `updated`: its meta changed while it was running. */
export interface AcceptAlive {
  readonly kind: "accept";
  readonly joined: boolean;
  readonly updated: boolean;
}

export type AliveDecision = Ignore | AcceptAlive | { readonly kind: "conflict" } | { readonly kind: "refute" };

const STALE: Ignore = { kind: "ignore", reason: "stale" };
const UNKNOWN: Ignore = { kind: "ignore", reason: "unknown_member" };
const BAD_VERSIONS: Ignore = { kind: "ignore", reason: "incompatible_version" };
const BAD_INCARNATION: Ignore = { kind: "ignore", reason: "bad_incarnation" };
const CONFLICT = { kind: "conflict" } as const;
const REFUTE = { kind: "refute" } as const;

export function decideAlive(record: MemberRecord | undefined, claim: AliveClaim, context: MergeContext): AliveDecision {
  if (context.isSelf && context.leaving) return STALE;
  if (claim.incarnation > MAX_INCARNATION) return BAD_INCARNATION;
  if (!versionsFit(claim.vsn, context)) return BAD_VERSIONS;
  if (record === undefined) {
    return claim.incarnation > 0 ? { kind: "accept", joined: true, updated: false } : STALE;
  }
  const moved = claim.port !== record.endpoint.port || !bytesEqual(claim.addr, record.addr);
  if (moved && !mayMove(record, context)) return CONFLICT;
  if (context.isSelf) return decideAliveAboutSelf(record, claim);
  if (!moved && !supersedes({ kind: "alive", incarnation: claim.incarnation }, record)) return STALE;
  const joined = record.state === "dead" || record.state === "left";
  return { kind: "accept", joined, updated: !joined && !bytesEqual(claim.meta, record.meta) };
}

function decideAliveAboutSelf(record: MemberRecord, claim: AliveClaim): AliveDecision {
  if (claim.incarnation < record.incarnation) return STALE;
  const echo =
    claim.incarnation === record.incarnation &&
    bytesEqual(claim.meta, record.meta) &&
    bytesEqual(claim.vsn, record.vsn);
  return echo ? STALE : REFUTE;
}

/** A name may get a new address once its holder left, or (if wanted) has been dead for long enough. */
function mayMove(record: MemberRecord, context: MergeContext): boolean {
  if (record.state === "left") return true;
  const reclaimMs = context.deadNodeReclaimMs;
  return record.state === "dead" && reclaimMs > 0 && context.nowMs - record.stateChangedMs > reclaimMs;
}

/** Made-up versions of ourselves need not fit: they have to be refuted. */
function versionsFit(vsn: VersionVector, { isSelf, ownVersions }: MergeContext): boolean {
  const [min = 0, max = 0] = vsn;
  const isSane = vsn.length === 6 && min > 0 && max > 0 && min <= max;
  return isSane && (isSelf || understandEachOther(vsn, ownVersions));
}

export type SuspectDecision =
  | Ignore
  | { readonly kind: "accept" }
  /** A suspicion runs already: count the accuser. */
  | { readonly kind: "confirm" }
  | { readonly kind: "refute" };

const ACCEPT = { kind: "accept" } as const;
const CONFIRM = { kind: "confirm" } as const;

export function decideSuspect(
  record: MemberRecord | undefined,
  claim: AccusationClaim,
  context: MergeContext,
): SuspectDecision {
  if (record === undefined) return UNKNOWN;
  if (claim.incarnation > MAX_INCARNATION) return BAD_INCARNATION;
  if (claim.incarnation < record.incarnation) return STALE;
  if (record.state === "suspect" && !context.isSelf) return CONFIRM;
  if (!supersedes({ kind: "suspect", incarnation: claim.incarnation }, record)) return STALE;
  return context.isSelf ? REFUTE : ACCEPT;
}

export type DeadDecision =
  | Ignore
  | { readonly kind: "accept"; readonly state: "dead" | "left" }
  | { readonly kind: "refute" };

export function decideDead(
  record: MemberRecord | undefined,
  claim: AccusationClaim,
  context: MergeContext,
): DeadDecision {
  if (record === undefined) return UNKNOWN;
  if (claim.incarnation > MAX_INCARNATION) return BAD_INCARNATION;
  if (!supersedes({ kind: "dead", incarnation: claim.incarnation }, record)) return STALE;
  if (context.isSelf && !context.leaving) return REFUTE;
  return { kind: "accept", state: claim.node === claim.from ? "left" : "dead" };
}
