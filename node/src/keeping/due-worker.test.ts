import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { oneChunk } from "../memories/byte-stream.ts";
import { uploadsSweep } from "../memories/uploads-sweep.ts";
import { silentLog } from "../mesh/log.ts";
import type { Archive } from "../store/archive.ts";
import { openSqliteArchive } from "../store/sqlite/sqlite-archive.ts";
import { type DueOutcome, DueWorker } from "./due-worker.ts";

describe("work that is due", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-due-"));
  let archive: Archive;
  let other: Archive;
  const clock = new ManualClock();
  beforeAll(() => {
    archive = openSqliteArchive({ path: join(folder, "a.db") });
    other = openSqliteArchive({ path: join(folder, "a.db") });
  });
  afterAll(async () => {
    await Promise.all([archive.close(), other.close()]);
    rmSync(folder, { recursive: true });
  });

  const worker = (on: Archive, work: (id: string) => Promise<DueOutcome> | DueOutcome): DueWorker =>
    new DueWorker({
      kind: "reminder",
      records: on.records,
      clock,
      log: silentLog,
      random: () => 0.5,
      everyMs: 1_000,
      leaseMs: 5_000,
      work: async ({ id }) => await work(id),
    });
  const add = (id: string, inMs: number) =>
    archive.records.add({ kind: "reminder", id, owner: "r", dueAtMs: clock.wallMs() + inMs, value: {} });
  const done: DueOutcome = { kind: "done" };

  test("[M20] nodes that look at once share the work: each record is worked on once", async () => {
    for (let i = 0; i < 20; i++) await add(`shared-${i}`, 0);
    const worked: string[] = [];
    const workers = [archive, other, archive, other].map((on) =>
      worker(on, (id) => {
        worked.push(id);
        return done;
      }),
    );
    const claimed = await Promise.all(workers.map((each) => each.look()));
    expect(claimed.reduce((sum, count) => sum + count)).toBe(20);
    expect(new Set(worked).size).toBe(20);
    expect(await archive.records.weigh("reminder", "r")).toEqual({ count: 0, weight: 0 });
  });

  test("[M20] what a node claimed and left undone is due again when its claim is over", async () => {
    await add("orphan", 0);
    const hanging = worker(archive, () => new Promise<DueOutcome>(() => undefined));
    void hanging.look();
    await clock.advance(10);
    const worked: string[] = [];
    const survivor = worker(other, (id) => {
      worked.push(id);
      return done;
    });
    await survivor.look();
    expect(worked).toEqual([]);
    await clock.advance(5_000);
    await survivor.look();
    expect(worked).toEqual(["orphan"]);
  });

  test("[M21] what is not due waits; what failed comes back; what is put off comes then", async () => {
    const worked: string[] = [];
    await add("later", 3_000);
    await add("failing", 0);
    const own = worker(archive, (id) => {
      worked.push(id);
      if (id === "failing" && worked.length === 1) throw new RangeError("not now");
      if (id !== "later" || worked.includes("later again")) return done;
      worked.push("later again");
      return { kind: "again", dueAtMs: clock.wallMs() + 9_000, value: {} };
    });
    own.start();
    await clock.advance(2_000);
    expect(worked).toEqual(["failing"]);
    await clock.advance(2_500);
    expect(worked).toEqual(["failing", "later", "later again"]);
    await clock.advance(3_000);
    expect(worked).toEqual(["failing", "later", "later again", "failing"]);
    await clock.advance(10_000);
    expect(worked.at(-1)).toBe("later");
    await own.stop();
    expect(clock.pendingTimers).toBe(0);
    expect((await archive.records.weigh("reminder", "r")).count).toBe(0);
  });

  test("[M14] a sweep clears what never became a file, and spares what did", async () => {
    const { records, contents } = archive;
    for (const id of ["lost", "kept"]) {
      await contents.write(id, oneChunk(Buffer.from(id)));
      await records.add({ kind: "upload", id, owner: "room", dueAtMs: clock.wallMs(), value: {} });
    }
    await records.add({ kind: "memory", id: "kept", owner: "room", value: {} });
    const sweep = uploadsSweep(archive, { clock, log: silentLog, random: () => 0.5 });
    expect(await sweep.look()).toBe(2);
    expect(await contents.read("lost")).toBeUndefined();
    const kept = await contents.read("kept");
    expect(kept?.totalBytes).toBe(4);
    kept?.stream.destroy();
    expect((await records.weigh("upload", "room")).count).toBe(0);
  });
});
