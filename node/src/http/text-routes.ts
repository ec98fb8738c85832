/** What people do to one message, and how far they have read. */
import type { Deed } from "../chat/chat-changes.ts";
import { reactionKindOf } from "../chat/reaction-kind.ts";
import type { Talk } from "../chat/talk.ts";
import type { Joining } from "../session/joining.ts";
import { ULID } from "./fields.ts";
import { ApiError } from "./problems.ts";
import type { Inside, RoomDoor } from "./room-door.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";
import {
  ChatMessage,
  EditMessageDto,
  ListReadDto,
  MarkReadDto,
  MessageHistory,
  MoveMessageDto,
  ReadMarkers,
  Unread,
} from "./texts.dto.ts";

const DEFAULT_PAGE = 100;
const tag = "messages";
const message = "/v1/rooms/:slug/messages/:messageId";
const found = ["room_moved", "unknown_room", "not_member", "unknown_message"] as const;
const changed = [...found, "message_deleted", "rate_limited", "busy"] as const;

export interface TextServices {
  readonly talk: () => Talk;
  readonly door: RoomDoor;
  readonly joining: Pick<Joining, "roleOf">;
}

export function textRoutes(services: TextServices): readonly ApiRoute[] {
  return [...oneMessageRoutes(services), ...editRoutes(services), ...reactionRoutes(services), ...readRoutes(services)];
}

function oneMessageRoutes({ talk, door }: TextServices): readonly ApiRoute[] {
  return [
    route({
      method: "GET",
      path: message,
      summary: "One message, for links to it.",
      tag,
      auth: "person",
      answers: { status: 200, schema: ChatMessage },
      problems: found,
      handle: async (call) => {
        const { room, user, messageId } = await deedOf(door, call);
        return { body: await talk().reader.get(room, user, messageId) };
      },
    }),
    route({
      method: "GET",
      path: `${message}/history`,
      summary: "What the message said before it was edited, oldest first.",
      tag,
      auth: "person",
      answers: { status: 200, schema: MessageHistory },
      problems: found,
      handle: async (call) => {
        const { room, messageId } = await deedOf(door, call);
        return { body: await talk().changes.history(room, messageId) };
      },
    }),
  ];
}

function editRoutes({ talk, door, joining }: TextServices): readonly ApiRoute[] {
  return [
    route<EditMessageDto>({
      method: "PATCH",
      path: message,
      summary: "Change what one's own message says; what it said before is kept.",
      tag,
      auth: "person",
      body: EditMessageDto,
      answers: { status: 200, schema: ChatMessage },
      problems: [...changed, "not_allowed", "too_many"],
      handle: async (call) => ({ body: await talk().changes.edit(await writtenDeedOf(door, call), call.body.text) }),
    }),
    route({
      method: "DELETE",
      path: message,
      summary: "Take back one's own message, or another's as a moderator; its place stays.",
      tag,
      auth: "person",
      answers: { status: 200, schema: ChatMessage },
      problems: [...changed, "not_allowed"],
      handle: async (call) => {
        const deed = await deedOf(door, call);
        return { body: await talk().changes.remove(deed, await joining.roleOf(deed.room, deed.user)) };
      },
    }),
    route<MoveMessageDto>({
      method: "PUT",
      path: `${message}/thread`,
      summary: "Move one's own message, or another's as a moderator, into a thread, or out of its thread.",
      tag,
      auth: "person",
      body: MoveMessageDto,
      answers: { status: 200, schema: ChatMessage },
      problems: [...changed, "not_allowed", "bad_thread"],
      handle: async (call) => {
        const deed = await writtenDeedOf(door, call);
        const role = await joining.roleOf(deed.room, deed.user);
        return { body: await talk().changes.move(deed, role, call.body.threadId) };
      },
    }),
  ];
}

function reactionRoutes({ talk, door }: TextServices): readonly ApiRoute[] {
  const react = async (call: Call, on: boolean): Promise<Answer> => {
    const kind = reactionKindOf(call.params["kind"] ?? "");
    if (kind === undefined)
      throw new ApiError("invalid_input", { errors: [{ path: "kind", message: "kind must be one emoji" }] });
    const deed = on ? await writtenDeedOf(door, call) : await deedOf(door, call);
    return { body: await talk().changes.react(deed, kind, on) };
  };
  const shared = { path: `${message}/reactions/:kind`, tag, auth: "person" } as const;
  const answers = { status: 200, schema: ChatMessage };
  return [
    route({
      ...shared,
      method: "PUT",
      summary: "React to a message with an emoji.",
      answers,
      problems: [...changed, "not_allowed", "invalid_input", "too_many"],
      handle: (call) => react(call, true),
    }),
    route({
      ...shared,
      method: "DELETE",
      summary: "Take a reaction back.",
      answers,
      problems: [...changed, "invalid_input"],
      handle: (call) => react(call, false),
    }),
  ];
}

function readRoutes({ talk, door }: TextServices): readonly ApiRoute[] {
  const path = "/v1/rooms/:slug/read";
  return [
    route<undefined, ListReadDto>({
      method: "GET",
      path,
      summary: "How far people have read, by ascending person id.",
      tag,
      auth: "person",
      query: ListReadDto,
      answers: { status: 200, schema: ReadMarkers },
      problems: ["room_moved", "unknown_room", "not_member"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        const { after, limit = DEFAULT_PAGE } = call.query;
        return { body: await talk().markers.list(room, { after, limit }) };
      },
    }),
    route<MarkReadDto>({
      method: "PUT",
      path,
      summary: "Everything up to this message was seen; a marker never goes back.",
      tag,
      auth: "person",
      body: MarkReadDto,
      answers: { status: 200, schema: Unread },
      problems: [...found, "busy"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        return { body: await talk().markers.mark(room, user, call.body.messageId) };
      },
    }),
  ];
}

const deedOf = async (door: RoomDoor, call: Call<unknown, unknown>): Promise<Deed> =>
  deedIn(await door.enter(call), call);

/** What is taken back may be taken back by everybody; the rest is for those who may write. */
const writtenDeedOf = async (door: RoomDoor, call: Call<unknown, unknown>): Promise<Deed> =>
  deedIn(await door.speak(call), call);

/** What is no id is no message. */
function deedIn(inside: Inside, call: Call<unknown, unknown>): Deed {
  const messageId = call.params["messageId"] ?? "";
  if (!ULID.test(messageId)) throw new ApiError("unknown_message");
  return { ...inside, messageId };
}
