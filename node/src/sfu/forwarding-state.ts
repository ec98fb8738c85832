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
