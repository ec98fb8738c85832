// The schema on the server: a version, and the steps that lead to it, done once under a lock that all nodes respect.

import { randomUUID } from "node:crypto";
import type { Connection } from "mongoose";
import { StoreUsageError } from "../errors.ts";
import { isDuplicate } from "./duplicates.ts";
import { addRoomChanges } from "./room-migration.ts";
import type { ArchiveModels } from "./schemas.ts";
import { addTextChanges } from "./text-migration.ts";

/** Steps are only ever appended. A step may be ended by a crash and done again, so each must allow that. */
const STEPS: readonly ((models: ArchiveModels) => Promise<void>)[] = [
  async (models) => {
    await models.users.createIndexes();
    await models.rooms.createIndexes();
    await models.members.createIndexes();
    await models.messages.createIndexes();
  },
  async (models) => {
    await models.records.createIndexes();
  },
  addTextChanges,
  addRoomChanges,
];

export const SCHEMA_VERSION = STEPS.length;

interface MetaDocument {
  readonly _id: string;
  readonly version?: number;
  readonly token?: string;
}

const POLL_MS = 100;
/** A lock that one holder has kept for this long, by the clock of the one who waits, was left by a crash. */
const DEFAULT_PATIENCE_MS = 15_000;

export async function migrate(
  connection: Connection,
  models: ArchiveModels,
  { patienceMs = DEFAULT_PATIENCE_MS }: { readonly patienceMs?: number } = {},
): Promise<void> {
  const meta = connection.collection<MetaDocument>("meta");
  const versionNow = async () => (await meta.findOne({ _id: "schema" }))?.version ?? 0;
  const token = randomUUID();
  let waitedFor = { token: "", sinceMs: performance.now() };

  while ((await checked(versionNow())) < SCHEMA_VERSION) {
    if (await insertLock()) {
      try {
        for (const step of STEPS.slice(await versionNow())) await step(models);
        await meta.updateOne({ _id: "schema" }, { $set: { version: SCHEMA_VERSION } }, { upsert: true });
      } finally {
        await meta.deleteOne({ _id: "lock", token });
      }
      return;
    }
    await outwait();
  }

  async function insertLock(): Promise<boolean> {
    try {
      await meta.insertOne({ _id: "lock", token });
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async function outwait(): Promise<void> {
    const holder = (await meta.findOne({ _id: "lock" }))?.token ?? "";
    if (holder !== waitedFor.token) waitedFor = { token: holder, sinceMs: performance.now() };
    const waitedMs = performance.now() - waitedFor.sinceMs;
    if (holder !== "" && waitedMs > patienceMs) await meta.deleteOne({ _id: "lock", token: holder });
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function checked(version: Promise<number>): Promise<number> {
  const found = await version;
  if (found <= SCHEMA_VERSION) return found;
  throw new StoreUsageError(
    "schema_too_new",
    `the database has schema ${found}, this program knows up to ${SCHEMA_VERSION}: run the newer program`,
  );
}
