// People in rooms of whole nodes while their real Redis hangs, dies, forgets everything, or cannot be reached.

import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openStores } from "../../src/store/open-stores.ts";
import { openRedisPresence } from "../../src/store/redis/redis-presence.ts";
import { call, until } from "../app/harness.ts";
import { FlakyProxy } from "./flaky-proxy.ts";
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
import { hasRedisServer, OwnRedis } from "./own-redis.ts";
import { canStart } from "./servers.ts";

const quiet = { info: () => undefined, warn: () => undefined };
const REQUESTS_AT_ONCE = 100;

const OUTAGES: readonly Outage<OwnRedis>[] = [
  {
    what: "hangs (SIGSTOP) and goes on where it was",
    begin: async (redis) => redis.freeze(),
    holdMs: 8_000,
    end: async (redis) => redis.thaw(),
  },
  {
    what: "is killed and comes back empty",
    begin: (redis) => redis.kill(),
    holdMs: 1_500,
    end: (redis) => redis.start(),
  },
  {
    // What a minute does: every record has run out, while nobody could renew it.
    what: "cannot be reached until every record has run out",
    begin: async (redis, proxy) => {
      await proxy.stop();
      await redis.expireAll();
    },
    holdMs: 1_500,
    end: (_redis, proxy) => proxy.heal(),
  },
  halfOpenFor(3_000),
];

async function withWorld(redis: OwnRedis, proxy: FlakyProxy): Promise<OutageWorld> {
  const redisUrl = `redis://127.0.0.1:${proxy.port}`;
  return await OutageWorld.make(
    (dataDir) => openStores({ redisUrl, sqlitePath: join(dataDir, "hearsay.sqlite"), log: quiet }),
    async (roomId) => {
      const presence = await openRedisPresence({ url: redis.url });
      try {
        return await presence.occupants(roomId);
      } finally {
        await presence.close();
      }
    },
  );
}

/** What needs the store says so, however many ask; what does not, goes on. */
async function expectRefusals({ mesh, ada, bell }: OutageWorld, { eve, visits }: House): Promise<void> {
  for (const node of [ada, bell]) {
    expectAway(await call(node, "POST", "/v1/sessions", { token: eve.token, body: { deviceId: "d" } }));
    expectAway(await mesh.ticket(node, visits.owner.session, SLUG));
    expect((await call(node, "GET", "/livez")).status).toBe(200);
    expect((await call(node, "GET", "/readyz")).body).toMatchObject({ checks: { presence: false, archive: true } });
  }
  const asked = Array.from({ length: REQUESTS_AT_ONCE }, (_, index) =>
    call(ada, "POST", "/v1/sessions", { token: eve.token, body: { deviceId: `d${index}` } }),
  );
  for (const answer of await Promise.all(asked)) expectAway(answer);
  await expectMedia(visits.owner);
}

function registerOutages(): void {
  describe("a Redis that goes away while people are in a full room", () => {
    let redis: OwnRedis;
    let proxy: FlakyProxy;
    let world: OutageWorld;

    beforeEach(async () => {
      redis = new OwnRedis();
      await redis.start();
      proxy = new FlakyProxy({ host: "127.0.0.1", port: redis.port });
      await proxy.start();
      world = await withWorld(redis, proxy);
    });
    afterEach(async () => {
      redis.thaw();
      await proxy.heal();
      await world.stop();
      await proxy.stop();
      await redis.dispose();
    });

    test.each(OUTAGES)(
      "[A72] $what",
      async (outage) => {
        const { ada, bell } = world;
        const house = await fullHouse(world);
        const { room, owner, bob, ann, eve, visits } = house;
        // Text goes on: of a member, and of a guest who may write because of being inside.
        const talkers = [new Talker(ada, owner), new Talker(bell, bob)];
        for (const talker of talkers) talker.start();
        const heard = () => Promise.all(talkers.map((talker) => talker.heard(2)));
        await heard();

        await outage.begin(redis, proxy);
        await expectRefusals(world, house);
        // Ann presses F5, and her page comes up at the other node: as soon as the store lets it.
        visits.ann.client.close();
        const refreshed = world.enterAtLast(bell, ann.token);
        const again = await comeAndGo(world, house);
        await Promise.all([heard(), pause(outage.holdMs)]);

        await outage.end(redis, proxy);
        const inside = [visits.owner, { ...visits.bob, before: visits.bob.client, client: again }, await refreshed];
        // There is room for Eve once the store has heard who left.
        inside.push(await world.enterAtLast(ada, eve.token, ["room_full"]));
        await world.expectInside(room, inside);
        await heard();
        for (const talker of talkers) await talker.stop();
        for (const { client } of inside) {
          expect(closings(client)).toEqual([]);
          expectNoEcho(client);
        }
        await expectNothingLost(ada, owner.token, talkers);
        expect(talkers.map((talker) => [...talker.refusals])).toEqual([[], []]);
        for (const node of [ada, bell])
          await until("the node is ready", async () => (await call(node, "GET", "/readyz")).status === 200, SETTLE_MS);
      },
      90_000,
    );
  });
}

if (canStart("redis-server", hasRedisServer())) registerOutages();
