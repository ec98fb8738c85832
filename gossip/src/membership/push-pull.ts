// The pure parts of the full state exchange: how often, whether two sides understand each other, what a record claims.
// Spec section 4.14; memberlist state.go pushPullNode, verifyProtocol, mergeState.

import type { DurationMs } from "../types.ts";
import type { PushPullNode, RecordState, VersionVector } from "../wire/messages.ts";
import { isWithin, readVersions, type Versions } from "./member.ts";

/** Beyond this many nodes every doubling adds one interval, so that exchanges do not grow with the square of the size. */
const SCALE_THRESHOLD = 32;

export function pushPullIntervalMs(intervalMs: DurationMs, memberCount: number): DurationMs {
  if (memberCount <= SCALE_THRESHOLD) return intervalMs;
  return intervalMs * (Math.ceil(Math.log2(memberCount) - Math.log2(SCALE_THRESHOLD)) + 1);
}

export interface VersionedRecord {
  readonly state: RecordState;
  readonly vsn: VersionVector;
}

/**
 * Whether every node speaks what every living node understands, in both layers. One that does not would be lost in the
 * cluster, and would break the exchanges of all who know it, so the whole exchange is refused.
 */
export function areCompatible(local: Iterable<VersionedRecord>, remote: Iterable<VersionedRecord>): boolean {
  const bounds = { protocolMin: 0, protocolMax: 255, delegateMin: 0, delegateMax: 255 };
  const everybody: Versions[] = [];
  for (const side of [local, remote]) {
    for (const record of side) {
      const versions = readVersions(record.vsn);
      everybody.push(versions);
      if (record.state === "alive" && record.vsn.length > 0) narrow(bounds, versions);
    }
  }
  return everybody.every(
    (versions) =>
      isWithin(versions.protocolCurrent, bounds.protocolMin, bounds.protocolMax) &&
      isWithin(versions.delegateCurrent, bounds.delegateMin, bounds.delegateMax),
  );
}

interface Bounds {
  protocolMin: number;
  protocolMax: number;
  delegateMin: number;
  delegateMax: number;
}

function narrow(bounds: Bounds, versions: Versions): void {
  bounds.protocolMin = Math.max(bounds.protocolMin, versions.protocolMin);
  bounds.protocolMax = Math.min(bounds.protocolMax, versions.protocolMax);
  bounds.delegateMin = Math.max(bounds.delegateMin, versions.delegateMin);
  bounds.delegateMax = Math.min(bounds.delegateMax, versions.delegateMax);
}

/** What a remote record says to us. Its "dead" is hearsay: the accused gets the chance to refute a suspicion first. */
export function claimOf(node: PushPullNode): "alive" | "suspect" | "left" {
  return node.state === "dead" ? "suspect" : node.state;
}
