// The part of the Archive's contract that does not depend on the server: argument checks, text that can be stored, closed state.

import type {
  AddMemberOutcome,
  AppendMessageOutcome,
  Archive,
  CreateRoomOutcome,
  CreateUserOutcome,
  MemberRecord,
  MessageList,
  MessagePage,
  MessageRecord,
  NewMessageRecord,
  NewRoom,
  NewUser,
  Role,
  RoomChanges,
  RoomOfUser,
  RoomRecord,
  SetRoleOutcome,
  UpdateRoomOutcome,
  UserChanges,
  UserRecord,
} from "./archive.ts";
import { MAX_PAGE, MAX_TEXT_CHARS } from "./archive.ts";
import { handleKeyOf } from "./case-fold.ts";
import {
  ANY_COUNT,
  bad,
  POSITIVE,
  requireId,
  requireInteger,
  requireOneOf,
  requireOptionalId,
  requireText,
  storableText,
} from "./checks.ts";
import type { Contents } from "./contents.ts";
import { StoreUsageError } from "./errors.ts";
import { checkedRoomChanges, checkedUserChanges } from "./guarded-changes.ts";
import { guardContents, guardRecords, type RecordsAdapter } from "./guarded-records.ts";
import { guardTexts, requireMentions, type TextsAdapter } from "./guarded-texts.ts";
import type { Records } from "./records.ts";
import type { Texts } from "./texts.ts";
import { wordsOf } from "./words.ts";

const ROLES: readonly Role[] = ["owner", "moderator", "member", "guest"];
/** Names, titles, handles: far above what the API allows, far below what hurts a store. */
const NAME = { min: 0, max: 1024 } as const;
const DESCRIPTION = { min: 1, max: MAX_TEXT_CHARS } as const;
const KEY = { min: 1, max: 1024 } as const;
const PAGE = { min: 1, max: MAX_PAGE } as const;

/** What an adapter must supply: the Archive's operations with arguments already checked, users already keyed. */
export interface ArchiveAdapter
  extends Omit<Archive, "createUser" | "findUserByHandle" | "appendMessage" | "texts" | "records" | "contents"> {
  /** `words`: the message is found by these. */
  appendMessage(message: NewMessageRecord, words: readonly string[]): Promise<AppendMessageOutcome>;
  readonly texts: TextsAdapter;
  readonly records: RecordsAdapter;
  readonly contents: Contents;
  createUser(user: UserRecord): Promise<CreateUserOutcome>;
  findUserByHandleKey(handleKey: string): Promise<UserRecord | undefined>;
}

export class GuardedArchive implements Archive {
  readonly texts: Texts;
  readonly records: Records;
  readonly contents: Contents;
  readonly #inner: ArchiveAdapter;
  #closing: Promise<void> | undefined;

