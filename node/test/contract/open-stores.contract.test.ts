import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openStores } from "../../src/store/open-stores.ts";

let folder: string;
let logged: string[];

const log = {
  info: (_: object, message: string) => void logged.push(message),
  warn: (_: object, message: string) => void logged.push(message),
};

beforeEach(() => {
  logged = [];
  folder = mkdtempSync(join(tmpdir(), "hearsay-stores-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

test("[T48] without servers both stores share one file, in a folder made for it", async () => {
  const sqlitePath = join(folder, "data", "deeper", "hearsay.db");
  const stores = await openStores({ sqlitePath, log });
  expect(stores.embedded).toBe(true);
  await stores.archive.ping();
  await stores.presence.ping();
  await stores.close();
  await stores.close();
  await expect(stores.archive.ping()).rejects.toMatchObject({ code: "store_closed" });
  await expect(stores.presence.ping()).rejects.toMatchObject({ code: "store_closed" });
  expect(logged).toEqual([]);
});

test("[T49] servers that are away are logged, and every operation says so", async () => {
  // Port 9 of loopback: nobody listens to "discard" any more.
  const away = { mongodbUrl: "mongodb://127.0.0.1:9/hearsay", redisUrl: "redis://127.0.0.1:9" };
  const stores = await openStores({ ...away, sqlitePath: join(folder, "unused.db"), log });
  expect(stores.embedded).toBe(false);
  await expect(stores.archive.getUser("anna")).rejects.toMatchObject({ code: "store_unavailable", stateChanged: "no" });
  await expect(stores.presence.occupants("room")).rejects.toMatchObject({
    code: "store_unavailable",
    stateChanged: "no",
  });
  await stores.close();
  expect(logged).toEqual(["the archive's server is away", "redis is away"]);
});

test("[T48] one server is enough to take one part from the file, not to be a mesh of machines", async () => {
  const stores = await openStores({ redisUrl: "redis://127.0.0.1:9", sqlitePath: join(folder, "hearsay.db"), log });
  expect(stores.embedded).toBe(true);
  expect(await stores.archive.getUser("anna")).toBeUndefined();
  await stores.close();
});
