// Every operation of the archive that writes, by name: so that a write can be told to another thread, and several of them
// can be one transaction. Arguments and answers are plain values.

import type { SqliteDatabase } from "./database.ts";
import * as messages from "./sqlite-messages.ts";
import * as records from "./sqlite-records.ts";
import * as roomChanges from "./sqlite-room-changes.ts";
import * as rooms from "./sqlite-rooms.ts";
import { changeMessage } from "./sqlite-texts.ts";
import * as users from "./sqlite-users.ts";

export const WRITES = {
  createUser: users.createUser,
  bumpTokenVersion: users.bumpTokenVersion,
  updateUser: users.updateUser,
  forgetUser: users.forgetUser,
  createRoom: rooms.createRoom,
  updateRoom: roomChanges.updateRoom,
  deleteRoom: roomChanges.deleteRoom,
  purgeRoom: roomChanges.purgeRoom,
  addMember: rooms.addMember,
  setRole: rooms.setRole,
  removeMember: rooms.removeMember,
  appendMessage: messages.appendMessage,
  changeMessage,
  addRecord: records.addRecord,
  replaceRecord: records.replaceRecord,
  removeRecord: records.removeRecord,
} as const;

export type WriteName = keyof typeof WRITES;
export type WriteArgs<Name extends WriteName> =
  Parameters<(typeof WRITES)[Name]> extends [SqliteDatabase, ...infer Args] ? Args : never;
export type WriteResult<Name extends WriteName> = ReturnType<(typeof WRITES)[Name]>;

/** Where writes go. */
export interface Writer {
  /** Durable when it answers. Throws StoreUnavailableError. */
  write<Name extends WriteName>(name: Name, ...args: WriteArgs<Name>): Promise<WriteResult<Name>>;
  /** Answers what is under way, then ends. Idempotent. */
  close(): Promise<void>;
}

/** A call of any of them; what the names' types promise is kept by whoever made the call. */
export function callWrite(db: SqliteDatabase, name: WriteName, args: readonly unknown[]): unknown {
  const operation = WRITES[name] as (db: SqliteDatabase, ...args: readonly unknown[]) => unknown;
  return operation(db, ...args);
}

/** Writes on the caller's own connection, each in its own transaction, blocking the event loop meanwhile. */
export function directWriter(db: SqliteDatabase): Writer {
  return {
    // The operations are synchronous; being an async function turns what they throw into rejections.
    write: async (name, ...args) => db.transact(name, () => callWrite(db, name, args)) as WriteResult<typeof name>,
    close: async () => undefined,
  };
}
