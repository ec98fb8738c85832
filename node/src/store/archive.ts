// The durable store: people, rooms, membership, messages. Adapters: store/mongo and store/sqlite. Rules: SPEC.md [T1…T19].
//
// Expected conflicts are values. What can be thrown: StoreUnavailableError (the server is away, within 2 s by default) and
// StoreUsageError (the caller broke the contract). Every operation may be repeated safely with the same arguments.
//
// Ids and client ids are 1 to 128 of the characters A-Z a-z 0-9 . _ : @ / + = - ; anything else is a StoreUsageError, so
// check what strangers send before it comes here.

import type { Contents } from "./contents.ts";
import type { Records } from "./records.ts";
import type { Texts } from "./texts.ts";

/** A ULID made by the caller. Ids are plain strings because they cross JSON borders everywhere; two of them travel in an object. */
export type UserId = string;
export type RoomId = string;
/** A ULID; its order is the order of the messages of a room. Unique within a room. */
export type MessageId = string;

/** A person: registered (with a handle and a password) or a guest of one room (without either). */
export interface UserRecord {
  readonly id: UserId;
  /** As the person wrote it; null for guests. */
  readonly handle: string | null;
  /** handleKeyOf(handle): unique among all users; null for guests. */
  readonly handleKey: string | null;
  readonly displayName: string;
  /** Encoded argon2id string; null for guests. */
  readonly passwordHash: string | null;
  readonly guest: boolean;
  /** The only room a guest may enter. */
  readonly guestRoomId?: RoomId;
  /** User tokens carry this number; a token with a smaller one is revoked. Starts at 0. */
  readonly tokenVersion: number;
  /** Wall clock of the node that created it, Unix milliseconds; for display only. */
  readonly createdAtMs: number;
  readonly pictureId?: string;
  /** The account is no more: no handle, no name, no password. What the person wrote stays. */
  readonly deletedAtMs?: number;
}

/** What the caller gives; handleKey and tokenVersion are the store's own. */
export type NewUser = Omit<UserRecord, "handleKey" | "tokenVersion" | "pictureId" | "deletedAtMs">;

/** What is given is changed; null takes the picture away. */
export interface UserChanges {
  readonly displayName?: string;
  readonly passwordHash?: string;
  readonly pictureId?: string | null;
}

export type CreateUserOutcome =
  | { readonly kind: "created"; readonly user: UserRecord }
  | { readonly kind: "handle_taken" };

export type RoomAccess = "open" | "invite";

export interface RoomRecord {
  readonly id: RoomId;
  /** As the maker wrote it, NFC (parseSlug().slug). */
  readonly slug: string;
  /** parseSlug().key: case-folded NFC. Unique. */
  readonly slugKey: string;
  /** parseSlug().skeleton: what it looks like. Unique. */
  readonly skeleton: string;
  readonly title: string;
  readonly access: RoomAccess;
  /** People, not sessions; at least 1. */
  readonly capacity: number;
  readonly ownerId: UserId;
  readonly createdAtMs: number;
  /** Grows by one with every change of the room. Starts at 1. */
  readonly version: number;
  /** Absent: empty. */
  readonly description?: string;
  readonly pictureId?: string;
}

export type NewRoom = Omit<RoomRecord, "version" | "pictureId">;

/** What is given is changed. The three names go together. */
export interface RoomChanges {
  readonly names?: Pick<RoomRecord, "slug" | "slugKey" | "skeleton">;
  readonly title?: string;
  readonly description?: string;
  readonly pictureId?: string | null;
  readonly access?: RoomAccess;
  readonly capacity?: number;
  readonly ownerId?: UserId;
}

export type UpdateRoomOutcome =
  | { readonly kind: "updated"; readonly room: RoomRecord }
  | { readonly kind: "unknown" }
  | { readonly kind: "slug_taken" }
  | { readonly kind: "confusable"; readonly slug: string };

