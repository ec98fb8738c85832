/** Text of rooms: what a message is, how it changes, and what HTTP says of it. PROTOCOL.md, "Text", is the normative text. */

/** One kind of reaction to a message. */
export interface Reaction {
  /** One emoji. */
  readonly kind: string;
  readonly count: number;
  /** The first people who reacted so, at most 20. */
  readonly userIds: readonly string[];
  /** The reader is among them. Told over HTTP only: a message to everybody does not know its reader. */
  readonly mine?: boolean;
}

/** A text message. Ids are ULIDs; order is by id. */
export interface ChatMessage {
  readonly id: string;
  readonly authorId: string;
  readonly authorName: string;
  /** Empty when it was deleted. */
  readonly text: string;
  readonly sentAtMs: number;
  /** The author's own key for this message, so its sender recognises the echo. */
  readonly clientId?: string;
  readonly replyTo?: string;
  /** Grows with every change of the message; of two records of one message the greater is the newer. At first its id. */
  readonly changeId?: string;
  /** The message that opened the thread this one stands in. */
  readonly threadId?: string;
  /** How many messages stand in the thread that this one opened; absent without any, and in messages of the socket. */
  readonly threadSize?: number;
  /** When the text was changed last. */
  readonly editedAtMs?: number;
  /** A tombstone: it keeps its place, and has no text any more. */
  readonly deletedAtMs?: number;
  readonly reactions?: readonly Reaction[];
  /** People of the room whom the text names by "@handle". */
  readonly mentions?: readonly string[];
  /** Web addresses in the text, in their order. */
  readonly links?: readonly string[];
  /** The author's account was deleted; `authorName` says so in English. */
  readonly authorLeft?: boolean;
}

/** Body of POST /v1/rooms/:slug/messages. The same `clientId` of the same author is the same message: a retry is harmless. */
export interface PostMessage {
  readonly text: string;
  readonly clientId: string;
  readonly replyTo?: string;
  /** A message of the thread, or the one that opens it. */
  readonly threadId?: string;
}
/** Body of PATCH /v1/rooms/:slug/messages/:id. */
export interface EditMessage {
  readonly text: string;
}
/** Body of PUT /v1/rooms/:slug/messages/:id/thread: null takes the message out of its thread. */
export interface MoveMessage {
  readonly threadId: string | null;
}
/**
 * Answer of GET /v1/rooms/:slug/messages: oldest first; pass `nextCursor` as `before` (or `after`) for more. Around a message,
 * `nextCursor` leads back (`before`) and `newerCursor` forward (`after`).
 */
export interface MessagePage {
  readonly messages: readonly ChatMessage[];
  readonly nextCursor?: string;
  readonly newerCursor?: string;
}
/**
 * Answer of GET /v1/rooms/:slug/changes: messages that were sent or changed after the cursor, as they are now, in the order of
 * their changes. Some may be known already; `changeId` tells. Ask with `cursor` again: at once while `more`, else after a reconnect.
 */
export interface ChangesPage {
  readonly messages: readonly ChatMessage[];
  readonly cursor: string;
  readonly more: boolean;
}
/** Answer of GET /v1/rooms/:slug/search: newest first. A page may be short or empty while there is a `nextCursor`. */
export interface SearchPage {
  readonly messages: readonly ChatMessage[];
  /** Pass it as `before`. */
  readonly nextCursor?: string;
}
/** Answer of GET /v1/rooms/:slug/messages/:id/history: earlier texts, oldest first. */
export interface MessageHistory {
  readonly revisions: readonly { readonly text: string; readonly writtenAtMs: number }[];
}
/** Body of PUT /v1/rooms/:slug/read: everything up to this message was seen. It never goes back. */
export interface MarkRead {
  readonly messageId: string;
}
export interface ReadMarker {
  readonly userId: string;
  readonly messageId: string;
}
/** Answer of GET /v1/rooms/:slug/read. */
export interface ReadMarkers {
  readonly markers: readonly ReadMarker[];
  readonly nextCursor?: string;
}
/** Answer of PUT /v1/rooms/:slug/read. Counts stop at 200. */
export interface Unread {
  readonly messageId: string;
  readonly unread: number;
  readonly unreadMentions: number;
}

/** Why a message was told again. */
export type MessageChange = "edited" | "deleted" | "reacted" | "threaded";