  constructor(inner: ArchiveAdapter) {
    this.#inner = inner;
    this.texts = guardTexts(() => this.#open().texts);
    this.records = guardRecords(() => this.#open().records);
    this.contents = guardContents(() => this.#open().contents);
  }

  async ping(): Promise<void> {
    await this.#open().ping();
  }

  async createUser(user: NewUser): Promise<CreateUserOutcome> {
    requireId(user.id, "id");
    requireText(user.displayName, "displayName", NAME);
    requireInteger(user.createdAtMs, "createdAtMs", ANY_COUNT);
    requireOptionalId(user.guestRoomId, "guestRoomId");
    if (user.passwordHash !== null) requireText(user.passwordHash, "passwordHash", KEY);
    if (user.handle !== null) requireText(user.handle, "handle", KEY);
    if (user.guest !== (user.handle === null)) throw bad("a guest has no handle, everyone else has one");
    const handle = user.handle === null ? null : storableText(user.handle);
    return await this.#open().createUser({
      ...user,
      handle,
      handleKey: handle === null ? null : handleKeyOf(handle),
      displayName: storableText(user.displayName),
      tokenVersion: 0,
    });
  }

  async findUserByHandle(handle: string): Promise<UserRecord | undefined> {
    requireText(handle, "handle", KEY);
    return await this.#open().findUserByHandleKey(handleKeyOf(storableText(handle)));
  }

  async getUser(id: string): Promise<UserRecord | undefined> {
    requireId(id, "id");
    return await this.#open().getUser(id);
  }

  async bumpTokenVersion(id: string): Promise<number | undefined> {
    requireId(id, "id");
    return await this.#open().bumpTokenVersion(id);
  }

  async getUsers(ids: readonly string[]): Promise<readonly UserRecord[]> {
    if (ids.length > MAX_PAGE) throw bad("too many ids");
    for (const id of ids) requireId(id, "ids");
    return ids.length === 0 ? [] : await this.#open().getUsers(ids);
  }

  async updateUser(id: string, changes: UserChanges): Promise<UserRecord | undefined> {
    requireId(id, "id");
    return await this.#open().updateUser(id, checkedUserChanges(changes));
  }

  async forgetUser(id: string, atMs: number): Promise<boolean> {
    requireId(id, "id");
    requireInteger(atMs, "atMs", ANY_COUNT);
    return await this.#open().forgetUser(id, atMs);
  }

  async createRoom(room: NewRoom): Promise<CreateRoomOutcome> {
    requireId(room.id, "id");
    requireId(room.ownerId, "ownerId");
    for (const name of ["slug", "slugKey", "skeleton"] as const) requireText(room[name], name, KEY);
    requireText(room.title, "title", NAME);
    if (room.description !== undefined) requireText(room.description, "description", DESCRIPTION);
    requireOneOf(room.access, "access", ["open", "invite"]);
    requireInteger(room.capacity, "capacity", POSITIVE);
    requireInteger(room.createdAtMs, "createdAtMs", ANY_COUNT);
    return await this.#open().createRoom({
      ...room,
      slug: storableText(room.slug),
      slugKey: storableText(room.slugKey),
      skeleton: storableText(room.skeleton),
      title: storableText(room.title),
      ...(room.description === undefined ? {} : { description: storableText(room.description) }),
    });
  }

  async updateRoom(id: string, changes: RoomChanges): Promise<UpdateRoomOutcome> {
    requireId(id, "id");
    return await this.#open().updateRoom(id, checkedRoomChanges(changes));
  }

  async deleteRoom(id: string, atMs: number): Promise<boolean> {
    requireId(id, "id");
    requireInteger(atMs, "atMs", ANY_COUNT);
    return await this.#open().deleteRoom(id, atMs);
  }

  async purgeRoom(id: string, limit: number): Promise<boolean> {
    requireId(id, "id");
    requireInteger(limit, "limit", { min: 1, max: 1000 });
    return await this.#open().purgeRoom(id, limit);
  }

  async listDeletedRooms(limit: number): Promise<readonly string[]> {
    requireInteger(limit, "limit", PAGE);
    return await this.#open().listDeletedRooms(limit);
  }

  async pickOpenRooms(dice: number, limit: number): Promise<readonly RoomRecord[]> {
    if (!(dice >= 0 && dice < 1)) throw bad("dice is not from 0 to 1");
    requireInteger(limit, "limit", PAGE);
    return await this.#open().pickOpenRooms(dice, limit);
  }

  async getRoom(id: string): Promise<RoomRecord | undefined> {
    requireId(id, "id");
    return await this.#open().getRoom(id);
  }

  async getRoomBySlug(slugKey: string): Promise<RoomRecord | undefined> {
    requireText(slugKey, "slugKey", KEY);
    return await this.#open().getRoomBySlug(storableText(slugKey));
  }

  async listRoomsOf(
    userId: string,
    page: { readonly before?: string; readonly limit: number },
  ): Promise<readonly RoomOfUser[]> {
    requireId(userId, "userId");
    requireOptionalId(page.before, "before");
    requireInteger(page.limit, "limit", PAGE);
    return await this.#open().listRoomsOf(userId, page);
  }

  async addMember(member: MemberRecord): Promise<AddMemberOutcome> {
    requireMember(member);
    requireInteger(member.addedAtMs, "addedAtMs", ANY_COUNT);
    requireOneOf(member.role, "role", ROLES);
    return await this.#open().addMember(member);
  }

  async getMember(key: { readonly roomId: string; readonly userId: string }): Promise<MemberRecord | undefined> {
    requireMember(key);
    return await this.#open().getMember(key);
  }

  async setRole(change: {
    readonly roomId: string;
    readonly userId: string;
    readonly role: Role;
  }): Promise<SetRoleOutcome> {
    requireMember(change);
    requireOneOf(change.role, "role", ROLES);
    return await this.#open().setRole(change);
  }

  async removeMember(key: { readonly roomId: string; readonly userId: string }): Promise<boolean> {
    requireMember(key);
    return await this.#open().removeMember(key);
  }

  async listMembers(
    roomId: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly MemberRecord[]> {
    requireId(roomId, "roomId");
    requireOptionalId(page.after, "after");
    requireInteger(page.limit, "limit", PAGE);
    return await this.#open().listMembers(roomId, page);
  }

  async appendMessage(message: NewMessageRecord): Promise<AppendMessageOutcome> {
    for (const name of ["id", "roomId", "authorId", "clientId"] as const) requireId(message[name], name);
    for (const name of ["threadId", "replyTo"] as const) requireOptionalId(message[name], name);
    requireText(message.authorName, "authorName", NAME);
    requireText(message.text, "text", { min: 0, max: MAX_TEXT_CHARS });
    requireInteger(message.sentAtMs, "sentAtMs", ANY_COUNT);
    requireMentions(message.mentions);
    const text = storableText(message.text);
    const stored = { ...message, authorName: storableText(message.authorName), text };
    return await this.#open().appendMessage(stored, wordsOf(text));
  }

  async getMessage(key: { readonly roomId: string; readonly id: string }): Promise<MessageRecord | undefined> {
    requireId(key.roomId, "roomId");
    requireId(key.id, "id");
    return await this.#open().getMessage(key);
  }

  async listMessages(roomId: string, page: MessagePage): Promise<MessageList> {
    requireId(roomId, "roomId");
    for (const name of ["before", "after", "threadId"] as const) requireOptionalId(page[name], name);
    requireInteger(page.limit, "limit", PAGE);
    return await this.#open().listMessages(roomId, page);
  }

  async newestMessageId(roomId: string): Promise<string | undefined> {
    requireId(roomId, "roomId");
    return await this.#open().newestMessageId(roomId);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#inner.close();
    await this.#closing;
  }

  #open(): ArchiveAdapter {
    if (this.#closing !== undefined) throw new StoreUsageError("store_closed", "the archive is closed");
    return this.#inner;
  }
}

function requireMember(key: { readonly roomId: string; readonly userId: string }): void {
  requireId(key.roomId, "roomId");
  requireId(key.userId, "userId");
}