export type CreateRoomOutcome =
  | { readonly kind: "created"; readonly room: RoomRecord }
  | { readonly kind: "slug_taken" }
  /** Another room looks the same although it is spelt otherwise; `slug` is that room's. */
  | { readonly kind: "confusable"; readonly slug: string };

export type Role = "owner" | "moderator" | "member" | "guest";

export interface MemberRecord {
  readonly roomId: RoomId;
  readonly userId: UserId;
  readonly role: Role;
  readonly addedAtMs: number;
}

export type AddMemberOutcome =
  | { readonly kind: "added"; readonly member: MemberRecord }
  /** The person was a member already; the role was left as it was. */
  | { readonly kind: "already_member"; readonly member: MemberRecord };

export type SetRoleOutcome = { readonly kind: "set"; readonly member: MemberRecord } | { readonly kind: "not_member" };

export interface MessageRecord {
  readonly id: MessageId;
  readonly roomId: RoomId;
  readonly authorId: UserId;
  /** The display name at the time of sending, so history reads without a join and survives the author's account. */
  readonly authorName: string;
  /** At most MAX_TEXT_CHARS UTF-16 units; lone surrogates are stored as U+FFFD. */
  readonly text: string;
  readonly sentAtMs: number;
  /** Chosen by the client; unique per (room, author). The idempotency key of sending. */
  readonly clientId: string;
  /** The message that opened the thread this one stands in. */
  readonly threadId?: MessageId;
  readonly replyTo?: MessageId;
  /** People whom the text names; at most MAX_MENTIONS. */
  readonly mentions?: readonly UserId[];
  // What follows only texts.change() writes.
  /** Id of the last change, from the same clock as message ids and unique among the changes of the room. Absent: never changed. */
  readonly changeId?: MessageId;
  readonly editedAtMs?: number;
  /** How often the text was changed; absent: never. */
  readonly edits?: number;
  /** A tombstone: its text is empty. */
  readonly deletedAtMs?: number;
  /** In the order in which they came; a reaction that nobody has is not there. */
  readonly reactions?: readonly ReactionRecord[];
}

export interface ReactionRecord {
  readonly kind: string;
  readonly userIds: readonly UserId[];
}

/** What a new message may say; the rest comes by changes. */
export type NewMessageRecord = Omit<MessageRecord, "changeId" | "editedAtMs" | "edits" | "deletedAtMs" | "reactions">;

export type AppendMessageOutcome =
  | { readonly kind: "appended"; readonly message: MessageRecord }
  /** The same author sent the same clientId to this room before; `message` is that earlier one, with its own id. */
  | { readonly kind: "duplicate"; readonly message: MessageRecord }
  /** Another message of this room has this id already: mint a greater one and try again. */
  | { readonly kind: "id_taken" };

/**
 * Which part of a room's history.
 * - `after` given: the oldest messages with id > after (and < before, if given): what a reconnecting client missed.
 * - otherwise: the newest messages (with id < before, if given): paging back.
 */
export interface MessagePage {
  readonly before?: MessageId;
  readonly after?: MessageId;
  /** Only messages that stand in this thread. */
  readonly threadId?: MessageId;
  /** 1…MAX_PAGE. */
  readonly limit: number;
}

export interface MessageList {
  /** Always ascending by id. */
  readonly messages: readonly MessageRecord[];
  /** True when the range holds more messages beyond this page, in the direction of paging. */
  readonly more: boolean;
}

export interface RoomOfUser {
  readonly room: RoomRecord;
  readonly role: Role;
}

/** Greatest `limit` of any list. */
export const MAX_PAGE = 200;
/** Greatest length of a message's text, in UTF-16 units. The API may set a lower limit. */
export const MAX_TEXT_CHARS = 20_000;
export const MAX_MENTIONS = 50;

export interface Archive {
  /** Answers when the store is usable now; throws StoreUnavailableError otherwise. For readiness. */
  ping(): Promise<void>;

