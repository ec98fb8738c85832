/**
 * Reading transport-wide feedback about what we sent (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1; the
 * layout is drawn in twcc.ts): which packets arrived, and when on the receiver's clock. One object is reused.
 */
import type { RtcpCursor } from "./rtcp.ts";

const CHUNKS_AT = 20;
/** More than any receiver can tell of a second; a run-length chunk of a stranger could claim 8,191 with two bytes. */
const MAX_STATUSES = 8192;
const TICKS_PER_REFERENCE = 256;
/** 24 bits of 64 ms. */
const REFERENCE_CYCLE = 2 ** 24;

const SMALL_DELTA = 1;
const LARGE_DELTA = 2;

export class TransportFeedback {
  baseSeq = 0;
  /** 0: nothing was read. */
  statusCount = 0;
  ackedCount = 0;
  /** Ticks of 250 µs on the receiver's clock by distance from the base, NaN: not received (or received, time unknown). */
  arrivals = new Float64Array(256);
  /** 1: received. */
  received = new Uint8Array(256);
  /** Its reference time, counted on over wraps. */
  reference = -1;

  /** `lastReference`: of the same receiver's last feedback, -1: none. False, and nothing can be used, when chunks or deltas do not hold as many as the header says. */
  read(cursor: RtcpCursor, lastReference: number): boolean {
    this.statusCount = 0;
    this.ackedCount = 0;
    if (cursor.length < CHUNKS_AT) return false;
    const count = cursor.uint16(14);
    if (count > MAX_STATUSES) return false;
    this.#reserve(count);
    const deltasAt = this.#readChunks(cursor, count);
    if (deltasAt < 0) return false;
    this.baseSeq = cursor.uint16(12);
    const reference = extendReference(cursor.uint32(16) >>> 8, lastReference);
    if (!this.#readDeltas(cursor, { at: deltasAt, count, ticks: reference * TICKS_PER_REFERENCE })) return false;
    this.reference = reference;
    this.statusCount = count;
    return true;
  }

  #reserve(count: number): void {
    if (count <= this.arrivals.length) return;
    this.arrivals = new Float64Array(count + 16);
    this.received = new Uint8Array(count + 16);
  }

  /** Statuses into `received`, as two bits each. Returns where the deltas begin, -1 when the chunks end too early. */
  #readChunks(cursor: RtcpCursor, count: number): number {
    let seen = 0;
    let at = CHUNKS_AT;
    for (; seen < count; at += 2) {
      if (at + 2 > cursor.length) return -1;
      const chunk = cursor.uint16(at);
      const symbols = chunkSymbols(chunk);
      if (symbols === 0) return -1;
      const until = Math.min(count, seen + symbols);
      for (let i = seen; i < until; i++) this.received[i] = symbolOf(chunk, i - seen);
      seen = until;
    }
    return at;
  }

  #readDeltas(
    cursor: RtcpCursor,
    from: { readonly at: number; readonly count: number; readonly ticks: number },
  ): boolean {
    let { at, ticks } = from;
    let acked = 0;
    for (let i = 0; i < from.count; i++) {
      const status = this.received[i] as number;
      this.arrivals[i] = Number.NaN;
      if (status === SMALL_DELTA) {
        if (at + 1 > cursor.length) return false;
        ticks += cursor.bytes[cursor.start + at++] as number;
        this.arrivals[i] = ticks;
      } else if (status === LARGE_DELTA) {
        if (at + 2 > cursor.length) return false;
        ticks += (cursor.uint16(at) << 16) >> 16;
        at += 2;
        this.arrivals[i] = ticks;
      }
      if (status === 0) continue;
      this.received[i] = 1;
      acked++;
    }
    this.ackedCount = acked;
    return true;
  }
}

/** The wraps come every 12 days. */
function extendReference(reference: number, last: number): number {
  if (last < 0) return reference + REFERENCE_CYCLE;
  let step = reference - (last % REFERENCE_CYCLE);
  if (step > REFERENCE_CYCLE / 2) step -= REFERENCE_CYCLE;
  else if (step < -REFERENCE_CYCLE / 2) step += REFERENCE_CYCLE;
  return Math.max(0, last + step);
}

function chunkSymbols(chunk: number): number {
  if ((chunk & 0x8000) === 0) return chunk & 0x1fff;
  return (chunk & 0x4000) === 0 ? 14 : 7;
}

function symbolOf(chunk: number, index: number): number {
  if ((chunk & 0x8000) === 0) return (chunk >> 13) & 3;
  return (chunk & 0x4000) === 0 ? (chunk >> (13 - index)) & 1 : (chunk >> (12 - 2 * index)) & 3;
}
