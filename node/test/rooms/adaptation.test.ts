/** What is watched anywhere decides what publishers send, and clients hear what their links do to them. */
import { expect, test } from "@jest/globals";
import { SHRINK_MS } from "../../src/room/layer-news.ts";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

async function publisher(layers: readonly string[]) {
  const world = new RoomWorld();
  await world.boot("a", "b");
  const ann = await world.join("a", "ann");
  const tracks = await world.publish("a", "s-ann", { layers });
  const { media } = world.at("a");
  const demand = (trackId: string, wanted: readonly string[]): void =>
    media.emit({ kind: "localDemand", roomId: ROOM, trackId, layers: wanted });
  return { world, ann: ann.client, ...tracks, media, demand };
}

test("[P80] a publisher hears of fewer layers after a while and of more at once", async () => {
  const { world, ann, video, demand } = await publisher(["q", "h", "f"]);
  demand(video, ["q"]);
  expect(ann.ofType("layers")).toEqual([]);
  await world.clock.advance(SHRINK_MS);
  expect(ann.ofType("layers")).toEqual([{ type: "layers", trackId: video, layers: ["q"] }]);
  demand(video, ["q", "f"]);
  expect(ann.ofType("layers").at(-1)).toEqual({ type: "layers", trackId: video, layers: ["q", "f"] });
});

test("[P80] timers that come a little early, as those of a system do, lose nothing", async () => {
  const world = new RoomWorld();
  const after = world.clock.after.bind(world.clock);
  world.clock.after = (delayMs, run) => after(delayMs > 1 ? delayMs - 0.5 : delayMs, run);
  await world.boot("a");
  const { client } = await world.join("a", "ann");
  const { video } = await world.publish("a", "s-ann", { layers: ["q", "h"] });
  world.at("a").media.emit({ kind: "localDemand", roomId: ROOM, trackId: video, layers: ["q"] });
  await world.clock.advance(SHRINK_MS + 10);
  expect(client.ofType("layers")).toEqual([{ type: "layers", trackId: video, layers: ["q"] }]);
});

test("[P81] a picture that nobody watches is not sent; of sound nothing is said", async () => {
  const { world, ann, audio, video, demand } = await publisher([""]);
  demand(video, []);
  demand(audio, []);
  demand("stranger", []);
  await world.clock.advance(SHRINK_MS);
  expect(ann.ofType("layers")).toEqual([{ type: "layers", trackId: video, layers: [] }]);
});

test("[P81] nothing is said of a track that is gone meanwhile", async () => {
  const { world, ann, video, demand } = await publisher(["q", "h"]);
  demand(video, ["q"]);
  world.at("a").rooms.leave("s-ann", "left");
  await world.clock.advance(SHRINK_MS);
  expect(ann.ofType("layers")).toEqual([]);
});

test("[P82] what another node wants is wanted of the publisher's trunk", async () => {
  const { world, ann, video } = await publisher(["q", "h", "f"]);
  world.at("a").media.tellsLocalDemand = true;
  await world.join("b", "bob");
  await world.publish("b", "s-bob");
  await world.clock.advance(SHRINK_MS + 1_000);
  expect(ann.ofType("layers").at(-1)).toEqual({ type: "layers", trackId: video, layers: ["q"] });
  world.at("b").rooms.setView("s-bob", [{ participantId: "p-ann", source: "camera", width: 1280, height: 720 }]);
  await world.clock.advance(200);
  expect(ann.ofType("layers").at(-1)?.layers).toContain("f");
  world.at("b").rooms.leave("s-bob", "left");
  await world.clock.advance(SHRINK_MS + 3_000);
  expect(ann.ofType("layers").at(-1)?.layers).toEqual([]);
});

test("[P83] a client hears what its slot does, of the track that is on it", async () => {
  const { world, video } = await publisher([""]);
  const bob = await world.join("a", "bob");
  await world.publish("a", "s-bob");
  await world.clock.advance(10);
  const { media } = world.at("a");
  const mid = [...media.slotsOf("s-bob")].find(([, trackId]) => trackId === video)?.[0] ?? "";
  media.emit({ kind: "slotState", peerId: "s-bob", mid, trackId: video, state: "paused" });
  media.emit({ kind: "slotState", peerId: "s-bob", mid, trackId: "earlier", state: "live" });
  media.emit({ kind: "slotState", peerId: "stranger", mid, trackId: video, state: "live" });
  media.emit({ kind: "slotState", peerId: "s-bob", mid, trackId: video, state: "unsupportedCodec" });
  expect(bob.client.ofType("slotState").map(({ state }) => state)).toEqual(["paused", "unsupportedCodec"]);
});
