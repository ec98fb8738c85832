import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import Libsql from "libsql";
import { migrate } from "../../src/store/sqlite/migrations.ts";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { registerArchiveContract } from "./archive-contract.ts";
import { registerArchiveMisuseContract } from "./archive-misuse-contract.ts";
import { registerChangesContract } from "./changes-contract.ts";
import { registerKeepingContract } from "./keeping-contract.ts";
import { registerRecordsContract } from "./records-contract.ts";
import { registerTextsContract } from "./texts-contract.ts";

/** Every statement that the suites of this file have made the archive prepare. */
const statements = new Set<string>();

async function makeHarness(): Promise<ArchiveHarness> {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-archive-"));
  const path = join(folder, "hearsay.db");
  let locker: Libsql.Database | undefined;
  return {
    open: async () => openSqliteArchive({ path, busyTimeoutMs: 50, onStatement: (sql) => statements.add(sql) }),
    // The embedded store's outage: somebody holds the write lock and does not let go.
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

registerArchiveContract("SQLite", makeHarness, { atomicUpdates: true });
registerKeepingContract("SQLite", makeHarness);
registerChangesContract("SQLite", makeHarness);
registerTextsContract("SQLite", makeHarness, { propertyRuns: 60, atomicUpdates: true });
registerRecordsContract("SQLite", makeHarness, { propertyRuns: 100, atomicUpdates: true });
registerArchiveMisuseContract("SQLite", makeHarness, { propertyRuns: 150, stalls: false });

// Last, and in a block of its own, so that the contracts above have called every operation before.
describe("SQLite's plans", () => {
  test("[T95] every statement is explained by an index", () => {
    const folder = mkdtempSync(join(tmpdir(), "hearsay-plans-"));
    const db = new Libsql(join(folder, "hearsay.db"));
    migrate(db);
    const tables = (db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]).map(
      ({ name }) => name,
    );
    // "SCAN found" reads a subquery that is bounded by its own limit; readiness asks for one row.
    const scans = new RegExp(`^SCAN (${tables.join("|")})\\b`);
    const plans = [...statements]
      .filter((sql) => /^\s*(SELECT|UPDATE|DELETE)/.test(sql) && sql !== "SELECT 1 AS one FROM user LIMIT 1")
      .map((sql) => {
        const values = Array<string>(sql.split("?").length - 1).fill("");
        const lines = (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]).map(
          (line) => line.detail,
        );
        return { sql, bad: lines.filter((line) => scans.test(line) || /TEMP B-TREE/.test(line)) };
      });
    db.close();
    rmSync(folder, { recursive: true });
    expect(plans.length).toBeGreaterThan(40);
    expect(plans.filter(({ bad }) => bad.length > 0)).toEqual([]);
  });
});
