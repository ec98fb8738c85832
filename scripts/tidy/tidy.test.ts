import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readTree } from "./files.ts";
import { forbiddenImports } from "./imports.ts";
import { leftovers, oversized } from "./leftovers.ts";
import { ruleCoverage } from "./rules.ts";

const root = join(import.meta.dirname, "../..");
const files = readTree(root);

test("every import is one that the table allows", () => {
  expect(forbiddenImports(files)).toEqual([]);
});

test("the import table notices a core that reaches out", () => {
  const bad = { path: "gossip/src/x.ts", text: 'import { createSocket } from "node:dgram";\n' };
  expect(forbiddenImports([bad])).toEqual(["gossip/src/x.ts must not import node:dgram"]);
});

test("every file can be read in one sitting", () => {
  expect(oversized(files)).toEqual([]);
});

test("nothing unfinished, skipped, swallowed or unseeded is left", () => {
  expect(leftovers(files)).toEqual([]);
});

test("every rule of a SPEC.md has a test, and no test names an unknown rule", () => {
  const coverage = ruleCoverage(readTree(root, /^SPEC\.md$/), files);
  expect(coverage.ruleCount).toBeGreaterThan(50);
  expect([...coverage.untested, ...coverage.unknown]).toEqual([]);
});

test("the lock file has the native parts of every platform", () => {
  const out = execFileSync(process.execPath, [join(root, "scripts/complete-lock.mjs"), "--check"], {
    encoding: "utf8",
  });
  expect(out).toBe("");
});
