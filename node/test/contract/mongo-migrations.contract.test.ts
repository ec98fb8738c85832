// What only the MongoDB adapter has to prove: migrating once under a lock, and memberships left without their room.

import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Connection } from "mongoose";
import { createConnection } from "mongoose";
import { migrate, SCHEMA_VERSION } from "../../src/store/mongo/migrations.ts";
import { openMongoArchive } from "../../src/store/mongo/mongo-archive.ts";
import { modelsOn } from "../../src/store/mongo/schemas.ts";
import { newRoom } from "./archive-contract.ts";
import type { ServerAddress } from "./servers.ts";
import { findServer } from "./servers.ts";

const server = findServer("MongoDB");

interface MetaDocument {
  readonly _id: string;
  readonly version?: number;
  readonly token?: string;
}

function registerMigrations(address: ServerAddress): void {
  describe("the schema on a MongoDB server", () => {
    let url: string;
    let connection: Connection;

    beforeEach(async () => {
      url = `${address.url}/contract_${randomBytes(6).toString("hex")}`;
      connection = await createConnection(url, { autoCreate: false, autoIndex: false }).asPromise();
    });

    afterEach(async () => {
      await connection.dropDatabase();
      await connection.close();
    });

    const meta = () => connection.collection<MetaDocument>("meta");

    test("[T47] nodes that start at once on a new database all find the schema there, and no lock", async () => {
      const archives = await Promise.all(Array.from({ length: 5 }, () => openMongoArchive({ url, timeoutMs: 10_000 })));
      await Promise.all(archives.map((archive) => archive.ping()));
      await Promise.all(archives.map((archive) => archive.close()));
      expect(await meta().find().toArray()).toEqual([{ _id: "schema", version: SCHEMA_VERSION }]);
    });

    test("[T47] a lock that a crashed node left is outwaited by the waiter's own clock", async () => {
      await meta().insertOne({ _id: "lock", token: "crashed" });
      await migrate(connection, modelsOn(connection), { patienceMs: 300 });
      expect(await meta().find().toArray()).toEqual([{ _id: "schema", version: SCHEMA_VERSION }]);
    });

    test("[T47] a node that waits for another's migration is unavailable, not wrong", async () => {
      await meta().insertOne({ _id: "lock", token: "busy" });
      const archive = await openMongoArchive({ url, timeoutMs: 100 });
      await expect(archive.getUser("x")).rejects.toMatchObject({ code: "store_unavailable", stateChanged: "no" });
      await meta().insertOne({ _id: "schema", version: SCHEMA_VERSION });
      await meta().deleteOne({ _id: "lock" });
      await archive.close();
    });

    test("[T47] a database that a newer program has migrated is refused", async () => {
      await meta().insertOne({ _id: "schema", version: SCHEMA_VERSION + 1 });
      await expect(openMongoArchive({ url })).rejects.toMatchObject({ code: "schema_too_new" });
    });

    test("[T47] what an earlier program stored can be changed, found and picked afterwards", async () => {
      const room = { slug: "old", slugKey: "old", skeleton: "old", title: "Old", access: "open", capacity: 4 };
      const made = { ownerId: "anna", createdAtMs: 1, version: 1 };
      await connection.collection<{ _id: string }>("rooms").insertOne({ _id: "room-1", ...room, ...made } as never);
      const said = { roomId: "room-1", authorId: "anna", authorName: "Anna", sentAtMs: 1 };
      await connection
        .collection<{ _id: string }>("messages")
        .insertMany(
          ["m1", "m2"].map((id) => ({ _id: `room-1 ${id}`, id, text: `Tea ${id}`, clientId: id, ...said })) as never,
        );
      await meta().insertOne({ _id: "schema", version: 1 });
      const archive = await openMongoArchive({ url, timeoutMs: 10_000 });
      const found = await archive.texts.search({ roomId: "room-1", text: "TEA m1", limit: 5 });
      const react = { kind: "react", userId: "bob", reaction: "👍", on: true, changeId: "m3" } as const;
      const changed = await archive.texts.change({ roomId: "room-1", id: "m1" }, react);
      const changes = await archive.texts.listChanged("room-1", { limit: 5 });
      const picked = await archive.pickOpenRooms(0, 5);
      await archive.close();
      expect(found.messages.map(({ id }) => id)).toEqual(["m1"]);
      expect(changed.kind).toBe("changed");
      expect(changes.messages.map(({ id }) => id)).toEqual(["m2", "m1"]);
      expect(picked.map(({ id }) => id)).toEqual(["room-1"]);
    });

    test("[T7] a membership whose room was never written is not shown, and does not shorten a page", async () => {
      const archive = await openMongoArchive({ url });
      const userId = "anna";
      const rooms = ["1", "2", "3", "4"].map((id) => newRoom(`slug-${id}`, { id: `room-${id}`, ownerId: userId }));
      for (const room of rooms) await archive.createRoom(room);
      await connection.collection<{ _id: string }>("rooms").deleteOne({ _id: "room-3" });
      const listed = await archive.listRoomsOf(userId, { limit: 3 });
      await archive.close();
      expect(listed.map((entry) => entry.room.id)).toEqual(["room-4", "room-2", "room-1"]);
    });
  });
}

if (server !== undefined) registerMigrations(server);
