/**
 * What was sent on one transport under which transport-wide sequence number: when, how large, and whether its arrival has
 * been told. A ring by extended number; it grows while unanswered packets would be overwritten, up to its bound, and then
 * forgets the oldest, which look as if no feedback had named them.
 */
import { extendSeq } from "../sequence.ts";
import type { InstantMs } from "../types.ts";

const RATE_WINDOW_MS = 300;
const FIRST_ENTRIES = 512;
/** At 10,000 packets/s on a trunk almost a second. */
const MAX_ENTRIES = 8192;

export const SENT_UNKNOWN = 0;
export const SENT_IN_FLIGHT = 1;
export const SENT_LOST = 2;
export const SENT_ACKED = 3;

export class SentHistory {
  #entries = FIRST_ENTRIES;
  #extSeqs = new Float64Array(FIRST_ENTRIES).fill(-1);
  #times = new Float64Array(FIRST_ENTRIES);
  #sizes = new Uint16Array(FIRST_ENTRIES);
  #clusters = new Uint8Array(FIRST_ENTRIES);
  #states = new Uint8Array(FIRST_ENTRIES);
  /** The first number on the wire is 1; counting starts a cycle up, so that nothing is ever negative. */
  #highest = 0x10000;
  /** Everything up to here was answered, one way or the other. */
  #answered = 0x10000;
  inFlightBytes = 0;
  /** The last whole window's rate, and the running one. */
  #windowBps = 0;
  #windowBytes = 0;
  #windowStartMs: InstantMs = Number.NEGATIVE_INFINITY;

  get highestExtSeq(): number {
    return this.#highest;
  }

  /** Packets sent since the last one that any feedback named. */
  get unansweredCount(): number {
    return this.#highest - this.#answered;
  }

  /** Notes a packet that leaves now; returns its extended number. `cluster`: the probe that it belongs to, 0: none. */
  add(packet: { readonly byteLength: number; readonly cluster: number }, nowMs: InstantMs): number {
    const extSeq = this.#highest + 1;
    this.#highest = extSeq;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs >= RATE_WINDOW_MS) {
      this.#windowBps = (this.#windowBytes * 8000) / elapsedMs;
      this.#windowBytes = 0;
      this.#windowStartMs = nowMs;
    }
    this.#windowBytes += packet.byteLength;
    if (this.unansweredCount > this.#entries && this.#entries < MAX_ENTRIES) this.#grow();
    const entry = extSeq % this.#entries;
    if (this.#states[entry] === SENT_IN_FLIGHT) this.inFlightBytes -= this.#sizes[entry] as number;
    this.#extSeqs[entry] = extSeq;
    this.#times[entry] = nowMs;
    this.#sizes[entry] = packet.byteLength;
    this.#clusters[entry] = packet.cluster;
    this.#states[entry] = SENT_IN_FLIGHT;
    this.inFlightBytes += packet.byteLength;
    return extSeq;
  }

  /** What was sent lately: over the last whole window, or over the running one where that is more. */
  sentBps(nowMs: InstantMs): number {
    const elapsedMs = Math.max(RATE_WINDOW_MS / 2, nowMs - this.#windowStartMs);
    return Math.max(this.#windowBps, (this.#windowBytes * 8000) / elapsedMs);
  }

  /** The extended number of one that feedback names; it may be none that is remembered. */
  extend(seq: number): number {
    return extendSeq(seq, this.#highest);
  }

  stateOf(extSeq: number): number {
    return this.#isHere(extSeq) ? (this.#states[extSeq % this.#entries] as number) : SENT_UNKNOWN;
  }

  /** Of a packet that is not unknown. */
  sentAtMs(extSeq: number): InstantMs {
    return this.#times[extSeq % this.#entries] as number;
  }

  byteLength(extSeq: number): number {
    return this.#sizes[extSeq % this.#entries] as number;
  }

  cluster(extSeq: number): number {
    return this.#clusters[extSeq % this.#entries] as number;
  }

  /** A packet's fate is known; a lost one may still be acknowledged. */
  settle(extSeq: number, state: typeof SENT_LOST | typeof SENT_ACKED): void {
    const entry = extSeq % this.#entries;
    if (this.#states[entry] === SENT_IN_FLIGHT) this.inFlightBytes -= this.#sizes[entry] as number;
    this.#states[entry] = state;
    if (extSeq > this.#answered) this.#answered = extSeq;
  }

  /** When the oldest packet after all answered ones was sent; Infinity when all are answered. */
  oldestUnansweredMs(): InstantMs {
    const extSeq = Math.max(this.#answered + 1, this.#highest - this.#entries + 1);
    return extSeq > this.#highest || !this.#isHere(extSeq) ? Number.POSITIVE_INFINITY : this.sentAtMs(extSeq);
  }

  #isHere(extSeq: number): boolean {
    return extSeq > 0 && this.#extSeqs[extSeq % this.#entries] === extSeq;
  }

  #grow(): void {
    const former = this.#entries;
    const [extSeqs, times, sizes] = [this.#extSeqs, this.#times, this.#sizes];
    const [clusters, states] = [this.#clusters, this.#states];
    const entries = former * 2;
    this.#entries = entries;
    this.#extSeqs = new Float64Array(entries).fill(-1);
    this.#times = new Float64Array(entries);
    this.#sizes = new Uint16Array(entries);
    this.#clusters = new Uint8Array(entries);
    this.#states = new Uint8Array(entries);
    for (let from = 0; from < former; from++) {
      const extSeq = extSeqs[from] as number;
      if (extSeq < 0) continue;
      const to = extSeq % entries;
      this.#extSeqs[to] = extSeq;
      this.#times[to] = times[from] as number;
      this.#sizes[to] = sizes[from] as number;
      this.#clusters[to] = clusters[from] as number;
      this.#states[to] = states[from] as number;
    }
  }
}
