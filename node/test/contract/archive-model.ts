// A small Archive in plain maps, the reference for the property test: it knows nothing of indexes, retries or pages.

import fc from "fast-check";
import type {
  Archive,
  MemberRecord,
  MessageRecord,
  NewRoom,
  NewUser,
  Role,
  RoomRecord,
  UserRecord,
} from "../../src/store/archive.ts";

type Letter = "a" | "b" | "c";

export type ArchiveStep =
  | { readonly kind: "createUser"; readonly id: Letter; readonly handle: string }
  | { readonly kind: "findUser"; readonly handle: string }
  | { readonly kind: "bump"; readonly id: Letter }
  | { readonly kind: "createRoom"; readonly id: Letter; readonly slug: string; readonly owner: Letter }
  | { readonly kind: "getRoom"; readonly slug: string }
  | { readonly kind: "listRooms"; readonly user: Letter; readonly limit: number }
  | { readonly kind: "addMember"; readonly room: Letter; readonly user: Letter; readonly role: Role }
  | { readonly kind: "setRole"; readonly room: Letter; readonly user: Letter; readonly role: Role }
  | { readonly kind: "listMembers"; readonly room: Letter; readonly after?: Letter; readonly limit: number }
  | {
      readonly kind: "append";
      readonly room: Letter;
      readonly author: Letter;
      readonly id: number;
      readonly clientId: number;
    }
  | {
      readonly kind: "list";
      readonly room: Letter;
      readonly before?: number;
      readonly after?: number;
      readonly limit: number;
    }
  | { readonly kind: "newest"; readonly room: Letter };

export function archiveSteps(): fc.Arbitrary<ArchiveStep[]> {
  const letter = fc.constantFrom<Letter>("a", "b", "c");
  const role = fc.constantFrom<Role>("owner", "moderator", "member", "guest");
  // A few names, of which some fold together ("An", "AN") and some look alike ("l" and "1").
  const handle = fc.constantFrom("An", "AN", "Bo", "Straße", "STRASSE");
  const slug = fc.constantFrom("all", "a11", "ALL", "boat");
  const limit = fc.integer({ min: 1, max: 4 });
  const number = fc.integer({ min: 0, max: 9 });
  const kind = <Kind extends string>(value: Kind) => fc.constant(value);
  return fc.array(
    fc.oneof(
      fc.record({ kind: kind("createUser"), id: letter, handle }),
      fc.record({ kind: kind("findUser"), handle }),
      fc.record({ kind: kind("bump"), id: letter }),
      fc.record({ kind: kind("createRoom"), id: letter, slug, owner: letter }),
      fc.record({ kind: kind("getRoom"), slug }),
      fc.record({ kind: kind("listRooms"), user: letter, limit }),
      fc.record({ kind: kind("addMember"), room: letter, user: letter, role }),
      fc.record({ kind: kind("setRole"), room: letter, user: letter, role }),
      fc.record(
        { kind: kind("listMembers"), room: letter, after: letter, limit },
        { requiredKeys: ["kind", "room", "limit"] },
      ),
      fc.record({ kind: kind("append"), room: letter, author: letter, id: number, clientId: number }),
      fc.record(
        { kind: kind("list"), room: letter, before: number, after: number, limit },
        { requiredKeys: ["kind", "room", "limit"] },
      ),
      fc.record({ kind: kind("newest"), room: letter }),
    ),
    { minLength: 1, maxLength: 25 },
  );
}

