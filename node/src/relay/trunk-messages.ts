/**
 * What two nodes say to each other about a trunk, as bodies of gossip direct messages, and reading them with every
 * bound checked. Rules: SPEC.md [Y10…Y14].
 */
import type { TrackDescription, TrunkParameters } from "../media/control.ts";
import { isCount, isFields, isListOf, isText, isTextOrEmpty } from "../mesh/shape.ts";
import { copyTrack, isTrackDescription } from "../room/room-state.ts";

export const TRUNK_TOPICS = {
  /** The higher name asks the lower to offer. */
  ask: "trunk.ask",
  offer: "trunk.offer",
  open: "trunk.open",
  close: "trunk.close",
  /** The sender's end does not send a stream (any more). */
  stopped: "trunk.stopped",
  end: "trunk.end",
  /** How good is your trunk to that node? Asked of those who might forward. */
  leg: "trunk.leg",
} as const;
export type TrunkTopic = (typeof TRUNK_TOPICS)[keyof typeof TRUNK_TOPICS];

/**
 * A node speaks this version of the trunk protocol and the one before. 1: streams between two nodes. 2: streams of a third
 * node, which this one forwards.
 */
export const TRUNK_VERSIONS: VersionRange = { min: 1, max: 2 };
/** From this version on. */
export const TRANSIT_VERSION = 2;
export const MAX_CANDIDATES = 16;
const MAX_ID = 128;
const MAX_ROOM_ID = 256;

/** Why a trunk message was refused; nothing changed. */
export const TRUNK_REFUSALS = [
  "bad_shape",
  "unknown_node",
  "not_offerer",
  "trunk_version",
  "unknown_trunk",
  "unknown_track",
  "too_many_streams",
  "media_unavailable",
  "superseded",
  "not_forwarding",
  "no_way",
] as const;
export type TrunkRefusal = (typeof TRUNK_REFUSALS)[number];

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}
export interface AskBody {
  readonly versions: VersionRange;
  /** The trunk that the asker had last, if it is the one that is broken. */
  readonly lost: string | null;
}
export interface OfferBody {
  readonly trunkId: string;
  readonly versions: VersionRange;
  readonly parameters: TrunkParameters;
}
export interface AnswerBody {
  readonly version: number;
  readonly parameters: TrunkParameters;
}
/**
 * The stream is a third node's, whom the receiver cannot reach well: forward it. The track is described, as whoever forwards
 * need not serve the room. It is forwarded from the trunk to `origin` alone, so no stream makes more than two hops, and none
 * comes back.
 */
export interface Transit {
  readonly origin: string;
  readonly track: TrackDescription;
}
export interface OpenBody {
  readonly trunkId: string;
  readonly roomId: string;
  readonly trackId: string;
  readonly layer: string;
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly transit?: Transit;
}
export interface StreamBody {
  readonly trunkId: string;
  readonly ssrc: number;
}
export interface EndBody {
  readonly trunkId: string;
}
export interface LegBody {
  readonly to: string;
}
export interface LegReply {
  /** This node forwards, and its trunk to there is up or could be made. */
  readonly forwards: boolean;
  /** Of what came over that trunk lately; null: nothing did. */
  readonly lossRatio: number | null;
}

export function readAsk(body: unknown): AskBody | undefined {
  if (!isFields(body) || !isVersionRange(body["versions"])) return undefined;
  const { versions, lost } = body;
  return lost === null || isText(lost, MAX_ID) ? { versions: copyRange(versions), lost } : undefined;
}

export function readOffer(body: unknown): OfferBody | undefined {
  if (!isFields(body) || !isText(body["trunkId"], MAX_ID) || !isVersionRange(body["versions"])) return undefined;
  const parameters = readParameters(body["parameters"]);
  if (parameters === undefined) return undefined;
  return { trunkId: body["trunkId"], versions: copyRange(body["versions"]), parameters };
}

