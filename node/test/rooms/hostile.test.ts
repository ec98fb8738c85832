/** Every topic between nodes, fed with what no honest node sends: a code each, counted, and nothing changes. */
import { expect, test } from "@jest/globals";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

const TOPICS = [
  "room.state",
  "room.levels",
  "room.data",
  "room.moderate",
  "room.quality",
  "trunk.ask",
  "trunk.offer",
  "trunk.open",
  "trunk.close",
  "trunk.stopped",
  "trunk.end",
];

/** a and b are in a call; x is a node that speaks for itself only. */
async function callWithStranger(): Promise<RoomWorld> {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.join("b", "bob");
  await world.publish("a", "s-ann");
  await world.publish("b", "s-bob");
  world.network.add({ name: "x" });
  await world.clock.advance(1_000);
  return world;
}

function picture(world: RoomWorld): string {
  const { media, rooms, relay } = world.at("a");
  const trunks = [...media.trunks].map(([id, trunk]) => [id, [...trunk.egress.keys()], [...trunk.ingress.keys()]]);
  return JSON.stringify([rooms.participants(ROOM), media.delivered("s-ann"), trunks, relay.peers()]);
}

async function refusalOf(world: RoomWorld, from: string, topic: string, body: unknown): Promise<string> {
  const sender = world.network.live(from);
  if (sender === undefined) throw new Error("the sender is gone");
  const asked = sender.request("a", topic, body).then(
    () => "accepted",
    (error: { readonly code: string }) => error.code,
  );
  return await world.clock.resolve(asked);
}

const deep = (depth: number): unknown => (depth === 0 ? 1 : { state: deep(depth - 1) });
const STRANGE: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  "text",
  true,
  [],
  {},
  deep(50),
  "x".repeat(100_000),
  [[[]]],
];

test.each(TOPICS)("[P30, Y10] %s refuses bodies of the wrong shape, and nothing changes", async (topic) => {
  const world = await callWithStranger();
  const before = picture(world);
  for (const body of STRANGE) expect(await refusalOf(world, "x", topic, body)).toMatch(/^bad_(shape|version)$/);
  const { rooms, relay } = world.at("a");
  const { refused } = rooms.counters();
  expect(refused.bad_shape + refused.bad_version + relay.refused().bad_shape).toBe(STRANGE.length);
  expect(picture(world)).toBe(before);
});

test("[P30] a node cannot speak for another, nor for another's tracks", async () => {
  const world = await callWithStranger();
  const before = picture(world);
  const ann = world.at("a").rooms.participants(ROOM)[0];
  const claim = { generation: 0, sessionId: "s-mal", epoch: 1 };
  const codec = { name: "opus", clockRateHz: 48_000 };
  const track = { ...ann?.tracks[0], codec, layers: [""] };
  const mal = {
    ...{ participantId: "p-mal", userId: "u", displayName: "mal", role: "guest", state: "active", joinedAtMs: 1 },
    ...{ claim, tracks: [track] },
  };
  const state = { boot: "b", version: 1, participants: [mal], departures: [] };
  const body = { v: 1, roomId: ROOM, node: "x", state, have: null };
  expect(await refusalOf(world, "x", "room.state", { ...body, node: "b" })).toBe("foreign_node");
  expect(await refusalOf(world, "x", "room.state", body)).toBe("foreign_track");
  expect(picture(world)).toBe(before);
});

test("[P45] a word that overtakes the news of its node's death does not bring it back", async () => {
  const world = await callWithStranger();
  const b = world.network.live("b");
  world.network.suspectWrongly("b", true);
  const state = { boot: "b2", version: 1, participants: [], departures: [] };
  const body = { v: 1, roomId: ROOM, node: "b", state, have: null };
  const asked = b?.request("a", "room.state", body).then(
    () => "accepted",
    (error: { readonly code: string }) => error.code,
  );
  expect(await world.clock.resolve(asked ?? Promise.resolve("nobody asked"))).toBe("unknown_node");
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
});

test("a word for a room that this node does not serve is answered and leaves no trace", async () => {
  const world = await callWithStranger();
  const state = { boot: "b", version: 1, participants: [], departures: [] };
  const body = { v: 1, roomId: "elsewhere", node: "x", state, have: null };
  expect(await refusalOf(world, "x", "room.state", body)).toBe("accepted");
  expect(
    world
      .at("a")
      .rooms.snapshot()
      .map((room) => room.roomId),
  ).toEqual([ROOM]);
});

test("[Y23] streams are opened and closed only over the sender's own current trunk", async () => {
  const world = await callWithStranger();
  const before = picture(world);
  const [trunkId] = world.at("a").media.trunks.keys();
  const [ssrc] = [...world.at("a").media.trunks.values()][0]?.egress.keys() ?? [];
  const trackId = world.at("a").rooms.participants(ROOM)[0]?.tracks[0]?.trackId;
  const open = { trunkId, roomId: ROOM, trackId, layer: "", ssrc: 900, rtxSsrc: 901 };
  expect(await refusalOf(world, "x", "trunk.open", open)).toBe("unknown_trunk");
  expect(await refusalOf(world, "x", "trunk.close", { trunkId, ssrc })).toBe("unknown_trunk");
  expect(await refusalOf(world, "x", "trunk.stopped", { trunkId, ssrc: 2 })).toBe("unknown_trunk");
  expect(await refusalOf(world, "x", "trunk.end", { trunkId })).toBe("unknown_trunk");
  expect(await refusalOf(world, "b", "trunk.open", { ...open, trunkId: "older" })).toBe("unknown_trunk");
  expect(await refusalOf(world, "b", "trunk.open", { ...open, trackId: "nobody's" })).toBe("unknown_track");
  expect(await refusalOf(world, "b", "trunk.open", { ...open, layer: "z" })).toBe("unknown_track");
  expect(await refusalOf(world, "b", "trunk.open", { ...open, ssrc: 0 })).toBe("bad_shape");
  expect(picture(world)).toBe(before);
});

test("[Y16] an offer from the higher name is refused", async () => {
  const world = await callWithStranger();
  const before = picture(world);
  const fingerprint = { algorithm: "sha-256", value: "00" };
  const parameters = { ufrag: "u", pwd: "p", fingerprint, candidates: [] };
  const offer = { trunkId: "t", versions: { min: 1, max: 1 }, parameters };
  expect(await refusalOf(world, "b", "trunk.offer", offer)).toBe("not_offerer");
  expect(await refusalOf(world, "b", "trunk.offer", { ...offer, parameters: { ...parameters, pwd: "" } })).toBe(
    "bad_shape",
  );
  expect(picture(world)).toBe(before);
});
