/**
 * Probes: a few packets at a chosen rate, beyond what the media needs, to learn whether the path would carry more. Without
 * them an estimate can never rise above what a publisher happens to send (application-limited region), and a viewer would
 * never get the higher layer back (draft-ietf-rmcat-gcc-02 section 7.3; libwebrtc's probe_controller.cc).
 */
import type { InstantMs } from "../types.ts";
import type { PathUsage } from "./trendline.ts";

const DURATION_MS = 20;
const MIN_PACKETS = 6;
const TYPICAL_PACKET_BYTES = 1000;
/** The first two probes, before anything is known, as multiples of the start rate. */
const FIRST_FACTORS = [3, 6];
const GROWTH = 2;
/** Probing goes on at once while results come up to this share of what was tried. */
const CONTINUE_SHARE = 0.7;
/** Above what is wanted, so that the wanted surely fits. */
const MARGIN = 1.25;
/** An estimate that exceeds what is wanted by so much needs no probe. */
export const ENOUGH_FACTOR = MARGIN * 0.95;
const RESULT_WAIT_MS = 1000;
const FIRST_INTERVAL_MS = 4000;
const MAX_INTERVAL_MS = 9000;
/** A slot that shows nothing is worth asking more often. */
const MISSING_INTERVAL_MS = 1500;
const CALM_AFTER_DECREASE_MS = 1500;

const MIN_RECEIVED = 4;
const MIN_RECEIVED_SHARE = 0.7;
/** A receive rate this much above the send rate is a measurement gone wrong. */
const MAX_RATIO = 2;
const UNSATURATED_RATIO = 0.9;
const UTILIZATION = 0.95;

/** What a probe that is under way still has to send. */
export interface ProbeCluster {
  readonly id: number;
  readonly rateBps: number;
  readonly byteLength: number;
  readonly packets: number;
  readonly startedAtMs: InstantMs;
  sentBytes: number;
  sentPackets: number;
}

class ClusterResult {
  id = 0;
  packets = 0;
  bytes = 0;
  firstSentMs = 0;
  lastSentMs = 0;
  lastSentBytes = 0;
  firstArrivalMs = 0;
  firstArrivalBytes = 0;
  lastArrivalMs = 0;

  restart(id: number): void {
    this.id = id;
    this.packets = 0;
    this.bytes = 0;
    this.firstSentMs = Number.POSITIVE_INFINITY;
    this.lastSentMs = Number.NEGATIVE_INFINITY;
    this.firstArrivalMs = Number.POSITIVE_INFINITY;
    this.lastArrivalMs = Number.NEGATIVE_INFINITY;
  }

  add(packet: { readonly sentMs: InstantMs; readonly arrivalMs: number; readonly byteLength: number }): void {
    this.packets++;
    this.bytes += packet.byteLength;
    if (packet.sentMs < this.firstSentMs) this.firstSentMs = packet.sentMs;
    if (packet.sentMs >= this.lastSentMs) {
      this.lastSentMs = packet.sentMs;
      this.lastSentBytes = packet.byteLength;
    }
    if (packet.arrivalMs < this.firstArrivalMs) {
      this.firstArrivalMs = packet.arrivalMs;
      this.firstArrivalBytes = packet.byteLength;
    }
    if (packet.arrivalMs > this.lastArrivalMs) this.lastArrivalMs = packet.arrivalMs;
  }

  /** -1: cannot be told. */
  bps(): number {
    const [sendMs, receiveMs] = [this.lastSentMs - this.firstSentMs, this.lastArrivalMs - this.firstArrivalMs];
    if (sendMs <= 0 || receiveMs <= 0) return -1;
    const sendBps = ((this.bytes - this.lastSentBytes) * 8000) / sendMs;
    const receiveBps = ((this.bytes - this.firstArrivalBytes) * 8000) / receiveMs;
    if (receiveBps > MAX_RATIO * sendBps) return -1;
    return receiveBps < UNSATURATED_RATIO * sendBps ? UTILIZATION * receiveBps : Math.min(sendBps, receiveBps);
  }
}

