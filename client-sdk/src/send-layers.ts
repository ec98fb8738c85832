/** Codecs and layers of what is sent: which are offered, and which of them flow now. */
import type { OwnTrack } from "./peer.ts";
import { kindOf } from "./source-kind.ts";

export type VideoCodec = "vp8" | "h264" | "vp9" | "av1";

/** Lowest quality first, as nodes name the layers; scales are of the captured size. */
const SIMULCAST: readonly RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const SCREEN_BPS = 2_500_000;
const CAMERA_BPS = 1_700_000;
/** Three sizes and three rates in one stream, as VP9 and AV1 can; simulcast for the others. */
const SCALABLE = "L3T3_KEY";
const DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

type Scalable = RTCRtpEncodingParameters & { scalabilityMode?: string };
/** WebRTC Extensions, RTP header extension control; not in every browser. */
interface WithExtensions {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(extensions: readonly { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

const isScalable = (codec: VideoCodec | undefined): boolean => codec === "vp9" || codec === "av1";

export function encodingsOf(own: OwnTrack): RTCRtpEncodingParameters[] {
  if (kindOf(own.source) === "audio") return [{}];
  if (own.source === "screen") return [{ maxBitrate: SCREEN_BPS }];
  if (!own.simulcast) return [{ maxBitrate: CAMERA_BPS }];
  if (isScalable(own.codec)) return [{ maxBitrate: CAMERA_BPS, scalabilityMode: SCALABLE } as Scalable];
  return SIMULCAST.map((encoding) => ({ ...encoding }));
}

/** Speech twice in each packet (RFC 2198), so that a lost one is not heard; first, where the platform has it. */
export function preferRed(transceiver: RTCRtpTransceiver): void {
  const known = globalThis.RTCRtpReceiver?.getCapabilities?.("audio")?.codecs ?? [];
  const isRed = ({ mimeType }: { readonly mimeType: string }): boolean => mimeType.toLowerCase() === "audio/red";
  if (known.some(isRed))
    transceiver.setCodecPreferences([...known.filter(isRed), ...known.filter((codec) => !isRed(codec))]);
}

/** Asks for the header extension by which the layers of one stream are told apart; browsers leave it out by themselves. */
export function describeLayers(transceiver: RTCRtpTransceiver): void {
  const extending = transceiver as RTCRtpTransceiver & WithExtensions;
  const extensions = extending.getHeaderExtensionsToNegotiate?.() ?? [];
  if (extensions.some(({ uri }) => uri === DEPENDENCY_DESCRIPTOR))
    extending.setHeaderExtensionsToNegotiate?.(
      extensions.map(({ uri, direction }) =>
        uri === DEPENDENCY_DESCRIPTOR ? { uri, direction: "sendrecv" } : { uri, direction },
      ),
    );
}

/** Puts the wanted codec first, where the platform has it; others stay as a way out. */
export function preferCodec(transceiver: RTCRtpTransceiver, codec: VideoCodec | undefined): void {
  if (codec === undefined || typeof RTCRtpSender !== "function") return;
  const known = RTCRtpSender.getCapabilities?.("video")?.codecs ?? [];
  const isWanted = ({ mimeType }: { readonly mimeType: string }): boolean =>
    mimeType.toLowerCase() === `video/${codec}`;
  if (!known.some(isWanted)) return;
  transceiver.setCodecPreferences([...known.filter(isWanted), ...known.filter((other) => !isWanted(other))]);
  if (isScalable(codec)) describeLayers(transceiver);
}

/**
 * Sends only the layers that somebody wants. Names that fit none of ours (of scalable streams) switch the whole stream.
 * True when something changed.
 */
export function applyLayers(encodings: RTCRtpEncodingParameters[], layers: readonly string[]): boolean {
  const isNamed = encodings.some(({ rid = "" }) => layers.includes(rid));
  let changed = false;
  for (const encoding of encodings) {
    const active = isNamed ? layers.includes(encoding.rid ?? "") : layers.length > 0;
    if ((encoding.active ?? true) === active) continue;
    encoding.active = active;
    changed = true;
  }
  return changed;
}
