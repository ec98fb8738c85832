/**
 * The codecs that this node passes on, and how an offered payload type is matched with one: RFC 7741 (VP8), RFC 6184
 * section 8.2.2 (H264), RFC 9628 section 6 (VP9), the AV1 RTP specification section 7.2, RFC 7587 (Opus), RFC 2198 (RED). What is not in
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
  /** RFC 2198, of Opus alone: packets that repeat earlier ones. */
  readonly redPayloadType: number | undefined;
  /** The client would rather send it. */
  readonly prefersRed: boolean;
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
  /** As in CodecInfo; "" where there is none. */
  profile?(parameters: ReadonlyMap<string, string>): string;
}

/** In the order of RTP payload formats; which of them a line uses first is the client's choice. */
const TABLE: Readonly<Record<MediaKind, readonly TableEntry[]>> = {
  audio: [{ name: "opus", encoding: /^opus\/48000\/2$/i, clockRateHz: 48_000, channels: 2, answer: answerOpus }],
  video: [
    { name: "VP8", encoding: /^VP8\/90000$/i, clockRateHz: 90_000, answer: () => "" },
    { name: "H264", encoding: /^H264\/90000$/i, clockRateHz: 90_000, answer: answerH264, profile: profileOf },
    { name: "VP9", encoding: /^VP9\/90000$/i, clockRateHz: 90_000, answer: answerVp9 },
    { name: "AV1", encoding: /^AV1\/90000$/i, clockRateHz: 90_000, answer: answerAv1 },
  ],
};
const FEEDBACK: Readonly<Record<MediaKind, readonly string[]>> = {
  audio: ["transport-cc"],
  video: ["nack", "nack pli", "ccm fir", "transport-cc"],
};

/**
 * Every codec of a line that is ours, each profile once, in the client's order of preference; but of one codec's profiles
 * the one that everybody decodes comes first.
 */
export function commonCodecs(media: OfferedMedia, kind: MediaKind): LineCodec[] {
  const found = new Map<string, LineCodec>();
  for (const offered of media.codecs) {
    const entry = TABLE[kind].find(({ encoding }) => encoding.test(offered.encoding));
    const parameters = readFmtp(offered.fmtp);
    const fmtp = entry?.answer(parameters);
    if (entry === undefined || fmtp === undefined) continue;
    const profile = entry.profile?.(parameters) ?? "";
    const { name } = entry;
    if (found.has(`${name} ${profile}`)) continue;
    const red = name === "opus" ? redOf(media.codecs, offered.payloadType) : undefined;
    found.set(`${name} ${profile}`, {
      info: infoOf(entry, fmtp, profile),
      encoding: offered.encoding,
      payloadType: offered.payloadType,
      rtxPayloadType: kind === "video" ? rtxOf(media.codecs, offered.payloadType) : undefined,
      redPayloadType: red?.payloadType,
      prefersRed: red !== undefined && media.codecs.indexOf(red) < media.codecs.indexOf(offered),
      feedback: FEEDBACK[kind].filter((value) => offered.feedback.includes(value)),
    });
  }
  return commonProfilesFirst([...found.values()]);
}

function infoOf({ name, clockRateHz, channels }: TableEntry, fmtp: string, profile: string): CodecInfo {
  return {
    name,
    clockRateHz,
    ...(channels === undefined ? {} : { channels }),
    ...(fmtp === "" ? {} : { fmtp }),
    ...(profile === "" ? {} : { profile }),
  };
}

function commonProfilesFirst(codecs: readonly LineCodec[]): LineCodec[] {
  const names = new Set(codecs.map(({ info }) => info.name));
  return [...names].flatMap((name) => {
    const ofName = codecs.filter(({ info }) => info.name === name);
    return [...ofName.filter(({ info }) => info.profile === undefined), ...ofName.filter(({ info }) => info.profile)];
  });
}

