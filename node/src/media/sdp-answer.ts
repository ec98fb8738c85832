/** Writes the answer to a planned session (JSEP section 5.3): ICE-lite at session level, one bundle, DTLS passive. */
import { MAX_MESSAGE_BYTES, SCTP_PORT } from "./data-channels.ts";
import type { Fingerprint } from "./dtls-peer.ts";
import type { IceCredentials } from "./ice-lite.ts";
import type { LineCodec } from "./sdp-codecs.ts";
import type { DataLine, PlannedLine, RejectedLine, SendLine, SessionPlan } from "./sdp-plan.ts";

export interface HostCandidate {
  readonly host: string;
  readonly port: number;
  readonly priority: number;
  /** Passive, by TCP (RFC 6544). */
  readonly tcp?: boolean;
}
export interface LocalTransport {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly HostCandidate[];
  /** o= line: the same id for a transport, a greater version with each answer. */
  readonly sessionId: string;
  readonly version: number;
}

export function writeAnswer(plan: SessionPlan, transport: LocalTransport): string {
  const bundled = plan.lines.filter((line) => line.role !== "rejected").map((line) => line.mid);
  const lines = [
    "v=0",
    `o=- ${transport.sessionId} ${transport.version} IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${bundled.join(" ")}`,
    "a=ice-lite",
    ...(plan.allowsMixedExtensions ? ["a=extmap-allow-mixed"] : []),
    "a=msid-semantic: WMS *",
    ...plan.lines.flatMap((line) => mediaSection(line, line.mid === bundled[0] ? transport : undefined, transport)),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

/** Candidates stand in the first bundled section only; credentials in each, as browsers themselves write them. */
function mediaSection(line: PlannedLine, tagged: LocalTransport | undefined, transport: LocalTransport): string[] {
  if (line.role === "rejected") {
    return [`m=${line.kind} 0 ${line.protocol} ${line.format}`, "c=IN IP4 0.0.0.0", `a=mid:${line.mid}`, "a=inactive"];
  }
  if (line.role === "data") return dataSection(line, tagged, transport);
  const payloadTypes = line.codecs.flatMap(payloadTypesOf);
  return [
    `m=${line.kind} 9 ${line.protocol} ${payloadTypes.join(" ")}`,
    "c=IN IP4 0.0.0.0",
    ...transportLines(line.mid, tagged, transport),
    "a=rtcp-mux",
    "a=rtcp-rsize",
    ...line.extmap.map(([uri, id]) => `a=extmap:${id} ${uri}`),
    ...line.codecs.flatMap(codecLines),
    ...(line.role === "send" && line.kind === "video" ? line.codecs.map(roundTripLine) : []),
    ...roleLines(line),
  ];
}

function transportLines(mid: string, tagged: LocalTransport | undefined, transport: LocalTransport): string[] {
  return [
    `a=mid:${mid}`,
    `a=ice-ufrag:${transport.ice.ufrag}`,
    `a=ice-pwd:${transport.ice.pwd}`,
    `a=fingerprint:${transport.fingerprint.algorithm} ${transport.fingerprint.value}`,
    "a=setup:passive",
    ...(tagged === undefined ? [] : candidateLines(tagged.candidates)),
  ];
}

/** RFC 8841. */
function dataSection(line: DataLine, tagged: LocalTransport | undefined, transport: LocalTransport): string[] {
  return [
    `m=application 9 ${line.protocol} webrtc-datachannel`,
    "c=IN IP4 0.0.0.0",
    ...transportLines(line.mid, tagged, transport),
    `a=sctp-port:${SCTP_PORT}`,
    `a=max-message-size:${MAX_MESSAGE_BYTES}`,
  ];
}

/** In order of preference: what a client sends is the first. */
function payloadTypesOf({ payloadType, rtxPayloadType, redPayloadType, prefersRed }: LineCodec): number[] {
  const red = redPayloadType === undefined ? [] : [redPayloadType];
  const media = prefersRed ? [...red, payloadType] : [payloadType, ...red];
  return rtxPayloadType === undefined ? media : [...media, rtxPayloadType];
}

function codecLines(codec: LineCodec): string[] {
  const { info, encoding, payloadType, rtxPayloadType, redPayloadType, feedback } = codec;
  return [
    `a=rtpmap:${payloadType} ${encoding}`,
    ...(info.fmtp === undefined ? [] : [`a=fmtp:${payloadType} ${info.fmtp}`]),
    ...feedback.map((value) => `a=rtcp-fb:${payloadType} ${value}`),
    ...(rtxPayloadType === undefined
      ? []
      : [`a=rtpmap:${rtxPayloadType} rtx/90000`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`]),
    ...(redPayloadType === undefined
      ? []
      : [`a=rtpmap:${redPayloadType} red/48000/2`, `a=fmtp:${redPayloadType} ${payloadType}/${payloadType}`]),
  ];
}

/**
 * RFC 3611 section 4.4: whoever only receives learns its round trip from our answers to its reference times. Browsers do not
 * offer it, but Chromium does it where it is asked, and then holds pictures until repairs can have come.
 */
function roundTripLine({ payloadType }: LineCodec): string {
  return `a=rtcp-fb:${payloadType} rrtr`;
}

function candidateLines(candidates: readonly HostCandidate[]): string[] {
  const lines = candidates.map(({ host, port, priority, tcp }, index) => {
    const [protocol, type] = tcp === true ? ["tcp", " tcptype passive"] : ["udp", ""];
    return `a=candidate:${index + 1} 1 ${protocol} ${priority} ${host} ${port} typ host${type}`;
  });
  return [...lines, "a=end-of-candidates"];
}

function roleLines(line: Exclude<PlannedLine, RejectedLine | DataLine>): string[] {
  if (line.role === "inactive") return ["a=inactive"];
  if (line.role === "send") return sendLines(line);
  if (line.rids.length === 0) return ["a=recvonly"];
  return ["a=recvonly", ...line.rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${line.rids.join(";")}`];
}

/** Each slot is a stream of its own: what it carries changes, so nothing may be synchronised to it by name. */
function sendLines(line: SendLine): string[] {
  const cname = `slot-${line.mid}`;
  const rtx = line.rtxSsrc;
  return [
    "a=sendonly",
    `a=msid:${cname} ${cname}`,
    ...(rtx === undefined ? [] : [`a=ssrc-group:FID ${line.ssrc} ${rtx}`]),
    `a=ssrc:${line.ssrc} cname:${cname}`,
    ...(rtx === undefined ? [] : [`a=ssrc:${rtx} cname:${cname}`]),
  ];
}
