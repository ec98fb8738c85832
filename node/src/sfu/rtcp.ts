/**
 * Reading compound RTCP (RFC 3550 section 6.1) in place: a cursor over packets, and accessors for what the plane uses.
 *
 *   |V=2|P|  count  |      PT       |       length in words - 1     |
 *   |                        SSRC of sender                         |
 */
import { readUint32 } from "./rtp-view.ts";

export const SENDER_REPORT = 200;
export const RECEIVER_REPORT = 201;
export const SOURCE_DESCRIPTION = 202;
export const GOODBYE = 203;
export const APPLICATION = 204;
/** RTPFB (RFC 4585 section 6.2): count 1 is NACK, 15 transport-wide feedback. */
export const TRANSPORT_FEEDBACK = 205;
/** PSFB (RFC 4585 section 6.3): count 1 is PLI, 4 FIR (RFC 5104), 15 application layer (REMB). */
export const PAYLOAD_FEEDBACK = 206;
/** RFC 3611. */
export const EXTENDED_REPORT = 207;

export const REPORT_BLOCK_BYTES = 24;

/** Steps through a compound packet. One object is reused. */
export class RtcpCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** Of the packet the cursor is on. */
  start = 0;
  end = 0;
  type = 0;
  /** Report count or feedback format. */
  count = 0;
  #next = 0;

  /** Before the first packet. False when the bytes are no compound packet from start to end. */
  open(bytes: Uint8Array): boolean {
    this.bytes = bytes;
    this.#next = 0;
    let at = 0;
    while (at < bytes.length) {
      const length = packetLength(bytes, at);
      if (length === 0) return false;
      at += length;
    }
    return bytes.length > 0;
  }

  next(): boolean {
    if (this.#next >= this.bytes.length) return false;
    this.start = this.#next;
    const first = this.bytes[this.start] as number;
    const length = packetLength(this.bytes, this.start);
    // Only when the bytes changed since `open`: whoever lent them broke the rule, and nothing may hang for it.
    if (length === 0) return false;
    this.#next += length;
    this.end = this.#next;
    this.count = first & 0x1f;
    this.type = this.bytes[this.start + 1] as number;
    if ((first & 0x20) !== 0) this.end -= Math.min(this.bytes[this.end - 1] as number, this.end - this.start - 4);
    return true;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** 32 bits at that distance from the packet's start; the caller has checked `length`. */
  uint32(at: number): number {
    return readUint32(this.bytes, this.start + at);
  }

  uint16(at: number): number {
    return ((this.bytes[this.start + at] as number) << 8) | (this.bytes[this.start + at + 1] as number);
  }
}

/** 0: not an RTCP packet that fits. */
function packetLength(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length || (bytes[at] as number) >> 6 !== 2) return 0;
  const length = ((((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) + 1) * 4;
  return at + length <= bytes.length ? length : 0;
}

/** 64-bit NTP time (RFC 5905 section 6) as milliseconds since 1900; exact to half a microsecond. */
export function ntpToMs(seconds: number, fraction: number): number {
  return seconds * 1000 + (fraction * 1000) / 2 ** 32;
}