export function readAnswer(body: unknown): AnswerBody | undefined {
  if (!isFields(body) || !isCount(body["version"], 65_535)) return undefined;
  const parameters = readParameters(body["parameters"]);
  return parameters === undefined ? undefined : { version: body["version"], parameters };
}

export function readOpen(body: unknown): OpenBody | undefined {
  if (!isFields(body)) return undefined;
  const { trunkId, roomId, trackId, layer, ssrc, rtxSsrc } = body;
  if (!isText(trunkId, MAX_ID) || !isText(roomId, MAX_ROOM_ID) || !isText(trackId, MAX_ID)) return undefined;
  if (!isTextOrEmpty(layer, 32) || !isSsrc(ssrc) || !isSsrc(rtxSsrc) || ssrc === rtxSsrc) return undefined;
  const open = { trunkId, roomId, trackId, layer, ssrc, rtxSsrc };
  if (body["transit"] === undefined) return open;
  const transit = readTransit(body["transit"]);
  const fits = transit?.track.trackId === trackId && transit.track.layers.includes(layer);
  return transit !== undefined && fits ? { ...open, transit } : undefined;
}

function readTransit(value: unknown): Transit | undefined {
  if (!isFields(value) || !isText(value["origin"], MAX_ID) || !isTrackDescription(value["track"])) return undefined;
  return { origin: value["origin"], track: copyTrack(value["track"]) };
}

export function readStream(body: unknown): StreamBody | undefined {
  if (!isFields(body) || !isText(body["trunkId"], MAX_ID) || !isSsrc(body["ssrc"])) return undefined;
  return { trunkId: body["trunkId"], ssrc: body["ssrc"] };
}

export function readEnd(body: unknown): EndBody | undefined {
  return isFields(body) && isText(body["trunkId"], MAX_ID) ? { trunkId: body["trunkId"] } : undefined;
}

export function readLeg(body: unknown): LegBody | undefined {
  return isFields(body) && isText(body["to"], MAX_ID) ? { to: body["to"] } : undefined;
}

export function readLegReply(body: unknown): LegReply | undefined {
  if (!isFields(body) || typeof body["forwards"] !== "boolean") return undefined;
  const { forwards, lossRatio } = body;
  if (lossRatio === null) return { forwards, lossRatio };
  const isRatio = typeof lossRatio === "number" && lossRatio >= 0 && lossRatio <= 1;
  return isRatio ? { forwards, lossRatio } : undefined;
}

/** The greatest version that both speak; undefined when there is none. */
export function commonVersion(a: VersionRange, b: VersionRange): number | undefined {
  const version = Math.min(a.max, b.max);
  return version >= Math.max(a.min, b.min) ? version : undefined;
}

function isVersionRange(value: unknown): value is VersionRange {
  return (
    isFields(value) && isCount(value["min"], 65_535) && isCount(value["max"], 65_535) && value["min"] <= value["max"]
  );
}

function copyRange({ min, max }: VersionRange): VersionRange {
  return { min, max };
}

function isSsrc(value: unknown): value is number {
  return isCount(value, 0xffff_ffff) && value > 0;
}

function isCandidate(value: unknown): value is TrunkParameters["candidates"][number] {
  if (!isFields(value) || !isText(value["host"], 64)) return false;
  return isCount(value["port"], 65_535) && value["port"] > 0 && isCount(value["priority"], 0xffff_ffff);
}

function readParameters(value: unknown): TrunkParameters | undefined {
  if (!isFields(value) || !isFields(value["fingerprint"])) return undefined;
  const { ufrag, pwd, candidates } = value;
  const { algorithm, value: digest } = value["fingerprint"];
  // RFC 8839 section 5.4: ufrag and pwd are at most 256 characters.
  if (!isText(ufrag, 256) || !isText(pwd, 256) || !isText(algorithm, 32) || !isText(digest, 256)) return undefined;
  if (!isListOf(candidates, MAX_CANDIDATES, isCandidate)) return undefined;
  return {
    ufrag,
    pwd,
    fingerprint: { algorithm, value: digest },
    candidates: candidates.map(({ host, port, priority }) => ({ host, port, priority })),
  };
}
