/** What owners and moderators do to a room and its members; and clearing away rooms that were deleted. */
import type { MemberInfo, Role, RoomInfo } from "#protocol";
import type { RoomBroadcast } from "../chat/room-broadcast.ts";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Expulsions } from "../signalling/expulsions.ts";
import type {
  Archive,
  MemberRecord,
  RoomChanges,
  RoomRecord,
  UpdateRoomOutcome,
  UserRecord,
} from "../store/archive.ts";
import type { Joining } from "./joining.ts";
import { RoomNames } from "./room-names.ts";

export interface RoomKeepingParts {
  readonly archive: Archive;
  readonly joining: Joining;
  readonly clock: Clock;
  readonly live: () => {
    readonly broadcast: Pick<RoomBroadcast, "tell">;
    readonly expulsions: Pick<Expulsions, "expel">;
    /** A room was deleted: what was in it can be cleared away. */
    readonly cleared: (roomId: string) => void;
  };
}

/** Who does it, where, as what. */
export interface Keeper {
  readonly room: RoomRecord;
  readonly user: UserRecord;
  readonly role: Role | undefined;
}

export interface RoomChangeInput extends Omit<RoomChanges, "names" | "ownerId"> {
  readonly names?: RoomChanges["names"];
}

export class RoomKeeping {
  readonly #parts: RoomKeepingParts;
  readonly #names: RoomNames;

  constructor(parts: RoomKeepingParts) {
    this.#parts = parts;
    this.#names = new RoomNames(parts.archive);
  }

