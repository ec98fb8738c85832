/** The public door of the forwarding core: pure, driven by bytes and time. */
export { PacketArena } from "./arena.ts";
export type { ForwardingState } from "./forwarding-state.ts";
export { type ResolvedRouterOptions, ROUTER_DEFAULTS, type RouterOptions } from "./options.ts";
export { RouterCore } from "./router.ts";
export { patchDescriptor, patchPayload, RtpRewrite } from "./rtp-rewrite.ts";
export {
  EXTENSION_ABS_SEND_TIME,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY,
  EXTENSION_MID,
  EXTENSION_REPAIRED_RID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  type RtpParseReason,
  RtpView,
  readUint32,
} from "./rtp-view.ts";
export type { RouterCounters } from "./stats.ts";
export type {
  Assignment,
  CodecName,
  ConsumerCodec,
  ConsumerInput,
  EgressId,
  IngressId,
  IngressInput,
  IngressSummary,
  InstantMs,
  PeerSummary,
  RandomSource,
  RouterDropReason,
  RouterEvent,
  RouterSink,
  StreamSummary,
  TargetSize,
  TrackInput,
  TrackKind,
} from "./types.ts";
