// From SQLite rows to records. The columns are our own (migrations.ts), so a value of another type is a bug or a broken file.

import type {
  MemberRecord,
  MessageRecord,
  ReactionRecord,
  Role,
  RoomAccess,
  RoomRecord,
  UserRecord,
} from "../archive.ts";
import type { Occupant, ParticipantInfo, SessionRecord } from "../presence.ts";
import type { Row } from "./database.ts";

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`column ${column} holds no number`);
  return value;
}

export function userOf(row: Row): UserRecord {
  const guestRoomId = optionalTextOf(row, "guest_room_id");
  const pictureId = optionalTextOf(row, "picture_id");
  const deletedAtMs = optionalIntegerOf(row, "deleted_at_ms");
  return {
    id: textOf(row, "id"),
    handle: optionalTextOf(row, "handle") ?? null,
    handleKey: optionalTextOf(row, "handle_key") ?? null,
    displayName: textOf(row, "display_name"),
    passwordHash: optionalTextOf(row, "password_hash") ?? null,
    guest: integerOf(row, "guest") === 1,
    ...(guestRoomId !== undefined && { guestRoomId }),
    tokenVersion: integerOf(row, "token_version"),
    createdAtMs: integerOf(row, "created_at_ms"),
    ...(pictureId !== undefined && { pictureId }),
    ...(deletedAtMs !== undefined && { deletedAtMs }),
  };
}

export function roomOf(row: Row): RoomRecord {
  const description = textOf(row, "description");
  const pictureId = optionalTextOf(row, "picture_id");
  return {
    id: textOf(row, "id"),
    slug: textOf(row, "slug"),
    slugKey: textOf(row, "slug_key"),
    skeleton: textOf(row, "skeleton"),
    title: textOf(row, "title"),
    access: textOf(row, "access") as RoomAccess,
    capacity: integerOf(row, "capacity"),
    ownerId: textOf(row, "owner_id"),
    createdAtMs: integerOf(row, "created_at_ms"),
    version: integerOf(row, "version"),
    ...(description !== "" && { description }),
    ...(pictureId !== undefined && { pictureId }),
  };
}

export function memberOf(row: Row): MemberRecord {
  return {
    roomId: textOf(row, "room_id"),
    userId: textOf(row, "user_id"),
    role: textOf(row, "role") as Role,
    addedAtMs: integerOf(row, "added_at_ms"),
  };
}

function optionalIntegerOf(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integerOf(row, column);
}

export function messageOf(row: Row): MessageRecord {
  const id = textOf(row, "id");
  const threadId = optionalTextOf(row, "thread_id");
  const replyTo = optionalTextOf(row, "reply_to");
  return {
    id,
    roomId: textOf(row, "room_id"),
    authorId: textOf(row, "author_id"),
    authorName: textOf(row, "author_name"),
    text: textOf(row, "text"),
    sentAtMs: integerOf(row, "sent_at_ms"),
    clientId: textOf(row, "client_id"),
    ...(threadId !== undefined && { threadId }),
    ...(replyTo !== undefined && { replyTo }),
    ...changesOf(row, id),
  };
}

type Changes = Pick<MessageRecord, "mentions" | "changeId" | "editedAtMs" | "edits" | "deletedAtMs" | "reactions">;

function changesOf(row: Row, id: string): Changes {
  const mentions = optionalTextOf(row, "mentions");
  const reactions = optionalTextOf(row, "reactions");
  const changeId = textOf(row, "change_id");
  const editedAtMs = optionalIntegerOf(row, "edited_at_ms");
  const deletedAtMs = optionalIntegerOf(row, "deleted_at_ms");
  const edits = integerOf(row, "edits");
  return {
    ...(mentions !== undefined && { mentions: JSON.parse(mentions) as string[] }),
    ...(changeId !== id && { changeId }),
    ...(editedAtMs !== undefined && { editedAtMs }),
    ...(edits > 0 && { edits }),
    ...(deletedAtMs !== undefined && { deletedAtMs }),
    ...(reactions !== undefined && { reactions: JSON.parse(reactions) as ReactionRecord[] }),
  };
}

function claimOf(row: Row): Omit<Occupant, "joinedAs"> {
  return {
    sessionId: textOf(row, "session_id"),
    node: textOf(row, "node"),
    userId: textOf(row, "user_id"),
    deviceId: textOf(row, "device_id"),
    generation: integerOf(row, "generation"),
    epoch: integerOf(row, "epoch"),
  };
}

export function occupantOf(row: Row): Occupant {
  return { ...claimOf(row), joinedAs: infoOf(textOf(row, "joined_as")) };
}

export function sessionOf(row: Row): SessionRecord {
  const roomId = optionalTextOf(row, "room_id");
  if (roomId === undefined) return claimOf(row);
  return { ...claimOf(row), roomId, joinedAs: infoOf(textOf(row, "joined_as")) };
}

function infoOf(json: string): ParticipantInfo {
  return JSON.parse(json) as ParticipantInfo;
}
