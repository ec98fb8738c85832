/**
 * What a client's link did lately, from the plane's running totals: rates over the time since they were last asked for, at
 * least one second of it. Pure.
 */
import type { DirectionStats } from "./control.ts";
import { qualityScore } from "./quality-score.ts";
import type { PlanePeerStats } from "./rtp-plane-types.ts";

/** Shorter spans would mostly show where in a burst they begin and end. */
const MIN_SPAN_MS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly totals: PlanePeerStats;
}
export interface PeerRatesResult {
  /** From the client. */
  readonly up: DirectionStats;
  /** To the client. */
  readonly down: DirectionStats;
}

export class PeerRates {
  /** The span that is told of now, and where the next will begin. */
  #from: Sample | undefined = undefined;
  #to: Sample | undefined = undefined;

  /** `totals` as they are now. */
  read(totals: PlanePeerStats, nowMs: number): PeerRatesResult {
    const now = { atMs: nowMs, totals };
    const newest = this.#to ?? this.#from;
    if (newest === undefined || isReset(newest.totals, totals)) {
      this.#from = now;
      this.#to = undefined;
    } else if (nowMs - newest.atMs >= MIN_SPAN_MS) {
      this.#from = newest;
      this.#to = now;
    }
    const from = this.#from ?? now;
    const to = this.#to ?? now;
    return { up: upOf(from, to), down: downOf(from, to) };
  }
}

/** The plane has made the peer anew, and counts from 0 again. */
function isReset(before: PlanePeerStats, after: PlanePeerStats): boolean {
  return after.packetsReceived < before.packetsReceived || after.packetsSent < before.packetsSent;
}

function upOf({ atMs, totals: before }: Sample, { atMs: toMs, totals: after }: Sample): DirectionStats {
  const received = after.packetsReceived - before.packetsReceived;
  // What was missing may have come meanwhile, which makes the total smaller.
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  const repaired = Math.max(0, after.packetsRepaired - before.packetsRepaired);
  const lossRatio = share(lost, received + lost);
  return {
    bitrateBps: perSecond(8 * (after.bytesReceived - before.bytesReceived), toMs - atMs),
    packetsPerSecond: perSecond(received, toMs - atMs),
    lossRatio,
    repairedRatio: share(repaired, received + lost),
    ...(after.jitterMs === undefined ? {} : { jitterMs: after.jitterMs }),
    quality: qualityScore({ ...linkOf(after), lossRatio }),
  };
}

function downOf({ atMs, totals: before }: Sample, { atMs: toMs, totals: after }: Sample): DirectionStats {
  const lossRatio = after.lossRatio ?? 0;
  const { rttMs } = after;
  return {
    bitrateBps: perSecond(8 * (after.bytesSent - before.bytesSent), toMs - atMs),
    packetsPerSecond: perSecond(after.packetsSent - before.packetsSent, toMs - atMs),
    lossRatio,
    repairedRatio: 0,
    quality: qualityScore({ lossRatio, ...(rttMs === undefined ? {} : { rttMs }) }),
  };
}

function linkOf({ rttMs, jitterMs }: PlanePeerStats): { readonly rttMs?: number; readonly jitterMs?: number } {
  return { ...(rttMs === undefined ? {} : { rttMs }), ...(jitterMs === undefined ? {} : { jitterMs }) };
}

function perSecond(amount: number, spanMs: number): number {
  return spanMs <= 0 ? 0 : Math.round((1_000 * amount) / spanMs);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
