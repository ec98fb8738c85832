// People in MongoDB.

import type { CreateUserOutcome, UserChanges, UserRecord } from "../archive.ts";
import { isDuplicate } from "./duplicates.ts";
import type { ArchiveModels, UserDocument } from "./schemas.ts";

export async function createUser({ users }: ArchiveModels, user: UserRecord): Promise<CreateUserOutcome> {
  try {
    await users.create(documentOf(user));
    return { kind: "created", user };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  const earlier = await users.findById(user.id).lean<UserDocument>();
  const same = earlier !== null && earlier.handleKey === user.handleKey;
  return same ? { kind: "created", user: recordOf(earlier) } : { kind: "handle_taken" };
}

export async function getUser({ users }: ArchiveModels, id: string): Promise<UserRecord | undefined> {
  const found = await users.findById(id).lean<UserDocument>();
  return found === null ? undefined : recordOf(found);
}

export async function findUserByHandleKey(
  { users }: ArchiveModels,
  handleKey: string,
): Promise<UserRecord | undefined> {
  const found = await users.findOne({ uniqueKey: `h:${handleKey}` }).lean<UserDocument>();
  return found === null ? undefined : recordOf(found);
}

export async function bumpTokenVersion({ users }: ArchiveModels, id: string): Promise<number | undefined> {
  const found = await users
    .findOneAndUpdate({ _id: id }, { $inc: { tokenVersion: 1 } }, { returnDocument: "after" })
    .lean<UserDocument>();
  return found?.tokenVersion;
}

export async function getUsers({ users }: ArchiveModels, ids: readonly string[]): Promise<readonly UserRecord[]> {
  return (await users.find({ _id: { $in: [...ids] } }).lean<UserDocument[]>()).map(recordOf);
}

export async function updateUser(
  { users }: ArchiveModels,
  id: string,
  changes: UserChanges,
): Promise<UserRecord | undefined> {
  const { pictureId, ...fields } = changes;
  const set = { ...fields, ...(pictureId === undefined || pictureId === null ? {} : { pictureId }) };
  const found = await users
    .findOneAndUpdate(
      { _id: id, deletedAtMs: { $exists: false } },
      {
        ...(Object.keys(set).length > 0 && { $set: set }),
        ...(pictureId === null && { $unset: { pictureId: 1 } }),
      },
      { returnDocument: "after" },
    )
    .lean<UserDocument>();
  return found === null ? undefined : recordOf(found);
}

export async function forgetUser({ users }: ArchiveModels, id: string, atMs: number): Promise<boolean> {
  const nobody = { uniqueKey: `x:${id}`, handle: null, handleKey: null, displayName: "", passwordHash: null };
  const { modifiedCount } = await users.updateOne(
    { _id: id, deletedAtMs: { $exists: false } },
    { $set: { ...nobody, deletedAtMs: atMs }, $unset: { pictureId: 1 }, $inc: { tokenVersion: 1 } },
  );
  return modifiedCount === 1;
}

function documentOf({ id, ...fields }: UserRecord): UserDocument {
  return { _id: id, uniqueKey: fields.handleKey === null ? `g:${id}` : `h:${fields.handleKey}`, ...fields };
}

function recordOf({ _id, uniqueKey: _, ...fields }: UserDocument): UserRecord {
  return { id: _id, ...fields };
}