  /** Owners and moderators; the address is the owner's. */
  async change({ room, role }: Keeper, { names, ...changes }: RoomChangeInput): Promise<RoomInfo> {
    assertModerates(role);
    if (names !== undefined && role !== "owner")
      throw new ApiError("not_allowed", { detail: "the address is the owner's" });
    const { archive, joining } = this.#parts;
    let changed = room;
    // The name first: it is what may be refused.
    if (names !== undefined && names.slug !== room.slug) changed = roomIn(await this.#names.rename(room, names));
    if (Object.keys(changes).length > 0) changed = roomIn(await archive.updateRoom(room.id, changes));
    if (changed !== room) await this.#tell(changed);
    return joining.infoOf(changed, role);
  }

  /** By the owner. Everybody inside leaves; the address stays taken. */
  async remove({ room, role }: Keeper): Promise<void> {
    if (role !== "owner") throw new ApiError("not_allowed", { detail: "the room is its owner's" });
    const { archive, clock } = this.#parts;
    if (!(await archive.deleteRoom(room.id, clock.wallMs()))) throw new ApiError("unknown_room");
    const { expulsions, cleared } = this.#parts.live();
    expulsions.expel(room.id);
    cleared(room.id);
  }

  async members(
    room: RoomRecord,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<{ readonly members: readonly MemberInfo[]; readonly nextCursor?: string }> {
    const { after, limit } = page;
    const range = { limit: limit + 1, ...(after === undefined ? {} : { after }) };
    const found = await this.#parts.archive.listMembers(room.id, range);
    const shown = found.slice(0, limit);
    const users = await this.#parts.archive.getUsers(shown.map((member) => member.userId));
    const byId = new Map(users.map((user) => [user.id, user]));
    const members = shown.map((member) => memberInfoOf(member, byId.get(member.userId)));
    const last = members.at(-1);
    return { members, ...(found.length > limit && last !== undefined ? { nextCursor: last.userId } : {}) };
  }

  /** Moderators make guests of members and members of guests; the owner makes moderators, and hands the room over. */
  async setRole(keeper: Keeper, userId: string, role: Role): Promise<MemberInfo> {
    const { archive } = this.#parts;
    const { room } = keeper;
    const [member] = await this.#subject(keeper, userId);
    if (keeper.role !== "owner" && (role === "moderator" || role === "owner"))
      throw new ApiError("not_allowed", { detail: "moderators are the owner's choice" });
    const [user] = await archive.getUsers([userId]);
    if (role !== "guest" && user?.guest === true) throw new ApiError("guest_not_allowed");
    if (role === "owner") {
      // Whoever reads in between finds two owners rather than none.
      await archive.setRole({ roomId: room.id, userId, role });
      await archive.updateRoom(room.id, { ownerId: userId });
      await archive.setRole({ roomId: room.id, userId: keeper.user.id, role: "moderator" });
      await this.#tellMember(room.id, keeper.user.id, "moderator");
    } else if (member.role !== role) await archive.setRole({ roomId: room.id, userId, role });
    await this.#tellMember(room.id, userId, role);
    return memberInfoOf({ ...member, role }, user);
  }

  /** Who is removed leaves at once; everybody but the owner may go by themselves. */
  async removeMember(keeper: Keeper, userId: string): Promise<void> {
    const { room, user } = keeper;
    if (userId !== user.id) await this.#subject(keeper, userId);
    else if (keeper.role === "owner") throw new ApiError("not_allowed", { detail: "hand the room over first" });
    if (!(await this.#parts.archive.removeMember({ roomId: room.id, userId }))) throw new ApiError("unknown_member");
    this.#parts.live().expulsions.expel(room.id, userId);
    await this.#tellMember(room.id, userId, undefined);
  }

  /** Before an account ends: rooms of theirs go to the first moderator, else to the first member; then they leave all. */
  async leaveAll(user: UserRecord): Promise<void> {
    const { archive } = this.#parts;
    for (;;) {
      const rooms = await archive.listRoomsOf(user.id, { limit: 50 });
      for (const { room, role } of rooms) {
        if (role === "owner") await this.#passOn(room, user.id);
        await archive.removeMember({ roomId: room.id, userId: user.id });
        this.#parts.live().expulsions.expel(room.id, user.id);
        await this.#tellMember(room.id, user.id, undefined);
      }
      if (rooms.length < 50) return;
    }
  }

  async #passOn(room: RoomRecord, userId: string): Promise<void> {
    const { archive } = this.#parts;
    const members = await archive.listMembers(room.id, { limit: 200 });
    const others = members.filter((member) => member.userId !== userId && member.role !== "guest");
    const heir = others.find((member) => member.role !== "member") ?? others[0];
    if (heir === undefined) return;
    await archive.setRole({ roomId: room.id, userId: heir.userId, role: "owner" });
    await archive.updateRoom(room.id, { ownerId: heir.userId });
    await this.#tellMember(room.id, heir.userId, "owner");
  }

  /** Somebody whom this keeper may change: below them, and not themselves. */
  async #subject({ room, user, role }: Keeper, userId: string): Promise<readonly [MemberRecord]> {
    assertModerates(role);
    const member = await this.#parts.archive.getMember({ roomId: room.id, userId });
    if (member === undefined) throw new ApiError("unknown_member");
    const isPeer = member.role === "owner" || (member.role === "moderator" && role !== "owner");
    if (isPeer || userId === user.id) throw new ApiError("not_allowed");
    return [member];
  }

  async #tell(room: RoomRecord): Promise<void> {
    const { id: roomId, slug, title, description = "", access, capacity, version, pictureId } = room;
    const picture = pictureId === undefined ? {} : { pictureId };
    const told = { roomId, slug, title, description, access, capacity, version, ...picture };
    await this.#parts.live().broadcast.tell(roomId, { type: "roomUpdated", room: told });
  }

  async #tellMember(roomId: string, userId: string, role: Role | undefined): Promise<void> {
    const word = { type: "memberUpdated", userId, ...(role === undefined ? {} : { role }) } as const;
    await this.#parts.live().broadcast.tell(roomId, word);
  }
}

function assertModerates(role: Role | undefined): void {
  if (role !== "owner" && role !== "moderator") throw new ApiError("not_allowed");
}

function roomIn(outcome: UpdateRoomOutcome | { readonly kind: "too_many" }): RoomRecord {
  switch (outcome.kind) {
    case "updated":
      return outcome.room;
    case "unknown":
      throw new ApiError("unknown_room");
    case "slug_taken":
    case "too_many":
      throw new ApiError(outcome.kind);
    case "confusable":
      throw new ApiError("slug_confusable", { detail: `it looks like the room ${outcome.slug}` });
  }
}

function memberInfoOf({ userId, role, addedAtMs }: MemberRecord, user: UserRecord | undefined): MemberInfo {
  const { displayName = "", handle = null, pictureId } = user ?? {};
  return {
    ...{ userId, role, displayName, addedAtMs },
    ...(handle === null ? {} : { handle }),
    ...(pictureId === undefined ? {} : { pictureId }),
  };
}
