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
import { ThreadWriter } from "./thread-writer.ts";
import type { Flush } from "./writer-messages.ts";
import { directWriter, type Writer } from "./writes.ts";

/** One transaction of the writer thread. */
export type { Flush } from "./writer-messages.ts";

export interface SqliteArchiveOptions {
  /** The database file; made when missing, shared with other processes of this machine and with Presence. Files lie beside it. */
  readonly path: string;
  /** How long to wait for another process's write. Default 1000 ms. */
  readonly busyTimeoutMs?: number;
  /** Told each statement once, before it runs first: for looking at how it is planned. Statements of the thread are not told. */
  readonly onStatement?: (sql: string) => void;
  /**
   * The script of the thread that writes; undefined: writes are made here, one transaction each, and block the event loop.
   * Default: our own where the program is built, none where it runs from its sources.
   */
  readonly writerEntry?: URL | undefined;
  /** Told each transaction of the thread. Never throws. */
  readonly onFlush?: (flush: Flush) => void;
}

const BUILT_ENTRY = import.meta.url.endsWith(".js") ? new URL("./writer-thread.js", import.meta.url) : undefined;

/** Opens the file (and migrates it). Throws StoreUnavailableError when it cannot be opened or stays locked for 5 s. */
export function openSqliteArchive(options: SqliteArchiveOptions): Archive {
  const db = SqliteDatabase.open({ ...options, store: "archive", durable: true });
  const {
    path,
    busyTimeoutMs,
    onFlush,
    writerEntry: entry = "writerEntry" in options ? undefined : BUILT_ENTRY,
  } = options;
  const lockWait = busyTimeoutMs === undefined ? {} : { lockWaitMs: busyTimeoutMs };
  const writer =
    entry === undefined
      ? directWriter(db)
      : new ThreadWriter({ entry, path, ...lockWait, ...(onFlush === undefined ? {} : { onFlush }) });
  return new GuardedArchive(adapterOf(db, writer, join(dirname(path), "files")));
}

// Reads are synchronous and made here: in WAL mode they wait for no write. Being async functions turns what they throw into
// rejections.
function adapterOf(db: SqliteDatabase, writer: Writer, filesDir: string): ArchiveAdapter {
  return {
    ping: async () => {
      db.run("ping", () => db.first("SELECT 1 AS one FROM user LIMIT 1"));
    },
    createUser: (user) => writer.write("createUser", user),
    findUserByHandleKey: async (handleKey) => users.findUserByHandleKey(db, handleKey),
    getUser: async (id) => users.getUser(db, id),
    bumpTokenVersion: (id) => writer.write("bumpTokenVersion", id),
    getUsers: async (ids) => users.getUsers(db, ids),
    updateUser: (id, changes) => writer.write("updateUser", id, changes),
    forgetUser: (id, atMs) => writer.write("forgetUser", id, atMs),
    createRoom: (room) => writer.write("createRoom", room),
    getRoom: async (id) => rooms.getRoom(db, id),
    getRoomBySlug: async (slugKey) => rooms.getRoomBySlug(db, slugKey),
    listRoomsOf: async (userId, page) => rooms.listRoomsOf(db, userId, page),
    updateRoom: (id, changes) => writer.write("updateRoom", id, changes),
    deleteRoom: (id, atMs) => writer.write("deleteRoom", id, atMs),
    purgeRoom: (id, limit) => writer.write("purgeRoom", id, limit),
    listDeletedRooms: async (limit) => roomChanges.listDeletedRooms(db, limit),
    pickOpenRooms: async (dice, limit) => roomChanges.pickOpenRooms(db, dice, limit),
    addMember: (member) => writer.write("addMember", member),
    getMember: async (key) => rooms.getMember(db, key),
    setRole: (change) => writer.write("setRole", change),
    removeMember: (key) => writer.write("removeMember", key),
    listMembers: async (roomId, page) => rooms.listMembers(db, roomId, page),
    appendMessage: (message, words) => writer.write("appendMessage", message, words),
    getMessage: async (key) => messages.getMessage(db, key),
    listMessages: async (roomId, page) => messages.listMessages(db, roomId, page),
    newestMessageId: async (roomId) => messages.newestMessageId(db, roomId),
    texts: sqliteTexts(db, writer),
    records: sqliteRecords(db, writer),
    contents: directoryContents(filesDir),
    close: async () => {
      await writer.close();
      db.close();
    },
  };
}
