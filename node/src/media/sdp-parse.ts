/**
 * Reads what this node needs of a client's offer (RFC 8866, RFC 8829) and nothing more. Whatever a client
 * sends, the result is an offer within limits or one NegotiateErrorCode with a sentence for its author.
 */
import type { NegotiateErrorCode } from "./control.ts";

export const MAX_SDP_CHARS = 131_072;
export const MAX_MEDIA_LINES = 64;
const MAX_LINE_CHARS = 2_000;
const MAX_PAYLOAD_TYPES = 100;
const MAX_EXTENSIONS = 40;
/** Simulcast layers of one track: more than anyone sends. */
export const MAX_RIDS = 4;

export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

export interface OfferedCodec {
  readonly payloadType: number;
  /** As written after a=rtpmap: "opus/48000/2". */
  readonly encoding: string;
  readonly fmtp: string;
  /** Values of a=rtcp-fb for this payload type or "*". */
  readonly feedback: readonly string[];
}
export interface OfferedMedia {
  readonly kind: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** False when the line is stopped: port 0 without a=bundle-only. */
  readonly active: boolean;
  readonly mid: string;
  readonly direction: Direction;
  readonly codecs: readonly OfferedCodec[];
  /** Header extension ids by URI. */
  readonly extensions: ReadonlyMap<string, number>;
  /** RIDs of a=simulcast:send in the order of the offer, which is lowest quality first among our clients. */
  readonly rids: readonly string[];
  readonly ssrcs: readonly number[];
  readonly fid: readonly [media: number, rtx: number] | undefined;
  readonly rtcpMux: boolean;
  /** a=sctp-port of an application line (RFC 8841). */
  readonly sctpPort?: number;
}
export interface ParsedOffer {
  readonly media: readonly OfferedMedia[];
  readonly bundle: readonly string[];
  readonly allowsMixedExtensions: boolean;
  readonly ufrag: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
}
export interface SdpRefusal {
  readonly ok: false;
  readonly code: NegotiateErrorCode;
  readonly detail: string;
}
export type ParseResult = { readonly ok: true; readonly offer: ParsedOffer } | SdpRefusal;

export function refuseSdp(code: NegotiateErrorCode, detail: string): SdpRefusal {
  return { ok: false, code, detail };
}
/** Parts of a text keep all of it in memory, and what a client agreed on is kept for a call: so that has a memory of its own. */
function alone(part: string): string {
  return Buffer.from(part, "utf8").toString("utf8");
}

const malformed = (detail: string): SdpRefusal => refuseSdp("sdp_malformed", detail);

/** The lines of one section: "a=" values by attribute name, in order. */
class Section {
  readonly head: string;
  readonly #attributes = new Map<string, string[]>();

  constructor(head: string) {
    this.head = head;
  }
  add(text: string): void {
    const colon = text.indexOf(":");
    const name = colon < 0 ? text : text.slice(0, colon);
    const values = this.#attributes.get(name) ?? [];
    values.push(colon < 0 ? "" : text.slice(colon + 1));
    this.#attributes.set(name, values);
  }
  all(name: string): readonly string[] {
    return this.#attributes.get(name) ?? [];
  }
  first(name: string): string | undefined {
    return this.all(name)[0];
  }
  has(name: string): boolean {
    return this.#attributes.has(name);
  }
}

export function parseOffer(sdp: string): ParseResult {
  if (sdp.length > MAX_SDP_CHARS) return refuseSdp("sdp_too_large", `more than ${MAX_SDP_CHARS} characters`);
  const sections = splitSections(sdp);
  if (!Array.isArray(sections)) return sections;
  const [session, ...lines] = sections;
  if (session === undefined || lines.length === 0) return malformed("no media line");
  const media: OfferedMedia[] = [];
  for (const [index, section] of lines.entries()) {
    const result = parseMedia(section);
    if ("code" in result) return { ...result, detail: `media line ${index}: ${result.detail}` };
    if (media.some((other) => other.mid === result.mid)) return malformed(`mid ${result.mid} appears twice`);
    media.push(result);
  }
  return parseTransport(session, lines, media);
}

