/** Builds RTCP packets into one reused buffer. Callers ask `hasRoom` before they add what may not fit. */
import type { ReferenceAnswer } from "./receiver-references.ts";
import {
  EXTENDED_REPORT,
  PAYLOAD_FEEDBACK,
  RECEIVER_REPORT,
  REPORT_BLOCK_BYTES,
  SENDER_REPORT,
  SOURCE_DESCRIPTION,
  TRANSPORT_FEEDBACK,
} from "./rtcp.ts";

/** Leaves room for SRTCP's trailer and lower layers in a 1,280-byte packet. */
export const MAX_RTCP_BYTES = 1180;

export interface ReportBlock {
  readonly ssrc: number;
  /** Lost since the last report, in 256ths. */
  readonly fractionLost: number;
  readonly cumulativeLost: number;
  readonly highestExtSeq: number;
  /** In timestamp units. */
  readonly jitter: number;
  /** Middle 32 bits of the last sender report's NTP time, 0: none yet. */
  readonly lastSr: number;
  /** Since then, in 1/65,536 s. */
  readonly delaySinceLastSr: number;
}

export interface SenderInfo {
  readonly ssrc: number;
  readonly ntpMs: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
}

export class RtcpWriter {
  readonly #bytes = new Uint8Array(MAX_RTCP_BYTES + 64);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was built since `clear`; a view, valid until the next. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  hasRoom(byteLength: number): boolean {
    return this.#length + byteLength <= MAX_RTCP_BYTES;
  }

  /** Up to 31 blocks; none makes the empty report that starts a compound packet. */
  receiverReport(senderSsrc: number, blocks: readonly ReportBlock[]): void {
    this.#header(RECEIVER_REPORT, blocks.length, 8 + blocks.length * REPORT_BLOCK_BYTES);
    this.#uint32(senderSsrc);
    for (const block of blocks) this.#block(block);
  }

  senderReport(info: SenderInfo): void {
    this.#header(SENDER_REPORT, 0, 28);
    this.#uint32(info.ssrc);
    const seconds = Math.floor(info.ntpMs / 1000);
    this.#uint32(seconds);
    this.#uint32(Math.floor(((info.ntpMs - seconds * 1000) * 2 ** 32) / 1000));
    this.#uint32(info.rtpTimestamp);
    this.#uint32(info.packets);
    this.#uint32(info.octets);
  }

  /** One chunk with a canonical name of at most 32 ASCII letters (RFC 3550 section 6.5.1). */
  canonicalName(ssrc: number, name: string): void {
    const padded = (4 + 2 + name.length + 1 + 3) & ~3;
    this.#header(SOURCE_DESCRIPTION, 1, 4 + padded);
    const end = this.#length + padded;
    this.#uint32(ssrc);
    this.#byte(1);
    this.#byte(name.length);
    for (const letter of name) this.#byte(letter.charCodeAt(0));
    while (this.#length < end) this.#byte(0);
  }

  /** XR with one DLRR block (RFC 3611 section 4.5): | BT=5 | 0 | length | SSRC, reference, delay for each | */
  referenceAnswers(senderSsrc: number, answers: readonly ReferenceAnswer[]): void {
    this.#header(EXTENDED_REPORT, 0, 12 + answers.length * 12);
    this.#uint32(senderSsrc);
    this.#uint32((5 << 24) | (answers.length * 3));
    for (const { ssrc, lastReference, delay } of answers) {
      this.#uint32(ssrc);
      this.#uint32(lastReference);
      this.#uint32(delay);
    }
  }

  /** Picture loss indication, RFC 4585 section 6.3.1. */
  pictureLoss(senderSsrc: number, mediaSsrc: number): void {
    this.#header(PAYLOAD_FEEDBACK, 1, 12);
    this.#uint32(senderSsrc);
    this.#uint32(mediaSsrc);
  }

  /** Generic NACK, RFC 4585 section 6.2.1: a number and a mask of the 16 after it. `seqs` ascend. */
  nack(senderSsrc: number, mediaSsrc: number, seqs: readonly number[]): void {
    const start = this.#length;
    this.#header(TRANSPORT_FEEDBACK, 1, 12);
    this.#uint32(senderSsrc);
    this.#uint32(mediaSsrc);
    let index = 0;
    while (index < seqs.length && this.hasRoom(4)) {
      const first = seqs[index++] as number;
      let mask = 0;
      while (index < seqs.length) {
        const ahead = ((seqs[index] as number) - first) & 0xffff;
        if (ahead === 0 || ahead > 16) break;
        mask |= 1 << (ahead - 1);
        index++;
      }
      this.#uint16(first & 0xffff);
      this.#uint16(mask);
    }
    this.#view.setUint16(start + 2, (this.#length - start) / 4 - 1);
  }

  /** A whole packet that another part has encoded. */
  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #block(block: ReportBlock): void {
    this.#uint32(block.ssrc);
    const lost = Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost));
    this.#uint32(((block.fractionLost << 24) | (lost & 0xffffff)) >>> 0);
    this.#uint32(block.highestExtSeq % 2 ** 32);
    this.#uint32(block.jitter);
    this.#uint32(block.lastSr);
    this.#uint32(block.delaySinceLastSr);
  }

  #header(type: number, count: number, byteLength: number): void {
    this.#byte(0x80 | count);
    this.#byte(type);
    this.#uint16(byteLength / 4 - 1);
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  #uint16(value: number): void {
    this.#view.setUint16(this.#length, value);
    this.#length += 2;
  }

  #uint32(value: number): void {
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
  }
}
