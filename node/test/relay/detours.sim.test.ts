/** Streams that cannot come straight come over a third node: seeded meshes in memory, with time by hand. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { LOOK_EVERY_MS } from "../../src/relay/detours.ts";
import { FIRST_HOLD_MS, NEW_GRACE_MS } from "../../src/relay/routes.ts";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

/** Somebody on "a" and on "b", who publish; nobody on the others, which forward unless told otherwise. */
async function world(
  options: {
    readonly others?: readonly string[];
    readonly forwarders?: readonly string[];
    readonly seed?: number;
  } = {},
): Promise<RoomWorld> {
  const { others = ["c"], forwarders = others, seed } = options;
  const made = new RoomWorld(
    seed === undefined ? {} : { random: seededRandom(seed), delayMs: { min: 2, max: 60 }, lossRatio: 0.1 },
  );
  for (const node of forwarders) made.forwarders.add(node);
  await made.boot("a", "b", ...others);
  for (const node of ["a", "b"]) await made.join(node, `x${node}`, { otherNodes: node === "a" ? ["b"] : ["a"] });
  for (const node of ["a", "b"]) await made.publish(node, `s-x${node}`);
  await made.clock.advance(2_000);
  return made;
}

/** How many tracks of the other reach the people on "a" and on "b". */
const flowing = (of: RoomWorld): readonly number[] =>
  ["a", "b"].map((node) => of.at(node).media.delivered(`s-x${node}`).length);

/** From which nodes each remote track comes to this one. */
function ways(of: RoomWorld, node: string): readonly string[] {
  const { media } = of.at(node);
  return [...media.slotsOf(`s-x${node}`).values()].flatMap((trackId) => media.incoming(trackId));
}

async function until(of: RoomWorld, holds: () => boolean, limitMs: number): Promise<number> {
  for (let ms = 0; ms <= limitMs; ms += 50) {
    if (holds()) return ms;
    await of.clock.advance(50);
  }
  throw new Error(`not within ${limitMs} ms; ways ${ways(of, "a")} | ${ways(of, "b")}`);
}

test("[Y70] [Y75] when the trunk falls silent, the streams come over a third node that is not in the room", async () => {
  const made = await world();
  expect(flowing(made)).toEqual([2, 2]);
  made.planes.block("a", "b");
  expect(flowing(made)).toEqual([0, 0]);
  const tookMs = await until(made, () => flowing(made).join() === "2,2", 3_000);
  expect(tookMs).toBeLessThan(1_000);
  expect(ways(made, "b")).toEqual(["c/", "c/"]);
  expect(made.at("b").relay.detours()).toEqual([{ owner: "a", via: "c" }]);
  expect(made.at("c").relay.forwarded()).toBe(4);
  expect(made.at("c").rooms.snapshot()).toEqual([]);
  // A keyframe is asked for with every stream that is opened.
  for (const trunk of made.at("a").media.trunks.values())
    expect(trunk.keyframes).toBeGreaterThanOrEqual(trunk.egress.size);
});

test("[Y70] a trunk that cannot come up at all is gone around", async () => {
  const made = new RoomWorld();
  made.forwarders.add("c");
  await made.boot("a", "b", "c");
  made.planes.block("a", "b");
  for (const node of ["a", "b"]) await made.join(node, `x${node}`, { otherNodes: ["a", "b"] });
  for (const node of ["a", "b"]) await made.publish(node, `s-x${node}`);
  await until(made, () => flowing(made).join() === "2,2", NEW_GRACE_MS + 2_000);
});

test("[Y72] [Y74] streams go back to the direct trunk once it has held, and never come twice", async () => {
  const made = await world();
  made.planes.block("a", "b");
  await until(made, () => flowing(made).join() === "2,2", 3_000);
  made.planes.heal();
  const twice = (): boolean => ["a", "b"].some((node) => ways(made, node).length > 2);
  for (let ms = 0; ms < FIRST_HOLD_MS + 30_000; ms += 20) {
    await made.clock.advance(20);
    expect(twice()).toBe(false);
  }
  expect(ways(made, "a")).toEqual(["b/", "b/"]);
  expect(flowing(made)).toEqual([2, 2]);
  await made.clock.advance(5_000);
  expect(made.at("c").relay.forwarded()).toBe(0);
  expect(made.at("b").relay.detours()).toEqual([]);
});

test("[Y71] a detour that is much shorter is taken after half a minute, and left when it is so no more", async () => {
  const made = await world();
  const rtts = (abMs: number): void => {
    made.network.setRtt("a", "b", abMs);
    for (const node of ["a", "b"]) made.network.setRtt(node, "c", 40);
  };
  rtts(200);
  await made.clock.advance(25_000);
  expect(ways(made, "b")).toEqual(["a/", "a/"]);
  await made.clock.advance(10_000);
  expect(ways(made, "b")).toEqual(["c/", "c/"]);
  expect(flowing(made)).toEqual([2, 2]);
  rtts(60);
  await made.clock.advance(35_000);
  expect(ways(made, "b")).toEqual(["a/", "a/"]);
  expect(flowing(made)).toEqual([2, 2]);
});