/** RFC 4588 section 8: the RTX payload type whose fmtp names the codec's. */
function rtxOf(codecs: readonly OfferedCodec[], payloadType: number): number | undefined {
  const isRepair = (codec: OfferedCodec): boolean =>
    /^rtx\/90000$/i.test(codec.encoding) && readFmtp(codec.fmtp).get("apt") === String(payloadType);
  return codecs.find(isRepair)?.payloadType;
}

/** RFC 2198 section 5: the redundant form whose blocks all are of this payload type. */
function redOf(codecs: readonly OfferedCodec[], payloadType: number): OfferedCodec | undefined {
  const isOfIt = ({ encoding, fmtp }: OfferedCodec): boolean => {
    const blocks = fmtp.trim().split("/");
    return (
      /^red\/48000\/2$/i.test(encoding) && blocks.length > 1 && blocks.every((block) => block === `${payloadType}`)
    );
  };
  return codecs.find(isOfIt);
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

const H264_LEVEL_IDC = 0x1f;

/**
 * The profiles of H264 that are told apart (RFC 6184 table 5), each with the patterns of profile_iop that mean it (bits that must be
 * set and bits that must not, constraint_set0 first) and how an answer writes it. Constrained baseline, which every
 * browser with H264 encodes and decodes, is the one without a name.
 */
interface H264Profile {
  readonly profile: string;
  readonly profileIdc: number;
  readonly set: number;
  readonly clear: number;
  readonly written: string;
}
const H264_PROFILES: readonly H264Profile[] = [
  { profile: "", profileIdc: 0x42, set: 0x40, clear: 0x0f, written: "42e0" },
  { profile: "", profileIdc: 0x4d, set: 0x80, clear: 0x0f, written: "42e0" },
  { profile: "", profileIdc: 0x58, set: 0xc0, clear: 0x0f, written: "42e0" },
  { profile: "baseline", profileIdc: 0x42, set: 0, clear: 0x4f, written: "4200" },
  { profile: "baseline", profileIdc: 0x58, set: 0x80, clear: 0x4f, written: "4200" },
  { profile: "main", profileIdc: 0x4d, set: 0, clear: 0xaf, written: "4d00" },
  { profile: "constrainedHigh", profileIdc: 0x64, set: 0x0c, clear: 0xf3, written: "640c" },
  { profile: "high", profileIdc: 0x64, set: 0, clear: 0xff, written: "6400" },
];

/** What profile-level-id says (RFC 6184 section 8.1): 6 hexadecimal digits profile_idc, profile_iop, level_idc. */
function readProfile(parameters: ReadonlyMap<string, string>): H264Profile | undefined {
  // Without the parameter the profile is Baseline, level 1, which is not constrained.
  const id = parameters.get("profile-level-id") ?? "42000a";
  if (!/^[0-9a-f]{6}$/i.test(id)) return undefined;
  const [idc, iop] = [Number.parseInt(id.slice(0, 2), 16), Number.parseInt(id.slice(2, 4), 16)];
  return H264_PROFILES.find(
    ({ profileIdc, set, clear }) => profileIdc === idc && (iop & set) === set && (iop & clear) === 0,
  );
}

function profileOf(parameters: ReadonlyMap<string, string>): string {
  return readProfile(parameters)?.profile ?? "";
}

/** Non-interleaved (packetization mode 1). The profile is the offer's, the level may differ (RFC 6184 section 8.2.2). */
function answerH264(offered: ReadonlyMap<string, string>): string | undefined {
  const profile = readProfile(offered);
  if (offered.get("packetization-mode") !== "1" || profile === undefined) return undefined;
  const level = Number.parseInt((offered.get("profile-level-id") ?? "42000a").slice(4), 16);
  // Section 8.2.2: levels may differ by direction only when both ends say so; else the answer must not exceed the offer.
  const asymmetric = offered.get("level-asymmetry-allowed") === "1";
  const answered = asymmetric ? H264_LEVEL_IDC : Math.min(level, H264_LEVEL_IDC);
  const profileLevelId = `${profile.written}${answered.toString(16).padStart(2, "0")}`;
  return `${asymmetric ? "level-asymmetry-allowed=1;" : ""}packetization-mode=1;profile-level-id=${profileLevelId}`;
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
