/** What shells do when the media plane or the other node fails them: every error path, and the way back. */
import { expect, test } from "@jest/globals";
import type { FakeMediaPlane } from "../fakes/fake-media-plane.ts";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

/** The call fails the first `count` times. */
function failing(
  media: FakeMediaPlane,
  method: "createTrunk" | "openTrunkIngress" | "openTrunkEgress",
  count: number,
): () => number {
  let calls = 0;
  const real = media[method].bind(media) as (input: never) => Promise<unknown>;
  const faulty = (input: never): Promise<unknown> => {
    calls += 1;
    return calls <= count ? Promise.reject(new Error("the fault of this test")) : real(input);
  };
  Object.assign(media, { [method]: faulty });
  return () => calls;
}

async function meeting(): Promise<RoomWorld> {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.join("b", "bob");
  return world;
}

async function expectBothSee(world: RoomWorld): Promise<void> {
  await world.publish("a", "s-ann");
  await world.publish("b", "s-bob");
  await world.clock.advance(20_000);
  expect(world.at("a").media.delivered("s-ann")).toHaveLength(2);
  expect(world.at("b").media.delivered("s-bob")).toHaveLength(2);
}

test.each(["a", "b"])("[Y19] a trunk's end that node %s cannot make is tried again", async (node) => {
  const world = await meeting();
  const calls = failing(world.at(node).media, "createTrunk", 3);
  await expectBothSee(world);
  expect(calls()).toBeGreaterThan(3);
});

test("[Y41] a stream that the receiver's plane does not accept is tried again", async () => {
  const world = await meeting();
  const calls = failing(world.at("b").media, "openTrunkIngress", 3);
  await expectBothSee(world);
  expect(calls()).toBeGreaterThan(3);
});

test("[Y43] a stream that the sender's plane does not send is told as stopped and asked for again", async () => {
  const world = await meeting();
  const calls = failing(world.at("a").media, "openTrunkEgress", 3);
  await expectBothSee(world);
  expect(calls()).toBeGreaterThan(3);
});

test("[Y18] an end that was made too late for its offer is taken down again", async () => {
  const world = await meeting();
  const { media } = world.at("b");
  const real = media.createTrunk.bind(media);
  let late = true;
  media.createTrunk = async (input) => {
    const wait = late;
    late = false;
    if (wait) await new Promise<void>((resolve) => world.clock.after(12_000, resolve));
    return await real(input);
  };
  await expectBothSee(world);
  expect([...media.trunks.keys()]).toEqual([...world.at("a").media.trunks.keys()]);
});

test("[P30] a strange reply to a room state is refused, counted, and changes nothing", async () => {
  const world = new RoomWorld();
  await world.boot("a");
  const liar = world.network.add({ name: "x" });
  liar.handle("room.state", () => ({ known: true, state: { boot: 1 } }));
  await world.join("a", "ann", { otherNodes: ["x"] });
  await world.clock.advance(1_000);
  expect(world.seenAt("a")).toEqual(["ann@a"]);
  expect(world.at("a").rooms.counters().refused.bad_shape).toBeGreaterThan(0);
});

test("[P52] levels that were overtaken on the way are dropped", async () => {
  const world = await meeting();
  const tracks = await world.publish("b", "s-bob");
  await world.clock.advance(100);
  await world.at("b").rooms.stop();
  const b = world.at("b").mesh;
  const levels = (seq: number, level: number) => ({
    ...{ roomId: ROOM, boot: "boot", seq, levels: [{ trackId: tracks.audio, level }] },
  });
  const { client } = await world.join("a", "eve");
  await world.clock.resolve(b.request("a", "room.levels", levels(5, 20)));
  await world.clock.resolve(b.request("a", "room.levels", levels(4, 10)));
  await world.clock.resolve(b.request("a", "room.levels", levels(5, 10)));
  await world.clock.advance(100);
  expect(client.ofType("speakers").map((message) => message.speakers[0]?.level)).toEqual([20]);
});

test("a media worker that ends is logged, and its peers have 30 s to offer again", async () => {
  const world = await meeting();
  await world.publish("a", "s-ann");
  const gone: string[] = [];
  world.at("a").rooms.onMediaGone((sessionId) => gone.push(sessionId));
  world.at("a").media.emit({ kind: "workerFailed", message: "out of memory" });
  world.at("a").media.emit({ kind: "peerState", peerId: "s-ann", state: "gone" });
  await world.publish("a", "s-ann", { fresh: true });
  await world.clock.advance(60_000);
  expect(gone).toEqual([]);
  expect(world.seenAt("b")).toEqual(["ann@a", "bob@b"]);
});
