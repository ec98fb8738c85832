/** What people do to messages that were sent: edits, deletion, reactions, moves between threads. Stored first, then told. */
import type { ChatMessage, MessageChange, MessageHistory } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import { KeyedBuckets } from "../signalling/token-bucket.ts";
import type { Archive, MessageRecord, Role, RoomRecord, UserRecord } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";
import { MAX_EDITS, type TextChange } from "../store/texts.ts";
import type { ChangeIds } from "./change-ids.ts";
import { mentionsOf } from "./mentions.ts";
import { goneAmong, toChatMessage } from "./message-view.ts";
import type { RoomBroadcast } from "./room-broadcast.ts";

/** Changes of one person, over all rooms. */
const CHANGE_RATE = { burst: 60, perSecond: 5 };

export interface ChatChangesOptions {
  readonly archive: Archive;
  readonly broadcast: Pick<RoomBroadcast, "tell">;
  readonly ids: ChangeIds;
  readonly clock: Clock;
  /** Called before a change is stored. */
  readonly before: (roomId: string) => Promise<void>;
}

/** Who does it, where, to which message. */
export interface Deed {
  readonly room: RoomRecord;
  readonly user: UserRecord;
  readonly messageId: string;
}

type WithoutId<Change> = Change extends unknown ? Omit<Change, "changeId"> : never;

export class ChatChanges {
  readonly #options: ChatChangesOptions;
  readonly #buckets = new KeyedBuckets(CHANGE_RATE);

  constructor(options: ChatChangesOptions) {
    this.#options = options;
  }

  /** By the author alone. The text before is kept. */
  async edit(deed: Deed, text: string): Promise<ChatMessage> {
    const message = await this.#own(deed);
    if (message.deletedAtMs === undefined && message.text !== text) await this.#keepRevision(message);
    const mentions = await mentionsOf(this.#options.archive, deed.room.id, text);
    return this.#change(deed, { kind: "edit", text, mentions, atMs: this.#options.clock.wallMs() }, "edited");
  }

  /** By the author, or by who moderates the room. What it said before goes as well. */
  async remove(deed: Deed, role: Role | undefined): Promise<ChatMessage> {
    await this.#ownOrModerated(deed, role);
    const removed = await this.#change(deed, { kind: "delete", atMs: this.#options.clock.wallMs() }, "deleted");
    await this.#dropHistory(deed.room.id, deed.messageId);
    return removed;
  }

  /** The room's own wish, in the name of nobody. A tombstone stays one. */
  async forget(room: RoomRecord, messageId: string): Promise<void> {
    const { archive, ids, broadcast, clock, before } = this.#options;
    await before(room.id);
    const what = { kind: "delete", atMs: clock.wallMs() } as const;
    const outcome = await ids.use(room.id, (changeId) =>
      archive.texts.change({ roomId: room.id, id: messageId }, { ...what, changeId }),
    );
    await this.#dropHistory(room.id, messageId);
    if (outcome.kind !== "changed") return;
    const message = toChatMessage(outcome.message, { gone: await goneAmong(archive, [outcome.message]) });
    await broadcast.tell(room.id, {
      type: "messageUpdated",
      message,
      change: "deleted",
      userId: `retention.${room.id}`,
    });
  }

  async react(deed: Deed, reaction: string, on: boolean): Promise<ChatMessage> {
    return this.#change(deed, { kind: "react", userId: deed.user.id, reaction, on }, "reacted");
  }

  /** By the author, or by who moderates the room. A message of a thread stands for its opener. */
  async move(deed: Deed, role: Role | undefined, threadId: string | null): Promise<ChatMessage> {
    await this.#ownOrModerated(deed, role);
    const named = threadId === null ? undefined : await this.#find(deed.room.id, threadId);
    return this.#change(deed, { kind: "move", threadId: named?.threadId ?? threadId }, "threaded");
  }

  /** Earlier texts, oldest first; of a tombstone none. */
  async history(room: RoomRecord, messageId: string): Promise<MessageHistory> {
    const message = await this.#find(room.id, messageId);
    if (message.deletedAtMs !== undefined) return { revisions: [] };
    const found = await this.#revisions(room.id, messageId);
    return { revisions: found.map(({ value }) => value as { readonly text: string; readonly writtenAtMs: number }) };
  }

  async #change(deed: Deed, what: WithoutId<TextChange>, change: MessageChange): Promise<ChatMessage> {
    const { archive, ids, broadcast, clock } = this.#options;
    const { room, user, messageId } = deed;
    const waitMs = this.#buckets.take(user.id, clock.nowMs());
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
    await this.#options.before(room.id);
    const outcome = await ids.use(room.id, (changeId) =>
      archive.texts.change({ roomId: room.id, id: messageId }, { ...what, changeId } as TextChange),
    );
    if (outcome.kind === "unknown") throw new ApiError("unknown_message");
    if (outcome.kind === "deleted") throw new ApiError("message_deleted");
    if (outcome.kind === "bad_thread") throw new ApiError("bad_thread");
    if (outcome.kind === "too_many") throw new ApiError("too_many");
    const gone = await goneAmong(archive, [outcome.message]);
    if (outcome.kind === "changed") {
      const message = toChatMessage(outcome.message, { gone });
      await broadcast.tell(room.id, { type: "messageUpdated", message, change, userId: user.id });
    }
    return toChatMessage(outcome.message, { gone, viewerId: user.id });
  }

  async #find(roomId: string, id: string): Promise<MessageRecord> {
    const message = await this.#options.archive.getMessage({ roomId, id });
    if (message === undefined) throw new ApiError("unknown_message");
    return message;
  }

  async #own({ room, user, messageId }: Deed): Promise<MessageRecord> {
    const message = await this.#find(room.id, messageId);
    if (message.authorId !== user.id) throw new ApiError("not_allowed", { detail: "it is another person's message" });
    return message;
  }

  async #ownOrModerated(deed: Deed, role: Role | undefined): Promise<void> {
    if (role === "owner" || role === "moderator") await this.#find(deed.room.id, deed.messageId);
    else await this.#own(deed);
  }

  /** Under the number of edits so far: of two edits at once both keep the same text under the same number. */
  async #keepRevision(message: MessageRecord): Promise<void> {
    const { roomId, id, edits = 0, text } = message;
    if (edits >= MAX_EDITS) return;
    const order = `${id}/${String(edits).padStart(4, "0")}`;
    const writtenAtMs = message.editedAtMs ?? message.sentAtMs;
    const revision = { kind: "revision", id: `${roomId}/${order}`, owner: roomId, order } as const;
    await this.#options.archive.records.add({ ...revision, value: { text, writtenAtMs } });
  }

  async #dropHistory(roomId: string, messageId: string): Promise<void> {
    const { records } = this.#options.archive;
    for (const { kind, id } of await this.#revisions(roomId, messageId)) await records.remove({ kind, id });
  }

  /** "0" is the next character after "/". */
  #revisions(roomId: string, messageId: string): Promise<readonly StoredRecord[]> {
    const range = { after: `${messageId}/`, before: `${messageId}0`, limit: MAX_EDITS };
    return this.#options.archive.records.list({ kind: "revision", owner: roomId, ...range });
  }
}