export class Probes {
  active: ProbeCluster | undefined;
  readonly #startBps: number;
  readonly #result = new ClusterResult();
  #nextId = 1;
  #firstSent = 0;
  #lastRateBps = 0;
  #lastResultBps = -1;
  #lastStartedMs: InstantMs = Number.NEGATIVE_INFINITY;
  #awaiting = false;
  #intervalMs = FIRST_INTERVAL_MS;

  constructor(startBps: number) {
    this.#startBps = startBps;
  }

  /** Starts a probe if one is due; it is then in `active`. */
  consider(
    path: {
      readonly estimateBps: number;
      /** What all that the viewer shows would need. */
      readonly desiredBps: number;
      /** What the least of all that stands still now would need; 0: nothing stands still. */
      readonly missingBps: number;
      readonly usage: PathUsage;
      readonly decreasedAtMs: InstantMs;
    },
    nowMs: InstantMs,
  ): void {
    if (this.active !== undefined || path.usage !== "normal") return;
    if (this.#awaiting && nowMs - this.#lastStartedMs < RESULT_WAIT_MS) return;
    const ceilingBps = path.desiredBps * MARGIN;
    if (path.estimateBps >= path.desiredBps * ENOUGH_FACTOR) return;
    const rateBps = this.#dueRate(path, nowMs);
    if (rateBps > 0) this.#start(Math.min(rateBps, ceilingBps), nowMs);
  }

  noteSent(byteLength: number): void {
    const { active } = this;
    if (active === undefined) return;
    active.sentBytes += byteLength;
    active.sentPackets++;
    if (active.sentBytes >= active.byteLength && active.sentPackets >= active.packets) this.active = undefined;
  }

  /** Ends a probe that finds nothing to send. */
  abandon(): void {
    this.active = undefined;
    this.#awaiting = false;
  }

  /** One packet of a probe arrived. Returns what the path carried once enough are in, else -1. */
  noteAcked(
    cluster: number,
    packet: { readonly sentMs: InstantMs; readonly arrivalMs: number; readonly byteLength: number },
  ): number {
    const result = this.#result;
    if (cluster !== result.id) return -1;
    result.add(packet);
    const needed = Math.max(MIN_RECEIVED, Math.floor(MIN_PACKETS * MIN_RECEIVED_SHARE));
    const enoughBytes = result.bytes >= (this.#lastRateBps / 8000) * DURATION_MS * MIN_RECEIVED_SHARE;
    if (result.packets < needed || !enoughBytes) return -1;
    const bps = result.bps();
    if (bps <= 0) return -1;
    this.#awaiting = false;
    // Repairs that left meanwhile would make a burst look like more than was tried.
    this.#lastResultBps = Math.min(bps, this.#lastRateBps * MARGIN);
    return this.#lastResultBps;
  }

  /** 0: none now. */
  #dueRate(
    path: { readonly estimateBps: number; readonly missingBps: number; readonly decreasedAtMs: number },
    nowMs: InstantMs,
  ): number {
    const first = FIRST_FACTORS[this.#firstSent];
    if (first !== undefined) {
      this.#firstSent++;
      return this.#startBps * first;
    }
    if (nowMs - path.decreasedAtMs < CALM_AFTER_DECREASE_MS) return 0;
    const rateBps = Math.max(path.estimateBps * GROWTH, path.missingBps * MARGIN);
    if (this.#lastResultBps >= this.#lastRateBps * CONTINUE_SHARE) {
      this.#intervalMs = FIRST_INTERVAL_MS;
      return rateBps;
    }
    const intervalMs = path.missingBps > 0 ? MISSING_INTERVAL_MS : this.#intervalMs;
    if (nowMs - this.#lastStartedMs < intervalMs) return 0;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * 1.3);
    return rateBps;
  }

  #start(rateBps: number, nowMs: InstantMs): void {
    const id = this.#nextId;
    this.#nextId = (this.#nextId % 255) + 1;
    const byteLength = Math.max((rateBps / 8000) * DURATION_MS, MIN_PACKETS * TYPICAL_PACKET_BYTES * 0.5);
    this.active = { id, rateBps, byteLength, packets: MIN_PACKETS, startedAtMs: nowMs, sentBytes: 0, sentPackets: 0 };
    this.#result.restart(id);
    this.#lastRateBps = rateBps;
    this.#lastResultBps = -1;
    this.#lastStartedMs = nowMs;
    this.#awaiting = true;
  }
}
