/**
 * Spreads what one transport sends: a leaky bucket with a burst, and behind it a queue of packets that wait in the caches
 * of their sources, so that waiting costs no copy. Audio never waits; a keyframe of many packets does.
 */
import type { InstantMs } from "../types.ts";

/** Sends what it was asked to remember. */
export interface PacedStream {
  /** The packet that has that number towards the receiver. Returns the bytes sent, 0: it is gone. */
  sendQueued(extSeq: number, nowMs: InstantMs): number;
  /** Something to probe with: a packet once more, or padding. Returns the bytes sent, 0: nothing can be. */
  sendProbe(nowMs: InstantMs): number;
}

/** Media may be sent so much faster than the path carries on average: frames come in bursts. */
const RATE_FACTOR = 1.5;
const DRAIN_FACTOR = 0.7;
const DRAIN_BURST_BYTES = 1500;
const BURST_MS = 20;
const MIN_BURST_BYTES = 6000;
/** From here on the queue is drained faster than the path may like: late video is of no use. */
const MAX_QUEUE_MS = 400;
/** At the bound packets are sent at once, without regard to the rate. */
const MAX_QUEUE = 512;
/** Timers are no finer than this, and packets that leave together share the cost of a wake-up. */
const WAKE_MS = 4;

interface Waiting {
  stream: PacedStream;
  extSeq: number;
  byteLength: number;
}

export class Pacer {
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #burstLimit = MIN_BURST_BYTES;
  #debtBytes = 0;
  #updatedAtMs: InstantMs = 0;
  readonly #queue: Waiting[] = [];
  /** Of the queue, how many at its front are gone. */
  #taken = 0;
  #queuedBytes = 0;
  #wakeMs: InstantMs = Number.POSITIVE_INFINITY;

  get queueLength(): number {
    return this.#queue.length - this.#taken;
  }

  /** Infinity while nothing waits. */
  get deadlineMs(): InstantMs {
    return this.#wakeMs;
  }

  /** `bps`: Infinity: nothing waits any more from now on. `isDraining`: a queue stands on the path and must go first. */
  setEstimate(bps: number, isDraining = false): void {
    this.#bytesPerMs = (bps * (isDraining ? DRAIN_FACTOR : RATE_FACTOR)) / 8000;
    this.#burstLimit = isDraining ? DRAIN_BURST_BYTES : MIN_BURST_BYTES;
  }

  /** May a packet that can wait leave now? */
  mayPass(nowMs: InstantMs): boolean {
    if (this.queueLength > 0) return this.queueLength >= MAX_QUEUE;
    if (this.#debtBytes === 0) return true;
    this.#decay(nowMs);
    return this.#debtBytes <= this.#burstBytes();
  }

  /** Something left. */
  charge(byteLength: number, nowMs: InstantMs): void {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) return;
    if (this.#debtBytes === 0) this.#updatedAtMs = nowMs;
    this.#debtBytes += byteLength;
  }

  enqueue(
    stream: PacedStream,
    packet: { readonly extSeq: number; readonly byteLength: number },
    nowMs: InstantMs,
  ): void {
    if (this.queueLength === 0) this.#wakeMs = nowMs + WAKE_MS;
    this.#queue.push({ stream, extSeq: packet.extSeq, byteLength: packet.byteLength });
    this.#queuedBytes += packet.byteLength;
  }

  /** Sends what may leave by now; `sendQueued` charges it. */
  drain(nowMs: InstantMs): void {
    if (nowMs < this.#wakeMs) return;
    this.#decay(nowMs);
    while (this.queueLength > 0 && this.#debtBytes <= this.#burstBytes() / 2) {
      const { stream, extSeq, byteLength } = this.#queue[this.#taken++] as Waiting;
      this.#queuedBytes -= byteLength;
      stream.sendQueued(extSeq, nowMs);
    }
    this.#compact();
    this.#wakeMs = this.queueLength === 0 ? Number.POSITIVE_INFINITY : nowMs + WAKE_MS;
  }

  /** What of that stream waits will not be sent. False: nothing did. */
  forget(stream: PacedStream): boolean {
    const before = this.queueLength;
    const kept = this.#queue.slice(this.#taken).filter((waiting) => waiting.stream !== stream);
    this.#queue.length = 0;
    this.#taken = 0;
    this.#queue.push(...kept);
    this.#queuedBytes = kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (kept.length === 0) this.#wakeMs = Number.POSITIVE_INFINITY;
    return kept.length < before;
  }

  #compact(): void {
    if (this.#taken === this.#queue.length) this.#queue.length = 0;
    else if (this.#taken >= MAX_QUEUE) this.#queue.splice(0, this.#taken);
    else return;
    this.#taken = 0;
  }

  #decay(nowMs: InstantMs): void {
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs);
    this.#updatedAtMs = nowMs;
    const rate = Math.max(this.#bytesPerMs, this.#queuedBytes / MAX_QUEUE_MS);
    this.#debtBytes = rate === Number.POSITIVE_INFINITY ? 0 : Math.max(0, this.#debtBytes - elapsedMs * rate);
  }

  #burstBytes(): number {
    return Math.max(this.#burstLimit, this.#bytesPerMs * BURST_MS);
  }
}
