// What happens to messages after they were sent (edits, deletion, reactions, threads), and ways to find them (by change,
// by word, by author). Rules: SPEC.md [T80…T89]. A part of the Archive; errors and ids as there.

import type { MessageId, MessageList, MessageRecord, RoomId, UserId } from "./archive.ts";

/** Kinds of reactions to one message. */
export const MAX_REACTION_KINDS = 20;
/** Reactions to one message, of all people and kinds together. */
export const MAX_REACTIONS = 1000;
export const MAX_EDITS = 100;
/** Unread messages are counted up to here. */
export const MAX_UNREAD = 200;
/** Words of one search. */
export const MAX_SEARCH_WORDS = 8;

/**
 * One change of one message. `changeId` is minted by the caller above all ids of messages and changes of the room that it
 * knows; it becomes the message's.
 */
export type TextChange =
  | {
      readonly kind: "edit";
      readonly changeId: MessageId;
      readonly text: string;
      readonly mentions: readonly UserId[];
      readonly atMs: number;
    }
  | { readonly kind: "delete"; readonly changeId: MessageId; readonly atMs: number }
  | {
      readonly kind: "react";
      readonly changeId: MessageId;
      readonly userId: UserId;
      readonly reaction: string;
      readonly on: boolean;
    }
  /** Into the thread that `threadId` opened; null: out of its thread. */
  | { readonly kind: "move"; readonly changeId: MessageId; readonly threadId: MessageId | null };

export type ChangeOutcome =
  | { readonly kind: "changed"; readonly message: MessageRecord }
  /** It was so already; nothing was written, and the changeId was not used. */
  | { readonly kind: "same"; readonly message: MessageRecord }
  | { readonly kind: "unknown" }
  /** A tombstone changes no more. */
  | { readonly kind: "deleted" }
  /** MAX_REACTION_KINDS, MAX_REACTIONS or MAX_EDITS is reached. */
  | { readonly kind: "too_many" }
  /**
   * The thread is not one: its opener does not exist, is a tombstone, stands in a thread itself, or is the message itself;
   * or the message has a thread of its own.
   */
  | { readonly kind: "bad_thread" }
  /** Another change of the room has this id: mint a greater one and try again. */
  | { readonly kind: "id_taken" };

export interface SearchQuery {
  readonly roomId: RoomId;
  /** Messages that hold all words of this text, in any order. Empty: any message. */
  readonly text: string;
  readonly authorId?: UserId;
  /** Exclusive; ids begin with their time. */
  readonly after?: MessageId;
  readonly before?: MessageId;
  /** 1…MAX_PAGE. */
  readonly limit: number;
}

export interface SearchResult {
  /** Newest first; no tombstones. */
  readonly messages: readonly MessageRecord[];
  /** Where to go on (as `before`); absent at the end. There may be fewer messages than asked for, even none, and yet more. */
  readonly next?: MessageId;
}

export interface Texts {
  /** Atomic on a server that changes a document atomically (T3). */
  change(key: { readonly roomId: RoomId; readonly id: MessageId }, change: TextChange): Promise<ChangeOutcome>;
  /** Messages whose newest change (or whose sending) came after `after`, ascending by it; from the first without. */
  listChanged(roomId: RoomId, page: { readonly after?: MessageId; readonly limit: number }): Promise<MessageList>;
  /** Greatest changeId of the room, the sending of a message being its first change. */
  newestChangeId(roomId: RoomId): Promise<MessageId | undefined>;
  /** How many messages stand in the threads of these openers; those without are left out. At most MAX_PAGE ids. */
  threadSizes(roomId: RoomId, ids: readonly MessageId[]): Promise<ReadonlyMap<MessageId, number>>;
  search(query: SearchQuery): Promise<SearchResult>;
  /** Of the MAX_UNREAD oldest messages after `after`: those of others, and those among them that name the person. */
  unread(query: {
    readonly roomId: RoomId;
    readonly userId: UserId;
    readonly after: MessageId;
  }): Promise<{ readonly messages: number; readonly mentions: number }>;
}
