// Several processes of one machine on one embedded file.

import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import Libsql from "libsql";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import { openSqlitePresence, presencePathOf } from "../../src/store/sqlite/sqlite-presence.ts";
import type { ProcessLine, ProcessTask } from "./sqlite-process.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

let program: string;
let folder: string;
let path: string;
const children = new Set<ChildProcess>();

beforeAll(() => {
  const entry = join(import.meta.dirname, "sqlite-process.ts");
  const flags = ["--bundle", "--platform=node", "--format=esm", "--packages=external", "--log-level=error"];
  const built = spawnSync(join(ROOT, "node_modules", ".bin", "esbuild"), [entry, ...flags], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the child program does not build: ${built.stderr}`);
  program = built.stdout;
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearsay-processes-"));
  path = join(folder, "hearsay.db");
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
  rmSync(folder, { recursive: true });
});

interface RunningChild {
  readonly child: ChildProcess;
  readonly lines: ProcessLine[];
  readonly ended: Promise<number | null>;
}

function start(
  task: Omit<ProcessTask, "path">,
  onLine?: (lines: readonly ProcessLine[], child: ChildProcess) => void,
): RunningChild {
  // From standard input, so that its imports are resolved as those of a file in the working directory.
  const child = spawn(process.execPath, ["--input-type=module", "-"], {
    cwd: ROOT,
    env: { ...process.env, TASK: JSON.stringify({ path, ...task }) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.add(child);
  const lines: ProcessLine[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line) as ProcessLine);
    onLine?.(lines, child);
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.end(program);
  return { child, lines, ended };
}

function appended(lines: readonly ProcessLine[]): string[] {
  return lines.flatMap((line) => (line.kind === "message" && line.outcome === "appended" ? [line.id] : []));
}

test("[T46] processes that open a new file at once all find the schema there, made once", async () => {
  const running = ["a", "b", "c", "d"].map((name) => start({ name, kind: "append", count: 0, roomId: "r" }));
  expect(await Promise.all(running.map((process) => process.ended))).toEqual([0, 0, 0, 0]);
  for (const { lines } of running) expect(lines).toEqual([{ kind: "open" }]);
});

test("[T46] two processes that send the same messages at once keep each exactly once", async () => {
  const running = ["a", "b"].map((name) => start({ name, kind: "append", count: 300, roomId: "r" }));
  expect(await Promise.all(running.map((process) => process.ended))).toEqual([0, 0]);

  const archive = openSqliteArchive({ path });
  const [first, rest] = [
    await archive.listMessages("r", { limit: 200, after: "0" }),
    await archive.listMessages("r", { limit: 200 }),
  ];
  await archive.close();
  const kept = new Set([...first.messages, ...rest.messages].map((message) => message.id));
  expect(kept.size).toBe(300);
  expect(running.flatMap((process) => appended(process.lines)).sort()).toEqual([...kept].sort());
});

test("[T46] two processes that fill a room at once keep to its capacity", async () => {
  const running = ["a", "b"].map((name) => start({ name, kind: "join", count: 40, roomId: "r" }));
  expect(await Promise.all(running.map((process) => process.ended))).toEqual([0, 0]);
  const lines = running.flatMap((process) => process.lines);
  const joined = lines.flatMap((line) => (line.kind === "join" && line.outcome === "joined" ? [line.sessionId] : []));
  const presence = openSqlitePresence({ path });
  const occupants = await presence.occupants("r");
  await presence.close();
  expect(joined).toHaveLength(3);
  expect(occupants.map((occupant) => occupant.sessionId)).toEqual(joined.sort());
});

test("[T16] what a process had answered is there after it was killed in the middle of its work", async () => {
  const { lines, ended } = start(
    { name: "a", kind: "append_for_ever", count: 1_000_000, roomId: "r" },
    (seen, child) => {
      if (seen.length === 100) child.kill("SIGKILL");
    },
  );
  expect(await ended).toBeNull();
  const archive = openSqliteArchive({ path });
  for (const id of appended(lines)) expect(await archive.getMessage({ roomId: "r", id })).toMatchObject({ id });
  expect(appended(lines).length).toBeGreaterThanOrEqual(99);
  expect((await archive.appendMessage({ ...(await archive.getMessage({ roomId: "r", id: "000000-a" }))! })).kind).toBe(
    "duplicate",
  );
  await archive.close();
});

test("[T47] a file that a newer program has migrated is refused, and left as it is", async () => {
  await openSqliteArchive({ path }).close();
  await openSqlitePresence({ path }).close();
  for (const file of [path, presencePathOf(path)]) {
    const newer = new Libsql(file);
    newer.exec("PRAGMA user_version = 999");
    newer.close();
  }
  expect(() => openSqliteArchive({ path })).toThrow(expect.objectContaining({ code: "schema_too_new" }));
  expect(() => openSqlitePresence({ path })).toThrow(expect.objectContaining({ code: "schema_too_new" }));
  const after = new Libsql(path);
  expect(after.prepare("PRAGMA user_version").all()).toEqual([{ user_version: 999 }]);
  after.close();
});

test("[T18] a file that cannot be opened is reported as unavailable", () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  for (const wrong of [folder, join(file, "hearsay.db")]) {
    expect(() => openSqliteArchive({ path: wrong })).toThrow(
      expect.objectContaining({ code: "store_unavailable", operation: "open", stateChanged: "no" }),
    );
  }
});
