// Rooms and their members in MongoDB.

import type {
  AddMemberOutcome,
  CreateRoomOutcome,
  MemberRecord,
  NewRoom,
  Role,
  RoomOfUser,
  RoomRecord,
  SetRoleOutcome,
} from "../archive.ts";
import { diceOf } from "../dice.ts";
import { isDuplicate } from "./duplicates.ts";
import type { ArchiveModels, MemberDocument, RoomDocument } from "./schemas.ts";

/** Deleted rooms keep their names and are not shown. */
export const ALIVE = { deletedAtMs: { $exists: false } };

type MemberKey = { readonly roomId: string; readonly userId: string };

/**
 * The owner's membership is written before the room: a crash between the two leaves a membership of a room that does not
 * exist, which no reader shows, rather than a room without an owner.
 */
export async function createRoom(models: ArchiveModels, room: NewRoom): Promise<CreateRoomOutcome> {
  const owner = { roomId: room.id, userId: room.ownerId, role: "owner", addedAtMs: room.createdAtMs } as const;
  const { kind: membership } = await addMember(models, owner);
  const { id, ...fields } = room;
  try {
    await models.rooms.create({ _id: id, ...fields, dice: diceOf(id), version: 1 });
    return { kind: "created", room: { ...room, version: 1 } };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  const conflict = await conflictOf(models, room);
  if (conflict.kind !== "created" && membership === "added") await models.members.deleteOne({ _id: memberId(owner) });
  return conflict;
}

export async function conflictOf(
  { rooms }: ArchiveModels,
  room: Pick<NewRoom, "id" | "slugKey" | "skeleton">,
): Promise<CreateRoomOutcome> {
  const sameSlug = await rooms.findOne({ slugKey: room.slugKey }).lean<RoomDocument>();
  if (sameSlug !== null) {
    return sameSlug._id === room.id ? { kind: "created", room: roomOf(sameSlug) } : { kind: "slug_taken" };
  }
  const lookAlike = await rooms.findOne({ skeleton: room.skeleton }).lean<RoomDocument>();
  // Otherwise the id itself exists with another name: a minted id is never reused, so the name asked for is as good as taken.
  return lookAlike === null ? { kind: "slug_taken" } : { kind: "confusable", slug: lookAlike.slug };
}

export async function getRoom({ rooms }: ArchiveModels, id: string): Promise<RoomRecord | undefined> {
  const found = await rooms.findOne({ _id: id, ...ALIVE }).lean<RoomDocument>();
  return found === null ? undefined : roomOf(found);
}

export async function getRoomBySlug({ rooms }: ArchiveModels, slugKey: string): Promise<RoomRecord | undefined> {
  const found = await rooms.findOne({ slugKey, ...ALIVE }).lean<RoomDocument>();
  return found === null ? undefined : roomOf(found);
}

export async function listRoomsOf(
  models: ArchiveModels,
  userId: string,
  page: { readonly before?: string; readonly limit: number },
): Promise<readonly RoomOfUser[]> {
  const listed: RoomOfUser[] = [];
  let before = page.before;
  // More than one round only when memberships were left without their room (see createRoom).
  while (listed.length < page.limit) {
    const filter = before === undefined ? { userId } : { userId, roomId: { $lt: before } };
    const limit = page.limit - listed.length;
    const members = await models.members.find(filter).sort({ roomId: -1 }).limit(limit).lean<MemberDocument[]>();
    const ids = members.map((member) => member.roomId);
    const rooms = await models.rooms.find({ _id: { $in: ids }, ...ALIVE }).lean<RoomDocument[]>();
    const byId = new Map(rooms.map((room) => [room._id, room]));
    for (const member of members) {
      const room = byId.get(member.roomId);
      if (room !== undefined) listed.push({ room: roomOf(room), role: member.role });
    }
    if (members.length < limit) break;
    before = ids.at(-1);
  }
  return listed;
}

export async function addMember(models: ArchiveModels, member: MemberRecord): Promise<AddMemberOutcome> {
  try {
    await models.members.create({ _id: memberId(member), ...member });
    return { kind: "added", member };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  return { kind: "already_member", member: (await getMember(models, member)) ?? member };
}

export async function getMember({ members }: ArchiveModels, key: MemberKey): Promise<MemberRecord | undefined> {
  const found = await members.findById(memberId(key)).lean<MemberDocument>();
  return found === null ? undefined : memberOf(found);
}

export async function setRole(
  { members }: ArchiveModels,
  change: MemberKey & { readonly role: Role },
): Promise<SetRoleOutcome> {
  const found = await members
    .findOneAndUpdate({ _id: memberId(change) }, { $set: { role: change.role } }, { returnDocument: "after" })
    .lean<MemberDocument>();
  return found === null ? { kind: "not_member" } : { kind: "set", member: memberOf(found) };
}

export async function removeMember({ members }: ArchiveModels, key: MemberKey): Promise<boolean> {
  return (await members.deleteOne({ _id: memberId(key) })).deletedCount === 1;
}

export async function listMembers(
  { members }: ArchiveModels,
  roomId: string,
  page: { readonly after?: string; readonly limit: number },
): Promise<readonly MemberRecord[]> {
  const filter = page.after === undefined ? { roomId } : { roomId, userId: { $gt: page.after } };
  const found = await members.find(filter).sort({ userId: 1 }).limit(page.limit).lean<MemberDocument[]>();
  return found.map(memberOf);
}

function memberId(key: MemberKey): string {
  return `${key.roomId} ${key.userId}`;
}

function memberOf({ _id, ...member }: MemberDocument): MemberRecord {
  return member;
}

export function roomOf({ _id, dice: _, ...fields }: RoomDocument): RoomRecord {
  return { id: _id, ...fields };
}
