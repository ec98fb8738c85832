/** Relays over several nodes: what crosses which trunk, and how trunks come and go. */
import { expect, test } from "@jest/globals";
import { ROOM, RoomWorld, type WorldNode } from "../fakes/room-world.ts";

async function call(...nodes: readonly string[]): Promise<RoomWorld> {
  const world = new RoomWorld();
  await world.boot(...nodes);
  for (const node of nodes) await world.join(node, `x${node}`);
  for (const node of nodes) await world.publish(node, `s-x${node}`);
  await world.clock.advance(1_000);
  return world;
}

function egress(node: WorldNode): readonly string[] {
  return [...node.media.trunks.values()]
    .flatMap((trunk) => [...trunk.egress.values()].map((stream) => `${stream.track.trackId}/${stream.layer}`))
    .sort();
}

/** Everyone gets all tracks of everyone else. */
function expectAllDelivered(world: RoomWorld): void {
  const tracks = new Map<string, readonly string[]>();
  for (const node of world.nodes.values())
    for (const [peerId, peer] of node.media.peers) tracks.set(peerId, [...peer.tracks.keys()]);
  for (const node of world.nodes.values()) {
    for (const peerId of node.media.peers.keys()) {
      const others = [...tracks].filter(([other]) => other !== peerId).flatMap(([, ids]) => ids);
      expect(node.media.delivered(peerId)).toEqual([...others].sort());
    }
  }
}

test("three people on three nodes all get each other through three trunks", async () => {
  const world = await call("a", "b", "c");
  expectAllDelivered(world);
  for (const node of ["a", "b", "c"]) expect(world.at(node).media.trunks.size).toBe(2);
});

test("[Y1] each layer crosses a node pair once, however many subscribers wait there", async () => {
  const world = await call("a", "b");
  for (const person of ["p", "q", "r", "s"]) {
    await world.join("b", person);
    await world.publish("b", `s-${person}`, { videoSlots: 8 });
  }
  await world.clock.advance(500);
  const crossing = egress(world.at("a"));
  expect(crossing).toHaveLength(2);
  expect(new Set(crossing).size).toBe(2);
});

test("[Y2] a simulcast track comes in its lowest layer first and then in those that its slots want", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.join("b", "bob");
  const { video } = await world.publish("a", "s-ann", { layers: ["q", "h", "f"] });
  await world.publish("b", "s-bob");
  await world.clock.advance(100);
  expect(egress(world.at("a"))).toContain(`${video}/q`);
  world.at("b").rooms.setView("s-bob", [{ participantId: "p-ann", source: "camera", width: 1280, height: 720 }]);
  await world.clock.advance(100);
  expect(egress(world.at("a"))).toEqual(expect.arrayContaining([`${video}/q`, `${video}/f`]));
  await world.clock.advance(2_500);
  expect(egress(world.at("a"))).toContain(`${video}/f`);
  expect(egress(world.at("a"))).not.toContain(`${video}/q`);
});

test("[Y60] nothing that nobody watches crosses a trunk", async () => {
  const world = await call("a", "b");
  world.at("b").rooms.setView("s-xb", []);
  await world.clock.advance(3_000);
  const video = [...(world.at("a").media.peers.get("s-xa")?.tracks.values() ?? [])].find((t) => t.kind === "video");
  expect(egress(world.at("a"))).toHaveLength(1);
  expect(egress(world.at("a"))).not.toContain(`${video?.trackId}/`);
  world.at("b").rooms.leave("s-xb", "left");
  await world.clock.advance(3_000);
  expect(egress(world.at("a"))).toEqual([]);
});

test("[Y27] a newcomer's trunks are ready before the first slot wants anything", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.publish("a", "s-ann");
  await world.join("b", "bob");
  await world.clock.advance(200);
  expect(world.at("b").relay.peers()).toEqual([{ peer: "a", phase: "connected", ingress: 0, egress: 0 }]);
});

test("[Y61] every stream that is opened asks its publisher for a keyframe", async () => {
  const world = await call("a", "b");
  const [trunk] = world.at("a").media.trunks.values();
  expect(trunk?.keyframes).toBe(trunk?.egress.size);
});

test("[Y17] when both ends want a trunk at once, one comes about", async () => {
  for (let delayMs = 1; delayMs <= 40; delayMs += 13) {
    const world = new RoomWorld({ delayMs: { min: delayMs, max: delayMs } });
    await world.boot("a", "b");
    await world.join("a", "ann");
    await world.join("b", "bob");
    const offers = [world.publish("a", "s-ann"), world.publish("b", "s-bob")];
    await Promise.all(offers);
    await world.clock.advance(2_000);
    expectAllDelivered(world);
    expect(world.at("a").media.trunks.size).toBe(1);
    expect([...world.at("a").media.trunks.keys()]).toEqual([...world.at("b").media.trunks.keys()]);
  }
});

test("[Y22] a trunk without streams closes after a minute at both ends, and comes back when wanted", async () => {
  const world = await call("a", "b");
  world.at("b").rooms.leave("s-xb", "left");
  await world.clock.advance(55_000);
  expect(world.at("a").media.trunks.size).toBe(1);
  await world.clock.advance(15_000);
  expect(world.at("a").media.trunks.size).toBe(0);
  expect(world.at("b").media.trunks.size).toBe(0);
  expect(world.at("a").relay.peers()).toEqual([]);
  await world.join("b", "eve");
  await world.publish("b", "s-eve");
  await world.clock.advance(1_000);
  expectAllDelivered(world);
});

