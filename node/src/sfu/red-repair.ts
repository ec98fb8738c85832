/**
 * Which missing packets of a stream the copies in its redundant packets are (RFC 2198). A copy says its time and not its
 * sequence number, so a hole is closed only where time leaves no choice: one hole between two known packets, or several at
 * equal distances.
 */
import { MAX_RED_COPIES, RedLayout } from "./red.ts";
import { RtpView } from "./rtp-view.ts";
import { timestampDistance } from "./sequence.ts";

/** Packets remembered: more than the copies of one packet reach back. */
const REACH = 32;
const HEADER_BYTES = 12;
/** A copy's length has ten bits. */
const MAX_COPY_BYTES = 1023;

export class RedRepair {
  readonly layout = new RedLayout();
  /** Of the packet noted last: holes that its copies close, in ascending order. */
  foundCount = 0;
  readonly foundExtSeqs = new Float64Array(MAX_RED_COPIES);
  readonly foundTimestamps = new Uint32Array(MAX_RED_COPIES);
  /** Index of the copy in the layout. */
  readonly foundCopies = new Uint8Array(MAX_RED_COPIES);
  readonly #extSeqs = new Float64Array(REACH).fill(-1);
  readonly #timestamps = new Uint32Array(REACH);
  readonly #view = new RtpView();
  /** Made with the first find. */
  #bytes: Uint8Array | undefined;

  /** A packet has come or was found. */
  note(extSeq: number, timestamp: number): void {
    const entry = extSeq % REACH;
    // A late packet must not push out a newer one.
    if ((this.#extSeqs[entry] as number) > extSeq) return;
    this.#extSeqs[entry] = extSeq;
    this.#timestamps[entry] = timestamp;
  }

  /** A packet whose blocks `layout` has come: fills `found...`. */
  search(extSeq: number, timestamp: number): void {
    this.foundCount = 0;
    if (!this.#hasHoles(extSeq)) return;
    let below = -1;
    for (let at = extSeq - REACH + 1; at <= extSeq; at++) {
      if (!this.#isKnown(at)) continue;
      if (below >= 0 && at - below > 1) this.#match(below, at, timestamp);
      below = at;
    }
  }

  /** The i-th find as a packet of its own, valid until the next call; `carrier`: whose copies were searched. */
  packet(i: number, carrier: RtpView, payloadType: number): RtpView {
    this.#bytes ??= new Uint8Array(HEADER_BYTES + MAX_COPY_BYTES);
    const bytes = this.#bytes;
    const copy = this.foundCopies[i] as number;
    const start = carrier.payloadOffset + (this.layout.starts[copy] as number);
    const length = this.layout.lengths[copy] as number;
    const fields = new DataView(bytes.buffer);
    fields.setUint16(0, 0x8000 | payloadType);
    fields.setUint16(2, (this.foundExtSeqs[i] as number) & 0xffff);
    fields.setUint32(4, this.foundTimestamps[i] as number);
    fields.setUint32(8, carrier.ssrc);
    bytes.set(carrier.bytes.subarray(start, start + length), HEADER_BYTES);
    const view = this.#view;
    view.bytes = bytes;
    view.offset = 0;
    view.headerLength = HEADER_BYTES;
    view.length = HEADER_BYTES + length;
    view.payloadLength = length;
    return view;
  }

  /** Copies are of the packets right before; when those are here, there is nothing to find. */
  #hasHoles(extSeq: number): boolean {
    for (let back = 1; back <= this.layout.copyCount; back++) if (!this.#isKnown(extSeq - back)) return true;
    return false;
  }

  #match(below: number, above: number, timestamp: number): void {
    const from = this.#timestamps[below % REACH] as number;
    const span = timestampDistance(from, this.#timestamps[above % REACH] as number);
    const holes = above - below - 1;
    const step = span / (holes + 1);
    const { layout } = this;
    let last = below;
    for (let i = 0; i < layout.copyCount && this.foundCount < MAX_RED_COPIES; i++) {
      const age = layout.ages[i] as number;
      const after = timestampDistance(from, timestamp - age);
      if (layout.lengths[i] === 0 || after <= 0 || after >= span) continue;
      const steps = holes === 1 ? 1 : after / step;
      if (!Number.isInteger(steps) || below + steps <= last) continue;
      last = below + steps;
      this.foundExtSeqs[this.foundCount] = last;
      this.foundTimestamps[this.foundCount] = (timestamp - age) >>> 0;
      this.foundCopies[this.foundCount] = i;
      this.foundCount++;
    }
  }

  #isKnown(extSeq: number): boolean {
    return extSeq >= 0 && this.#extSeqs[extSeq % REACH] === extSeq;
  }
}
