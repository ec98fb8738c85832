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

/** 24 bytes each, so that a packet costs one cache line and not one for each field: | time | number | packed | SSRC | seq | */
const ENTRY_DOUBLES = 3;
const ENTRY_WORDS = 6;
const NUMBER_WORD = 2;
const PACKED_WORD = 3;
const SSRC_WORD = 4;
const MEDIA_SEQ_WORD = 5;
/** Packed: | state (2 bits) | cluster (8) | size (16) | */
const CLUSTER_SHIFT = 16;
const STATE_SHIFT = 24;
const UNSTATED_MASK = (1 << STATE_SHIFT) - 1;

export interface SentPacket {
  readonly byteLength: number;
  /** The probe that it belongs to, 0: none. */
  readonly cluster: number;
  /** The stream that it is of, or repairs. */
  readonly ssrc: number;
  /** Its number there, of a repair that of the packet it carries; -1: nothing is lost with it. */
  readonly mediaSeq: number;
}

export class SentHistory {
  #entries = FIRST_ENTRIES;
  #times = new Float64Array(FIRST_ENTRIES * ENTRY_DOUBLES);
  /** Over the same memory. Of a number its low 32 bits. */
  #words = new Int32Array(this.#times.buffer);
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

  /** Notes a packet that leaves now; returns its extended number. */
  add(packet: SentPacket, nowMs: InstantMs): number {
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
    const words = this.#words;
    const at = entry * ENTRY_WORDS;
    const former = words[at + PACKED_WORD] as number;
    if (former >>> STATE_SHIFT === SENT_IN_FLIGHT) this.inFlightBytes -= former & 0xffff;
    this.#times[entry * ENTRY_DOUBLES] = nowMs;
    words[at + NUMBER_WORD] = extSeq;
    words[at + PACKED_WORD] = packet.byteLength | (packet.cluster << CLUSTER_SHIFT) | (SENT_IN_FLIGHT << STATE_SHIFT);
    words[at + SSRC_WORD] = packet.ssrc;
    words[at + MEDIA_SEQ_WORD] = packet.mediaSeq;
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
    return this.#isHere(extSeq) ? this.#packed(extSeq) >>> STATE_SHIFT : SENT_UNKNOWN;
  }

  /** Of a packet that is not unknown. */
  sentAtMs(extSeq: number): InstantMs {
    return this.#times[(extSeq % this.#entries) * ENTRY_DOUBLES] as number;
  }

  byteLength(extSeq: number): number {
    return this.#packed(extSeq) & 0xffff;
  }

  cluster(extSeq: number): number {
    return (this.#packed(extSeq) >>> CLUSTER_SHIFT) & 0xff;
  }

  ssrc(extSeq: number): number {
    return (this.#words[(extSeq % this.#entries) * ENTRY_WORDS + SSRC_WORD] as number) >>> 0;
  }

  mediaSeq(extSeq: number): number {
    return this.#words[(extSeq % this.#entries) * ENTRY_WORDS + MEDIA_SEQ_WORD] as number;
  }

  /** A packet's fate is known; a lost one may still be acknowledged. */
  settle(extSeq: number, state: typeof SENT_LOST | typeof SENT_ACKED): void {
    const packed = this.#packed(extSeq);
    if (packed >>> STATE_SHIFT === SENT_IN_FLIGHT) this.inFlightBytes -= packed & 0xffff;
    const at = (extSeq % this.#entries) * ENTRY_WORDS;
    this.#words[at + PACKED_WORD] = (packed & UNSTATED_MASK) | (state << STATE_SHIFT);
    if (extSeq > this.#answered) this.#answered = extSeq;
  }

  /** When the oldest packet after all answered ones was sent; Infinity when all are answered. */
  oldestUnansweredMs(): InstantMs {
    const extSeq = Math.max(this.#answered + 1, this.#highest - this.#entries + 1);
    return extSeq > this.#highest || !this.#isHere(extSeq) ? Number.POSITIVE_INFINITY : this.sentAtMs(extSeq);
  }

  #packed(extSeq: number): number {
    return this.#words[(extSeq % this.#entries) * ENTRY_WORDS + PACKED_WORD] as number;
  }

  /** A packed word is never 0 where there is a packet: it has a state. */
  #isHere(extSeq: number): boolean {
    if (extSeq <= 0) return false;
    const at = (extSeq % this.#entries) * ENTRY_WORDS;
    return this.#words[at + NUMBER_WORD] === (extSeq | 0) && this.#words[at + PACKED_WORD] !== 0;
  }

  #grow(): void {
    const [former, times, words] = [this.#entries, this.#times, this.#words];
    const entries = former * 2;
    this.#entries = entries;
    this.#times = new Float64Array(entries * ENTRY_DOUBLES);
    this.#words = new Int32Array(this.#times.buffer);
    // Those of the last numbers are here, each in its place among so many.
    for (let extSeq = Math.max(1, this.#highest - former); extSeq < this.#highest; extSeq++) {
      const from = extSeq % former;
      const to = extSeq % entries;
      this.#times[to * ENTRY_DOUBLES] = times[from * ENTRY_DOUBLES] as number;
      for (let word = NUMBER_WORD; word < ENTRY_WORDS; word++) {
        this.#words[to * ENTRY_WORDS + word] = words[from * ENTRY_WORDS + word] as number;
      }
    }
  }
}
