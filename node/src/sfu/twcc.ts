/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): when which packet of
 * a transport arrived. One per transport, for every authentic packet whether it is forwarded or not: an unreported packet
 * looks lost to the sender's bandwidth estimator.
 *
 *   |V=2|P|  FMT=15 |    PT=205     |           length              |
 *   |                     SSRC of packet sender                     |
 *   |                      SSRC of media source                     |
 *   |      base sequence number     |      packet status count      |
 *   |                 reference time                | fb pkt. count |
 *   |          packet chunk         |         packet chunk          | ...
 *   |  recv delta   |  recv delta   | ...
 */
import { TRANSPORT_FEEDBACK } from "./rtcp.ts";
import { extendSeq } from "./sequence.ts";
import type { InstantMs } from "./types.ts";

/** Sequence numbers remembered: at 5,000 packets/s about 400 ms. */
const WINDOW = 2048;
/** A packet this late says nothing any more. */
const MAX_LATE = 1000;
/** Statuses in one feedback packet. */
const MAX_STATUSES = 448;
const HEADER_BYTES = 20;
const MAX_BYTES = 1100;
const TICKS_PER_MS = 4;
/** The reference time is in units of 64 ms. */
const TICKS_PER_REFERENCE = 256;

const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;

export class TwccReceiver {
  /** Arrival in ticks of 250 µs by sequence number, -1: not here. */
  readonly #arrivals = new Float64Array(WINDOW).fill(-1);
  /** First sequence number (extended) that the next feedback covers, and the highest seen; -1: none. */
  #base = -1;
  #highest = -1;
  #pending = 0;
  #feedbackCount = 0;
  readonly #statuses = new Uint8Array(MAX_STATUSES + 16);
  readonly #deltas = new Uint8Array(MAX_STATUSES * 2);
  readonly #bytes = new Uint8Array(MAX_BYTES + 64);
  readonly #view = new DataView(this.#bytes.buffer);

  /** Arrivals that no feedback has told yet. */
  get pendingCount(): number {
    return this.#pending;
  }