function splitSections(sdp: string): Section[] | SdpRefusal {
  const sections = [new Section("")];
  const lines = sdp.split(/\r\n|\n|\r/);
  if (lines[0] !== "v=0") return malformed("the first line is not v=0");
  for (const line of lines) {
    if (line === "") continue;
    if (line.length > MAX_LINE_CHARS)
      return refuseSdp("sdp_too_large", `a line of more than ${MAX_LINE_CHARS} characters`);
    if (!/^[a-z]=[^\0]*$/.test(line)) return malformed("a line is not letter=value");
    if (line.startsWith("m=")) {
      if (sections.length > MAX_MEDIA_LINES)
        return refuseSdp("sdp_too_large", `more than ${MAX_MEDIA_LINES} media lines`);
      sections.push(new Section(alone(line.slice(2))));
    } else if (line.startsWith("a=")) sections.at(-1)?.add(line.slice(2));
  }
  return sections;
}

function parseMedia(section: Section): OfferedMedia | SdpRefusal {
  const [kind = "", portText = "", protocol = "", ...formats] = section.head.split(" ");
  const mid = section.first("mid");
  if (!/^\d{1,5}(\/\d+)?$/.test(portText) || !/^[a-z]{1,16}$/.test(kind) || formats.length === 0)
    return malformed("not a media line");
  if (!/^[A-Za-z0-9/]{1,32}$/.test(protocol) || !formats.every((format) => /^[\w.*-]{1,32}$/.test(format))) {
    return malformed("protocol or formats are no tokens");
  }
  if (mid === undefined || !/^[\w.+-]{1,16}$/.test(mid))
    return malformed("no mid, or not a token of 1 to 16 characters");
  if (formats.length > MAX_PAYLOAD_TYPES)
    return refuseSdp("sdp_too_large", `more than ${MAX_PAYLOAD_TYPES} payload types`);
  const base = {
    kind,
    protocol,
    formats,
    mid: alone(mid),
    active: Number.parseInt(portText, 10) !== 0 || section.has("bundle-only"),
    direction: directionOf(section),
    rtcpMux: section.has("rtcp-mux"),
  };
  if (kind !== "audio" && kind !== "video") {
    return { ...base, ...sctpPortOf(section), codecs: [], extensions: new Map(), rids: [], ssrcs: [], fid: undefined };
  }
  const codecs = parseCodecs(section, formats);
  const extensions = parseExtensions(section);
  const rids = parseRids(section);
  const ssrcs = parseSsrcs(section);
  for (const part of [codecs, extensions, rids, ssrcs]) if ("code" in part) return part;
  return { ...base, ...codecs, ...extensions, ...rids, ...ssrcs } as OfferedMedia;
}

function sctpPortOf(section: Section): { readonly sctpPort?: number } {
  const text = section.first("sctp-port") ?? "";
  return /^\d{1,5}$/.test(text) ? { sctpPort: Number(text) } : {};
}

function directionOf(section: Section): Direction {
  const directions = ["sendrecv", "sendonly", "recvonly", "inactive"] as const;
  return directions.find((direction) => section.has(direction)) ?? "sendrecv";
}

function parseCodecs(section: Section, formats: readonly string[]): Pick<OfferedMedia, "codecs"> | SdpRefusal {
  const encodings = byPayloadType(section.all("rtpmap"));
  const fmtps = byPayloadType(section.all("fmtp"));
  const feedback = section.all("rtcp-fb").map(splitFirst);
  const codecs: OfferedCodec[] = [];
  for (const format of formats) {
    const payloadType = Number(format);
    // RFC 5761 section 4: with rtcp-mux 64..95 would be mistaken for RTCP.
    if (!/^\d{1,3}$/.test(format) || payloadType > 127) return malformed("a payload type is no number of 0 to 127");
    const encoding = encodings.get(format);
    if (encoding === undefined || (payloadType >= 64 && payloadType < 96)) continue;
    const values = feedback.filter(([type]) => type === format || type === "*").map(([, value]) => value);
    codecs.push({ payloadType, encoding, fmtp: fmtps.get(format) ?? "", feedback: values });
  }
  return { codecs };
}

function byPayloadType(values: readonly string[]): Map<string, string> {
  return new Map(values.map(splitFirst));
}

function splitFirst(text: string): [string, string] {
  const space = text.indexOf(" ");
  return space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}

function parseExtensions(section: Section): Pick<OfferedMedia, "extensions"> | SdpRefusal {
  const extensions = new Map<string, number>();
  const used = new Set<number>();
  for (const value of section.all("extmap")) {
    const match = /^(\d{1,5})(?:\/[a-z]+)? (\S+)/.exec(value);
    if (match === null) return malformed("an extmap is not id and URI");
    const id = Number(match[1]);
    if (used.has(id)) return malformed("two extensions have one id");
    if (used.size >= MAX_EXTENSIONS) return refuseSdp("sdp_too_large", `more than ${MAX_EXTENSIONS} header extensions`);
    used.add(id);
    extensions.set(match[2] ?? "", id);
  }
  return { extensions };
}

