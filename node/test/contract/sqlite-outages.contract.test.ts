// People in rooms of whole nodes while their embedded file is locked by another process, and while its disk is full.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Stores } from "../../src/store/open-stores.ts";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import { openSqlitePresence } from "../../src/store/sqlite/sqlite-presence.ts";
import { call } from "../app/harness.ts";
import { comeAndGo, expectMedia, fullHouse, type House } from "./outage-house.ts";
import { expectAway, expectNoEcho, expectNothingLost, OutageWorld, pause, SLUG, Talker } from "./outage-world.ts";

const root = join(import.meta.dirname, "../../..");
const LOCKED_FOR_MS = 5_000;
/** Waiting for a lock blocks the whole process; here it is two nodes' and the test's at once. */
const BUSY_MS = 50;

function embeddedStores(path: string): Stores {
  const archive = openSqliteArchive({ path, busyTimeoutMs: BUSY_MS });
  const presence = openSqlitePresence({ path, busyTimeoutMs: BUSY_MS });
  const close = async (): Promise<void> => {
    await Promise.all([archive.close(), presence.close()]);
  };
  return { archive, presence, embedded: true, close };
}

/** Reads go on; what would write says that it cannot, and has written nothing. */
async function expectRefusals({ ada, bell }: OutageWorld, { owner, visits }: House): Promise<void> {
  const { token } = owner;
  for (const node of [ada, bell]) {
    expectAway(await call(node, "POST", `/v1/rooms/${SLUG}/messages`, { token, body: { text: "refused" } }));
    expectAway(await call(node, "POST", "/v1/guests", { body: { displayName: "Late" } }));
    expectAway(await call(node, "POST", "/v1/sessions", { token, body: { deviceId: "d" } }));
    expect((await call(node, "GET", `/v1/rooms/${SLUG}/messages`, { token })).status).toBe(200);
    expect((await call(node, "GET", "/v1/me", { token })).status).toBe(200);
  }
  await expectMedia(visits.owner);
}

async function expectToSurvive(
  world: OutageWorld,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Promise<void> {
  const { ada, bell } = world;
  const house = await fullHouse(world);
  const { room, owner, bob, eve, visits } = house;
  const talkers = [new Talker(ada, owner), new Talker(bell, bob)];
  for (const talker of talkers) talker.start();
  const heard = () => Promise.all(talkers.map((talker) => talker.heard(2)));
  await heard();
  await begin();
  await expectRefusals(world, house);
  const again = await comeAndGo(world, house);
  await end();
  const bobAgain = { ...visits.bob, before: visits.bob.client, client: again };
  const inside = [visits.owner, visits.ann, bobAgain, await world.enterAtLast(ada, eve.token, ["room_full"])];
  await world.expectInside(room, inside);
  await heard();
  for (const talker of talkers) await talker.stop();
  for (const { client } of inside) {
    expect(client.of("closing")).toEqual([]);
    expectNoEcho(client);
  }
  const said = await expectNothingLost(ada, owner.token, talkers);
  expect(said).not.toContain("refused");
  // Refused at once and asking again at once, they may reach their rate.
  for (const { refusals } of talkers)
    expect([...refusals].filter((refusal) => refusal !== "429 rate_limited")).toEqual(["503 store_unavailable"]);
}

/** Another process that holds the write locks of the store's files until its input ends. */
async function lockFiles(folder: string): Promise<ChildProcess> {
  const paths = readdirSync(folder)
    .filter((name) => name.endsWith(".sqlite"))
    .map((name) => join(folder, name));
  const script = `const Libsql = require("libsql");
    const dbs = ${JSON.stringify(paths)}.map((path) => new Libsql(path, { timeout: 20000 }));
    for (const db of dbs) db.exec("BEGIN IMMEDIATE");
    console.log("locked");
    process.stdin.on("end", () => process.exit()).resume();`;
  const child = spawn(process.execPath, ["-e", script], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the file could not be locked")));
  });
  return child;
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) {
    for (let part = 0; ; part++) {
      try {
        writeFileSync(`${path}-${bytes}-${part}`, Buffer.alloc(bytes));
      } catch {
        rmSync(`${path}-${bytes}-${part}`, { force: true });
        break; // Full for pieces of this size: smaller ones may fit.
      }
    }
  }
}

describe("an embedded file that cannot be written while people are in a full room", () => {
  let folder: string;
  let world: OutageWorld | undefined;
  let locker: ChildProcess | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hearsay-file-"));
  });
  afterEach(async () => {
    locker?.kill("SIGKILL");
    locker = undefined;
    await world?.stop();
    world = undefined;
    // Lazily: libsql lets go of a closed file when its statements are collected.
    spawnSync("umount", ["-l", folder], { stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<OutageWorld> {
    const sqlitePath = join(folder, "hearsay.sqlite");
    world = await OutageWorld.make(
      async () => embeddedStores(sqlitePath),
      async (roomId) => {
        const presence = openSqlitePresence({ path: sqlitePath });
        try {
          return await presence.occupants(roomId);
        } finally {
          await presence.close();
        }
      },
    );
    return world;
  }

  test("[A74] another process holds the write lock for 5 s", async () => {
    await expectToSurvive(
      await start(),
      async () => {
        locker = await lockFiles(folder);
      },
      async () => {
        await pause(LOCKED_FOR_MS);
        locker?.stdin?.end();
      },
    );
  }, 90_000);

  const canMount = (): boolean => spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]).status === 0;

  test("[A74] the disk is full", async () => {
    // Where no small disk can be made (that needs root), the locked file stands in.
    const isSmall = canMount();
    await expectToSurvive(
      await start(),
      async () => {
        if (isSmall) fill(join(folder, "filler"));
        else locker = await lockFiles(folder);
      },
      async () => {
        locker?.stdin?.end();
        spawnSync("sh", ["-c", `rm -f ${folder}/filler-*`]);
      },
    );
  }, 90_000);
});
