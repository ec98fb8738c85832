/**
 * What forwarding must know of a payload: whether it begins a keyframe, of which size, which layer of the stream it is, and
 * where the codec's running numbers stand. Only the first bytes are read, so the rest may be encrypted end to end. One
 * object is reused. H.264 and VP9 have files of their own; of AV1 the payload tells only where a sequence begins
 * (RTP Payload Format For AV1, section 4.4: |Z|Y| W |N|-|-|-|), layers are in the dependency descriptor.
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
import type { DependencyDescriptor } from "./dependency-descriptor.ts";
import { readH264 } from "./payload-h264.ts";
import { readVp9 } from "./payload-vp9.ts";
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
  /** The stream tells its layers; without that every packet is of layer 0. */
  isLayered = false;
  spatialId = 0;
  temporalId = 0;
  /** First and last packet of a picture's share in one spatial layer. */
  startsFrame = false;
  endsFrame = false;
  /** A viewer of less may go up to this packet's layer here. */
  switchesTemporal = false;
  switchesSpatial = false;
  /** By spatial layer, 0: not told. */
  readonly spatialWidths = new Uint16Array(8);
  readonly spatialHeights = new Uint16Array(8);
  /** Of redundant audio: where the newest block begins within the payload, 0: plain. */
  primaryAt = 0;
  /** Of this packet; undefined where it carries none that can be read. */
  dependency: DependencyDescriptor | undefined = undefined;

  /** Reads the view's payload, if there is one. False: it cannot be one of this codec. */
  read(codec: CodecName, view: RtpView): boolean {
    this.#clear(view);
    // Padding has no descriptor.
    if (view.payloadLength === 0) return true;
    const { bytes, payloadOffset, payloadLength } = view;
    switch (codec) {
      case "VP8":
        return this.#readVp8(bytes, payloadOffset, payloadLength);
      case "H264":
        return readH264(this, bytes, payloadOffset, payloadLength);
      case "VP9":
        return readVp9(this, bytes, payloadOffset, payloadLength);
      case "AV1":
        // N: first packet of a coded video sequence.
        this.startsKeyframe = ((bytes[payloadOffset] as number) & 0x88) === 0x08;
        return true;
      default:
        // Any audio packet can be played by itself.
        this.startsKeyframe = true;
        return true;
    }
  }

  /** What the descriptor in the header says goes before what the payload does not tell. */
  describe(descriptor: DependencyDescriptor): void {
    this.dependency = descriptor;
    this.isLayered = true;
    this.spatialId = descriptor.spatialId;
    this.temporalId = descriptor.temporalId;
    this.startsFrame = descriptor.startsFrame;
    this.endsFrame = descriptor.endsFrame;
    if (!descriptor.hasStructure) return;
    this.startsKeyframe = descriptor.startsFrame;
    this.spatialWidths.set(descriptor.widths);
    this.spatialHeights.set(descriptor.heights);
    this.width = descriptor.widths[descriptor.maxSpatialId] as number;
    this.height = descriptor.heights[descriptor.maxSpatialId] as number;
  }

  #clear(view: RtpView): void {
    this.startsKeyframe = false;
    this.width = 0;
    this.height = 0;
    this.pictureIdAt = 0;
    this.pictureIdBytes = 0;
    this.tl0PictureIndexAt = 0;
    this.isLayered = false;
    this.spatialId = 0;
    this.temporalId = 0;
    this.startsFrame = false;
    this.endsFrame = view.marker;
    this.switchesTemporal = false;
    this.switchesSpatial = false;
    this.primaryAt = 0;
    this.dependency = undefined;
  }

  #readVp8(bytes: Uint8Array, start: number, length: number): boolean {
    const first = bytes[start] as number;
    const size = (first & 0x80) === 0 ? 1 : this.#readVp8Extension(bytes, start, length);
    if (size === 0 || size >= length) return false;
    const at = start + size;
    this.startsFrame = (first & 0x17) === 0x10;
    if (!this.startsFrame || ((bytes[at] as number) & 1) !== 0) return true;
    this.startsKeyframe = true;
    this.switchesTemporal = true;
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
      if (!this.#readPictureId(bytes, start, length)) return 0;
      size += this.pictureIdBytes;
    }
    if ((flags & 0x40) !== 0) {
      if (size >= length) return 0;
      this.tl0PictureIndexAt = size;
      this.tl0PictureIndex = bytes[start + size] as number;
      size++;
    }
    if ((flags & 0x30) === 0) return size;
    if (size >= length) return 0;
    // T: the temporal layer is told; Y: of the layers below, this picture needs only the lowest.
    const layers = bytes[start + size] as number;
    if ((flags & 0x20) !== 0) {
      this.isLayered = true;
      this.temporalId = layers >> 6;
      this.switchesTemporal = (layers & 0x20) !== 0;
    }
    return size + 1;
  }

  #readPictureId(bytes: Uint8Array, start: number, length: number): boolean {
    if (length < 3) return false;
    const first = bytes[start + 2] as number;
    const long = first >= 0x80;
    if (long && length < 4) return false;
    this.pictureIdAt = 2;
    this.pictureIdBytes = long ? 2 : 1;
    this.pictureId = long ? ((first & 0x7f) << 8) | (bytes[start + 3] as number) : first;
    return true;
  }
}
