/**
 * What nodes that serve the same room tell each other, as message bodies: building, and reading with every bound
 * checked. A body that is not exactly right is refused with a code and changes nothing. Rules: SPEC.md [P30…P39].
 */
import type { TrackDescription } from "../media/control.ts";
import { isCount, isFields, isListOf, isOneOf, isText, isTextOrEmpty } from "../mesh/shape.ts";
import type { Claim } from "./claim.ts";
import type { Entry, LiveTrack } from "./entry.ts";
import type { Level } from "./room.ts";
import type { NodeState } from "./roster.ts";

/** Version of these bodies. A node reads this one only; a change that breaks it takes a new topic beside the old. */
export const ROOM_STATE_VERSION = 1;
export const MAX_LOCAL_PARTICIPANTS = 500;
export const MAX_TRACKS_PER_PARTICIPANT = 16;
export const MAX_LAYERS = 8;
const MAX_ID = 128;
const MAX_NAME = 256;
const MAX_ROOM_ID = 256;
const MAX_DEPARTURES = 64;
const MAX_LEVELS = 16;

/** Why another node's word was refused. */
export const ROOM_REFUSALS = [
  "bad_shape",
  "bad_version",
  "foreign_node",
  "unknown_node",
  "foreign_track",
  "duplicate_id",
  "stale",
  "too_many_nodes",
] as const;
export type RoomRefusal = (typeof ROOM_REFUSALS)[number];
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: RoomRefusal };

export interface Stamp {
  readonly boot: string;
  readonly version: number;
}
export interface RoomStateBody {
  readonly v: typeof ROOM_STATE_VERSION;
  readonly roomId: string;
  /** Whose word this is: always the sender's own. */
  readonly node: string;
  readonly state: NodeState;
  /** What the sender holds of the receiver. */
  readonly have: Stamp | null;
}
export interface RoomStateReply {
  /** False: nobody of this room is on the receiver. */
  readonly known: boolean;
  /** The receiver's own word, when the sender does not hold it yet. */
  readonly state?: NodeState;
}
export interface RoomLevelsBody {
  readonly roomId: string;
  readonly boot: string;
  readonly seq: number;
  readonly levels: readonly Level[];
}

export function readRoomState(body: unknown, from: string): Read<RoomStateBody> {
  if (!isFields(body)) return refuse("bad_shape");
  if (body["v"] !== ROOM_STATE_VERSION) return refuse("bad_version");
  if (body["node"] !== from) return refuse("foreign_node");
  const { roomId, have } = body;
  if (!isText(roomId, MAX_ROOM_ID) || !(have === null || isStamp(have))) return refuse("bad_shape");
  const state = readNodeState(body["state"]);
  if (!state.ok) return state;
  return accept({
    v: ROOM_STATE_VERSION,
    roomId,
    node: from,
    state: state.value,
    have: have === null ? null : stamp(have),
  });
}

export function readRoomStateReply(body: unknown): Read<RoomStateReply> {
  if (!isFields(body) || typeof body["known"] !== "boolean") return refuse("bad_shape");
  if (body["state"] === undefined) return accept({ known: body["known"] });
  const state = readNodeState(body["state"]);
  return state.ok ? accept({ known: body["known"], state: state.value }) : state;
}

export function readRoomLevels(body: unknown): Read<RoomLevelsBody> {
  if (!isFields(body)) return refuse("bad_shape");
  const { roomId, boot, seq, levels } = body;
  if (!isText(roomId, MAX_ROOM_ID) || !isText(boot, MAX_ID) || !isCount(seq)) return refuse("bad_shape");
  if (!isListOf(levels, MAX_LEVELS, isLevel)) return refuse("bad_shape");
  return accept({ roomId, boot, seq, levels: levels.map(({ trackId, level }) => ({ trackId, level })) });
}

function readNodeState(value: unknown): Read<NodeState> {
  if (!isFields(value) || !isStamp(value)) return refuse("bad_shape");
  const { participants, departures } = value;
  if (!isListOf(participants, MAX_LOCAL_PARTICIPANTS, isEntry)) return refuse("bad_shape");
  if (!isListOf(departures, MAX_DEPARTURES, isDeparture)) return refuse("bad_shape");
  const ids = participants.map((entry) => entry.participantId);
  const trackIds = participants.flatMap((entry) => entry.tracks.map((track) => track.trackId));
  if (hasRepeats(ids) || hasRepeats(trackIds)) return refuse("duplicate_id");
  return accept({
    ...stamp(value),
    participants: participants.map(copyEntry),
    departures: departures.map(({ participantId, reason }) => ({ participantId, reason })),
  });
}

