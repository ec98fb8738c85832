// Archive on an SQLite file in WAL mode. Every operation is one statement or one transaction.

import { dirname, join } from "node:path";
import type { Archive } from "../archive.ts";
import type { ArchiveAdapter } from "../guarded-archive.ts";
import { GuardedArchive } from "../guarded-archive.ts";
import { SqliteDatabase } from "./database.ts";
import { directoryContents } from "./directory-contents.ts";
import * as messages from "./sqlite-messages.ts";
import { sqliteRecords } from "./sqlite-records.ts";
import * as roomChanges from "./sqlite-room-changes.ts";
import * as rooms from "./sqlite-rooms.ts";
import { sqliteTexts } from "./sqlite-texts.ts";
import * as users from "./sqlite-users.ts";

export interface SqliteArchiveOptions {
  /** The database file; made when missing, shared with other processes of this machine and with Presence. Files lie beside it. */
  readonly path: string;
  /** How long to wait for another process's write. Default 1000 ms. */
  readonly busyTimeoutMs?: number;
  /** Told each statement once, before it runs first: for looking at how it is planned. */
  readonly onStatement?: (sql: string) => void;
}

/** Opens the file (and migrates it). Throws StoreUnavailableError when it cannot be opened or stays locked for 5 s. */
export function openSqliteArchive(options: SqliteArchiveOptions): Archive {
  const db = SqliteDatabase.open({ ...options, store: "archive", durable: true });
  return new GuardedArchive(adapterOf(db, join(dirname(options.path), "files")));
}

// The operations are synchronous; being async functions here turns what they throw into rejections.
function adapterOf(db: SqliteDatabase, filesDir: string): ArchiveAdapter {
  return {
    ping: async () => {
      db.run("ping", () => db.first("SELECT 1 AS one FROM user LIMIT 1"));
    },
    createUser: async (user) => users.createUser(db, user),
    findUserByHandleKey: async (handleKey) => users.findUserByHandleKey(db, handleKey),
    getUser: async (id) => users.getUser(db, id),
    bumpTokenVersion: async (id) => users.bumpTokenVersion(db, id),
    getUsers: async (ids) => users.getUsers(db, ids),
    updateUser: async (id, changes) => users.updateUser(db, id, changes),
    forgetUser: async (id, atMs) => users.forgetUser(db, id, atMs),
    createRoom: async (room) => rooms.createRoom(db, room),
    getRoom: async (id) => rooms.getRoom(db, id),
    getRoomBySlug: async (slugKey) => rooms.getRoomBySlug(db, slugKey),
    listRoomsOf: async (userId, page) => rooms.listRoomsOf(db, userId, page),
    updateRoom: async (id, changes) => roomChanges.updateRoom(db, id, changes),
    deleteRoom: async (id, atMs) => roomChanges.deleteRoom(db, id, atMs),
    purgeRoom: async (id, limit) => roomChanges.purgeRoom(db, id, limit),
    listDeletedRooms: async (limit) => roomChanges.listDeletedRooms(db, limit),
    pickOpenRooms: async (dice, limit) => roomChanges.pickOpenRooms(db, dice, limit),
    addMember: async (member) => rooms.addMember(db, member),
    getMember: async (key) => rooms.getMember(db, key),
    setRole: async (change) => rooms.setRole(db, change),
    removeMember: async (key) => rooms.removeMember(db, key),
    listMembers: async (roomId, page) => rooms.listMembers(db, roomId, page),
    appendMessage: async (message, words) => messages.appendMessage(db, message, words),
    getMessage: async (key) => messages.getMessage(db, key),
    listMessages: async (roomId, page) => messages.listMessages(db, roomId, page),
    newestMessageId: async (roomId) => messages.newestMessageId(db, roomId),
    texts: sqliteTexts(db),
    records: sqliteRecords(db),
    contents: directoryContents(filesDir),
    close: async () => db.close(),
  };
}
