/** Rooms over several nodes: who sees whom through joins, refreshes, resumes, deaths and partitions. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

async function threeNodes(): Promise<RoomWorld> {
  const world = new RoomWorld();
  await world.boot("a", "b", "c");
  return world;
}

test("[P40] a newcomer is answered with everyone that the other nodes serve", async () => {
  const world = await threeNodes();
  await world.join("a", "ann");
  await world.join("b", "bob");
  const { others } = await world.join("c", "cid");
  expect(others.map((other) => `${other.displayName}@${other.node}`).sort()).toEqual(["ann@a", "bob@b"]);
  for (const node of ["a", "b", "c"]) expect(world.seenAt(node)).toEqual(["ann@a", "bob@b", "cid@c"]);
});

test("[P40] a newcomer waits 0.6 s for a node that does not answer, and no longer", async () => {
  const world = await threeNodes();
  await world.join("a", "ann");
  world.network.partition("a", "b");
  const startMs = world.clock.nowMs();
  const { others, client } = await world.join("b", "bob");
  expect(others).toEqual([]);
  expect(world.clock.nowMs() - startMs).toBeGreaterThanOrEqual(600);
  expect(world.clock.nowMs() - startMs).toBeLessThan(700);
  world.network.heal();
  await world.clock.advance(16_000);
  expect(client.ofType("participantJoined").map((message) => message.participant.displayName)).toEqual(["ann"]);
});

test("joins and leaves are told once to everyone else, with the reason", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("b", "bob");
  await world.clock.advance(100);
  world.at("b").rooms.leave("s-bob", "removed");
  await world.clock.advance(100);
  expect(ann.client.messages.map((message) => message.type)).toEqual(["participantJoined", "participantLeft"]);
  expect(ann.client.ofType("participantLeft")).toMatchObject([{ participantId: "p-bob", reason: "removed" }]);
});

test("[P43] a node with nobody left in the room says so and forgets it", async () => {
  const world = await threeNodes();
  await world.join("a", "ann");
  await world.join("b", "bob");
  world.at("b").rooms.leave("s-bob", "left");
  await world.clock.advance(1_000);
  expect(world.at("b").rooms.snapshot()).toEqual([]);
  expect(world.at("a").rooms.snapshot()).toEqual([{ roomId: ROOM, local: 1, remote: 0 }]);
  expect(world.seenAt("b")).toEqual([]);
});

test("[P16] a session that resumes on another node is one continuous participant, and its old node lets it go", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  const bob = await world.join("b", "bob");
  await world.publish("b", "s-bob");
  await world.clock.advance(100);
  const before = ann.client.messages.length;
  await world.join("c", "bob", { epoch: 2 });
  await world.clock.advance(1_000);
  for (const node of ["a", "b", "c"]) expect(world.seenAt(node)).toEqual(node === "b" ? [] : ["ann@a", "bob@c"]);
  const news = ann.client.messages.slice(before).map((message) => message.type);
  expect(news.filter((type) => type === "participantJoined" || type === "participantLeft")).toEqual([]);
  expect(news).toContain("participantUpdated");
  expect(bob.client.ofType("closing")).toEqual([{ type: "closing", reason: "superseded" }]);
  expect(world.at("b").media.peers.has("s-bob")).toBe(false);
});

test("[P70] a refresh on the same node takes over in place: others see an update and no leave", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  const old = await world.join("b", "bob", { sessionId: "s-1", generation: 1 });
  await world.publish("b", "s-1");
  await world.clock.advance(100);
  const before = ann.client.messages.length;
  await world.join("b", "bob", { sessionId: "s-2", generation: 2 });
  world.at("b").rooms.leave("s-1", "left");
  await world.clock.advance(1_000);
  const kinds = ann.client.messages.slice(before).map((message) => message.type);
  expect(kinds).not.toContain("participantLeft");
  expect(kinds).not.toContain("participantJoined");
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@b"]);
  expect(old.client.ofType("closing")).toHaveLength(1);
  expect(world.at("b").media.peers.has("s-1")).toBe(false);
});

test("[P71] an older session of the same participant is refused, here and elsewhere", async () => {
  const world = await threeNodes();
  await world.join("b", "bob", { sessionId: "s-2", generation: 2 });
  await expect(world.join("b", "bob", { sessionId: "s-1", generation: 1 })).rejects.toMatchObject({
    code: "superseded",
  });
  await expect(world.join("a", "bob", { sessionId: "s-1", generation: 1 })).rejects.toMatchObject({
    code: "superseded",
  });
  await world.clock.advance(1_000);
  expect(world.seenAt("b")).toEqual(["bob@b"]);
  expect(world.seenAt("a")).toEqual([]);
});

test("[P72] leaving with an unknown or superseded session changes nothing", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("a", "bob", { sessionId: "s-1", generation: 1 });
  await world.join("a", "bob", { sessionId: "s-2", generation: 2 });
  const before = ann.client.messages.length;
  world.at("a").rooms.leave("s-1", "timeout");
  world.at("a").rooms.leave("s-never", "left");
  expect(ann.client.messages).toHaveLength(before);
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@a"]);
});

test("[P13] the people of a killed node are reconnecting for 20 s and then leave as nodeFailed", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("b", "bob");
  await world.publish("a", "s-ann");
  await world.publish("b", "s-bob");
  await world.clock.advance(500);
  await world.kill("b");
  await world.clock.advance(2_100);
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  expect(world.at("a").media.slotsOf("s-ann").size).toBe(0);
  await world.clock.advance(19_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  await world.clock.advance(1_500);
  expect(world.seenAt("a")).toEqual(["ann@a"]);
  expect(ann.client.ofType("participantLeft")).toMatchObject([{ participantId: "p-bob", reason: "nodeFailed" }]);
});

test("[P14] who resumes on another node after a kill never left, and keeps the first joining time", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.clock.advance(5_000);
  await world.join("b", "bob");
  const joinedAtMs = world
    .at("a")
    .rooms.participants(ROOM)
    .find((p) => p.displayName === "bob")?.joinedAtMs;
  await world.kill("b");
  await world.clock.advance(3_000);
  await world.join("c", "bob", { epoch: 2, otherNodes: ["a"] });
  await world.clock.advance(30_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@c"]);
  expect(ann.client.ofType("participantLeft")).toEqual([]);
  expect(ann.client.ofType("participantJoined")).toHaveLength(1);
  expect(
    world
      .at("a")
      .rooms.participants(ROOM)
      .find((p) => p.displayName === "bob")?.joinedAtMs,
  ).toBe(joinedAtMs);
});

test("[P17] a node that was wrongly thought dead has its people back when it returns", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("b", "bob");
  await world.clock.advance(100);
  world.network.suspectWrongly("b", true);
  await world.clock.advance(100);
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  world.network.suspectWrongly("b", false);
  await world.clock.advance(1_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@b"]);
  await world.clock.advance(60_000);
  expect(ann.client.ofType("participantLeft")).toEqual([]);
});

test("[P44] a node that restarted unnoticed has lost its people", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("b", "bob");
  await world.clock.advance(100);
  await world.kill("b");
  await world.boot("b");
  await world.clock.advance(17_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  await world.clock.advance(20_000);
  expect(ann.client.ofType("participantLeft")).toMatchObject([{ participantId: "p-bob", reason: "nodeFailed" }]);
});

test("[P75] a node that stops says nothing, and its people may resume elsewhere", async () => {
  const world = await threeNodes();
  const ann = await world.join("a", "ann");
  await world.join("b", "bob");
  await world.at("b").rooms.stop();
  world.network.leave("b");
  await world.clock.advance(1_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  await world.join("c", "bob", { epoch: 2, otherNodes: ["a"] });
  await world.clock.advance(30_000);
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@c"]);
  expect(ann.client.ofType("participantLeft")).toEqual([]);
});

test("[P41] what was not acknowledged is told again when the partition ends", async () => {
  const world = await threeNodes();
  await world.join("a", "ann");
  await world.join("b", "bob");
  await world.clock.advance(100);
  world.network.partition("a", "b");
  await world.publish("b", "s-bob");
  await world.clock.advance(5_000);
  expect(
    world
      .at("a")
      .rooms.participants(ROOM)
      .find((p) => p.displayName === "bob")?.tracks,
  ).toEqual([]);
  world.network.heal();
  await world.clock.advance(10_000);
  expect(
    world
      .at("a")
      .rooms.participants(ROOM)
      .find((p) => p.displayName === "bob")?.tracks,
  ).toHaveLength(2);
});

test("[P42] nodes that never heard of each other meet within one round", async () => {
  const world = await threeNodes();
  await world.join("a", "ann", { otherNodes: [] });
  await world.join("b", "bob", { otherNodes: ["a"] });
  await world.join("c", "cid", { otherNodes: ["a"] });
  // b and c do not know of each other yet; the store names everybody at the next join on either side.
  await world.join("c", "dee", { otherNodes: ["a", "b"] });
  await world.clock.advance(16_500);
  for (const node of ["a", "b", "c"]) expect(world.seenAt(node)).toEqual(["ann@a", "bob@b", "cid@c", "dee@c"]);
});

test("[P42] with every third message lost all nodes still agree in the end", async () => {
  const world = new RoomWorld({ random: seededRandom(7), delayMs: { min: 5, max: 60 }, lossRatio: 0.33 });
  await world.boot("a", "b", "c");
  await world.join("a", "ann");
  await world.join("b", "bob");
  await world.join("c", "cid");
  await world.publish("a", "s-ann");
  await world.join("b", "eve");
  world.at("b").rooms.leave("s-bob", "left");
  await world.clock.advance(60_000);
  for (const node of ["a", "b", "c"]) expect(world.seenAt(node)).toEqual(["ann@a", "cid@c", "eve@b"]);
});

test("reaped occupants of a dead node wait for the resume time; of a living node they stay", async () => {
  const world = await threeNodes();
  await world.join("a", "ann");
  await world.join("b", "bob");
  await world.clock.advance(100);
  world.at("a").rooms.forgetNode("b");
  expect(world.seenAt("a")).toEqual(["ann@a", "bob@b"]);
  await world.kill("b");
  await world.clock.advance(2_500);
  world.at("a").rooms.forgetNode("b");
  expect(world.seenAt("a")).toEqual(["ann@a", "~bob@b"]);
  await world.clock.advance(20_000);
  expect(world.seenAt("a")).toEqual(["ann@a"]);
});
