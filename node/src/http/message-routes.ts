/** Text in rooms: sending and reading. What changes messages is in text-routes.ts. */
import { ulid } from "ulid";
import type { Talk } from "../chat/talk.ts";
import type { Clock } from "../mesh/clock.ts";
import { personOf } from "./caller.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";
import {
  ChangesPage,
  ChatMessage,
  ListChangesDto,
  ListMessagesDto,
  MessagePage,
  PostMessageDto,
  SearchDto,
  SearchPage,
} from "./texts.dto.ts";

const DEFAULT_PAGE = 50;
const DEFAULT_SEARCH = 20;
const tag = "messages";

export interface MessageServices {
  readonly talk: () => Talk;
  readonly door: RoomDoor;
  readonly clock: Clock;
}

export function messageRoutes(services: MessageServices): readonly ApiRoute[] {
  return [...historyRoutes(services), ...findingRoutes(services)];
}

function historyRoutes(services: MessageServices): readonly ApiRoute[] {
  return [
    route<undefined, ListMessagesDto>({
      method: "GET",
      path: "/v1/rooms/:slug/messages",
      summary:
        "Messages, oldest first: the newest, those before one, after one, or around one; of the room or a thread.",
      tag,
      auth: "person",
      query: ListMessagesDto,
      answers: { status: 200, schema: MessagePage },
      problems: ["room_moved", "unknown_room", "not_member", "unknown_message"],
      handle: (call) => listMessages(services, call),
    }),
    route<PostMessageDto>({
      method: "POST",
      path: "/v1/rooms/:slug/messages",
      summary:
        "Say something; the same clientId (or Idempotency-Key) of the same person is the same message (then 200).",
      tag,
      auth: "person",
      body: PostMessageDto,
      takesIdempotencyKey: true,
      answers: { status: 201, schema: ChatMessage },
      problems: [
        ...["room_moved", "unknown_room", "not_member", "not_allowed"],
        ...["unknown_message", "bad_thread", "rate_limited", "busy"],
      ] as ApiRoute["problems"],
      handle: (call) => postMessage(services, call),
    }),
  ];
}

function findingRoutes({ talk, door }: MessageServices): readonly ApiRoute[] {
  return [
    route<undefined, ListChangesDto>({
      method: "GET",
      path: "/v1/rooms/:slug/changes",
      summary: "Messages that were sent or changed since a cursor, as they are now: what a client missed.",
      tag,
      auth: "person",
      query: ListChangesDto,
      answers: { status: 200, schema: ChangesPage },
      problems: ["room_moved", "unknown_room", "not_member"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        const { after, limit = DEFAULT_PAGE } = call.query;
        return { body: await talk().reader.changes(room, user, { after, limit }) };
      },
    }),
    route<undefined, SearchDto>({
      method: "GET",
      path: "/v1/rooms/:slug/search",
      summary: "Messages with all words of q, by an author, of a time; newest first. At least one of them is given.",
      tag,
      auth: "person",
      query: SearchDto,
      answers: { status: 200, schema: SearchPage },
      problems: ["room_moved", "unknown_room", "not_member", "rate_limited"],
      handle: async (call) => {
        const { q: text = "", author: authorId, since: sinceMs, until: untilMs, before } = call.query;
        if (text === "" && authorId === undefined && sinceMs === undefined && untilMs === undefined)
          throw new ApiError("invalid_input", {
            errors: [{ path: "q", message: "q, author, since or until is needed" }],
          });
        const { room, user } = await door.enter(call);
        const { limit = DEFAULT_SEARCH } = call.query;
        const input = { text, authorId, sinceMs, untilMs, before, limit };
        return { body: await talk().reader.search(room, user, input) };
      },
    }),
  ];
}

async function listMessages(services: MessageServices, call: Call<undefined, ListMessagesDto>): Promise<Answer> {
  const { before, after, around, thread, limit = DEFAULT_PAGE } = call.query;
  if (around !== undefined && (before !== undefined || after !== undefined))
    throw new ApiError("invalid_input", {
      errors: [{ path: "around", message: "around goes without before and after" }],
    });
  const { room, user } = await services.door.enter(call);
  const { reader } = services.talk();
  const inThread = thread === undefined ? {} : { threadId: thread };
  if (around !== undefined) return { body: await reader.around(room, user, { id: around, limit, ...inThread }) };
  const page = {
    limit,
    ...inThread,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
  return { body: await reader.list(room, user, page) };
}

async function postMessage(services: MessageServices, call: Call<PostMessageDto>): Promise<Answer> {
  const { text, replyTo, threadId, clientId } = call.body;
  if (clientId !== undefined && call.idempotencyKey !== undefined && clientId !== call.idempotencyKey)
    throw new ApiError("invalid_input", { detail: "clientId and Idempotency-Key differ" });
  const { room } = await services.door.speak(call);
  const outcome = await services.talk().posts.post(room, personOf(call).user, {
    text,
    replyTo,
    threadId,
    clientId: clientId ?? call.idempotencyKey ?? ulid(services.clock.wallMs()),
  });
  return { status: outcome.isNew ? 201 : 200, body: outcome.message };
}
