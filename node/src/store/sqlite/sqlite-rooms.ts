// Rooms and their members in the embedded store.

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
import type { SqliteDatabase } from "./database.ts";
import { memberOf, roomOf, textOf } from "./rows.ts";

const INSERT_ROOM = `INSERT INTO room (id, slug, slug_key, skeleton, title, access, capacity, owner_id, created_at_ms,
    description, dice, version)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING`;

const INSERT_MEMBER = `INSERT INTO member (room_id, user_id, role, added_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`;

const GREATEST_ID = "~";

export function createRoom(db: SqliteDatabase, room: NewRoom): CreateRoomOutcome {
  return db.transact("createRoom", () => {
    const added = db.change(
      INSERT_ROOM,
      room.id,
      room.slug,
      room.slugKey,
      room.skeleton,
      room.title,
      room.access,
      room.capacity,
      room.ownerId,
      room.createdAtMs,
      room.description ?? "",
      diceOf(room.id),
    );
    if (added === 0) return conflictOf(db, room);
    db.change(INSERT_MEMBER, room.id, room.ownerId, "owner", room.createdAtMs);
    return { kind: "created", room: { ...room, version: 1 } };
  });
}

export function conflictOf(db: SqliteDatabase, room: Pick<NewRoom, "id" | "slugKey" | "skeleton">): CreateRoomOutcome {
  const sameSlug = db.first("SELECT * FROM room WHERE slug_key = ?", room.slugKey);
  if (sameSlug !== undefined) {
    const earlier = roomOf(sameSlug);
    return earlier.id === room.id ? { kind: "created", room: earlier } : { kind: "slug_taken" };
  }
  const lookAlike = db.first("SELECT slug FROM room WHERE skeleton = ?", room.skeleton);
  if (lookAlike !== undefined) return { kind: "confusable", slug: textOf(lookAlike, "slug") };
  // The id itself exists with another name: a minted id is never reused, so the name asked for is as good as taken.
  return { kind: "slug_taken" };
}

export function getRoom(db: SqliteDatabase, id: string): RoomRecord | undefined {
  return db.run("getRoom", () => {
    const row = db.first("SELECT * FROM room WHERE id = ? AND deleted_at_ms IS NULL", id);
    return row === undefined ? undefined : roomOf(row);
  });
}

export function getRoomBySlug(db: SqliteDatabase, slugKey: string): RoomRecord | undefined {
  return db.run("getRoomBySlug", () => {
    const row = db.first("SELECT * FROM room WHERE slug_key = ? AND deleted_at_ms IS NULL", slugKey);
    return row === undefined ? undefined : roomOf(row);
  });
}

export function listRoomsOf(
  db: SqliteDatabase,
  userId: string,
  page: { readonly before?: string; readonly limit: number },
): readonly RoomOfUser[] {
  return db.run("listRoomsOf", () =>
    db
      .all(
        `SELECT room.*, member.role FROM member JOIN room ON room.id = member.room_id
         WHERE member.user_id = ? AND member.room_id < ? AND room.deleted_at_ms IS NULL ORDER BY member.room_id DESC LIMIT ?`,
        userId,
        page.before ?? GREATEST_ID,
        page.limit,
      )
      .map((row) => ({ room: roomOf(row), role: textOf(row, "role") as Role })),
  );
}

export function addMember(db: SqliteDatabase, member: MemberRecord): AddMemberOutcome {
  return db.run("addMember", () => {
    const added = db.change(INSERT_MEMBER, member.roomId, member.userId, member.role, member.addedAtMs);
    if (added === 1) return { kind: "added", member };
    return { kind: "already_member", member: memberByKey(db, member) ?? member };
  });
}

export function getMember(
  db: SqliteDatabase,
  key: { readonly roomId: string; readonly userId: string },
): MemberRecord | undefined {
  return db.run("getMember", () => memberByKey(db, key));
}

export function setRole(
  db: SqliteDatabase,
  change: { readonly roomId: string; readonly userId: string; readonly role: Role },
): SetRoleOutcome {
  return db.run("setRole", () => {
    const row = db.first(
      "UPDATE member SET role = ? WHERE room_id = ? AND user_id = ? RETURNING *",
      change.role,
      change.roomId,
      change.userId,
    );
    return row === undefined ? { kind: "not_member" } : { kind: "set", member: memberOf(row) };
  });
}

export function removeMember(db: SqliteDatabase, key: { readonly roomId: string; readonly userId: string }): boolean {
  return db.run("removeMember", () => {
    return db.change("DELETE FROM member WHERE room_id = ? AND user_id = ?", key.roomId, key.userId) === 1;
  });
}

export function listMembers(
  db: SqliteDatabase,
  roomId: string,
  page: { readonly after?: string; readonly limit: number },
): readonly MemberRecord[] {
  return db.run("listMembers", () =>
    db
      .all(
        "SELECT * FROM member WHERE room_id = ? AND user_id > ? ORDER BY user_id LIMIT ?",
        roomId,
        page.after ?? "",
        page.limit,
      )
      .map(memberOf),
  );
}

function memberByKey(
  db: SqliteDatabase,
  key: { readonly roomId: string; readonly userId: string },
): MemberRecord | undefined {
  const row = db.first("SELECT * FROM member WHERE room_id = ? AND user_id = ?", key.roomId, key.userId);
  return row === undefined ? undefined : memberOf(row);
}
