import type { RtpRewrite } from "./rtp-rewrite.ts";
import type { RandomSource } from "./types.ts";

/** Where a stream stands; given to another node's consumer, it goes on there without a gap. */
export interface ForwardingState {
  readonly nextExtSeq: number;
  readonly nextRtxSeq: number;
  readonly lastTimestamp: number;
  readonly lastPictureId: number;
  readonly lastTl0PictureIndex: number;
  readonly lastFrameNumber: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
}

/** The newest numbers of a receiver's stream. */
export interface StreamNumbers {
  extSeq: number;
  timestamp: number;
  pictureId: number;
  tl0: number;
  frameNumber: number;
}

/**
 * Where a stream begins. RFC 3550 section 5.1: random starts; below 2^15, so that the roll-over counter surely begins at 0.
 */
export function firstNumbers(random: RandomSource, state: ForwardingState | undefined): StreamNumbers {
  return {
    extSeq: state === undefined ? random.uint32() & 0x7fff : state.nextExtSeq - 1,
    timestamp: state?.lastTimestamp ?? random.uint32(),
    pictureId: state?.lastPictureId ?? random.uint32() & 0x7fff,
    tl0: state?.lastTl0PictureIndex ?? random.uint32() & 0xff,
    frameNumber: state?.lastFrameNumber ?? random.uint32() & 0xffff,
  };
}

export function exportNumbers(
  numbers: StreamNumbers,
  rest: Pick<ForwardingState, "nextRtxSeq" | "packetsSent" | "octetsSent">,
): ForwardingState {
  return {
    ...rest,
    nextExtSeq: numbers.extSeq + 1,
    lastTimestamp: numbers.timestamp,
    lastPictureId: numbers.pictureId,
    lastTl0PictureIndex: numbers.tl0,
    lastFrameNumber: numbers.frameNumber,
  };
}

export function noteNumbers(numbers: StreamNumbers, rewrite: RtpRewrite): void {
  numbers.extSeq = rewrite.extSeq;
  numbers.timestamp = rewrite.timestamp;
  if (rewrite.pictureIdAt > 0) numbers.pictureId = rewrite.pictureId;
  if (rewrite.tl0PictureIndexAt > 0) numbers.tl0 = rewrite.tl0PictureIndex;
  if (rewrite.dependencyLength > 0) numbers.frameNumber = rewrite.frameNumber;
}
