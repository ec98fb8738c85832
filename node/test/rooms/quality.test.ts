/** How well everybody is connected, told to everybody. */
import { expect, test } from "@jest/globals";
import { QUALITY_EVERY_MS, QUALITY_REPEAT_MS, QUALITY_TOPIC, scoreOf } from "../../src/room/quality-watch.ts";
import { type FakeClient, ROOM, RoomWorld } from "../fakes/room-world.ts";

async function call(): Promise<{ readonly world: RoomWorld; readonly ann: FakeClient; readonly bob: FakeClient }> {
  const world = new RoomWorld();
  await world.boot("a", "b");
  const ann = await world.join("a", "ann");
  const bob = await world.join("b", "bob");
  await world.publish("a", "s-ann");
  await world.publish("b", "s-bob");
  await world.clock.advance(2 * QUALITY_EVERY_MS + 500);
  return { world, ann: ann.client, bob: bob.client };
}

/** The newest score of each that a client was told. */
function known(client: FakeClient): Readonly<Record<string, number>> {
  const scores = client.ofType("quality").flatMap((message) => message.scores);
  return Object.fromEntries(scores.map(({ participantId, score }) => [participantId, score]));
}

test("[P110] everybody hears everybody's score, and again when it moves", async () => {
  const { world, ann, bob } = await call();
  for (const client of [ann, bob]) expect(known(client)).toEqual({ "p-ann": 5, "p-bob": 5 });
  const told = bob.ofType("quality").length;
  world.at("a").media.quality.set("s-ann", 4.8);
  await world.clock.advance(2 * QUALITY_EVERY_MS);
  expect(bob.ofType("quality")).toHaveLength(told);
  world.at("a").media.quality.set("s-ann", 2.1);
  await world.clock.advance(QUALITY_EVERY_MS + 100);
  for (const client of [ann, bob]) expect(known(client)).toEqual({ "p-ann": 2.1, "p-bob": 5 });
  expect([world.at("a").rooms.meanQuality(), world.at("b").rooms.meanQuality()]).toEqual([2.1, 5]);
});

test("[P111] a newcomer hears all scores, and what was lost is told again", async () => {
  const { world, bob } = await call();
  const eve = await world.join("a", "eve");
  await world.clock.advance(QUALITY_EVERY_MS);
  expect(known(eve.client)).toMatchObject({ "p-ann": 5, "p-bob": 5 });
  world.network.setLossRatio(1);
  world.at("a").media.quality.set("s-ann", 3);
  await world.clock.advance(QUALITY_EVERY_MS + 1_100);
  world.network.setLossRatio(0);
  expect(known(bob)["p-ann"]).toBe(5);
  await world.clock.advance(QUALITY_REPEAT_MS + 2 * QUALITY_EVERY_MS);
  expect(known(bob)["p-ann"]).toBe(3);
});

test("[P112] a node tells the scores of its own people only, in the right shape", async () => {
  const { world, ann } = await call();
  const ask = (scores: unknown): Promise<unknown> =>
    world.clock.resolve(
      world
        .at("b")
        .mesh.request("a", QUALITY_TOPIC, { roomId: ROOM, scores })
        .then(
          () => "accepted",
          (error: { readonly code: string }) => error.code,
        ),
    );
  const scores = [{ participantId: "p-ann", score: 1 }];
  expect(await ask(scores)).toBe("accepted");
  expect(known(ann)["p-ann"]).toBe(5);
  for (const score of [0, 6, Number.NaN, "5", null])
    expect(await ask([{ participantId: "p-bob", score }])).toBe("bad_shape");
  for (const wrong of [undefined, 5, [null], [{ score: 3 }]]) expect(await ask(wrong)).toBe("bad_shape");
});

test("[P113] frozen pictures and paused slots lower a score", async () => {
  const { world, bob } = await call();
  world.at("b").rooms.report("s-bob", { frozenRatio: 0.2 });
  await world.clock.advance(QUALITY_EVERY_MS);
  expect(known(bob)["p-bob"]).toBe(1);
  await world.clock.advance(20_000);
  expect(known(bob)["p-bob"]).toBe(5);
  const stats = await world.at("b").media.peerStats("s-bob");
  if (stats === undefined) throw new Error("bob has no figures");
  const slots = stats.slots.map((slot) => ({ ...slot, state: "paused" as const }));
  expect(scoreOf({ ...stats, slots }, 0)).toBeLessThan(scoreOf(stats, 0));
});
