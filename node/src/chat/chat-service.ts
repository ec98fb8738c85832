/** Sending text to rooms: persisted first, then told to those present here and on the room's other nodes. */
import type { ChatMessage } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { KeyedBuckets } from "../signalling/token-bucket.ts";
import type { Archive, MessageRecord, RoomRecord, UserRecord } from "../store/archive.ts";
import type { ChangeIds } from "./change-ids.ts";
import { mentionsOf } from "./mentions.ts";
import { toChatMessage } from "./message-view.ts";
import type { RoomBroadcast } from "./room-broadcast.ts";

/** Messages of one person, over all rooms. */
const POST_RATE = { burst: 30, perSecond: 3 };

export interface ChatOptions {
  readonly archive: Archive;
  readonly broadcast: Pick<RoomBroadcast, "tell">;
  readonly ids: ChangeIds;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Called before a message is stored. */
  readonly before: (roomId: string) => Promise<void>;
}

export interface NewMessage {
  readonly text: string;
  readonly clientId: string;
  readonly replyTo?: string | undefined;
  /** A message of the thread, or the one that opens it. */
  readonly threadId?: string | undefined;
}

export class ChatService {
  readonly #options: ChatOptions;
  readonly #buckets = new KeyedBuckets(POST_RATE);

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  /** Repeated with the same clientId: the message that was stored then, and nobody is told again. */
  async post(
    room: RoomRecord,
    author: Pick<UserRecord, "id" | "displayName">,
    input: NewMessage,
  ): Promise<{ readonly message: ChatMessage; readonly isNew: boolean }> {
    const { clock, metrics, archive } = this.#options;
    const waitMs = this.#buckets.take(author.id, clock.nowMs());
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
    const threadId = await this.#threadOf(room.id, input);
    const mentions = await mentionsOf(archive, room.id, input.text);
    await this.#options.before(room.id);
    const outcome = await this.#store(room, author, { ...input, threadId, mentions });
    const message = toChatMessage(outcome.message);
    metrics.chatMessage(outcome.isNew ? "stored" : "repeated");
    if (outcome.isNew) await this.#options.broadcast.tell(room.id, { type: "message", message });
    return { message, isNew: outcome.isNew };
  }

  /** The opener of the thread that is spoken in. What is answered and where it is said must exist. */
  async #threadOf(roomId: string, input: NewMessage): Promise<string | undefined> {
    const { archive } = this.#options;
    for (const id of [input.replyTo, input.threadId])
      if (id !== undefined && (await archive.getMessage({ roomId, id })) === undefined)
        throw new ApiError("unknown_message");
    if (input.threadId === undefined) return undefined;
    const named = await archive.getMessage({ roomId, id: input.threadId });
    const openerId = named?.threadId ?? input.threadId;
    const opener = openerId === input.threadId ? named : await archive.getMessage({ roomId, id: openerId });
    if (opener === undefined || opener.deletedAtMs !== undefined) throw new ApiError("bad_thread");
    return openerId;
  }

  async #store(
    room: RoomRecord,
    author: Pick<UserRecord, "id" | "displayName">,
    input: NewMessage & { readonly mentions: readonly string[] },
  ): Promise<{ readonly message: MessageRecord; readonly isNew: boolean }> {
    const { archive, clock, ids } = this.#options;
    const outcome = await ids.use(room.id, (id) =>
      archive.appendMessage({
        id,
        roomId: room.id,
        authorId: author.id,
        authorName: author.displayName,
        text: input.text,
        sentAtMs: clock.wallMs(),
        clientId: input.clientId,
        ...(input.replyTo === undefined ? {} : { replyTo: input.replyTo }),
        ...(input.threadId === undefined ? {} : { threadId: input.threadId }),
        ...(input.mentions.length === 0 ? {} : { mentions: input.mentions }),
      }),
    );
    return { message: outcome.message, isNew: outcome.kind === "appended" };
  }
}
