// People in the embedded store.

import type { CreateUserOutcome, UserChanges, UserRecord } from "../archive.ts";
import type { SqliteDatabase } from "./database.ts";
import { integerOf, userOf } from "./rows.ts";

export function createUser(db: SqliteDatabase, user: UserRecord): CreateUserOutcome {
  return db.run("createUser", () => {
    const added = db.change(
      `INSERT INTO user (id, handle, handle_key, display_name, password_hash, guest, guest_room_id, token_version, created_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      user.id,
      user.handle,
      user.handleKey,
      user.displayName,
      user.passwordHash,
      user.guest ? 1 : 0,
      user.guestRoomId ?? null,
      user.tokenVersion,
      user.createdAtMs,
    );
    if (added === 1) return { kind: "created", user };
    const earlier = userById(db, user.id);
    if (earlier !== undefined && earlier.handleKey === user.handleKey) return { kind: "created", user: earlier };
    return { kind: "handle_taken" };
  });
}

export function getUser(db: SqliteDatabase, id: string): UserRecord | undefined {
  return db.run("getUser", () => userById(db, id));
}

export function findUserByHandleKey(db: SqliteDatabase, handleKey: string): UserRecord | undefined {
  return db.run("findUserByHandle", () => {
    const row = db.first("SELECT * FROM user WHERE handle_key = ?", handleKey);
    return row === undefined ? undefined : userOf(row);
  });
}

export function bumpTokenVersion(db: SqliteDatabase, id: string): number | undefined {
  return db.run("bumpTokenVersion", () => {
    const row = db.first("UPDATE user SET token_version = token_version + 1 WHERE id = ? RETURNING token_version", id);
    return row === undefined ? undefined : integerOf(row, "token_version");
  });
}

export function getUsers(db: SqliteDatabase, ids: readonly string[]): readonly UserRecord[] {
  return db.run("getUsers", () =>
    db.all("SELECT * FROM user WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids)).map(userOf),
  );
}

export function updateUser(db: SqliteDatabase, id: string, changes: UserChanges): UserRecord | undefined {
  return db.transact("updateUser", () => {
    const user = userById(db, id);
    if (user === undefined || user.deletedAtMs !== undefined) return undefined;
    const { pictureId = user.pictureId ?? null } = changes;
    db.change(
      "UPDATE user SET display_name = ?, password_hash = ?, picture_id = ? WHERE id = ?",
      changes.displayName ?? user.displayName,
      changes.passwordHash ?? user.passwordHash,
      pictureId,
      id,
    );
    return userById(db, id);
  });
}

export function forgetUser(db: SqliteDatabase, id: string, atMs: number): boolean {
  return db.run("forgetUser", () => {
    const changed = db.change(
      `UPDATE user SET handle = NULL, handle_key = NULL, display_name = '', password_hash = NULL, picture_id = NULL,
         token_version = token_version + 1, deleted_at_ms = ? WHERE id = ? AND deleted_at_ms IS NULL`,
      atMs,
      id,
    );
    return changed === 1;
  });
}

function userById(db: SqliteDatabase, id: string): UserRecord | undefined {
  const row = db.first("SELECT * FROM user WHERE id = ?", id);
  return row === undefined ? undefined : userOf(row);
}
