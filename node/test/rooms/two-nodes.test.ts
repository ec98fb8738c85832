import { expect, test } from "@jest/globals";
import { RoomWorld } from "../fakes/room-world.ts";

test("two people on two nodes see and hear each other through one trunk", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  const ann = await world.join("a", "ann");
  const bob = await world.join("b", "bob");
  expect(bob.others.map((other) => other.displayName)).toEqual(["ann"]);
  const annTracks = await world.publish("a", "s-ann");
  const bobTracks = await world.publish("b", "s-bob");
  await world.clock.advance(500);

  expect(world.at("a").media.delivered("s-ann")).toEqual([bobTracks.audio, bobTracks.video].sort());
  expect(world.at("b").media.delivered("s-bob")).toEqual([annTracks.audio, annTracks.video].sort());
  expect(world.at("a").media.trunks.size).toBe(1);
  expect(ann.client.ofType("participantJoined").map((message) => message.participant.displayName)).toEqual(["bob"]);
});
