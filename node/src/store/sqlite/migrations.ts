// The embedded store's schema, as the list of steps that lead to it. Steps are only ever appended.

import type Libsql from "libsql";
import { StoreUsageError } from "../errors.ts";
import { addRoomChanges } from "./room-migration.ts";
import { addTextChanges } from "./text-migration.ts";

type Step = string | ((db: Libsql.Database) => void);

const STEPS: readonly Step[] = [
  `
  CREATE TABLE user (
    id TEXT PRIMARY KEY,
    handle TEXT,
    handle_key TEXT UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT,
    guest INTEGER NOT NULL,
    guest_room_id TEXT,
    token_version INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE room (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL,
    slug_key TEXT NOT NULL UNIQUE,
    skeleton TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    access TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    version INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE member (
    room_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    added_at_ms INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
  ) WITHOUT ROWID;
  CREATE INDEX member_by_user ON member (user_id, room_id);

  -- Stored in the order in which history is read: a page is one stretch of the file.
  CREATE TABLE message (
    room_id TEXT NOT NULL,
    id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    thread_id TEXT,
    reply_to TEXT,
    PRIMARY KEY (room_id, id)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX message_by_client ON message (room_id, author_id, client_id);

  -- Presence. A session is in at most one room, so its place is a part of its record.
  CREATE TABLE session (
    session_id TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    room_id TEXT,
    joined_as TEXT,
    expires_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX session_by_room ON session (room_id, session_id) WHERE room_id IS NOT NULL;
  CREATE INDEX session_by_node ON session (node, session_id);
  CREATE INDEX session_by_expiry ON session (expires_at_ms);

  CREATE TABLE generation (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id)
  ) WITHOUT ROWID;
  CREATE INDEX generation_by_value ON generation (value);
  `,
  `
  CREATE TABLE record (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    place TEXT NOT NULL,
    due_at_ms INTEGER,
    weight INTEGER NOT NULL,
    version INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX record_by_owner ON record (kind, owner, place);
  CREATE INDEX record_by_due ON record (kind, due_at_ms) WHERE due_at_ms IS NOT NULL;
  `,
  addTextChanges,
  addRoomChanges,
];

/** The schema that this version of the program reads and writes. */
export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings the file up to date under its write lock, so that of several processes one does the work and the others find it
 * done. `upTo`: an earlier schema, as an earlier program left it (for tests).
 */
export function migrate(db: Libsql.Database, upTo = SCHEMA_VERSION): void {
  if (versionOf(db) === upTo) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db);
    if (version > SCHEMA_VERSION) {
      throw new StoreUsageError(
        "schema_too_new",
        `the database has schema ${version}, this program knows up to ${SCHEMA_VERSION}: run the newer program`,
      );
    }
    for (const step of STEPS.slice(version, upTo)) {
      if (typeof step === "string") db.exec(step);
      else step(db);
    }
    db.exec(`PRAGMA user_version = ${upTo}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(db: Libsql.Database): number {
  const [row] = db.prepare("PRAGMA user_version").all() as { user_version: number }[];
  return row?.user_version ?? 0;
}
