/**
 * Decides what a node does with each media line of an offer: receive a track on it, send a slot on it, leave it
 * inactive, or refuse it. Payload types and extension ids come from the offer, but only those of our own tables.
 * What was decided before about a line stays: SSRCs of a slot last as long as its mid.
 */
import type { MediaKind, TrackSource } from "#protocol";
import type { CodecInfo, TrackDescription } from "./control.ts";
import type { ExtensionIds, SlotCodec } from "./rtp-plane-types.ts";
import { type OfferedCodec, type OfferedMedia, type ParsedOffer, refuseSdp, type SdpRefusal } from "./sdp-parse.ts";

/** A codec as both ends will use it on one line. */
export interface LineCodec {
  readonly info: CodecInfo;
  readonly encoding: string;
  readonly payloadType: number;
  readonly rtxPayloadType: number | undefined;
  readonly feedback: readonly string[];
}
interface LineBase {
  readonly mid: string;
  readonly protocol: string;
}
interface MediaLineBase extends LineBase {
  readonly kind: MediaKind;
  readonly codec: LineCodec;
  /** URI and id of each header extension that the answer names. */
  readonly extmap: readonly (readonly [uri: string, id: number])[];
  /** Those that the plane reads or writes on this line. */
  readonly extensions: ExtensionIds;
}
export interface ReceiveLine extends MediaLineBase {
  readonly role: "receive";
  readonly track: TrackDescription;
  readonly rids: readonly string[];
  readonly ssrc: number | undefined;
  readonly rtxSsrc: number | undefined;
}
export interface SendLine extends MediaLineBase {
  readonly role: "send";
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  readonly codecs: readonly SlotCodec[];
}
export interface InactiveLine extends MediaLineBase {
  readonly role: "inactive";
}
export interface RejectedLine extends LineBase {
  readonly role: "rejected";
  readonly kind: string;
  readonly format: string;
}
export type PlannedLine = ReceiveLine | SendLine | InactiveLine | RejectedLine;

export interface SlotSsrcs {
  readonly ssrc: number;
  readonly rtxSsrc: number;
}
/** Everything that was agreed with a client, and what a later offer must not disturb. */
export interface SessionPlan {
  readonly lines: readonly PlannedLine[];
  readonly allowsMixedExtensions: boolean;
  /** SSRCs by mid of every slot that there ever was and whose line was not reused. */
  readonly slotSsrcs: ReadonlyMap<string, SlotSsrcs>;
}
export interface OwnTrack {
  readonly mid: string;
  readonly source: TrackSource;
  readonly trackId: string;
}
export type PlanResult = { readonly ok: true; readonly plan: SessionPlan } | SdpRefusal;

const KIND_OF: Readonly<Record<TrackSource, MediaKind>> = {
  microphone: "audio",
  screenAudio: "audio",
  camera: "video",
  screen: "video",
};

/** In order of preference. */
const CODECS: Readonly<Record<MediaKind, readonly { readonly pattern: RegExp; readonly info: CodecInfo }[]>> = {
  audio: [
    {
      pattern: /^opus\/48000\/2$/i,
      info: { name: "opus", clockRateHz: 48_000, channels: 2, fmtp: "minptime=10;useinbandfec=1" },
    },
  ],
  video: [{ pattern: /^VP8\/90000$/i, info: { name: "VP8", clockRateHz: 90_000 } }],
};
const FEEDBACK: Readonly<Record<MediaKind, readonly string[]>> = {
  audio: ["transport-cc"],
  video: ["nack", "nack pli", "ccm fir", "transport-cc"],
};
const EXTENSION_URIS = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  repairedRid: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  absSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  transportSequence: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
} as const satisfies Record<keyof ExtensionIds, string>;
type ExtensionName = keyof typeof EXTENSION_URIS;
const RECEIVED: Readonly<Record<MediaKind, readonly ExtensionName[]>> = {
  audio: ["mid", "absSendTime", "transportSequence", "audioLevel"],
  video: ["mid", "rid", "repairedRid", "absSendTime", "transportSequence"],
};
/** What this node writes into the packets of a slot. */
const SENT: Readonly<Record<MediaKind, readonly ExtensionName[]>> = {
  audio: ["mid", "transportSequence", "audioLevel"],
  video: ["mid", "absSendTime", "transportSequence"],
};

