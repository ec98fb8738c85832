/**
 * The codecs that this node passes on, and how an offered payload type is matched with one: RFC 7741 (VP8), RFC 6184
 * section 8.2.2 (H264), RFC 9628 section 6 (VP9), the AV1 RTP specification section 7.2, RFC 7587 (Opus). What is not in
 * the table is never answered and so never passed on.
 */
import type { MediaKind } from "#protocol";
import type { CodecInfo } from "./control.ts";
import type { OfferedCodec, OfferedMedia } from "./sdp-parse.ts";

/** A codec as both ends will use it on one line. */
export interface LineCodec {
  /** Its `fmtp` is what the answer says. */
  readonly info: CodecInfo;
  /** As the client wrote it after a=rtpmap. */
  readonly encoding: string;
  readonly payloadType: number;
  /** RFC 4588. */
  readonly rtxPayloadType: number | undefined;
  readonly feedback: readonly string[];
}
export type CodecName = CodecInfo["name"];

interface TableEntry {
  readonly name: CodecName;
  readonly encoding: RegExp;
  readonly clockRateHz: number;
  readonly channels?: number;
  /** The answer's fmtp ("": none), or undefined when the offered variant is not ours. */
  answer(parameters: ReadonlyMap<string, string>): string | undefined;
}

/** In the order of RTP payload formats; which of them a line uses first is the client's choice. */
const TABLE: Readonly<Record<MediaKind, readonly TableEntry[]>> = {
  audio: [{ name: "opus", encoding: /^opus\/48000\/2$/i, clockRateHz: 48_000, channels: 2, answer: answerOpus }],
  video: [
    { name: "VP8", encoding: /^VP8\/90000$/i, clockRateHz: 90_000, answer: () => "" },
    { name: "H264", encoding: /^H264\/90000$/i, clockRateHz: 90_000, answer: answerH264 },
    { name: "VP9", encoding: /^VP9\/90000$/i, clockRateHz: 90_000, answer: answerVp9 },
    { name: "AV1", encoding: /^AV1\/90000$/i, clockRateHz: 90_000, answer: answerAv1 },
  ],
};
const FEEDBACK: Readonly<Record<MediaKind, readonly string[]>> = {
  audio: ["transport-cc"],
  video: ["nack", "nack pli", "ccm fir", "transport-cc"],
};

/** Every codec of a line that is ours, once each, in the client's order of preference. */
export function commonCodecs(media: OfferedMedia, kind: MediaKind): LineCodec[] {
  const found = new Map<CodecName, LineCodec>();
  for (const offered of media.codecs) {
    const entry = TABLE[kind].find(({ encoding }) => encoding.test(offered.encoding));
    const fmtp = entry?.answer(readFmtp(offered.fmtp));
    if (entry === undefined || fmtp === undefined || found.has(entry.name)) continue;
    const { name, clockRateHz, channels } = entry;
    found.set(name, {
      info: { name, clockRateHz, ...(channels === undefined ? {} : { channels }), ...(fmtp === "" ? {} : { fmtp }) },
      encoding: offered.encoding,
      payloadType: offered.payloadType,
      rtxPayloadType: kind === "video" ? rtxOf(media.codecs, offered.payloadType) : undefined,
      feedback: FEEDBACK[kind].filter((value) => offered.feedback.includes(value)),
    });
  }
  return [...found.values()];
}

/** RFC 4588 section 8: the RTX payload type whose fmtp names the codec's. */
function rtxOf(codecs: readonly OfferedCodec[], payloadType: number): number | undefined {
  const isRepair = (codec: OfferedCodec): boolean =>
    /^rtx\/90000$/i.test(codec.encoding) && readFmtp(codec.fmtp).get("apt") === String(payloadType);
  return codecs.find(isRepair)?.payloadType;
}

/** "a=1; b=2" by lower-case name; a parameter without value has "". */
export function readFmtp(fmtp: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp.split(";")) {
    const equals = part.indexOf("=");
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name !== "") parameters.set(name, equals < 0 ? "" : part.slice(equals + 1).trim());
  }
  return parameters;
}

/**
 * In-band FEC is always wanted: it repairs single losses on whichever hop they happen. DTX (silence is hardly sent) and
 * stereo are the client's wish, which the answer repeats, as an encoder obeys what its remote end declares.
 */
function answerOpus(offered: ReadonlyMap<string, string>): string {
  const wishes = ["usedtx", "stereo", "sprop-stereo"].filter((name) => offered.get(name) === "1");
  const stereo = wishes.some((name) => name.endsWith("stereo"));
  return [
    "minptime=10",
    "useinbandfec=1",
    ...(wishes.includes("usedtx") ? ["usedtx=1"] : []),
    ...(stereo ? ["stereo=1"] : []),
  ].join(";");
}

/** Of H264 only the constrained baseline profile, which every browser with H264 encodes and decodes, non-interleaved (packetization mode 1). */
const H264_LEVEL_IDC = 0x1f;

/** What profile-level-id says (RFC 6184 section 8.1): 6 hexadecimal digits profile_idc, profile_iop, level_idc. */
function answerH264(offered: ReadonlyMap<string, string>): string | undefined {
  // Without the parameter the profile is Baseline, level 1, which is not constrained.
  const id = offered.get("profile-level-id") ?? "42000a";
  if (offered.get("packetization-mode") !== "1" || !/^[0-9a-f]{6}$/i.test(id) || !isConstrainedBaseline(id))
    return undefined;
  const level = Number.parseInt(id.slice(4), 16);
  // Section 8.2.2: levels may differ by direction only when both ends say so; else the answer must not exceed the offer.
  const asymmetric = offered.get("level-asymmetry-allowed") === "1";
  const answered = asymmetric ? H264_LEVEL_IDC : Math.min(level, H264_LEVEL_IDC);
  const profileLevelId = `42e0${answered.toString(16).padStart(2, "0")}`;
  return `${asymmetric ? "level-asymmetry-allowed=1;" : ""}packetization-mode=1;profile-level-id=${profileLevelId}`;
}

/** RFC 6184 table 5: the three ways to write "constrained baseline". Bits of profile_iop: constraint_set0 first. */
function isConstrainedBaseline(profileLevelId: string): boolean {
  const profile = Number.parseInt(profileLevelId.slice(0, 2), 16);
  const iop = Number.parseInt(profileLevelId.slice(2, 4), 16);
  if (profile === 0x42) return (iop & 0x4f) === 0x40;
  if (profile === 0x4d) return (iop & 0x8f) === 0x80;
  return profile === 0x58 && (iop & 0xcf) === 0xc0;
}

/** Profile 0 only: 8 bits, 4:2:0 (RFC 9628 section 6); absent means 0. */
function answerVp9(offered: ReadonlyMap<string, string>): string | undefined {
  return (offered.get("profile-id") ?? "0") === "0" ? "profile-id=0" : undefined;
}

/** Main profile and tier only; absent parameters mean profile 0, level-idx 5, tier 0 (AV1 RTP specification section 7.2.1). */
function answerAv1(offered: ReadonlyMap<string, string>): string | undefined {
  const level = offered.get("level-idx") ?? "5";
  const isMain = (offered.get("profile") ?? "0") === "0" && (offered.get("tier") ?? "0") === "0";
  return isMain && /^([0-9]|[12][0-9]|3[01])$/.test(level) ? `level-idx=${level};profile=0;tier=0` : undefined;
}
