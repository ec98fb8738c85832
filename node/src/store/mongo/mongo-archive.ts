// Archive on a server speaking MongoDB's protocol (MongoDB 6 or newer, or a compatible one).

import type { Archive } from "../archive.ts";
import type { ArchiveAdapter } from "../guarded-archive.ts";
import { GuardedArchive } from "../guarded-archive.ts";
import type { MongoConnectionOptions } from "./connection.ts";
import { MongoConnection } from "./connection.ts";
import { gridFsContents } from "./gridfs-contents.ts";
import * as messages from "./mongo-messages.ts";
import { mongoRecords } from "./mongo-records.ts";
import * as roomChanges from "./mongo-room-changes.ts";
import * as rooms from "./mongo-rooms.ts";
import { mongoTexts } from "./mongo-texts.ts";
import * as users from "./mongo-users.ts";

/**
 * Connects and migrates. An unreachable server is no error here: every operation says so until it is back. Throws
 * StoreUsageError "schema_too_new" when a newer program has migrated the database.
 */
export async function openMongoArchive(options: MongoConnectionOptions): Promise<Archive> {
  return new GuardedArchive(adapterOf(await MongoConnection.open(options)));
}

function adapterOf(db: MongoConnection): ArchiveAdapter {
  return {
    ping: () => db.ping(),
    createUser: (user) => db.run("createUser", (models) => users.createUser(models, user)),
    findUserByHandleKey: (key) => db.run("findUserByHandle", (models) => users.findUserByHandleKey(models, key)),
    getUser: (id) => db.run("getUser", (models) => users.getUser(models, id)),
    bumpTokenVersion: (id) => db.run("bumpTokenVersion", (models) => users.bumpTokenVersion(models, id)),
    getUsers: (ids) => db.run("getUsers", (models) => users.getUsers(models, ids)),
    updateUser: (id, changes) => db.run("updateUser", (models) => users.updateUser(models, id, changes)),
    forgetUser: (id, atMs) => db.run("forgetUser", (models) => users.forgetUser(models, id, atMs)),
    createRoom: (room) => db.run("createRoom", (models) => rooms.createRoom(models, room)),
    getRoom: (id) => db.run("getRoom", (models) => rooms.getRoom(models, id)),
    getRoomBySlug: (slugKey) => db.run("getRoomBySlug", (models) => rooms.getRoomBySlug(models, slugKey)),
    listRoomsOf: (userId, page) => db.run("listRoomsOf", (models) => rooms.listRoomsOf(models, userId, page)),
    updateRoom: (id, changes) => db.run("updateRoom", (models) => roomChanges.updateRoom(models, id, changes)),
    deleteRoom: (id, atMs) => db.run("deleteRoom", (models) => roomChanges.deleteRoom(models, id, atMs)),
    purgeRoom: (id, limit) => db.run("purgeRoom", (models) => roomChanges.purgeRoom(models, id, limit)),
    listDeletedRooms: (limit) => db.run("listDeletedRooms", (models) => roomChanges.listDeletedRooms(models, limit)),
    pickOpenRooms: (dice, limit) => db.run("pickOpenRooms", (models) => roomChanges.pickOpenRooms(models, dice, limit)),
    addMember: (member) => db.run("addMember", (models) => rooms.addMember(models, member)),
    getMember: (key) => db.run("getMember", (models) => rooms.getMember(models, key)),
    setRole: (change) => db.run("setRole", (models) => rooms.setRole(models, change)),
    removeMember: (key) => db.run("removeMember", (models) => rooms.removeMember(models, key)),
    listMembers: (roomId, page) => db.run("listMembers", (models) => rooms.listMembers(models, roomId, page)),
    appendMessage: (message, words) =>
      db.run("appendMessage", (models) => messages.appendMessage(models, message, words)),
    getMessage: (key) => db.run("getMessage", (models) => messages.getMessage(models, key)),
    listMessages: (roomId, page) => db.run("listMessages", (models) => messages.listMessages(models, roomId, page)),
    newestMessageId: (roomId) => db.run("newestMessageId", (models) => messages.newestMessageId(models, roomId)),
    texts: mongoTexts(db),
    records: mongoRecords(db),
    contents: gridFsContents(db),
    close: () => db.close(),
  };
}
