// People in rooms of whole nodes while the server of their archive hangs, dies and comes back, or loses its lines.

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openStores } from "../../src/store/open-stores.ts";
import { openSqlitePresence } from "../../src/store/sqlite/sqlite-presence.ts";
import { call, until } from "../app/harness.ts";
import { FlakyProxy } from "./flaky-proxy.ts";
import { untilAnswered } from "./harness.ts";
import { comeAndGo, expectMedia, fullHouse, type House, halfOpenFor, type Outage } from "./outage-house.ts";
import {
  closings,
  expectAway,
  expectNoEcho,
  expectNothingLost,
  OutageWorld,
  pause,
  SETTLE_MS,
  SLUG,
  Talker,
} from "./outage-world.ts";
import { hasMongoServer, OwnMongo } from "./own-mongo.ts";
import { canStart } from "./servers.ts";

const quiet = { info: () => undefined, warn: () => undefined };

const OUTAGES: readonly Outage<OwnMongo>[] = [
  {
    what: "hangs (SIGSTOP) and goes on where it was",
    begin: async (mongo) => mongo.freeze(),
    holdMs: 4_000,
    end: async (mongo) => mongo.thaw(),
  },
  {
    what: "is killed and comes back with what it had",
    begin: (mongo) => mongo.kill(),
    holdMs: 1_500,
    end: (mongo) => mongo.start(),
  },
  halfOpenFor(1_500),
];

/** What needs the archive says so on both nodes; what does not, goes on. */
async function expectRefusals({ mesh, ada, bell }: OutageWorld, { owner, visits }: House): Promise<void> {
  for (const node of [ada, bell]) {
    const refused = await Promise.all([
      call(node, "POST", "/v1/guests", { body: { displayName: "Late" } }),
      call(node, "GET", "/v1/me", { token: owner.token }),
      call(node, "GET", `/v1/rooms/${SLUG}`, { token: owner.token }),
      call(node, "GET", `/v1/rooms/${SLUG}/messages`, { token: owner.token }),
      mesh.ticket(node, visits.owner.session, SLUG),
    ]);
    for (const answer of refused) expectAway(answer);
    expect((await call(node, "GET", "/livez")).status).toBe(200);
    expect((await call(node, "GET", "/readyz")).body).toMatchObject({ checks: { presence: true, archive: false } });
  }
  await expectMedia(visits.owner);
}

async function makeWorld(database: string, url: (database: string) => string, proxy: FlakyProxy): Promise<OutageWorld> {
  const own = new URL(url(database));
  own.port = `${proxy.port}`;
  let presencePath = "";
  return await OutageWorld.make(
    async (dataDir) => {
      presencePath = join(dataDir, "hearsay.sqlite");
      const stores = await openStores({ mongodbUrl: own.href, sqlitePath: presencePath, log: quiet });
      await untilAnswered(() => stores.archive.ping(), SETTLE_MS);
      return stores;
    },
    async (roomId) => {
      const presence = openSqlitePresence({ path: presencePath });
      try {
        return await presence.occupants(roomId);
      } finally {
        await presence.close();
      }
    },
  );
}

function registerOutages(): void {
  describe("an archive that goes away while people are in a full room", () => {
    const mongo = new OwnMongo();
    let proxy: FlakyProxy;
    let world: OutageWorld;
    let worlds = 0;

    beforeAll(async () => {
      await mongo.start();
      const { hostname: host, port } = new URL(mongo.url("any"));
      proxy = new FlakyProxy({ host, port: Number(port) });
      await proxy.start();
    }, 60_000);
    beforeEach(async () => {
      worlds += 1;
      world = await makeWorld(`outage${worlds}`, (database) => mongo.url(database), proxy);
    }, 60_000);
    afterEach(async () => {
      mongo.thaw();
      await proxy.heal();
      await world.stop();
    });
    afterAll(async () => {
      await proxy.stop();
      await mongo.dispose();
    });

    test.each(OUTAGES)(
      "[A73] $what",
      async (outage) => {
        const { ada, bell } = world;
        const house = await fullHouse(world);
        const { room, owner, bob, ann, eve, visits } = house;
        const talkers = [new Talker(ada, owner), new Talker(bell, bob)];
        for (const talker of talkers) talker.start();
        const heard = () => Promise.all(talkers.map((talker) => talker.heard(2)));
        await heard();

        await outage.begin(mongo, proxy);
        await expectRefusals(world, house);
        visits.ann.client.close();
        const refreshed = world.enterAtLast(bell, ann.token);
        const again = await comeAndGo(world, house);
        await pause(outage.holdMs);

        await outage.end(mongo, proxy);
        const inside = [
          visits.owner,
          { ...visits.bob, before: visits.bob.client, client: again },
          await refreshed,
          await world.enterAtLast(ada, eve.token, ["room_full"]),
        ];
        await world.expectInside(room, inside);
        await heard();
        for (const talker of talkers) await talker.stop();
        for (const { client } of inside) {
          expect(closings(client)).toEqual([]);
          expectNoEcho(client);
        }
        await expectNothingLost(ada, owner.token, talkers);
        for (const talker of talkers) expect([...talker.refusals]).toEqual(["503 store_unavailable"]);
        for (const node of [ada, bell])
          await until("the node is ready", async () => (await call(node, "GET", "/readyz")).status === 200, SETTLE_MS);
      },
      90_000,
    );
  });
}

if (canStart("server of MongoDB's protocol", hasMongoServer())) registerOutages();
