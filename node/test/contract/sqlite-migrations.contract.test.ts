// What only the embedded archive has to prove of its schema: that what earlier programs stored comes along.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import Libsql from "libsql";
import { diceOf } from "../../src/store/dice.ts";
import { migrate, SCHEMA_VERSION } from "../../src/store/sqlite/migrations.ts";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";

describe("the schema of the embedded file", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hearsay-migrations-"));
    path = join(folder, "hearsay.db");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** As the first program left it. */
  function fillFirstSchema(messages: number): void {
    const db = new Libsql(path);
    migrate(db, 1);
    db.exec(`BEGIN; INSERT INTO user VALUES ('anna', 'Anna', 'anna', 'Anna', 'hash', 0, NULL, 3, 1);
      INSERT INTO room VALUES ('room-1', 'old', 'old', 'old', 'Old', 'open', 4, 'anna', 1, 1);
      INSERT INTO member VALUES ('room-1', 'anna', 'owner', 1);`);
    const insert = db.prepare("INSERT INTO message VALUES ('room-1', ?, 'anna', 'Anna', ?, 1, ?, NULL, NULL)");
    for (let index = 0; index < messages; index++) {
      const id = `m${String(index).padStart(5, "0")}`;
      insert.run(id, `Tea number ${index}`, id);
    }
    db.exec("COMMIT");
    db.close();
  }

  test("[T47] what an earlier program stored can be changed, found and picked afterwards", async () => {
    fillFirstSchema(1_234);
    const archive = openSqliteArchive({ path });
    const roomId = "room-1";
    expect(await archive.getUser("anna")).toMatchObject({ handle: "Anna", tokenVersion: 3 });
    const all = await archive.texts.search({ roomId, text: "TEA", limit: 200 });
    expect([all.messages.length, all.next]).toEqual([200, "m01034"]);
    const found = await archive.texts.search({ roomId, text: "tea 1077", limit: 5 });
    expect(found.messages.map(({ id }) => id)).toEqual(["m01077"]);
    const edit = { kind: "edit", text: "Coffee", mentions: [], atMs: 2, changeId: "m09999" } as const;
    expect((await archive.texts.change({ roomId, id: "m01077" }, edit)).kind).toBe("changed");
    expect((await archive.texts.search({ roomId, text: "tea 1077", limit: 5 })).messages).toEqual([]);
    expect(await archive.texts.newestChangeId(roomId)).toBe("m09999");
    expect((await archive.pickOpenRooms(diceOf(roomId), 5)).map(({ id }) => id)).toEqual([roomId]);
    expect(await archive.getMessage({ roomId, id: "m00000" })).toEqual({
      ...{ id: "m00000", roomId, authorId: "anna", authorName: "Anna", text: "Tea number 0" },
      ...{ sentAtMs: 1, clientId: "m00000" },
    });
    await archive.close();
  });

  test("[T47] a step that fails leaves the file as it was", () => {
    fillFirstSchema(3);
    const db = new Libsql(path);
    db.exec("CREATE TABLE room_word (surprise TEXT)");
    expect(() => migrate(db)).toThrow();
    expect(db.prepare("PRAGMA user_version").all()).toEqual([{ user_version: 1 }]);
    db.exec("DROP TABLE room_word");
    migrate(db);
    expect(db.prepare("PRAGMA user_version").all()).toEqual([{ user_version: SCHEMA_VERSION }]);
    db.close();
  });
});