  receive(seq: number, nowMs: InstantMs): void {
    const extSeq = this.#highest < 0 ? seq + 0x10000 : extendSeq(seq, this.#highest);
    if (this.#highest >= 0 && extSeq < this.#highest - MAX_LATE) return;
    if (this.#highest < 0 || extSeq - this.#highest >= WINDOW - MAX_LATE) this.#restart(extSeq);
    for (let next = this.#highest + 1; next <= extSeq; next++) this.#arrivals[next % WINDOW] = -1;
    this.#highest = Math.max(this.#highest, extSeq);
    if (this.#arrivals[extSeq % WINDOW] !== -1) return;
    this.#arrivals[extSeq % WINDOW] = Math.round(nowMs * TICKS_PER_MS);
    this.#pending++;
    // A latecomer was reported lost: report from it on once more.
    if (extSeq < this.#base) this.#base = extSeq;
  }

  /**
   * The next feedback packet, a view valid until the next call; undefined when everything was told. To be called until
   * then: a gap in time that a delta cannot express starts another packet.
   */
  build(senderSsrc: number, mediaSsrc: number): Uint8Array | undefined {
    if (this.#base < 0 || this.#base > this.#highest) return undefined;
    const first = this.#firstArrival();
    // So many losses at once are a break of the path; they are not worth a packet of their own.
    if (first - this.#base > MAX_STATUSES / 2) this.#base = first;
    const reference = Math.floor((this.#arrivals[first % WINDOW] as number) / TICKS_PER_REFERENCE);
    const { count, deltaBytes } = this.#collect(reference * TICKS_PER_REFERENCE);
    const view = this.#view;
    view.setUint32(4, senderSsrc);
    view.setUint32(8, mediaSsrc);
    view.setUint16(12, this.#base & 0xffff);
    view.setUint16(14, count);
    view.setUint32(16, (((reference & 0xffffff) << 8) | this.#feedbackCount) >>> 0);
    this.#feedbackCount = (this.#feedbackCount + 1) & 0xff;
    let length = this.#writeChunks(count);
    this.#bytes.set(this.#deltas.subarray(0, deltaBytes), length);
    length += deltaBytes;
    this.#base += count;
    if (this.#base > this.#highest) this.#pending = 0;
    return this.#finish(length);
  }

  /** Nothing is known before `extSeq`. */
  #restart(extSeq: number): void {
    this.#arrivals.fill(-1);
    this.#base = extSeq;
    this.#highest = extSeq - 1;
    this.#pending = 0;
  }

  /** Losses from the base up to here are told with it. The highest packet did arrive, so there is one. */
  #firstArrival(): number {
    let extSeq = this.#base;
    while (extSeq < this.#highest && this.#arrivals[extSeq % WINDOW] === -1) extSeq++;
    return extSeq;
  }

  /** Statuses and deltas from the base on, until full or until a delta does not fit 16 bits. */
  #collect(startTicks: number): { readonly count: number; readonly deltaBytes: number } {
    let previous = startTicks;
    let count = 0;
    let deltaBytes = 0;
    const available = Math.min(this.#highest - this.#base + 1, MAX_STATUSES);
    while (count < available) {
      const ticks = this.#arrivals[(this.#base + count) % WINDOW] as number;
      if (ticks < 0) {
        this.#statuses[count++] = NOT_RECEIVED;
        continue;
      }
      const delta = ticks - previous;
      if (delta < -0x8000 || delta > 0x7fff) break;
      if (delta >= 0 && delta <= 0xff) {
        this.#statuses[count++] = SMALL_DELTA;
        this.#deltas[deltaBytes++] = delta;
      } else {
        this.#statuses[count++] = LARGE_DELTA;
        this.#deltas[deltaBytes++] = (delta >> 8) & 0xff;
        this.#deltas[deltaBytes++] = delta & 0xff;
      }
      previous = ticks;
      this.#pending = Math.max(0, this.#pending - 1);
    }
    this.#statuses.fill(NOT_RECEIVED, count, count + 14);
    return { count, deltaBytes };
  }

  /** Returns where the deltas begin. */
  #writeChunks(count: number): number {
    const statuses = this.#statuses;
    let at = HEADER_BYTES;
    let index = 0;
    while (index < count) {
      const status = statuses[index] as number;
      let run = 1;
      while (index + run < count && statuses[index + run] === status) run++;
      if (run >= 14 || index + run === count) {
        // |0| S |       run length        |
        this.#view.setUint16(at, (status << 13) | run);
        index += run;
      } else {
        index += this.#writeVector(at, index);
      }
      at += 2;
    }
    return at;
  }

  /** |1|0| 14 symbols of one bit | or |1|1| 7 symbols of two bits |; returns how many statuses it holds. */
  #writeVector(at: number, index: number): number {
    let small = 0x8000;
    let large = 0xc000;
    let hasLarge = false;
    for (let i = 0; i < 14; i++) {
      const status = this.#statuses[index + i] as number;
      if (status === LARGE_DELTA) hasLarge = true;
      small |= status << (13 - i);
      if (i < 7) large |= status << (12 - 2 * i);
    }
    this.#view.setUint16(at, hasLarge ? large : small);
    return hasLarge ? 7 : 14;
  }

  /** Pads to whole words; the padding count is the last byte (RFC 3550 section 6.4.1). */
  #finish(unpadded: number): Uint8Array {
    const bytes = this.#bytes;
    let length = unpadded;
    while (length % 4 !== 0) bytes[length++] = 0;
    bytes[0] = 0x8f;
    bytes[1] = TRANSPORT_FEEDBACK;
    this.#view.setUint16(2, length / 4 - 1);
    if (length !== unpadded) {
      bytes[0] |= 0x20;
      bytes[length - 1] = length - unpadded;
    }
    return bytes.subarray(0, length);
  }
}
