/**
 * Decides what a node does with each media line of an offer: receive a track on it, send a slot on it, leave it
 * inactive, or refuse it. Payload types and extension ids come from the offer, but only those of our own tables.
 * What was decided before about a line stays: SSRCs of a slot last as long as its mid.
 */
import type { MediaKind, TrackSource } from "#protocol";
import type { TrackDescription } from "./control.ts";
import type { ExtensionIds } from "./rtp-plane-types.ts";
import { type CodecName, commonCodecs, type LineCodec } from "./sdp-codecs.ts";
import { type Direction, type OfferedMedia, type ParsedOffer, refuseSdp, type SdpRefusal } from "./sdp-parse.ts";

interface LineBase {
  readonly mid: string;
  readonly protocol: string;
}
interface MediaLineBase extends LineBase {
  readonly kind: MediaKind;
  /** Those of our table, as the answer names them: of a track the one it is sent with, else all that the client can decode. */
  readonly codecs: readonly LineCodec[];
  /** URI and id of each header extension that the answer names. */
  readonly extmap: readonly (readonly [uri: string, id: number])[];
  /** Those that the plane reads or writes on this line. */
  readonly extensions: ExtensionIds;
}
export interface ReceiveLine extends MediaLineBase {
  readonly role: "receive";
  readonly track: TrackDescription;
  /** The one that the client prefers; the only one of the answer. */
  readonly codec: LineCodec;
  readonly rids: readonly string[];
  readonly ssrc: number | undefined;
  readonly rtxSsrc: number | undefined;
}
export interface SendLine extends MediaLineBase {
  readonly role: "send";
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
}
export interface InactiveLine extends MediaLineBase {
  readonly role: "inactive";
}
export interface RejectedLine extends LineBase {
  readonly role: "rejected";
  readonly kind: string;
  readonly format: string;
}
export interface DataLine extends LineBase {
  readonly role: "data";
  readonly kind: "application";
  /** Of the client. */
  readonly sctpPort: number;
}
export type PlannedLine = ReceiveLine | SendLine | InactiveLine | DataLine | RejectedLine;

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

const EXTENSION_URIS = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  repairedRid: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  absSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  transportSequence: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  dependencyDescriptor: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
} as const satisfies Record<keyof ExtensionIds, string>;
type ExtensionName = keyof typeof EXTENSION_URIS;
const RECEIVED: Readonly<Record<MediaKind, readonly ExtensionName[]>> = {
  audio: ["mid", "absSendTime", "transportSequence", "audioLevel"],
  video: ["mid", "rid", "repairedRid", "absSendTime", "transportSequence", "dependencyDescriptor"],
};
/** What this node writes into the packets of a slot. */
const SENT: Readonly<Record<MediaKind, readonly ExtensionName[]>> = {
  audio: ["mid", "transportSequence", "audioLevel"],
  video: ["mid", "absSendTime", "transportSequence", "dependencyDescriptor"],
};
/** Codecs whose layers nothing but the dependency descriptor tells apart (AV1) or tells as well (VP9). */
const DESCRIBED: ReadonlySet<CodecName> = new Set<CodecName>(["VP9", "AV1"]);

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
    const line = planLine(media, track, {
      slotSsrcs,
      newSsrc: input.newSsrc,
      allowsMixed: offer.allowsMixedExtensions,
    });
    if ("code" in line) return line;
    if (line.role === "data" && lines.some(({ role }) => role === "data")) {
      return refuseSdp("sdp_unsupported", "more than one application line");
    }
    if (line.role !== "rejected" && !bundle.has(media.mid)) {
      return refuseSdp("sdp_unsupported", `media line ${media.mid} is not in the bundle`);
    }
    lines.push(line);
  }
  if (lines.every((line) => line.role === "rejected")) return refuseSdp("sdp_unsupported", "no media line is usable");
  for (const mid of slotSsrcs.keys()) if (!offer.media.some((media) => media.mid === mid)) slotSsrcs.delete(mid);
  return {
    ok: true,
    plan: { lines: shareLists(lines), allowsMixedExtensions: offer.allowsMixedExtensions, slotSsrcs },
  };
}

