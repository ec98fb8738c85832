/**
 * Redundant audio (RFC 2198 section 3): one packet carries the newest block and, before it, copies of former ones. The last
 * header has one byte, the last block takes what is left.
 *
 *    0                   1                    2                   3
 *   |1|  block PT   |     timestamp offset      |   block length    |    for each copy, oldest first
 *   |0|  block PT   |                                                    for the newest block
 */

import type { RtpView } from "./rtp-view.ts";

/** Copies in one packet. libwebrtc sends one, and up to nine where it is told to; more is no audio of a call. */
export const MAX_RED_COPIES = 12;

const COPY_HEADER_BYTES = 4;

/** Where the blocks of the packet read last lie, within its payload. */
export class RedLayout {
  copyCount = 0;
  /** Of the newest block, which ends with the payload. */
  primaryAt = 0;
  /** How much older than the packet a copy is, in ticks of its clock. */
  readonly ages = new Uint16Array(MAX_RED_COPIES);
  readonly starts = new Uint16Array(MAX_RED_COPIES);
  /** 0: the sender had nothing for it. */
  readonly lengths = new Uint16Array(MAX_RED_COPIES);

  /** False: malformed, more copies than there may be, or blocks of another payload type than `blockPayloadType`. */
  read(view: RtpView, blockPayloadType: number): boolean {
    const { bytes, payloadOffset: start, payloadLength: length } = view;
    let at = 0;
    let copies = 0;
    let copyBytes = 0;
    for (;;) {
      if (at >= length) return false;
      const head = bytes[start + at] as number;
      if ((head & 0x7f) !== blockPayloadType) return false;
      if (head < 0x80) break;
      if (copies === MAX_RED_COPIES || at + COPY_HEADER_BYTES > length) return false;
      const word = ((bytes[start + at + 1] as number) << 16) | ((bytes[start + at + 2] as number) << 8);
      const rest = word | (bytes[start + at + 3] as number);
      this.ages[copies] = rest >> 10;
      this.lengths[copies] = rest & 0x3ff;
      copyBytes += rest & 0x3ff;
      copies++;
      at += COPY_HEADER_BYTES;
    }
    const primaryAt = at + 1 + copyBytes;
    // A newest block of nothing would be taken for padding.
    if (primaryAt >= length) return false;
    this.copyCount = copies;
    this.primaryAt = primaryAt;
    let blockAt = at + 1;
    for (let i = 0; i < copies; i++) {
      this.starts[i] = blockAt;
      blockAt += this.lengths[i] as number;
    }
    return true;
  }
}

/** Leaves the copies out of a packet, or with a negative number puts them back. */
export function unwrap(view: RtpView, byteLength: number): void {
  view.headerLength += byteLength;
  view.payloadLength -= byteLength;
}