/** "q;h;f", "~f" for a paused layer; alternatives ("a,b") are not ours. */
function parseRids(section: Section): Pick<OfferedMedia, "rids"> | SdpRefusal {
  const simulcast = section.first("simulcast");
  if (simulcast === undefined) return { rids: [] };
  const match = /(?:^|\s)send (\S+)/.exec(simulcast);
  if (match === null) return { rids: [] };
  const rids = alone(match[1] ?? "")
    .split(";")
    .map((rid) => rid.replace(/^~/, ""));
  if (rids.length > MAX_RIDS) return refuseSdp("sdp_unsupported", `more than ${MAX_RIDS} simulcast layers`);
  if (new Set(rids).size !== rids.length) return malformed("a rid appears twice");
  const declared = new Set(
    section
      .all("rid")
      .filter((rid) => /^\S+ send/.test(rid))
      .map((rid) => splitFirst(rid)[0]),
  );
  for (const rid of rids) {
    // RFC 8852: RIDs travel in a one-byte header extension, at most 16 letters and digits.
    if (!/^[A-Za-z0-9]{1,16}$/.test(rid)) return malformed("a rid is not 1 to 16 letters and digits");
    if (!declared.has(rid)) return malformed("a simulcast layer has no a=rid line");
  }
  return { rids };
}

function parseSsrcs(section: Section): Pick<OfferedMedia, "ssrcs" | "fid"> | SdpRefusal {
  const ssrcs = new Set<number>();
  for (const value of section.all("ssrc")) {
    const [text] = splitFirst(value);
    if (!isSsrc(text)) return malformed("an SSRC is no 32-bit number");
    ssrcs.add(Number(text));
    if (ssrcs.size > 2 * MAX_RIDS) return refuseSdp("sdp_unsupported", "too many SSRCs on a media line");
  }
  const group = section.all("ssrc-group").find((value) => value.startsWith("FID "));
  const [, media = "", rtx = ""] = group?.split(" ") ?? [];
  if (group !== undefined && !(isSsrc(media) && isSsrc(rtx))) return malformed("an FID group is not two SSRCs");
  return { ssrcs: [...ssrcs], fid: group === undefined ? undefined : [Number(media), Number(rtx)] };
}

function isSsrc(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff;
}

/** ICE and DTLS of the bundled transport: those of the first active line, or of the session. */
function parseTransport(session: Section, lines: readonly Section[], media: readonly OfferedMedia[]): ParseResult {
  const at = Math.max(
    0,
    media.findIndex((line) => line.active),
  );
  const find = (name: string): string | undefined => lines[at]?.first(name) ?? session.first(name);
  const ufrag = alone(find("ice-ufrag") ?? "");
  const pwd = find("ice-pwd") ?? "";
  // RFC 8839 section 5.4.
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(ufrag) || !/^[A-Za-z0-9+/]{22,256}$/.test(pwd))
    return malformed("no ICE ufrag and pwd");
  const fingerprint = parseFingerprint(alone(find("fingerprint") ?? ""));
  if (fingerprint === undefined) return refuseSdp("sdp_unsupported", "no fingerprint of SHA-256, SHA-384 or SHA-512");
  const setup = find("setup");
  if (setup !== "actpass" && setup !== "active")
    return refuseSdp("sdp_unsupported", "a=setup is neither actpass nor active");
  const bundle =
    session
      .all("group")
      .find((group) => group.startsWith("BUNDLE"))
      ?.split(" ")
      .slice(1) ?? [];
  const allowsMixedExtensions = session.has("extmap-allow-mixed");
  return { ok: true, offer: { media, bundle, allowsMixedExtensions, ufrag, fingerprint } };
}

const DIGEST_BYTES: Readonly<Record<string, number>> = { "sha-256": 32, "sha-384": 48, "sha-512": 64 };

/** RFC 8122 section 5. */
export function parseFingerprint(text: string): { algorithm: string; value: string } | undefined {
  const [name = "", value = ""] = text.split(" ");
  const algorithm = name.toLowerCase();
  if (!Object.hasOwn(DIGEST_BYTES, algorithm) || !/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*$/.test(value)) return undefined;
  return value.length === (DIGEST_BYTES[algorithm] ?? 0) * 3 - 1
    ? { algorithm, value: value.toUpperCase() }
    : undefined;
}
