/** How one source's numbers become the receiver's: sequence numbers, timestamps, picture ids, frame numbers. */
import type { StreamNumbers } from "./forwarding-state.ts";
import type { PayloadInfo } from "./keyframe.ts";
import type { Producer } from "./producer.ts";
import type { RtpRewrite } from "./rtp-rewrite.ts";
import type { RtpView } from "./rtp-view.ts";
import { SequenceMap } from "./sequence-map.ts";
import type { ConsumerCodec, InstantMs } from "./types.ts";

/** Time always passes between two sources. */
const MIN_STEP_MS = 1;

/** The nearest number to `near` whose low bits are `value`. */
function extendBits(value: number, near: number, bits: number): number {
  const mask = (1 << bits) - 1;
  const ahead = (value - near) & mask;
  return near + (ahead > mask >> 1 ? ahead - mask - 1 : ahead);
}

export class EgressMapping {
  readonly sequence = new SequenceMap();
  producer: Producer | undefined;
  /** First number of the receiver that belongs to this mapping. */
  egressStart = 0;
  /** Highest sequence number of the source so far. */
  newestSource = 0;
  timestampOffset = 0;
  tl0Offset = 0;
  frameNumberOffset = 0;
  #pictureOffset = 0;
  #pictureBits = 15;
  /** Extended id of the newest picture; starts three cycles up, so that it is never negative. */
  #newestPicture = 0;
  /** Only where pictures were left out: they leave no hole. */
  #pictures: SequenceMap | undefined;

  /** The source's packet of that number is its first: it gets the receiver's next numbers. */
  start(producer: Producer, extSeq: number, view: RtpView, last: StreamNumbers): void {
    this.producer = producer;
    this.egressStart = last.extSeq + 1;
    this.sequence.reset(extSeq, this.egressStart);
    this.newestSource = extSeq - 1;
    this.#startPictures(producer.info, { pictureId: last.pictureId + 1, tl0: last.tl0 + 1 });
    this.frameNumberOffset = view.dependencyLength >= 3 ? last.frameNumber + 1 - view.frameNumber : 0;
  }

  #startPictures(info: PayloadInfo, next: { readonly pictureId: number; readonly tl0: number }): void {
    this.#pictures = undefined;
    this.#pictureBits = info.pictureIdBytes === 1 ? 7 : 15;
    this.#newestPicture = info.pictureId + 3 * 2 ** 15;
    this.#pictureOffset = info.pictureIdAt > 0 ? next.pictureId - info.pictureId : 0;
    this.tl0Offset = info.tl0PictureIndexAt > 0 ? (next.tl0 - info.tl0PictureIndex) & 0xff : 0;
  }

  /** The receiver's picture id, -1: the picture was left out. */
  pictureId(info: PayloadInfo): number {
    const picture = this.#extend(info);
    if (picture > this.#newestPicture) this.#newestPicture = picture;
    const mapped = this.#pictures === undefined ? picture : this.#pictures.map(picture);
    return mapped < 0 ? -1 : (mapped + this.#pictureOffset) & 0x7fff;
  }

  /** Into a rewrite that was started: what becomes of that packet on its way to the receiver. */
  fill(rewrite: RtpRewrite, info: PayloadInfo, view: RtpView, codec: ConsumerCodec): void {
    rewrite.marker = view.marker;
    if (view.audioLevel >= 0) rewrite.audioLevel = view.audioLevel;
    if (view.payloadLength === 0) return;
    if (info.primaryAt > 0 && codec.redPayloadType !== undefined) {
      rewrite.blockPayloadType = codec.payloadType;
      rewrite.payloadType = codec.redPayloadType;
    }
    if (info.pictureIdAt > 0) {
      rewrite.pictureIdAt = info.pictureIdAt;
      rewrite.pictureIdBytes = info.pictureIdBytes;
      rewrite.pictureId = Math.max(0, this.pictureId(info));
    }
    if (info.tl0PictureIndexAt > 0) {
      rewrite.tl0PictureIndexAt = info.tl0PictureIndexAt;
      rewrite.tl0PictureIndex = (info.tl0PictureIndex + this.tl0Offset) & 0xff;
    }
    if (view.dependencyLength >= 3) {
      rewrite.dependencyLength = view.dependencyLength;
      rewrite.frameNumber = (view.frameNumber + this.frameNumberOffset) & 0xffff;
    }
  }

  /** A packet of a picture that the receiver does not get. */
  leaveOut(info: PayloadInfo): void {
    if (info.pictureIdAt === 0) return;
    const picture = this.#extend(info);
    if (this.#pictures === undefined) {
      this.#pictures = new SequenceMap();
      this.#pictures.reset(0, 0);
    }
    // A picture older than the newest has its place already; of one picture, only the first packet counts.
    if (picture <= this.#newestPicture) return;
    this.#newestPicture = picture;
    this.#pictures.skip(picture);
  }

  /** Was this packet's picture left out, when a newer one is known? */
  isLeftOut(info: PayloadInfo): boolean {
    if (this.#pictures === undefined || info.pictureIdAt === 0) return false;
    const picture = this.#extend(info);
    return picture <= this.#newestPicture && this.#pictures.map(picture) < 0;
  }

  /**
   * How far the receiver's clock moves from the last packet of this source to one of the next. Two layers of one track are
   * compared by their sender's wall clock, so that lips stay in step; else by arrival.
   */
  stepTicks(
    last: { readonly timestamp: number; readonly sentAtMs: InstantMs },
    next: { readonly producer: Producer; readonly timestamp: number },
    nowMs: InstantMs,
  ): number {
    const { clock, track } = next.producer;
    let stepMs = nowMs - last.sentAtMs;
    const former = this.producer;
    if (former !== undefined && former.track === track && former.clock.isKnown && clock.isKnown) {
      const lastSourceTimestamp = (last.timestamp - this.timestampOffset) >>> 0;
      stepMs = clock.ntpMsOf(next.timestamp) - former.clock.ntpMsOf(lastSourceTimestamp);
    }
    return Math.max(1, Math.round((Math.max(MIN_STEP_MS, stepMs) * track.input.clockRateHz) / 1000));
  }

  #extend(info: PayloadInfo): number {
    return extendBits(info.pictureId, this.#newestPicture, this.#pictureBits);
  }
}
