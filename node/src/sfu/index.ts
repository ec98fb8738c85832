/** The public door of the forwarding core: pure, driven by bytes and time. */
export { PacketArena } from "./arena.ts";
export { patchPayload, RtpRewrite } from "./rtp-rewrite.ts";
export {
  EXTENSION_ABS_SEND_TIME,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_MID,
  EXTENSION_REPAIRED_RID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  type RtpParseReason,
  RtpView,
  readUint32,
} from "./rtp-view.ts";
