// The collections as mongoose knows them. Only store/mongo sees these types.
//
// Uniqueness is all that several documents may depend on here: there are no transactions, and a compatible server may not
// even update one document atomically. So whatever must happen once is an insert under a unique key.

import type { Connection, Model } from "mongoose";
import { Schema } from "mongoose";
import type { MemberRecord, MessageRecord, RoomRecord } from "../archive.ts";
import type { EncodedRecord } from "../guarded-records.ts";

export interface UserDocument {
  readonly _id: string;
  /** "h:" and the handle's key, or "g:" and the id of a guest. */
  readonly uniqueKey: string;
  readonly handle: string | null;
  readonly handleKey: string | null;
  readonly displayName: string;
  readonly passwordHash: string | null;
  readonly guest: boolean;
  readonly guestRoomId?: string;
  readonly tokenVersion: number;
  readonly createdAtMs: number;
  readonly pictureId?: string;
  readonly deletedAtMs?: number;
}

export interface RoomDocument extends Omit<RoomRecord, "id"> {
  readonly _id: string;
  readonly dice: number;
  readonly deletedAtMs?: number;
  /** Nothing is left of the deleted room. */
  readonly purged?: boolean;
}

export interface MemberDocument extends MemberRecord {
  /** Room id, space, user id: ids hold no spaces. */
  readonly _id: string;
}

export interface MessageDocument extends MessageRecord {
  /** Room id, space, message id. */
  readonly _id: string;
  /** Its own id before the first change. */
  readonly changeId: string;
  /** It is found by these; a tombstone by none. */
  readonly words: readonly string[];
}

/** Beside accounts, rooms and messages: see records.ts. `place` is the record's order. */
export interface RecordDocument extends Omit<EncodedRecord, "kind" | "order"> {
  /** Kind, space, id. */
  readonly _id: string;
  readonly kind: string;
  readonly place: string;
}

export interface ArchiveModels {
  readonly users: Model<UserDocument>;
  readonly rooms: Model<RoomDocument>;
  readonly members: Model<MemberDocument>;
  readonly messages: Model<MessageDocument>;
  readonly records: Model<RecordDocument>;
}

const OPTIONS = { strict: "throw", versionKey: false } as const;
const TEXT = { type: String, required: true } as const;
// To mongoose an empty string is as good as none, so what may be empty cannot be required.
const MAYBE_EMPTY = { type: String } as const;
// mongoose gives every array that is absent an empty one.
const LIST = { type: [String], default: undefined };
const WHOLE = { type: Number, required: true } as const;

const userSchema = new Schema<UserDocument>(
  {
    _id: TEXT,
    uniqueKey: TEXT,
    handle: String,
    handleKey: String,
    displayName: MAYBE_EMPTY,
    passwordHash: String,
    guest: { type: Boolean, required: true },
    guestRoomId: String,
    tokenVersion: WHOLE,
    createdAtMs: WHOLE,
    pictureId: String,
    deletedAtMs: Number,
  },
  OPTIONS,
).index({ uniqueKey: 1 }, { unique: true, name: "user_by_key" });

const roomSchema = new Schema<RoomDocument>(
  {
    _id: TEXT,
    slug: TEXT,
    slugKey: TEXT,
    skeleton: TEXT,
    title: MAYBE_EMPTY,
    access: TEXT,
    capacity: WHOLE,
    ownerId: TEXT,
    createdAtMs: WHOLE,
    version: WHOLE,
    description: String,
    pictureId: String,
    dice: WHOLE,
    deletedAtMs: Number,
    purged: Boolean,
  },
  OPTIONS,
)
  .index({ slugKey: 1 }, { unique: true, name: "room_by_slug" })
  .index({ skeleton: 1 }, { unique: true, name: "room_by_skeleton" })
  .index({ access: 1, dice: 1 }, { name: "room_by_dice" })
  .index({ deletedAtMs: 1 }, { name: "room_by_deletion" });

const memberSchema = new Schema<MemberDocument>(
  { _id: TEXT, roomId: TEXT, userId: TEXT, role: TEXT, addedAtMs: WHOLE },
  OPTIONS,
)
  .index({ roomId: 1, userId: 1 }, { name: "member_by_room" })
  .index({ userId: 1, roomId: 1 }, { name: "member_by_user" });

const messageSchema = new Schema<MessageDocument>(
  {
    _id: TEXT,
    roomId: TEXT,
    id: TEXT,
    authorId: TEXT,
    authorName: MAYBE_EMPTY,
    text: MAYBE_EMPTY,
    sentAtMs: WHOLE,
    clientId: TEXT,
    threadId: String,
    replyTo: String,
    changeId: TEXT,
    words: LIST,
    mentions: LIST,
    edits: Number,
    editedAtMs: Number,
    deletedAtMs: Number,
    reactions: { type: [new Schema({ kind: TEXT, userIds: LIST }, { _id: false })], default: undefined },
  },
  { ...OPTIONS, id: false },
)
  .index({ roomId: 1, id: 1 }, { name: "message_by_room" })
  .index({ roomId: 1, authorId: 1, clientId: 1 }, { unique: true, name: "message_by_client" })
  .index({ roomId: 1, changeId: 1 }, { unique: true, name: "message_by_change" })
  .index({ roomId: 1, threadId: 1, id: 1 }, { name: "message_by_thread" })
  .index({ roomId: 1, authorId: 1, id: 1 }, { name: "message_by_author" })
  .index({ roomId: 1, words: 1, id: -1 }, { name: "message_by_word" });

const recordSchema = new Schema<RecordDocument>(
  {
    _id: TEXT,
    kind: TEXT,
    id: TEXT,
    owner: TEXT,
    place: TEXT,
    dueAtMs: Number,
    weight: WHOLE,
    version: WHOLE,
    json: TEXT,
  },
  { ...OPTIONS, id: false },
)
  .index({ kind: 1, owner: 1, place: 1 }, { unique: true, name: "record_by_owner" })
  .index({ kind: 1, dueAtMs: 1 }, { name: "record_by_due" });

export function modelsOn(connection: Connection): ArchiveModels {
  return {
    users: connection.model<UserDocument>("User", userSchema, "users"),
    rooms: connection.model<RoomDocument>("Room", roomSchema, "rooms"),
    members: connection.model<MemberDocument>("Member", memberSchema, "members"),
    messages: connection.model<MessageDocument>("Message", messageSchema, "messages"),
    records: connection.model<RecordDocument>("Record", recordSchema, "records"),
  };
}