/**
 * Plans the answer to an offer. `previous` is the plan of the same transport; `newSsrc` gives an SSRC that nothing else
 * on the transport uses. A refusal leaves the previous plan in force.
 */
export function planSession(input: {
  readonly offer: ParsedOffer;
  readonly tracks: readonly OwnTrack[];
  readonly previous: SessionPlan | undefined;
  readonly newSsrc: () => number;
}): PlanResult {
  const { offer, tracks, previous } = input;
  const refusal = checkTracks(offer, tracks) ?? checkPrevious(offer, previous);
  if (refusal !== undefined) return refusal;
  const slotSsrcs = new Map(previous?.slotSsrcs);
  const bundle = new Set(offer.bundle);
  const lines: PlannedLine[] = [];
  for (const media of offer.media) {
    const track = tracks.find((own) => own.mid === media.mid);
    const line = planLine(media, track, { slotSsrcs, newSsrc: input.newSsrc });
    if ("code" in line) return line;
    if (line.role !== "rejected" && !bundle.has(media.mid)) {
      return refuseSdp("sdp_unsupported", `media line ${media.mid} is not in the bundle`);
    }
    lines.push(line);
  }
  if (lines.every((line) => line.role === "rejected")) return refuseSdp("sdp_unsupported", "no media line is usable");
  for (const mid of slotSsrcs.keys()) if (!offer.media.some((media) => media.mid === mid)) slotSsrcs.delete(mid);
  return { ok: true, plan: { lines, allowsMixedExtensions: offer.allowsMixedExtensions, slotSsrcs } };
}

function checkTracks(offer: ParsedOffer, tracks: readonly OwnTrack[]): SdpRefusal | undefined {
  const mids = new Set<string>();
  const ids = new Set<string>();
  for (const track of tracks) {
    const media = offer.media.find((line) => line.mid === track.mid);
    if (media === undefined)
      return refuseSdp("sdp_malformed", `track on mid ${track.mid}, which the offer does not have`);
    if (media.kind !== KIND_OF[track.source])
      return refuseSdp("sdp_malformed", `a ${track.source} on a line of kind ${media.kind}`);
    if (mids.has(track.mid) || ids.has(track.trackId))
      return refuseSdp("sdp_malformed", `two tracks on mid ${track.mid}`);
    mids.add(track.mid);
    ids.add(track.trackId);
  }
  return undefined;
}

/** JSEP section 5.2.2: lines are never taken away, and a line changes its mid or kind only after it was stopped. */
function checkPrevious(offer: ParsedOffer, previous: SessionPlan | undefined): SdpRefusal | undefined {
  if (previous === undefined) return undefined;
  if (offer.media.length < previous.lines.length) return refuseSdp("sdp_malformed", "fewer media lines than before");
  for (const [index, line] of previous.lines.entries()) {
    const media = offer.media[index];
    if (line.role !== "rejected" && (media?.mid !== line.mid || media.kind !== line.kind)) {
      return refuseSdp("sdp_malformed", `media line ${index} changed its mid or kind`);
    }
  }
  return undefined;
}

function planLine(
  media: OfferedMedia,
  track: OwnTrack | undefined,
  slots: { readonly slotSsrcs: Map<string, SlotSsrcs>; readonly newSsrc: () => number },
): PlannedLine | SdpRefusal {
  const rejected: RejectedLine = {
    role: "rejected",
    mid: media.mid,
    protocol: media.protocol,
    kind: media.kind,
    format: media.formats[0] ?? "0",
  };
  if (!media.active || (media.kind !== "audio" && media.kind !== "video")) return rejected;
  const kind: MediaKind = media.kind;
  const codec =
    /^(UDP|TCP)\/TLS\/RTP\/SAVPF$/.test(media.protocol) && media.rtcpMux ? chooseCodec(media, kind) : undefined;
  const sends = media.direction === "sendonly" || media.direction === "sendrecv";
  if (codec === undefined) {
    return track !== undefined && sends
      ? refuseSdp("sdp_unsupported", `no common codec or transport on mid ${media.mid}`)
      : rejected;
  }
  const base = { mid: media.mid, protocol: media.protocol, kind, codec };
  if (sends && track !== undefined) return receiveLine(media, track, base);
  if (media.direction === "recvonly" || media.direction === "sendrecv") return sendLine(media, slots, base);
  return { ...base, role: "inactive", ...pickExtensions(media, base.kind, []) };
}

