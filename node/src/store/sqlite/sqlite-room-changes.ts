// What changes and ends rooms in the embedded store.

import type { RoomChanges, RoomRecord, UpdateRoomOutcome } from "../archive.ts";
import type { SqliteDatabase } from "./database.ts";
import { roomOf, textOf } from "./rows.ts";
import { conflictOf } from "./sqlite-rooms.ts";
import { removeWords } from "./sqlite-words.ts";

export function updateRoom(db: SqliteDatabase, id: string, changes: RoomChanges): UpdateRoomOutcome {
  return db.transact("updateRoom", () => {
    const before = roomById(db, id);
    if (before === undefined) return { kind: "unknown" };
    const { pictureId = before.pictureId ?? null, description = before.description ?? "" } = changes;
    const { slug, slugKey, skeleton } = changes.names ?? before;
    const changed = db.change(
      `UPDATE OR IGNORE room SET slug = ?, slug_key = ?, skeleton = ?, title = ?, description = ?, picture_id = ?, access = ?,
         capacity = ?, owner_id = ?, version = version + 1 WHERE id = ?`,
      slug,
      slugKey,
      skeleton,
      changes.title ?? before.title,
      description,
      pictureId,
      changes.access ?? before.access,
      changes.capacity ?? before.capacity,
      changes.ownerId ?? before.ownerId,
      id,
    );
    const room = roomById(db, id);
    if (changed === 1 && room !== undefined) return { kind: "updated", room };
    return nameConflict(db, { id, slugKey, skeleton });
  });
}

function nameConflict(
  db: SqliteDatabase,
  names: { readonly id: string; readonly slugKey: string; readonly skeleton: string },
): UpdateRoomOutcome {
  // It cannot be this room's own name: that would have been no conflict, unless only the skeleton is another's.
  const conflict = conflictOf(db, names);
  if (conflict.kind !== "created") return conflict;
  const row = db.first("SELECT slug FROM room WHERE skeleton = ?", names.skeleton);
  return row === undefined ? { kind: "slug_taken" } : { kind: "confusable", slug: textOf(row, "slug") };
}

export function deleteRoom(db: SqliteDatabase, id: string, atMs: number): boolean {
  return db.run("deleteRoom", () => {
    const changed = db.change(
      `UPDATE room SET title = '', description = '', picture_id = NULL, version = version + 1, deleted_at_ms = ?
       WHERE id = ? AND deleted_at_ms IS NULL`,
      atMs,
      id,
    );
    return changed === 1;
  });
}

export function purgeRoom(db: SqliteDatabase, id: string, limit: number): boolean {
  return db.transact("purgeRoom", () => {
    const room = db.first("SELECT id FROM room WHERE id = ? AND deleted_at_ms IS NOT NULL AND purged = 0", id);
    if (room === undefined) return true;
    db.change("DELETE FROM member WHERE room_id = ?", id);
    const rows = db.all("SELECT id, words FROM message WHERE room_id = ? LIMIT ?", id, limit);
    for (const row of rows) {
      const messageId = textOf(row, "id");
      const words = textOf(row, "words");
      removeWords(db, { roomId: id, id: messageId, words: words === "" ? [] : words.split(" ") });
      db.change("DELETE FROM message WHERE room_id = ? AND id = ?", id, messageId);
    }
    if (rows.length === limit) return false;
    db.change("UPDATE room SET purged = 1 WHERE id = ?", id);
    return true;
  });
}

export function listDeletedRooms(db: SqliteDatabase, limit: number): readonly string[] {
  return db.run("listDeletedRooms", () =>
    db
      .all("SELECT id FROM room WHERE deleted_at_ms IS NOT NULL AND purged = 0 LIMIT ?", limit)
      .map((row) => textOf(row, "id")),
  );
}

export function pickOpenRooms(db: SqliteDatabase, dice: number, limit: number): readonly RoomRecord[] {
  return db.run("pickOpenRooms", () => {
    const from = (sql: string, count: number) => db.all(sql, dice, count).map(roomOf);
    const open = "SELECT * FROM room WHERE access = 'open' AND deleted_at_ms IS NULL";
    const later = from(`${open} AND dice >= ? ORDER BY dice LIMIT ?`, limit);
    if (later.length === limit) return later;
    return [...later, ...from(`${open} AND dice < ? ORDER BY dice LIMIT ?`, limit - later.length)];
  });
}

function roomById(db: SqliteDatabase, id: string): RoomRecord | undefined {
  const row = db.first("SELECT * FROM room WHERE id = ? AND deleted_at_ms IS NULL", id);
  return row === undefined ? undefined : roomOf(row);
}
