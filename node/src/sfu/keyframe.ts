/**
 * What forwarding must know of a payload: whether it begins a keyframe, of which size, and where the codec's running
 * numbers stand. Only the first bytes are read, so the rest may be encrypted end to end. One object is reused.
 *
 * VP8 (RFC 7741 section 4.2):
 *   |X|R|N|S|R| PID |        X: extension byte follows; S: start of partition
 *   |I|L|T|K| RSV   |        I: picture id, L: TL0PICIDX, T/K: TID/KEYIDX byte
 *   |M| PictureID   |        M: 15 bits in two bytes
 *   |  TL0PICIDX    |
 *   |TID|Y| KEYIDX  |
 * then, at the start of a frame, the payload header (RFC 6386 section 9.1): |Size0|H|VER|P|, P=0: keyframe, followed by
 * two bytes, the start code 9d 01 2a and 14-bit width and height, little-endian.
 */
import type { RtpView } from "./rtp-view.ts";
import type { CodecName } from "./types.ts";

export class PayloadInfo {
  /** First packet of a frame that needs no other. */
  startsKeyframe = false;
  /** Of a keyframe, 0 where unknown. */
  width = 0;
  height = 0;
  /** Positions within the payload, 0: absent. */
  pictureIdAt = 0;
  pictureIdBytes = 0;
  pictureId = 0;
  tl0PictureIndexAt = 0;
  tl0PictureIndex = 0;

  /** Reads the view's payload, if there is one. False: it cannot be one of this codec. */
  read(codec: CodecName, view: RtpView): boolean {
    this.startsKeyframe = false;
    this.width = 0;
    this.height = 0;
    this.pictureIdAt = 0;
    this.pictureIdBytes = 0;
    this.tl0PictureIndexAt = 0;
    // Padding has no descriptor.
    if (view.payloadLength === 0) return true;
    if (codec === "VP8") return this.#readVp8(view.bytes, view.payloadOffset, view.payloadLength);
    // Any audio packet can be played by itself. Other video codecs join here.
    this.startsKeyframe = codec === "opus";
    return true;
  }

  #readVp8(bytes: Uint8Array, start: number, length: number): boolean {
    const first = bytes[start] as number;
    const size = (first & 0x80) === 0 ? 1 : this.#readVp8Extension(bytes, start, length);
    if (size === 0 || size >= length) return false;
    const startsFrame = (first & 0x17) === 0x10;
    const at = start + size;
    if (!startsFrame || ((bytes[at] as number) & 1) !== 0) return true;
    this.startsKeyframe = true;
    const hasSize = length - size >= 10 && bytes[at + 3] === 0x9d && bytes[at + 4] === 0x01 && bytes[at + 5] === 0x2a;
    if (hasSize) {
      this.width = ((bytes[at + 6] as number) | ((bytes[at + 7] as number) << 8)) & 0x3fff;
      this.height = ((bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8)) & 0x3fff;
    }
    return true;
  }

  /** Length of the descriptor, 0 when it does not fit. */
  #readVp8Extension(bytes: Uint8Array, start: number, length: number): number {
    if (length < 2) return 0;
    const flags = bytes[start + 1] as number;
    let size = 2;
    if ((flags & 0x80) !== 0) {
      if (size >= length) return 0;
      const long = ((bytes[start + size] as number) & 0x80) !== 0;
      if (long && size + 1 >= length) return 0;
      this.pictureIdAt = size;
      this.pictureIdBytes = long ? 2 : 1;
      const high = (bytes[start + size] as number) & 0x7f;
      this.pictureId = long ? (high << 8) | (bytes[start + size + 1] as number) : high;
      size += this.pictureIdBytes;
    }
    if ((flags & 0x40) !== 0) {
      if (size >= length) return 0;
      this.tl0PictureIndexAt = size;
      this.tl0PictureIndex = bytes[start + size] as number;
      size++;
    }
    if ((flags & 0x30) !== 0) size++;
    return size;
  }
}
