/** Reading what was said: pages both ways and around a message, threads, what changed since, and search. */
import { decodeTime, encodeTime } from "ulid";
import type { ChangesPage, ChatMessage, MessagePage, SearchPage } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import { KeyedBuckets } from "../signalling/token-bucket.ts";
import type { Archive, MessagePage as ArchivePage, MessageRecord, RoomRecord, UserRecord } from "../store/archive.ts";
import type { ChangeIds } from "./change-ids.ts";
import { goneAmong, toChatMessage } from "./message-view.ts";

/** Searches of one person. */
const SEARCH_RATE = { burst: 20, perSecond: 2 };
/**
 * Two nodes that write at the same moment may finish in either order, so the newest change that a reader has seen does not
 * mean that it has seen all before. What was written within this time before it is told again.
 */
export const CHANGES_OVERLAP_MS = 10_000;

export interface ChatReaderOptions {
  readonly archive: Archive;
  readonly ids: ChangeIds;
  readonly clock: Clock;
}

export interface SearchInput {
  readonly text: string;
  readonly authorId?: string | undefined;
  /** Unix milliseconds, inclusive. */
  readonly sinceMs?: number | undefined;
  /** Exclusive. */
  readonly untilMs?: number | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

export class ChatReader {
  readonly #options: ChatReaderOptions;
  readonly #searches = new KeyedBuckets(SEARCH_RATE);

  constructor(options: ChatReaderOptions) {
    this.#options = options;
  }

  async get(room: RoomRecord, viewer: UserRecord, id: string): Promise<ChatMessage> {
    const message = await this.#options.archive.getMessage({ roomId: room.id, id });
    if (message === undefined) throw new ApiError("unknown_message");
    const [seen] = await this.#show(room.id, viewer, [message]);
    if (seen === undefined) throw new ApiError("unknown_message");
    return seen;
  }

  async list(room: RoomRecord, viewer: UserRecord, page: ArchivePage): Promise<MessagePage> {
    const { messages, more } = await this.#options.archive.listMessages(room.id, page);
    const newest = messages.at(-1);
    if (newest !== undefined) this.#options.ids.saw(room.id, newest.id);
    const edge = page.after === undefined ? messages[0] : newest;
    const next = more && edge !== undefined ? { nextCursor: edge.id } : {};
    return { messages: await this.#show(room.id, viewer, messages), ...next };
  }

  /** The message in the middle, as far as there are others on both sides. */
  async around(
    room: RoomRecord,
    viewer: UserRecord,
    page: { readonly id: string; readonly limit: number; readonly threadId?: string },
  ): Promise<MessagePage> {
    const { archive } = this.#options;
    const { id, limit, ...thread } = page;
    const message = await archive.getMessage({ roomId: room.id, id });
    if (message === undefined) throw new ApiError("unknown_message");
    const half = Math.max(1, Math.floor((limit - 1) / 2));
    const older = await archive.listMessages(room.id, { ...thread, before: id, limit: half });
    const newer = await archive.listMessages(room.id, { ...thread, after: id, limit: half });
    const [first, last] = [older.messages[0], newer.messages.at(-1)];
    return {
      messages: await this.#show(room.id, viewer, [...older.messages, message, ...newer.messages]),
      ...(older.more && first !== undefined ? { nextCursor: first.id } : {}),
      ...(newer.more && last !== undefined ? { newerCursor: last.id } : {}),
    };
  }

  /** Without a cursor nothing but the one to begin with. */
  async changes(
    room: RoomRecord,
    viewer: UserRecord,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<ChangesPage> {
    const { archive } = this.#options;
    const { after, limit } = page;
    if (after === undefined) {
      const newest = await archive.texts.newestChangeId(room.id);
      return { messages: [], cursor: overlapping(newest), more: false };
    }
    const { messages, more } = await archive.texts.listChanged(room.id, { after, limit });
    const last = messages.at(-1);
    const lastId = last === undefined ? after : (last.changeId ?? last.id);
    const shown = await this.#show(room.id, viewer, messages);
    return { messages: shown, cursor: more ? lastId : overlapping(lastId), more };
  }

  async search(room: RoomRecord, viewer: UserRecord, input: SearchInput): Promise<SearchPage> {
    const waitMs = this.#searches.take(viewer.id, this.#options.clock.nowMs());
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
    const { text, authorId, sinceMs, untilMs, limit } = input;
    const ends = [input.before, untilMs === undefined ? undefined : firstIdAt(untilMs)];
    const before = ends.filter((end) => end !== undefined).sort()[0];
    const { messages, next } = await this.#options.archive.texts.search({
      roomId: room.id,
      text,
      limit,
      ...(authorId === undefined ? {} : { authorId }),
      ...(sinceMs === undefined ? {} : { after: firstIdAt(sinceMs) }),
      ...(before === undefined ? {} : { before }),
    });
    return {
      messages: await this.#show(room.id, viewer, messages),
      ...(next === undefined ? {} : { nextCursor: next }),
    };
  }

  async #show(roomId: string, viewer: UserRecord, messages: readonly MessageRecord[]): Promise<readonly ChatMessage[]> {
    if (messages.length === 0) return [];
    const { archive } = this.#options;
    const openers = messages.filter((message) => message.threadId === undefined).map((message) => message.id);
    const [threadSizes, gone] = await Promise.all([
      archive.texts.threadSizes(roomId, openers),
      goneAmong(archive, messages),
    ]);
    return messages.map((message) => toChatMessage(message, { viewerId: viewer.id, threadSizes, gone }));
  }
}

const LEAST_CHANCE = "0".repeat(16);

/** Below every id of that millisecond. */
export function firstIdAt(timeMs: number): string {
  return encodeTime(Math.max(0, Math.floor(timeMs)), 10) + LEAST_CHANCE;
}

function overlapping(id: string | undefined): string {
  return id === undefined ? firstIdAt(0) : firstIdAt(decodeTime(id) - CHANGES_OVERLAP_MS);
}
