import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { registerArchiveContract } from "./archive-contract.ts";
import { registerArchiveMisuseContract } from "./archive-misuse-contract.ts";
import { registerRecordsContract } from "./records-contract.ts";

async function makeHarness(): Promise<ArchiveHarness> {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-archive-"));
  const path = join(folder, "hearsay.db");
  let locker: Libsql.Database | undefined;
  return {
    open: async () => openSqliteArchive({ path, busyTimeoutMs: 50 }),
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
registerRecordsContract("SQLite", makeHarness, { propertyRuns: 100, atomicUpdates: true });
registerArchiveMisuseContract("SQLite", makeHarness, { propertyRuns: 150, stalls: false });
