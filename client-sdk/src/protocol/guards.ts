/**
 * Cheap shape checks of what a node sends: enough that the rest of the SDK can trust the types, without a
 * validator library. Unknown types and fields are ignored, so that a newer node can say more.
 */
import { MAX_MESSAGE_BYTES, type ServerMessage } from "./messages.ts";

/** Why a message of a node was ignored; each is counted. */
export type IgnoreReason =
  | "too_long"
  | "not_json"
  | "not_an_object"
  | "unknown_type"
  | "bad_shape"
  | "stale_seq"
  | "unexpected";

export type Parsed =
  | { readonly ok: true; readonly message: ServerMessage }
  | { readonly ok: false; readonly reason: IgnoreReason };

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const string: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const boolean: Check = (value) => typeof value === "boolean";
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const shape =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([key, check]) => check(value[key]));
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const kind = oneOf("audio", "video");
const source = oneOf("microphone", "camera", "screen", "screenAudio");
const role = oneOf("owner", "moderator", "member", "guest");
const track = shape({ trackId: string, kind, source, muted: boolean });
const participant = shape({
  participantId: string,
  userId: string,
  displayName: string,
  role,
  node: string,
  tracks: list(track),
  state: oneOf("active", "reconnecting"),
  joinedAtMs: number,
});
const slot = shape({
  mid: string,
  kind,
  participantId: optional(string),
  trackId: optional(string),
  source: optional(source),
});
const chatMessage = shape({ id: string, authorId: string, authorName: string, text: string, sentAtMs: number });
const grants = shape({ publish: boolean, subscribe: boolean, chat: boolean, moderate: boolean });

const SHAPES: { readonly [T in ServerMessage["type"]]: Check } = {
  welcome: shape({ replyTo: string, sessionId: string, epoch: number, node: string, resumed: boolean }),
  joined: shape({
    replyTo: string,
    room: shape({ roomId: string, slug: string, title: string }),
    participantId: string,
    role,
    grants,
    participants: list(participant),
  }),
  answer: shape({ replyTo: string, sdp: string, tracks: list(shape({ mid: string, trackId: string })) }),
  ok: shape({ replyTo: string }),
  error: shape({ replyTo: optional(string), code: string, detail: string, retryAfterMs: optional(number) }),
  participantJoined: shape({ participant }),
  participantUpdated: shape({ participant }),
  participantLeft: shape({
    participantId: string,
    reason: oneOf("left", "timeout", "nodeFailed", "removed", "superseded"),
  }),
  slots: shape({ slots: list(slot) }),
  speakers: shape({ speakers: list(shape({ participantId: string, level: number })) }),
  message: shape({ message: chatMessage }),
  messageUpdated: shape({
    message: chatMessage,
    change: oneOf("edited", "deleted", "reacted", "threaded"),
    userId: string,
  }),
  read: shape({ userId: string, messageId: string }),
  typing: shape({ userId: string, displayName: string, typing: boolean, threadId: optional(string) }),
  roomUpdated: shape({
    room: shape({ roomId: string, slug: string, title: string, description: string, version: number }),
  }),
  memberUpdated: shape({ userId: string, role: optional(role) }),
  roomLife: shape({
    what: oneOf("file", "happening", "expense"),
    change: oneOf("added", "changed", "removed"),
    id: string,
    userId: string,
  }),
  layers: shape({ trackId: string, layers: list(string) }),
  slotState: shape({ mid: string, trackId: string, state: oneOf("live", "paused", "unsupportedCodec") }),
  quality: shape({ scores: list(shape({ participantId: string, score: number })) }),
  muted: shape({ trackId: string, by: optional(string) }),
  grants: shape({ role, grants }),
  media: shape({ state: oneOf("connected", "reconnecting", "gone") }),
  closing: shape({
    reason: oneOf("left", "superseded", "removed", "draining", "protocol", "slow", "expired"),
    goTo: optional(string),
  }),
  pong: shape({ sentAtMs: number }),
};

const ignored = (reason: IgnoreReason): Parsed => ({ ok: false, reason });

/** One text of a node's socket as a message, or why it is ignored. Never throws. Node sends may exceed a client's limit fourfold. */
export function parseServerMessage(text: string): Parsed {
  if (text.length > 4 * MAX_MESSAGE_BYTES) return ignored("too_long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ignored("not_json");
  }
  if (!isObject(value)) return ignored("not_an_object");
  const type = value["type"];
  if (typeof type !== "string" || !Object.hasOwn(SHAPES, type)) return ignored("unknown_type");
  const check = SHAPES[type as ServerMessage["type"]];
  if (!number(value["seq"]) || !check(value)) return ignored("bad_shape");
  return { ok: true, message: value as unknown as ServerMessage };
}