/** The slots of a client agree on the same lists, of some kilobytes each: one of them is kept. */
function shareLists(lines: readonly PlannedLine[]): readonly PlannedLine[] {
  const known = new Map<string, readonly unknown[]>();
  const share = <T>(list: readonly T[]): readonly T[] => {
    const key = JSON.stringify(list);
    const former = known.get(key) as readonly T[] | undefined;
    if (former === undefined) known.set(key, list);
    return former ?? list;
  };
  return lines.map((line) =>
    "codecs" in line ? { ...line, codecs: share(line.codecs), extmap: share(line.extmap) } : line,
  );
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

const SENDING: ReadonlySet<Direction> = new Set<Direction>(["sendonly", "sendrecv"]);
const RECEIVING: ReadonlySet<Direction> = new Set<Direction>(["recvonly", "sendrecv"]);

interface SlotContext {
  readonly slotSsrcs: Map<string, SlotSsrcs>;
  readonly newSsrc: () => number;
  readonly allowsMixed: boolean;
}

function planLine(media: OfferedMedia, track: OwnTrack | undefined, slots: SlotContext): PlannedLine | SdpRefusal {
  const rejected: RejectedLine = {
    role: "rejected",
    mid: media.mid,
    protocol: media.protocol,
    kind: media.kind,
    format: media.formats[0] ?? "0",
  };
  if (!media.active) return rejected;
  if (media.kind === "application") return dataLine(media) ?? rejected;
  if (media.kind !== "audio" && media.kind !== "video") return rejected;
  const kind: MediaKind = media.kind;
  const usable = /^(UDP|TCP)\/TLS\/RTP\/SAVPF$/.test(media.protocol) && media.rtcpMux;
  const codecs = usable ? commonCodecs(media, kind) : [];
  const own = SENDING.has(media.direction) ? track : undefined;
  const [codec] = codecs;
  if (codec === undefined) {
    if (own === undefined) return rejected;
    return refuseSdp("sdp_unsupported", `no common codec or transport on mid ${media.mid}`);
  }
  const base = { mid: media.mid, protocol: media.protocol, kind, codecs };
  if (own !== undefined) return receiveLine(media, own, { ...base, codecs: [codec], codec });
  if (RECEIVING.has(media.direction)) return sendLine(media, slots, base);
  return { ...base, role: "inactive", ...pickExtensions(media, base.kind, []) };
}

/** RFC 8841; the older form with a=sctpmap is nobody's any more. */
function dataLine({ mid, protocol, formats, sctpPort }: OfferedMedia): DataLine | undefined {
  const isOurs = /^(UDP|TCP)\/DTLS\/SCTP$/.test(protocol) && formats[0] === "webrtc-datachannel";
  if (!isOurs || sctpPort === undefined || sctpPort === 0 || sctpPort > 65_535) return undefined;
  return { role: "data", mid, protocol, kind: "application", sctpPort };
}

function receiveLine(
  media: OfferedMedia,
  own: OwnTrack,
  base: Pick<ReceiveLine, "mid" | "protocol" | "kind" | "codec" | "codecs">,
): ReceiveLine | SdpRefusal {
  const described = DESCRIBED.has(base.codec.info.name);
  const read = RECEIVED[base.kind].filter((name) => described || name !== "dependencyDescriptor");
  const picked = pickExtensions(media, base.kind, read, read);
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
  slots: SlotContext,
  base: Pick<SendLine, "mid" | "protocol" | "kind" | "codecs">,
): SendLine {
  const ssrcs = slots.slotSsrcs.get(media.mid) ?? { ssrc: slots.newSsrc(), rtxSsrc: slots.newSsrc() };
  slots.slotSsrcs.set(media.mid, ssrcs);
  // Numbers that nobody reports on would only lengthen packets and mislead the estimator.
  const reported = base.codecs.some(({ feedback }) => feedback.includes("transport-cc"));
  const written = SENT[base.kind].filter(
    (name) =>
      (name !== "transportSequence" || reported) &&
      // Longer than 16 bytes it needs the two-byte form (RFC 8285 section 4.3).
      (name !== "dependencyDescriptor" ||
        (slots.allowsMixed && base.codecs.some(({ info }) => DESCRIBED.has(info.name)))),
  );
  return {
    ...base,
    role: "send",
    ...pickExtensions(media, base.kind, written),
    ssrc: ssrcs.ssrc,
    rtxSsrc: base.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== undefined) ? ssrcs.rtxSsrc : undefined,
  };
}

/**
 * The answer keeps all extensions that we know on every line, also where they are not used: Chromium offers on lines that
 * it adds later only what an earlier answer kept, and a camera without transport-wide feedback would stay at 300 kbit/s.
 */
function pickExtensions(
  media: OfferedMedia,
  kind: MediaKind,
  used: readonly ExtensionName[],
  kept: readonly ExtensionName[] = RECEIVED[kind],
): Pick<MediaLineBase, "extmap" | "extensions"> {
  const extmap: [string, number][] = [];
  const extensions: { -readonly [K in ExtensionName]?: number } = {};
  for (const name of kept) {
    const id = media.extensions.get(EXTENSION_URIS[name]);
    // RFC 8285: ids 1 to 14 fit the one-byte form, which is the only one that we write.
    if (id === undefined || id < 1 || id > 14) continue;
    extmap.push([EXTENSION_URIS[name], id]);
    if (used.includes(name)) extensions[name] = id;
  }
  return { extmap, extensions };
}