test("[Y20] a silent trunk is reported to gossip and made anew; nobody leaves", async () => {
  const world = await call("a", "b");
  const [old] = world.at("b").media.trunks.keys();
  world.at("b").media.silence("a", "silent");
  expect(world.at("b").mesh.silentReports).toEqual(["a"]);
  await world.clock.advance(7_000);
  expectAllDelivered(world);
  expect([...world.at("b").media.trunks.keys()]).not.toContain(old);
  expect(world.seenAt("a")).toEqual(["xa@a", "xb@b"]);
});

test("[Y62] trunks that break again and again are made anew each time, and media flows again", async () => {
  const world = await call("a", "b", "c");
  for (const [node, peer] of [
    ["a", "b"],
    ["b", "a"],
    ["c", "a"],
    ["b", "c"],
  ] as const) {
    world.at(node).media.silence(peer, "gone");
    await world.clock.advance(6_000);
    expectAllDelivered(world);
  }
  for (const node of ["a", "b", "c"]) expect(world.seenAt(node)).toHaveLength(3);
});

test("[Y21] a killed node's trunks end, and who resumes elsewhere is seen again", async () => {
  const world = await call("a", "b", "c");
  await world.kill("b");
  await world.clock.advance(3_000);
  expect(world.at("a").media.trunks.size).toBe(1);
  await world.join("c", "xb", { epoch: 2, otherNodes: ["a"] });
  await world.publish("c", "s-xb");
  await world.clock.advance(2_000);
  expectAllDelivered(world);
  expect(world.seenAt("a")).toEqual(["xa@a", "xb@c", "xc@c"]);
});

test("[Y18] trunks with a node that was thought dead and returned have new ids", async () => {
  const world = await call("a", "b");
  const seen = new Set<string>();
  for (let i = 0; i < 3; i += 1) {
    for (const trunkId of world.at("a").media.trunks.keys()) seen.add(trunkId);
    world.network.suspectWrongly("b", true);
    world.network.suspectWrongly("a", true);
    await world.clock.advance(500);
    expect(world.at("a").media.trunks.size).toBe(0);
    world.network.suspectWrongly("b", false);
    world.network.suspectWrongly("a", false);
    await world.clock.advance(5_000);
    expectAllDelivered(world);
  }
  expect(seen.size).toBe(3);
});

test("[Y19] while requests do not pass, attempts go on with growing pauses, and succeed afterwards", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.join("b", "bob");
  await world.publish("a", "s-ann");
  await world.clock.advance(100);
  world.network.partition("a", "b");
  await world.publish("b", "s-bob");
  await world.clock.advance(60_000);
  expect(world.at("b").relay.peers()).toMatchObject([{ peer: "a", ingress: 0 }]);
  world.network.heal();
  await world.clock.advance(40_000);
  expectAllDelivered(world);
});

test("[Y62] with every fifth message lost, calls come about and hold", async () => {
  const { seededRandom } = await import("#gossip");
  for (const seed of [1, 2, 3, 4, 5]) {
    const options = { random: seededRandom(seed), delayMs: { min: 2, max: 80 }, lossRatio: 0.2 };
    const world = new RoomWorld(options);
    await world.boot("a", "b", "c");
    for (const node of ["a", "b", "c"]) await world.join(node, `x${node}`);
    for (const node of ["a", "b", "c"]) await world.publish(node, `s-x${node}`);
    await world.clock.advance(60_000);
    expectAllDelivered(world);
  }
});

test("[P52] the loudest of the whole room are heard on every node, with three slots", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  const people = ["p", "q", "r", "s", "t"];
  const audio = new Map<string, string>();
  for (const person of people) {
    await world.join("a", person);
    audio.set(person, (await world.publish("a", `s-${person}`)).audio);
  }
  const { client } = await world.join("b", "bob");
  await world.publish("b", "s-bob");
  const level = (person: string, loudness: number) => ({ trackId: audio.get(person) ?? "", level: loudness });
  const levels = [level("t", 20), level("s", 25), level("r", 30)];
  world.at("a").media.emit({ kind: "levels", roomId: ROOM, levels });
  await world.clock.advance(1_000);
  const heard = world.at("b").media.delivered("s-bob");
  expect(heard).toEqual(expect.arrayContaining(levels.map(({ trackId }) => trackId)));
  expect(
    client
      .ofType("speakers")
      .at(-1)
      ?.speakers.map((speaker) => speaker.participantId),
  ).toEqual(["p-t", "p-s", "p-r"]);
  world.at("a").media.emit({ kind: "levels", roomId: ROOM, levels: people.map((person) => level(person, 127)) });
  await world.clock.advance(8_000);
  expect(client.ofType("speakers").at(-1)?.speakers).toEqual([]);
});

test("[Y50] figures per peer come from the media plane's trunks", async () => {
  const world = await call("a", "b");
  const { media, relay } = world.at("a");
  const { trunks } = await media.stats();
  expect(relay.relayStats(trunks)).toEqual([
    {
      ...{ peer: "b", streams: 4, packetsTotal: 400, bytesTotal: 400_000 },
      ...{
        lostPacketsTotal: 0,
        repairedPacketsTotal: 0,
        rttSeconds: 0.002,
        jitterSeconds: 0.001,
        audioDuplicated: false,
      },
    },
  ]);
  expect(relay.peers()).toEqual([{ peer: "b", phase: "connected", ingress: 2, egress: 2 }]);
});