function receiveLine(
  media: OfferedMedia,
  own: OwnTrack,
  base: Pick<ReceiveLine, "mid" | "protocol" | "kind" | "codec">,
): ReceiveLine | SdpRefusal {
  const picked = pickExtensions(media, base.kind, RECEIVED[base.kind]);
  const rids = base.kind === "video" ? media.rids : [];
  if (rids.length > 0 && (picked.extensions.mid === undefined || picked.extensions.rid === undefined)) {
    return refuseSdp("sdp_unsupported", `simulcast without MID and RID header extensions on mid ${media.mid}`);
  }
  const track: TrackDescription = {
    trackId: own.trackId,
    kind: base.kind,
    source: own.source,
    codec: base.codec.info,
    layers: rids.length > 0 ? rids : [""],
  };
  const ssrc = rids.length > 0 ? undefined : (media.fid?.[0] ?? media.ssrcs[0]);
  return {
    ...base,
    role: "receive",
    ...picked,
    track,
    rids,
    ssrc,
    rtxSsrc: rids.length > 0 ? undefined : media.fid?.[1],
  };
}

function sendLine(
  media: OfferedMedia,
  slots: { readonly slotSsrcs: Map<string, SlotSsrcs>; readonly newSsrc: () => number },
  base: Pick<SendLine, "mid" | "protocol" | "kind" | "codec">,
): SendLine {
  const ssrcs = slots.slotSsrcs.get(media.mid) ?? { ssrc: slots.newSsrc(), rtxSsrc: slots.newSsrc() };
  slots.slotSsrcs.set(media.mid, ssrcs);
  const { info, payloadType, rtxPayloadType } = base.codec;
  // Numbers that nobody reports on would only lengthen packets and mislead the estimator.
  const reported = base.codec.feedback.includes("transport-cc");
  const written = SENT[base.kind].filter((name) => reported || name !== "transportSequence");
  return {
    ...base,
    role: "send",
    ...pickExtensions(media, base.kind, written),
    ssrc: ssrcs.ssrc,
    rtxSsrc: rtxPayloadType === undefined ? undefined : ssrcs.rtxSsrc,
    codecs: [{ name: info.name, payloadType, ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }) }],
  };
}

function chooseCodec(media: OfferedMedia, kind: MediaKind): LineCodec | undefined {
  for (const { pattern, info } of CODECS[kind]) {
    const offered = media.codecs.find((codec) => pattern.test(codec.encoding));
    if (offered === undefined) continue;
    const feedback = FEEDBACK[kind].filter((value) => offered.feedback.includes(value));
    return {
      info,
      encoding: offered.encoding,
      payloadType: offered.payloadType,
      rtxPayloadType: kind === "video" ? rtxOf(media.codecs, offered.payloadType) : undefined,
      feedback,
    };
  }
  return undefined;
}

/** RFC 4588 section 8: the RTX payload type whose fmtp names the codec's. */
function rtxOf(codecs: readonly OfferedCodec[], payloadType: number): number | undefined {
  const apt = new RegExp(`(?:^|;)\\s*apt=${payloadType}(?:;|$)`);
  return codecs.find((codec) => /^rtx\//i.test(codec.encoding) && apt.test(codec.fmtp))?.payloadType;
}

/**
 * The answer keeps all extensions that we know on every line, also where they are not used: Chromium offers on lines that
 * it adds later only what an earlier answer kept, and a camera without transport-wide feedback would stay at 300 kbit/s.
 */
function pickExtensions(
  media: OfferedMedia,
  kind: MediaKind,
  used: readonly ExtensionName[],
): Pick<MediaLineBase, "extmap" | "extensions"> {
  const extmap: [string, number][] = [];
  const extensions: { -readonly [K in ExtensionName]?: number } = {};
  for (const name of RECEIVED[kind]) {
    const id = media.extensions.get(EXTENSION_URIS[name]);
    // RFC 8285: ids 1 to 14 fit the one-byte form, which is the only one that we write.
    if (id === undefined || id < 1 || id > 14) continue;
    extmap.push([EXTENSION_URIS[name], id]);
    if (used.includes(name)) extensions[name] = id;
  }
  return { extmap, extensions };
}
