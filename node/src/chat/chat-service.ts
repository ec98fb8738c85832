/** Text in rooms: persisted first, then told to those present here and on the room's other nodes. */
import type { ChatMessage } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { RoomService } from "../room/room-service.ts";
import { KeyedBuckets } from "../signalling/token-bucket.ts";
import type { Archive, MessagePage as ArchivePage, MessageRecord, RoomRecord, UserRecord } from "../store/archive.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { Presence } from "../store/presence.ts";
import { maxId, NewestIds, nextMessageId } from "./message-clock.ts";

/** Two nodes may mint the same id at once; each try is above what was seen. */
const MAX_ID_ATTEMPTS = 5;
/** Messages of one person, over all rooms. */
const POST_RATE = { burst: 30, perSecond: 3 };

export interface ChatOptions {
  readonly archive: Archive;
  readonly presence: Presence;
  readonly mesh: Mesh;
  readonly rooms: RoomService;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** In [0, 1); for the random part of ids. */
  readonly random: () => number;
}

export interface NewMessage {
  readonly text: string;
  readonly clientId: string;
  readonly replyTo?: string | undefined;
}

export class ChatService {
  readonly #options: ChatOptions;
  readonly #newest = new NewestIds();
  readonly #buckets = new KeyedBuckets(POST_RATE);

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  /** Repeated with the same clientId: the message that was stored then, and nobody is told again. */
  async post(
    room: RoomRecord,
    author: UserRecord,
    input: NewMessage,
  ): Promise<{ readonly message: ChatMessage; readonly isNew: boolean }> {
    const { archive, clock, metrics } = this.#options;
    const waitMs = this.#buckets.take(author.id, clock.nowMs());
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
    const { replyTo } = input;
    if (replyTo !== undefined && (await archive.getMessage({ roomId: room.id, id: replyTo })) === undefined)
      throw new ApiError("unknown_message");
    const outcome = await this.#store(room, author, input);
    const message = toChatMessage(outcome.message);
    metrics.chatMessage(outcome.isNew ? "stored" : "repeated");
    if (outcome.isNew) this.#options.rooms.post(room.id, message, await this.#otherNodes(room.id));
    return { message, isNew: outcome.isNew };
  }

  async list(
    room: RoomRecord,
    page: ArchivePage,
  ): Promise<{ readonly messages: readonly ChatMessage[]; readonly nextCursor?: string }> {
    const { messages, more } = await this.#options.archive.listMessages(room.id, page);
    const newest = messages.at(-1);
    if (newest !== undefined) this.#newest.saw(room.id, newest.id);
    const edge = page.after === undefined ? messages[0] : newest;
    return { messages: messages.map(toChatMessage), ...(more && edge !== undefined ? { nextCursor: edge.id } : {}) };
  }

  async #store(
    room: RoomRecord,
    author: UserRecord,
    input: NewMessage,
  ): Promise<{ readonly message: MessageRecord; readonly isNew: boolean }> {
    const { archive, clock, random } = this.#options;
    for (let attempt = 0; attempt < MAX_ID_ATTEMPTS; attempt++) {
      const floor = maxId(await archive.newestMessageId(room.id), this.#newest.get(room.id));
      const id = nextMessageId(floor, clock.wallMs(), random);
      const outcome = await archive.appendMessage({
        id,
        roomId: room.id,
        authorId: author.id,
        authorName: author.displayName,
        text: input.text,
        sentAtMs: clock.wallMs(),
        clientId: input.clientId,
        ...(input.replyTo === undefined ? {} : { replyTo: input.replyTo }),
      });
      if (outcome.kind === "id_taken") continue;
      this.#newest.saw(room.id, outcome.message.id);
      return { message: outcome.message, isNew: outcome.kind === "appended" };
    }
    throw new ApiError("busy", { detail: "no id was free; nothing was stored", retryAfterMs: 1_000 });
  }

  /** Nodes with occupants of the room; when Presence is away, all: a node without the room drops what it is told. */
  async #otherNodes(roomId: string): Promise<readonly string[]> {
    const { presence, mesh } = this.#options;
    try {
      const nodes = new Set((await presence.occupants(roomId)).map((occupant) => occupant.node));
      nodes.delete(mesh.self.name);
      return [...nodes];
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      const alive = mesh.nodes().map((node) => node.name);
      return alive.filter((name) => name !== mesh.self.name);
    }
  }
}

export function toChatMessage(record: MessageRecord): ChatMessage {
  const { id, authorId, authorName, text, sentAtMs, clientId, replyTo } = record;
  return { id, authorId, authorName, text, sentAtMs, clientId, ...(replyTo === undefined ? {} : { replyTo }) };
}
