import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LogTee } from "./log.ts";
import { parseSnapshot, SnapshotFile } from "./snapshot-file.ts";

describe("reading", () => {
  test("later lines win, names may have blanks, and what nobody knows is passed over", () => {
    const state = parseSnapshot(
      [
        "# a comment",
        "alive: a 127.77.0.91:7946",
        "alive: node c 127.77.0.93:7946",
        "alive: six [fe80::1]:7946",
        "alive: broken",
        "alive: port 1.2.3.4:99999",
        "clock: 5",
        "event-clock: 7",
        "query-clock: zork",
        "coordinate: whatever",
        "not-alive: a",
        "alive: node c 127.77.0.94:7000",
      ].join("\n"),
    );
    expect([...state.alive]).toEqual([
      ["node c", { host: "127.77.0.94", port: 7000 }],
      ["six", { host: "fe80::1", port: 7946 }],
    ]);
    expect(state.clocks).toEqual({ member: 5, event: 7, query: 0 });
  });

  test("a leave forgets everything before it, and nothing after it", () => {
    const state = parseSnapshot("alive: a 1.2.3.4:1\nclock: 9\nleave\nclock: 2\n");
    expect(state.alive.size).toBe(0);
    expect(state.clocks).toEqual({ member: 2, event: 0, query: 0 });
  });

  test("a leave forgets nothing when we rejoin all the same", () => {
    const state = parseSnapshot("alive: a 1.2.3.4:1\nclock: 9\nleave\nclock: 10\n", { rejoinAfterLeave: true });
    expect([...state.alive.keys()]).toEqual(["a"]);
    expect(state.clocks).toEqual({ member: 10, event: 0, query: 0 });
  });

  test("any text is some state", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("alive: ", "clock: ", "leave", "\n", "x", " 1.2.3.4:5", "9", ":")),
        (parts) => {
          expect(parseSnapshot(parts.join("")).alive).toBeInstanceOf(Map);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe("writing", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "snapshot-"));
    path = join(folder, "members");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const log = new LogTee();
  const at = (last: number): { readonly host: string; readonly port: number } => ({
    host: `10.0.0.${last}`,
    port: 7946,
  });

  test("what one run records the next one finds, in a file only its owner can read", () => {
    const first = new SnapshotFile(path, log);
    expect(first.open().alive.size).toBe(0);
    first.alive("a", at(1));
    first.alive("b", at(2));
    first.alive("b", at(2));
    first.notAlive("a");
    first.notAlive("nobody");
    first.clocks({ member: 4, event: 0, query: 2 });
    first.clocks({ member: 4, event: 0, query: 3 });
    first.close();
    expect(readFileSync(path, "utf8").split("\n").slice(3)).toEqual([
      "alive: a 10.0.0.1:7946",
      "alive: b 10.0.0.2:7946",
      "not-alive: a",
      "clock: 4",
      "query-clock: 2",
      "query-clock: 3",
      "",
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    const state = new SnapshotFile(path, log).open();
    expect([...state.alive]).toEqual([["b", at(2)]]);
    expect(state.clocks).toEqual({ member: 4, event: 0, query: 3 });
  });

  test("after a leave nobody is recorded, and the next run knows nobody", () => {
    const file = new SnapshotFile(path, log);
    file.open();
    file.alive("a", at(1));
    file.leave();
    file.leave();
    file.alive("b", at(2));
    file.notAlive("a");
    file.close();
    file.close();
    expect(new SnapshotFile(path, log).open().alive.size).toBe(0);
  });

  test("a file that grew is written anew with what is true", () => {
    const file = new SnapshotFile(path, log);
    file.open();
    for (let i = 0; i < 3000; i += 1) {
      file.alive("long-name".repeat(10), at(i % 200));
      file.notAlive("long-name".repeat(10));
    }
    file.alive("kept", at(7));
    file.close();
    expect(statSync(path).size).toBeLessThan(140_000);
    expect([...new SnapshotFile(path, log).open().alive.keys()]).toEqual(["kept"]);
  });

  test("a place that cannot be written is said in the log and stops nobody", () => {
    const tee = new LogTee();
    const file = new SnapshotFile(join(folder, "missing", "members"), tee);
    expect(file.open().alive.size).toBe(0);
    file.alive("a", at(1));
    file.close();
    expect(tee.recent().map((line) => line.text)).toEqual([expect.stringContaining("snapshot could not be compacted")]);
  });

  test("a folder in its place is an empty memory", () => {
    writeFileSync(join(folder, "x"), "");
    const tee = new LogTee();
    expect(new SnapshotFile(folder, tee).open().alive.size).toBe(0);
    expect(tee.recent()[0]!.text).toContain("snapshot is not readable");
  });
});
