/** Text in rooms. */
import { ulid } from "ulid";
import type { ChatService } from "../chat/chat-service.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Joining } from "../session/joining.ts";
import type { RoomRecord } from "../store/archive.ts";
import * as answers from "./answers.dto.ts";
import { personOf } from "./caller.ts";
import { ApiError } from "./problems.ts";
import { ListMessagesDto, PostMessageDto } from "./rooms.dto.ts";
import { type ApiRoute, type Call, route } from "./route.ts";

const DEFAULT_PAGE = 50;

export interface MessageServices {
  readonly chat: () => ChatService;
  readonly joining: Joining;
  readonly clock: Clock;
}

export function messageRoutes(services: MessageServices): readonly ApiRoute[] {
  const tag = "messages";
  const roomFor = async (call: Call<unknown, unknown>): Promise<RoomRecord> => {
    const room = await services.joining.roomOf(call.params["slug"] ?? "");
    await services.joining.assertMayTalk(room, personOf(call).user);
    return room;
  };
  return [
    route<undefined, ListMessagesDto>({
      method: "GET",
      path: "/v1/rooms/:slug/messages",
      summary: "Messages, oldest first: the newest, those before one, or those after one.",
      tag,
      auth: "person",
      query: ListMessagesDto,
      answers: { status: 200, schema: answers.MessagePage },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { before, after, limit = DEFAULT_PAGE } = call.query;
        const page = {
          limit,
          ...(before === undefined ? {} : { before }),
          ...(after === undefined ? {} : { after }),
        };
        return { body: await services.chat().list(await roomFor(call), page) };
      },
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
      answers: { status: 201, schema: answers.ChatMessage },
      problems: ["unknown_room", "not_member", "unknown_message", "rate_limited", "busy"],
      handle: async (call) => {
        const { text, replyTo, clientId } = call.body;
        if (clientId !== undefined && call.idempotencyKey !== undefined && clientId !== call.idempotencyKey)
          throw new ApiError("invalid_input", { detail: "clientId and Idempotency-Key differ" });
        const room = await roomFor(call);
        const outcome = await services.chat().post(room, personOf(call).user, {
          text,
          replyTo,
          clientId: clientId ?? call.idempotencyKey ?? ulid(services.clock.wallMs()),
        });
        return { status: outcome.isNew ? 201 : 200, body: outcome.message };
      },
    }),
  ];
}
