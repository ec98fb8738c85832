import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { openSqlitePresence, presencePathOf } from "../../src/store/sqlite/sqlite-presence.ts";
import type { PresenceHarness } from "./presence-contract.ts";
import { registerPresenceContract } from "./presence-contract.ts";
import { registerPresenceMisuseContract } from "./presence-misuse-contract.ts";
import { registerPresenceRoomContract } from "./presence-room-contract.ts";

async function makeHarness(): Promise<PresenceHarness> {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-presence-"));
  const path = join(folder, "hearsay.db");
  let locker: Libsql.Database | undefined;
  let nowMs = 1_800_000_000_000;
  return {
    open: async () => openSqlitePresence({ path, busyTimeoutMs: 50, nowMs: () => nowMs }),
    // The embedded store's outage: somebody holds the write lock and does not let go.
    break: async () => {
      locker = new Libsql(presencePathOf(path));
      locker.exec("BEGIN IMMEDIATE");
    },
    heal: async () => {
      // Closing rolls back.
      locker?.close();
      locker = undefined;
    },
    elapse: async (durationMs) => {
      nowMs += durationMs;
    },
    dispose: async () => rmSync(folder, { recursive: true }),
  };
}

registerPresenceContract("SQLite", makeHarness);
registerPresenceRoomContract("SQLite", makeHarness);
registerPresenceMisuseContract("SQLite", makeHarness, { propertyRuns: 150, stalls: false });