test("[Y80] nodes that do not say that they forward, or drain, are not asked, and refuse", async () => {
  const made = await world({ others: ["c"], forwarders: [] });
  made.planes.block("a", "b");
  await made.clock.advance(20_000);
  expect(flowing(made)).toEqual([0, 0]);
  expect(made.at("c").relay.peers()).toEqual([]);
  const track = { trackId: "t", kind: "audio", source: "microphone", codec: { name: "opus", clockRateHz: 48_000 } };
  const transit = { origin: "a", track: { ...track, layers: [""] } };
  const open = { trunkId: "x", roomId: ROOM, trackId: "t", layer: "", ssrc: 1, rtxSsrc: 2, transit };
  const asked = made.clock.resolve(
    made
      .at("b")
      .mesh.request("c", "trunk.open", open)
      .catch((e) => e.code),
  );
  expect(await asked).toBe("not_forwarding");
  const leg = made.clock.resolve(made.at("b").mesh.request("c", "trunk.leg", { to: "a" }));
  expect(await leg).toEqual({ forwards: false, lossRatio: null });
  expect(made.at("c").relay.refused().not_forwarding).toBe(1);
});

test("[Y81] a forwarder serves from the publisher's own trunk alone: a second detour is refused", async () => {
  const made = await world({ others: ["c", "d"] });
  made.planes.block("a", "b");
  made.planes.block("a", "c");
  made.network.setRtt("b", "d", 500);
  await until(made, () => flowing(made).join() === "2,2", 20_000);
  // The nearer one cannot reach the publisher either, and must not go around in its turn.
  expect(ways(made, "b")).toEqual(["d/", "d/"]);
  expect(made.at("c").relay.forwarded()).toBe(0);
});

test("[Y82] what a forwarder's own people watch crosses to it once", async () => {
  const made = await world();
  await made.join("c", "xc", { otherNodes: ["a", "b"] });
  await made.publish("c", "s-xc");
  await made.clock.advance(1_000);
  made.planes.block("a", "b");
  await until(made, () => flowing(made).join() === "4,4", 3_000);
  const atC = made.at("c").media;
  for (const trackId of atC.slotsOf("s-xc").values()) expect(atC.incoming(trackId)).toHaveLength(1);
  expect(atC.delivered("s-xc")).toHaveLength(4);
});

test("[Y83] when the forwarder's own way breaks, or it dies, the next one serves", async () => {
  const made = await world({ others: ["c", "d"] });
  made.network.setRtt("b", "d", 500);
  made.network.setRtt("a", "d", 500);
  made.planes.block("a", "b");
  await until(made, () => flowing(made).join() === "2,2", 3_000);
  expect(ways(made, "b")).toEqual(["c/", "c/"]);
  made.planes.block("a", "c");
  await until(made, () => flowing(made).join() === "2,2" && ways(made, "b")[0] === "d/", 10_000);
  await made.kill("d");
  made.planes.heal();
  await until(made, () => flowing(made).join() === "2,2", 30_000);
});

test("[Y84] between a node of the version before and one of this, streams flow; the older never forwards", async () => {
  const made = new RoomWorld();
  made.versions.set("a", { min: 1, max: 1 });
  made.forwarders.add("c");
  await made.boot("a", "b", "c");
  for (const node of ["a", "b"]) await made.join(node, `x${node}`, { otherNodes: ["a", "b"] });
  for (const node of ["a", "b"]) await made.publish(node, `s-x${node}`);
  await made.clock.advance(2_000);
  expect(flowing(made)).toEqual([2, 2]);
  // To whom streams are forwarded need not know that they are: the publisher sends them like any other.
  made.planes.block("a", "b");
  await until(made, () => made.at("b").media.delivered("s-xb").length === 2, 5_000);
});

test("[Y70] [Y74] whatever breaks and heals, in any order, streams flow again and never come twice", async () => {
  for (const seed of [1, 2, 3]) {
    const made = await world({ others: ["c", "d"], seed });
    const random = seededRandom(100 + seed);
    const pairs = [
      ["a", "b"],
      ["a", "c"],
      ["b", "c"],
      ["a", "d"],
      ["b", "d"],
    ] as const;
    for (let turn = 0; turn < 12; turn += 1) {
      const [one, other] = pairs[random.below(pairs.length)] ?? ["a", "b"];
      if (random.next() < 0.4) made.planes.heal();
      else made.planes.block(one, other);
      for (let ms = 0; ms < 6_000; ms += LOOK_EVERY_MS) {
        await made.clock.advance(LOOK_EVERY_MS);
        for (const node of ["a", "b"]) expect(ways(made, node).length).toBeLessThanOrEqual(2);
      }
    }
    made.planes.heal();
    await until(made, () => flowing(made).join() === "2,2", 90_000);
  }
}, 60_000);