function isStamp(value: unknown): value is Stamp {
  return isFields(value) && isText(value["boot"], MAX_ID) && isCount(value["version"]);
}

/** Only what is known passes on: unknown fields of a newer node are left behind here and in the copies below. */
function stamp({ boot, version }: Stamp): Stamp {
  return { boot, version };
}

function isEntry(value: unknown): value is Entry {
  if (!isFields(value) || !isClaim(value["claim"])) return false;
  return (
    isText(value["participantId"], MAX_ID) &&
    isText(value["userId"], MAX_ID) &&
    isTextOrEmpty(value["displayName"], MAX_NAME) &&
    isOneOf(value["role"], ["owner", "moderator", "member", "guest"]) &&
    isOneOf(value["state"], ["active", "reconnecting"]) &&
    isCount(value["joinedAtMs"]) &&
    isListOf(value["tracks"], MAX_TRACKS_PER_PARTICIPANT, isLiveTrack)
  );
}

function isClaim(value: unknown): value is Claim {
  return (
    isFields(value) && isCount(value["generation"]) && isText(value["sessionId"], MAX_ID) && isCount(value["epoch"])
  );
}

function isLiveTrack(value: unknown): value is LiveTrack {
  return isFields(value) && typeof value["muted"] === "boolean" && isTrackDescription(value);
}

export function isTrackDescription(value: unknown): value is TrackDescription {
  if (!isFields(value) || !isCodec(value["codec"])) return false;
  const layer = (item: unknown): item is string => isTextOrEmpty(item, 32);
  return (
    isText(value["trackId"], MAX_ID) &&
    isOneOf(value["kind"], ["audio", "video"]) &&
    isOneOf(value["source"], ["microphone", "camera", "screen", "screenAudio"]) &&
    isListOf(value["layers"], MAX_LAYERS, layer) &&
    value["layers"].length > 0 &&
    !hasRepeats(value["layers"])
  );
}

function isCodec(value: unknown): boolean {
  if (!isFields(value) || !isOneOf(value["name"], ["opus", "VP8", "H264", "VP9", "AV1"])) return false;
  const { clockRateHz, channels, fmtp } = value;
  if (!isCount(clockRateHz, 1_000_000) || clockRateHz === 0) return false;
  return (channels === undefined || isCount(channels, 8)) && (fmtp === undefined || isTextOrEmpty(fmtp, 512));
}

function isDeparture(value: unknown): value is NodeState["departures"][number] {
  return (
    isFields(value) &&
    isText(value["participantId"], MAX_ID) &&
    isOneOf(value["reason"], ["left", "timeout", "nodeFailed", "removed", "superseded"])
  );
}

function isLevel(value: unknown): value is Level {
  return isFields(value) && isText(value["trackId"], MAX_ID) && isCount(value["level"], 127);
}

function copyEntry(entry: Entry): Entry {
  const { participantId, userId, displayName, role, state, joinedAtMs } = entry;
  const { generation, sessionId, epoch } = entry.claim;
  const tracks = entry.tracks.map((track) => ({ ...copyTrack(track), muted: track.muted }));
  const claim = { generation, sessionId, epoch };
  return { participantId, userId, displayName, role, claim, state, joinedAtMs, tracks };
}

export function copyTrack(track: TrackDescription): TrackDescription {
  const { trackId, kind, source, codec, layers } = track;
  const { name, clockRateHz, channels, fmtp } = codec;
  return {
    trackId,
    kind,
    source,
    codec: {
      name,
      clockRateHz,
      ...(channels === undefined ? {} : { channels }),
      ...(fmtp === undefined ? {} : { fmtp }),
    },
    layers: [...layers],
  };
}

function hasRepeats(ids: readonly string[]): boolean {
  return new Set(ids).size !== ids.length;
}

function accept<T>(value: T): Read<T> {
  return { ok: true, value };
}

function refuse(code: RoomRefusal): { readonly ok: false; readonly code: RoomRefusal } {
  return { ok: false, code };
}