  /** Unique by handle (case-insensitive, NFKC). Repeated with an id that exists already and the same handle: "created", unchanged. */
  createUser(user: NewUser): Promise<CreateUserOutcome>;
  /** `handle` in any spelling that folds to the same key. Guests are never found this way. */
  findUserByHandle(handle: string): Promise<UserRecord | undefined>;
  getUser(id: UserId): Promise<UserRecord | undefined>;
  /** Revokes every user token of the person at once; answers the new version, undefined for an unknown person. Atomic. */
  bumpTokenVersion(id: UserId): Promise<number | undefined>;
  /** Those who are known, in no order; at most MAX_PAGE ids. */
  getUsers(ids: readonly UserId[]): Promise<readonly UserRecord[]>;
  /** Undefined: there is no such person, or no more. */
  updateUser(id: UserId, changes: UserChanges): Promise<UserRecord | undefined>;
  /** The account ends: its handle is free, its tokens are void. False: there is no such person, or no more. */
  forgetUser(id: UserId, atMs: number): Promise<boolean>;

  /** Also makes `ownerId` a member with role owner. Of concurrent makers of one slug (or of look-alikes) exactly one succeeds. */
  createRoom(room: NewRoom): Promise<CreateRoomOutcome>;
  getRoom(id: RoomId): Promise<RoomRecord | undefined>;
  /** By parseSlug().key. */
  getRoomBySlug(slugKey: string): Promise<RoomRecord | undefined>;
  /** Newest room first; `before` is the last room id of the page before. */
  listRoomsOf(
    userId: UserId,
    page: { readonly before?: RoomId; readonly limit: number },
  ): Promise<readonly RoomOfUser[]>;

  /** Names are unique as when rooms are made; the earlier ones are free then. */
  updateRoom(id: RoomId, changes: RoomChanges): Promise<UpdateRoomOutcome>;
  /** Nobody finds the room any more; its names stay taken. What was in it goes by purgeRoom. False: there is none, or no more. */
  deleteRoom(id: RoomId, atMs: number): Promise<boolean>;
  /** Removes members and at most `limit` messages of a deleted room; true when nothing is left. Of another room: nothing, true. */
  purgeRoom(id: RoomId, limit: number): Promise<boolean>;
  /** Deleted rooms that purgeRoom has not answered true for, in no order. */
  listDeletedRooms(limit: number): Promise<readonly RoomId[]>;
  /** Open rooms in an order that says nothing of them, from `dice` in [0, 1) on and around. */
  pickOpenRooms(dice: number, limit: number): Promise<readonly RoomRecord[]>;

  addMember(member: MemberRecord): Promise<AddMemberOutcome>;
  getMember(key: { readonly roomId: RoomId; readonly userId: UserId }): Promise<MemberRecord | undefined>;
  setRole(change: { readonly roomId: RoomId; readonly userId: UserId; readonly role: Role }): Promise<SetRoleOutcome>;
  /** Whether there was one. */
  removeMember(key: { readonly roomId: RoomId; readonly userId: UserId }): Promise<boolean>;
  /** Ascending by user id; `after` is the last user id of the page before. */
  listMembers(
    roomId: RoomId,
    page: { readonly after?: UserId; readonly limit: number },
  ): Promise<readonly MemberRecord[]>;

  /** Durable when it answers "appended". Exactly one message per (room, author, clientId), whoever races. */
  appendMessage(message: NewMessageRecord): Promise<AppendMessageOutcome>;
  getMessage(key: { readonly roomId: RoomId; readonly id: MessageId }): Promise<MessageRecord | undefined>;
  listMessages(roomId: RoomId, page: MessagePage): Promise<MessageList>;
  /** Greatest message id of the room: the floor of the hybrid clock that mints the next one. */
  newestMessageId(roomId: RoomId): Promise<MessageId | undefined>;

  /** What happens to messages after they were sent, and ways to find them. */
  readonly texts: Texts;
  /** Files' descriptions, happenings, expenses and the like. */
  readonly records: Records;
  /** Files' bytes. */
  readonly contents: Contents;

  /** Idempotent. Every later call throws StoreUsageError "store_closed". */
  close(): Promise<void>;
}
