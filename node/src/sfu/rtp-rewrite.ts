import type { RtpView } from "./rtp-view.ts";

/**
 * What an egress changes of a packet. The payload stays as it is but for single bytes of the codec's descriptor, which keep
 * their length, so that the shell copies payload and changes in one pass.
 */
export class RtpRewrite {
  payloadType = 0;
  /** Unwrapped: the low 16 bits go on the wire, the rest is SRTP's roll-over counter. */
  extSeq = 0;
  timestamp = 0;
  marker = false;
  /** RFC 4588 original sequence number to put before the payload; -1: not a retransmission packet. */
  originalSeq = -1;
  /** Transport-wide sequence number, 16 bits; -1: the receiver does not give feedback. */
  transportSeq = -1;
  /** The payload is nothing but padding (RFC 3550 section 5.1); its last byte counts it. */
  isPadding = false;
  /** -dBov for the audio level extension; 127 where the source said none. */
  audioLevel = 127;
  /** Position of a VP8 picture id within the payload, 0: leave as it is (it can never lie at 0; RFC 7741 section 4.2). */
  pictureIdAt = 0;
  /** 1 byte (7 bits) or 2 bytes (15 bits), as in the source. */
  pictureIdBytes = 0;
  pictureId = 0;
  /** Position of a VP8 TL0PICIDX within the payload, 0: leave. */
  tl0PictureIndexAt = 0;
  tl0PictureIndex = 0;
  /** Payload type to put into the block headers of redundant audio (RFC 2198); -1: it is none. */
  blockPayloadType = -1;
  /** Length of the dependency descriptor to send along, which lies at the view's `dependencyStart`; 0: none. */
  dependencyLength = 0;
  /** Frame number to put into it, 16 bits. */
  frameNumber = 0;
  /** Where in it the mask of active decode targets begins, in bits, 0: leave; how many bits, and the new ones. */
  activeBitAt = 0;
  activeBits = 0;
  active = 0;

  /** A packet of which nothing else is known yet. */
  start(payloadType: number, extSeq: number, timestamp: number): void {
    this.payloadType = payloadType;
    this.extSeq = extSeq;
    this.timestamp = timestamp;
    this.marker = false;
    this.originalSeq = -1;
    this.isPadding = false;
    this.audioLevel = 127;
    this.pictureIdAt = 0;
    this.tl0PictureIndexAt = 0;
    this.blockPayloadType = -1;
    this.dependencyLength = 0;
    this.activeBitAt = 0;
  }
}

/** Writes the changes to a copy of the dependency descriptor that lies in the clear at `out[at]`. */
export function patchDescriptor(rewrite: RtpRewrite, out: Uint8Array, at: number): void {
  out[at + 1] = rewrite.frameNumber >> 8;
  out[at + 2] = rewrite.frameNumber & 0xff;
  if (rewrite.activeBitAt === 0) return;
  for (let i = 0; i < rewrite.activeBits; i++) {
    const bit = at * 8 + rewrite.activeBitAt + i;
    const isActive = Math.floor(rewrite.active / 2 ** (rewrite.activeBits - 1 - i)) % 2;
    const place = 0x80 >> (bit & 7);
    out[bit >> 3] = ((out[bit >> 3] as number) & ~place) | (isActive * place);
  }
}

/**
 * Writes the descriptor changes to a copy of the view's payload that lies at `out[outAt]`. Works by difference, so the
 * copy may already be encrypted with a stream cipher.
 */
export function patchPayload(rewrite: RtpRewrite, view: RtpView, out: Uint8Array, outAt: number): void {
  const from = view.payloadOffset;
  const distance = outAt - from;
  if (rewrite.pictureIdAt > 0) {
    const at = from + rewrite.pictureIdAt;
    if (rewrite.pictureIdBytes === 2) {
      patchByte(out, at + distance, view.bytes[at] as number, 0x80 | (rewrite.pictureId >> 8));
      patchByte(out, at + distance + 1, view.bytes[at + 1] as number, rewrite.pictureId & 0xff);
    } else {
      patchByte(out, at + distance, view.bytes[at] as number, rewrite.pictureId & 0x7f);
    }
  }
  if (rewrite.tl0PictureIndexAt > 0) {
    const at = from + rewrite.tl0PictureIndexAt;
    patchByte(out, at + distance, view.bytes[at] as number, rewrite.tl0PictureIndex);
  }
  if (rewrite.blockPayloadType >= 0) patchBlocks(rewrite.blockPayloadType, view, out, distance);
}

/** The layout was read before and ends: the header without the first bit is the last. */
function patchBlocks(payloadType: number, view: RtpView, out: Uint8Array, distance: number): void {
  const end = view.payloadOffset + view.payloadLength;
  for (let at = view.payloadOffset; at < end; at += 4) {
    const head = view.bytes[at] as number;
    patchByte(out, at + distance, head, (head & 0x80) | payloadType);
    if (head < 0x80) return;
  }
}

function patchByte(out: Uint8Array, at: number, was: number, is: number): void {
  out[at] = (out[at] as number) ^ was ^ is;
}
