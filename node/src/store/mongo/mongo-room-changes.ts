// What changes and ends rooms in MongoDB.

import type { RoomChanges, RoomRecord, UpdateRoomOutcome } from "../archive.ts";
import { isDuplicate } from "./duplicates.ts";
import { ALIVE, conflictOf, roomOf } from "./mongo-rooms.ts";
import type { ArchiveModels, MessageDocument, RoomDocument } from "./schemas.ts";

export async function updateRoom(models: ArchiveModels, id: string, changes: RoomChanges): Promise<UpdateRoomOutcome> {
  const { names, pictureId, description, ...fields } = changes;
  const set = {
    ...fields,
    ...names,
    ...(description !== undefined && description !== "" && { description }),
    ...(pictureId !== undefined && pictureId !== null && { pictureId }),
  };
  const unset = { ...(description === "" && { description: 1 }), ...(pictureId === null && { pictureId: 1 }) };
  const update = {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(Object.keys(unset).length > 0 && { $unset: unset }),
    $inc: { version: 1 },
  };
  try {
    const found = await models.rooms
      .findOneAndUpdate({ _id: id, ...ALIVE }, update, { returnDocument: "after" })
      .lean<RoomDocument>();
    return found === null ? { kind: "unknown" } : { kind: "updated", room: roomOf(found) };
  } catch (error) {
    if (!isDuplicate(error) || names === undefined) throw error;
  }
  return await nameConflict(models, { id, ...names });
}

async function nameConflict(
  models: ArchiveModels,
  names: { readonly id: string; readonly slugKey: string; readonly skeleton: string },
): Promise<UpdateRoomOutcome> {
  const conflict = await conflictOf(models, names);
  if (conflict.kind !== "created") return conflict;
  // The key is its own; only the look is another's.
  const lookAlike = await models.rooms.findOne({ skeleton: names.skeleton }).lean<RoomDocument>();
  return lookAlike === null ? { kind: "slug_taken" } : { kind: "confusable", slug: lookAlike.slug };
}

export async function deleteRoom({ rooms }: ArchiveModels, id: string, atMs: number): Promise<boolean> {
  const { modifiedCount } = await rooms.updateOne(
    { _id: id, ...ALIVE },
    { $set: { title: "", deletedAtMs: atMs }, $unset: { description: 1, pictureId: 1 }, $inc: { version: 1 } },
  );
  return modifiedCount === 1;
}

export async function purgeRoom(models: ArchiveModels, id: string, limit: number): Promise<boolean> {
  const { rooms, members, messages } = models;
  const toPurge = { _id: id, deletedAtMs: { $exists: true }, purged: { $exists: false } };
  if ((await rooms.findOne(toPurge).lean<RoomDocument>()) === null) return true;
  await members.deleteMany({ roomId: id });
  const found = await messages.find({ roomId: id }, { _id: 1 }).limit(limit).lean<MessageDocument[]>();
  await messages.deleteMany({ _id: { $in: found.map((message) => message._id) } });
  if (found.length === limit) return false;
  await rooms.updateOne({ _id: id }, { $set: { purged: true } });
  return true;
}

export async function listDeletedRooms({ rooms }: ArchiveModels, limit: number): Promise<readonly string[]> {
  const found = await rooms
    .find({ deletedAtMs: { $exists: true }, purged: { $exists: false } }, { _id: 1 })
    .limit(limit)
    .lean<RoomDocument[]>();
  return found.map((room) => room._id);
}

export async function pickOpenRooms(
  { rooms }: ArchiveModels,
  dice: number,
  limit: number,
): Promise<readonly RoomRecord[]> {
  const from = async (range: object, count: number) =>
    (
      await rooms
        .find({ access: "open", dice: range, ...ALIVE })
        .sort({ dice: 1 })
        .limit(count)
        .lean<RoomDocument[]>()
    ).map(roomOf);
  const later = await from({ $gte: dice }, limit);
  return later.length === limit ? later : [...later, ...(await from({ $lt: dice }, limit - later.length))];
}
