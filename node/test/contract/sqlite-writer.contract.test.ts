// The embedded archive when its writes are made in a thread of their own, as in a built program.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import Libsql from "libsql";
import { SqliteDatabase } from "../../src/store/sqlite/database.ts";
import { GroupWriter } from "../../src/store/sqlite/group-writer.ts";
import { type Flush, openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { registerArchiveContract } from "./archive-contract.ts";
import { registerArchiveMisuseContract } from "./archive-misuse-contract.ts";
import { registerChangesContract } from "./changes-contract.ts";
import { registerKeepingContract } from "./keeping-contract.ts";
import { registerRecordsContract } from "./records-contract.ts";
import { registerTextsContract } from "./texts-contract.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const built = mkdtempSync(join(tmpdir(), "hearsay-writer-"));
const writerEntry = pathToFileURL(join(built, "writer-thread.mjs"));

/** The thread's script runs outside of the tests' own loader, so it is built as a program of its own. */
function buildThread(): void {
  const entry = join(ROOT, "node", "src", "store", "sqlite", "writer-thread.ts");
  const flags = ["--bundle", "--platform=node", "--format=esm", "--packages=external", "--log-level=error"];
  const outfile = `--outfile=${join(built, "writer-thread.mjs")}`;
  const { status, stderr } = spawnSync(join(ROOT, "node_modules", ".bin", "esbuild"), [entry, ...flags, outfile], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the thread's script does not build: ${stderr}`);
  symlinkSync(join(ROOT, "node_modules"), join(built, "node_modules"));
}
buildThread();
afterAll(() => rmSync(built, { recursive: true }));

async function makeHarness(): Promise<ArchiveHarness> {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-archive-"));
  const path = join(folder, "hearsay.db");
  let locker: Libsql.Database | undefined;
  return {
    open: async () => openSqliteArchive({ path, busyTimeoutMs: 50, writerEntry }),
    break: async () => {
      locker = new Libsql(path);
      locker.exec("BEGIN IMMEDIATE");
    },
    heal: async () => {
      // Closing rolls back.
      locker?.close();
      locker = undefined;
    },
    elapse: async () => {},
    dispose: async () => rmSync(folder, { recursive: true }),
  };
}

registerArchiveContract("SQLite with a writer thread", makeHarness, { atomicUpdates: true });
registerKeepingContract("SQLite with a writer thread", makeHarness);
registerChangesContract("SQLite with a writer thread", makeHarness);
registerTextsContract("SQLite with a writer thread", makeHarness, { propertyRuns: 10, atomicUpdates: true });
registerRecordsContract("SQLite with a writer thread", makeHarness, { propertyRuns: 10, atomicUpdates: true });
registerArchiveMisuseContract("SQLite with a writer thread", makeHarness, { propertyRuns: 10, stalls: false });

describe("writes of the embedded archive", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-writes-"));
  let path: string;
  let count = 0;
  beforeEach(() => {
    count += 1;
    path = join(folder, `${count}.db`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const message = (number: number, text = "hello") => ({
    ...{ id: `m${String(number).padStart(5, "0")}`, roomId: "room", authorId: "anna", authorName: "Anna" },
    ...{ text, sentAtMs: number, clientId: `c${number}` },
  });

  test("[T96] writes that wait together are one transaction, in their order, and durable when answered", async () => {
    const flushes: Flush[] = [];
    const archive = openSqliteArchive({ path, writerEntry, onFlush: (flush) => flushes.push(flush) });
    const other = openSqliteArchive({ path });
    // The first keeps the thread busy, the others gather behind it.
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, async (_, number) => {
        const outcome = await archive.appendMessage(message(number));
        expect(await other.getMessage({ roomId: "room", id: message(number).id })).toBeDefined();
        return outcome.kind;
      }),
    );
    expect(outcomes).toEqual(Array(60).fill("appended"));
    expect(flushes.reduce((sum, { writes }) => sum + writes, 0)).toBe(60);
    expect(flushes.length).toBeLessThan(60);
    expect(flushes.every(({ committed }) => committed)).toBe(true);
    await Promise.all([archive.close(), other.close()]);
  });

  test("[T96] what comes while the lock is waited for goes along", async () => {
    const flushes: Flush[] = [];
    const onFlush = (flush: Flush): void => void flushes.push(flush);
    const archive = openSqliteArchive({ path, writerEntry, busyTimeoutMs: 20_000, onFlush });
    await archive.appendMessage(message(0));
    const locker = new Libsql(path);
    locker.exec("BEGIN IMMEDIATE");
    const waiting = [archive.appendMessage(message(1))];
    // By then the thread stands at the lock; should it not yet, nothing below is different.
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let number = 2; number <= 20; number++) waiting.push(archive.appendMessage(message(number)));
    await archive.newestMessageId("room");
    locker.close();
    await Promise.all(waiting);
    expect(flushes.map(({ writes }) => writes)).toEqual([1, 20]);
    await archive.close();
  });

  test("[T97] an operation that fails takes none of its transaction with it", () => {
    const db = SqliteDatabase.open({ path, store: "archive", durable: true, busyTimeoutMs: 0 });
    const writer = new GroupWriter(db, { lockWaitMs: 1_000 });
    const append = (id: number, text: unknown) =>
      ({ id, name: "appendMessage", args: [{ ...message(id), text }, ["hello"]] }) as const;
    const { answers, flush } = writer.run([append(1, "one"), append(2, null), append(3, "three")]);
    expect(answers.map(({ id, ok }) => [id, ok])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ]);
    expect(flush).toMatchObject({ writes: 3, committed: true });
    db.close();
    const reader = new Libsql(path);
    expect(reader.prepare("SELECT id FROM message ORDER BY id").all()).toEqual([{ id: "m00001" }, { id: "m00003" }]);
    expect(reader.prepare("SELECT uses FROM room_word").all()).toEqual([{ uses: 2 }]);
    reader.close();
  });

  test("[T98] while another process writes, reads are answered and writes wait their turn", async () => {
    const archive = openSqliteArchive({ path, writerEntry, busyTimeoutMs: 20_000 });
    await archive.appendMessage(message(1));
    const locker = new Libsql(path);
    locker.exec("BEGIN IMMEDIATE");
    const waiting = [2, 3].map((number) => archive.appendMessage(message(number)));
    let isAnswered = false;
    void Promise.race(waiting).then(() => {
      isAnswered = true;
    });
    // The event loop turns all the while.
    for (let turn = 0; turn < 20; turn++) {
      expect(await archive.newestMessageId("room")).toBe("m00001");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(isAnswered).toBe(false);
    locker.close();
    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(["appended", "appended"]);
    await archive.close();
  });

  test("[T98] a lock that is not let go makes the store unavailable, and nothing was changed", async () => {
    const archive = openSqliteArchive({ path, writerEntry, busyTimeoutMs: 50 });
    await archive.appendMessage(message(1));
    const locker = new Libsql(path);
    locker.exec("BEGIN IMMEDIATE");
    await expect(archive.appendMessage(message(2))).rejects.toMatchObject({
      ...{ code: "store_unavailable", operation: "appendMessage", stateChanged: "no" },
    });
    locker.close();
    expect(await archive.newestMessageId("room")).toBe("m00001");
    await archive.close();
  });

  test("[T99] what was asked before closing is answered and kept", async () => {
    const archive = openSqliteArchive({ path, writerEntry });
    const asked = Array.from({ length: 30 }, (_, number) => archive.appendMessage(message(number)));
    // Arguments are checked before a write is under way.
    await Promise.resolve();
    await archive.close();
    expect((await Promise.all(asked)).every(({ kind }) => kind === "appended")).toBe(true);
    const again = openSqliteArchive({ path, writerEntry });
    expect(await again.newestMessageId("room")).toBe("m00029");
    await again.close();
  });

  test("[T99] a thread that ends fails what it was asked, and the next write begins another", async () => {
    const dying = new URL('data:text/javascript,throw new Error("no more")');
    const archive = openSqliteArchive({ path, writerEntry: dying });
    for (let round = 0; round < 2; round++) {
      const failed = await Promise.allSettled([archive.appendMessage(message(1)), archive.appendMessage(message(2))]);
      expect(failed.map((each) => each.status === "rejected" && each.reason)).toEqual([
        expect.objectContaining({ code: "store_unavailable", stateChanged: "unknown" }),
        expect.objectContaining({ code: "store_unavailable", stateChanged: "unknown" }),
      ]);
    }
    expect(await archive.newestMessageId("room")).toBeUndefined();
    await archive.close();
  });
});
