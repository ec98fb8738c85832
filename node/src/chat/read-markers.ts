/** How far people have read, and what they have not. A marker is a record of the room; it never goes back. */
import type { ReadMarker, ReadMarkers, Unread } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";
import { firstIdAt } from "./chat-reader.ts";
import type { RoomBroadcast } from "./room-broadcast.ts";

/** Other devices of the same person move the marker at the same moment. */
const MAX_ATTEMPTS = 8;

export interface RoomUnread {
  readonly unread: number;
  readonly unreadMentions: number;
  readonly readUpTo?: string;
  readonly newestMessageId?: string;
}

export class ReadMarkerService {
  readonly #archive: Archive;
  readonly #broadcast: Pick<RoomBroadcast, "tell">;

  constructor(parts: { readonly archive: Archive; readonly broadcast: Pick<RoomBroadcast, "tell"> }) {
    this.#archive = parts.archive;
    this.#broadcast = parts.broadcast;
  }

  async mark(room: RoomRecord, user: UserRecord, messageId: string): Promise<Unread> {
    if ((await this.#archive.getMessage({ roomId: room.id, id: messageId })) === undefined)
      throw new ApiError("unknown_message");
    const { marker, moved } = await this.#move(room.id, user.id, messageId);
    if (moved) await this.#broadcast.tell(room.id, { type: "read", userId: user.id, messageId: marker });
    const { messages, mentions } = await this.#archive.texts.unread({
      roomId: room.id,
      userId: user.id,
      after: marker,
    });
    return { messageId: marker, unread: messages, unreadMentions: mentions };
  }

  /** By ascending user id. */
  async list(
    room: RoomRecord,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<ReadMarkers> {
    const range = { kind: "readMarker", owner: room.id, after: page.after ?? "-", limit: page.limit + 1 } as const;
    const found = await this.#archive.records.list(range);
    const markers = found.slice(0, page.limit).map(markerOf);
    const last = markers.at(-1);
    return { markers, ...(found.length > page.limit && last !== undefined ? { nextCursor: last.userId } : {}) };
  }

  /** Whoever never read counts from the day on which they came. */
  async unreadOf(room: RoomRecord, userId: string): Promise<RoomUnread> {
    const [record, newestMessageId] = await Promise.all([
      this.#archive.records.get(keyOf(room.id, userId)),
      this.#archive.newestMessageId(room.id),
    ]);
    const readUpTo = record === undefined ? undefined : markerOf(record).messageId;
    const known = {
      ...(readUpTo === undefined ? {} : { readUpTo }),
      ...(newestMessageId === undefined ? {} : { newestMessageId }),
    };
    const after = readUpTo ?? (await this.#cameAt(room.id, userId));
    if (newestMessageId === undefined || newestMessageId <= after) return { unread: 0, unreadMentions: 0, ...known };
    const { messages, mentions } = await this.#archive.texts.unread({ roomId: room.id, userId, after });
    return { unread: messages, unreadMentions: mentions, ...known };
  }

  async #cameAt(roomId: string, userId: string): Promise<string> {
    const member = await this.#archive.getMember({ roomId, userId });
    return firstIdAt(member?.addedAtMs ?? 0);
  }

  async #move(roomId: string, userId: string, messageId: string): Promise<{ marker: string; moved: boolean }> {
    const { records } = this.#archive;
    const key = keyOf(roomId, userId);
    const fresh = { ...key, owner: roomId, order: userId, value: { messageId } };
    let known = await records.get(key);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (known !== undefined && markerOf(known).messageId >= messageId)
        return { marker: markerOf(known).messageId, moved: false };
      const outcome = known === undefined ? await records.add(fresh) : await records.replace(fresh, known.version);
      if (outcome.kind === "added" || outcome.kind === "replaced") return { marker: messageId, moved: true };
      known = outcome.record;
    }
    throw new ApiError("busy", { retryAfterMs: 1_000 });
  }
}

const keyOf = (roomId: string, userId: string) => ({ kind: "readMarker", id: `${roomId}/${userId}` }) as const;

function markerOf({ order, value }: StoredRecord): ReadMarker {
  return { userId: order, messageId: (value as { readonly messageId: string }).messageId };
}