export class ArchiveModel {
  readonly #prefix: string;
  readonly #users = new Map<string, UserRecord>();
  readonly #rooms = new Map<string, RoomRecord>();
  readonly #members = new Map<string, MemberRecord>();
  readonly #messages: MessageRecord[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Does the step here and on the store under test, and answers both results. */
  async apply(step: ArchiveStep, archive: Archive): Promise<{ readonly expected: unknown; readonly actual: unknown }> {
    switch (step.kind) {
      case "createUser": {
        const user = this.#user(step.id, step.handle);
        return { expected: this.#createUser(user), actual: await archive.createUser(user) };
      }
      case "findUser": {
        const handle = this.#name(step.handle);
        const expected = [...this.#users.values()].find((user) => user.handleKey === fold(handle));
        return { expected, actual: await archive.findUserByHandle(handle) };
      }
      case "bump":
        return {
          expected: this.#bump(this.#name(step.id)),
          actual: await archive.bumpTokenVersion(this.#name(step.id)),
        };
      case "createRoom": {
        const room = this.#room(step.id, step.slug, step.owner);
        return { expected: this.#createRoom(room), actual: await archive.createRoom(room) };
      }
      case "getRoom": {
        const slugKey = this.#name(step.slug).toLowerCase();
        const expected = [...this.#rooms.values()].find((room) => room.slugKey === slugKey);
        return { expected, actual: await archive.getRoomBySlug(slugKey) };
      }
      case "listRooms": {
        const page = { limit: step.limit };
        const user = this.#name(step.user);
        return { expected: this.#roomsOf(user).slice(0, step.limit), actual: await archive.listRoomsOf(user, page) };
      }
      default:
        return await this.#applyInRoom(step, archive);
    }
  }

  async #applyInRoom(
    step: ArchiveStep,
    archive: Archive,
  ): Promise<{ readonly expected: unknown; readonly actual: unknown }> {
    switch (step.kind) {
      case "addMember": {
        const member = { ...this.#memberKey(step), role: step.role, addedAtMs: 1 };
        return { expected: this.#addMember(member), actual: await archive.addMember(member) };
      }
      case "setRole": {
        const change = { ...this.#memberKey(step), role: step.role };
        const member = this.#members.get(`${change.roomId} ${change.userId}`);
        if (member !== undefined)
          this.#members.set(`${change.roomId} ${change.userId}`, { ...member, role: step.role });
        const expected =
          member === undefined ? { kind: "not_member" } : { kind: "set", member: { ...member, role: step.role } };
        return { expected, actual: await archive.setRole(change) };
      }
      case "listMembers": {
        const roomId = this.#name(step.room);
        const after = step.after === undefined ? "" : this.#name(step.after);
        const expected = [...this.#members.values()]
          .filter((member) => member.roomId === roomId && member.userId > after)
          .sort((one, other) => (one.userId < other.userId ? -1 : 1))
          .slice(0, step.limit);
        return { expected, actual: await archive.listMembers(roomId, { limit: step.limit, ...(after && { after }) }) };
      }
      case "append": {
        const message = this.#message(step);
        return { expected: this.#append(message), actual: await archive.appendMessage(message) };
      }
      case "list": {
        const roomId = this.#name(step.room);
        const page = {
          limit: step.limit,
          ...(step.before !== undefined && { before: `m${step.before}` }),
          ...(step.after !== undefined && { after: `m${step.after}` }),
        };
        return { expected: this.#list(roomId, page), actual: await archive.listMessages(roomId, page) };
      }
      case "newest": {
        const ids = this.#messages.filter((message) => message.roomId === this.#name(step.room)).map(({ id }) => id);
        return { expected: ids.sort().at(-1), actual: await archive.newestMessageId(this.#name(step.room)) };
      }
      default:
        throw new TypeError(`no such step: ${step.kind}`);
    }
  }

  #name(text: string): string {
    return `${this.#prefix}-${text}`;
  }

  #user(id: Letter, handle: string): NewUser {
    const name = this.#name(handle);
    return { id: this.#name(id), handle: name, displayName: handle, passwordHash: "x", guest: false, createdAtMs: 1 };
  }

  #createUser(user: NewUser): unknown {
    const handleKey = fold(user.handle ?? "");
    const earlier = this.#users.get(user.id);
    if (earlier !== undefined)
      return earlier.handleKey === handleKey ? { kind: "created", user: earlier } : { kind: "handle_taken" };
    if ([...this.#users.values()].some((other) => other.handleKey === handleKey)) return { kind: "handle_taken" };
    const record = { ...user, handleKey, tokenVersion: 0 };
    this.#users.set(user.id, record);
    return { kind: "created", user: record };
  }

  #bump(id: string): number | undefined {
    const user = this.#users.get(id);
    if (user === undefined) return undefined;
    this.#users.set(id, { ...user, tokenVersion: user.tokenVersion + 1 });
    return user.tokenVersion + 1;
  }

  #room(id: Letter, slug: string, owner: Letter): NewRoom {
    const name = this.#name(slug);
    return {
      id: this.#name(`room-${id}`),
      slug: name,
      slugKey: name.toLowerCase(),
      skeleton: name.toLowerCase().replaceAll("1", "l"),
      title: slug,
      access: "open",
      capacity: 2,
      ownerId: this.#name(owner),
      createdAtMs: 1,
    };
  }

  #createRoom(room: NewRoom): unknown {
    const rooms = [...this.#rooms.values()];
    const sameSlug = rooms.find((other) => other.slugKey === room.slugKey);
    if (sameSlug !== undefined)
      return sameSlug.id === room.id ? { kind: "created", room: sameSlug } : { kind: "slug_taken" };
    const lookAlike = rooms.find((other) => other.skeleton === room.skeleton);
    if (lookAlike !== undefined) return { kind: "confusable", slug: lookAlike.slug };
    if (this.#rooms.has(room.id)) return { kind: "slug_taken" };
    const record = { ...room, version: 1 };
    this.#rooms.set(room.id, record);
    this.#members.set(`${room.id} ${room.ownerId}`, {
      roomId: room.id,
      userId: room.ownerId,
      role: "owner",
      addedAtMs: 1,
    });
    return { kind: "created", room: record };
  }

  #roomsOf(userId: string): readonly unknown[] {
    return [...this.#members.values()]
      .filter((member) => member.userId === userId && this.#rooms.has(member.roomId))
      .map((member) => ({ room: this.#rooms.get(member.roomId), role: member.role, id: member.roomId }))
      .sort((one, other) => (one.id < other.id ? 1 : -1))
      .map(({ room, role }) => ({ room, role }));
  }

  #memberKey(step: { readonly room: Letter; readonly user: Letter }): {
    readonly roomId: string;
    readonly userId: string;
  } {
    return { roomId: this.#name(step.room), userId: this.#name(step.user) };
  }

  #addMember(member: MemberRecord): unknown {
    const key = `${member.roomId} ${member.userId}`;
    const earlier = this.#members.get(key);
    if (earlier !== undefined) return { kind: "already_member", member: earlier };
    this.#members.set(key, member);
    return { kind: "added", member };
  }

  #message(step: {
    readonly room: Letter;
    readonly author: Letter;
    readonly id: number;
    readonly clientId: number;
  }): MessageRecord {
    return {
      id: `m${step.id}`,
      roomId: this.#name(step.room),
      authorId: step.author,
      authorName: step.author,
      text: `${step.id} ${step.clientId}`,
      sentAtMs: step.id,
      clientId: `c${step.clientId}`,
    };
  }

  #append(message: MessageRecord): unknown {
    const inRoom = this.#messages.filter((other) => other.roomId === message.roomId);
    const earlier = inRoom.find((other) => other.authorId === message.authorId && other.clientId === message.clientId);
    if (earlier !== undefined) return { kind: "duplicate", message: earlier };
    if (inRoom.some((other) => other.id === message.id)) return { kind: "id_taken" };
    this.#messages.push(message);
    return { kind: "appended", message };
  }

  #list(roomId: string, page: { readonly before?: string; readonly after?: string; readonly limit: number }): unknown {
    const range = this.#messages
      .filter(
        (message) => message.roomId === roomId && message.id > (page.after ?? "") && message.id < (page.before ?? "~"),
      )
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    const messages = page.after === undefined ? range.slice(-page.limit) : range.slice(0, page.limit);
    return { messages, more: range.length > page.limit };
  }
}

/** The few foldings that the generated handles need. */
function fold(handle: string): string {
  return handle.toLowerCase().replaceAll("ß", "ss");
}
