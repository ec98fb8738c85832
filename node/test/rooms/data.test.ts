/** Data messages between clients of one node and of several. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { BYTES_PER_SECOND, DATA_TOPIC, MAX_LOSSY_UNDER_WAY, MESSAGES_PER_SECOND } from "../../src/room/room-data.ts";
import { chat, ROOM, RoomWorld, type WorldNode } from "../fakes/room-world.ts";

const GRANTS = { publish: true, subscribe: true, chat: true, moderate: false };

async function room(options: ConstructorParameters<typeof RoomWorld>[0] = {}): Promise<RoomWorld> {
  const world = new RoomWorld(options);
  await world.boot("a", "b");
  for (const [node, person] of [
    ["a", "ann"],
    ["a", "ada"],
    ["b", "bob"],
  ] as const) {
    await world.join(node, person);
    await world.publish(node, `s-${person}`);
  }
  await world.clock.advance(2_000);
  return world;
}

const frame = (text: string): Uint8Array => Uint8Array.from([1, 0x74, ...Buffer.from(text)]);

function say(node: WorldNode, person: string, text: string, channel: "events" | "lossy" = "events"): void {
  node.media.emit({ kind: "data", peerId: `s-${person}`, roomId: ROOM, channel, data: frame(text) });
}

/** "sender: text" of what a client got. */
function heard(node: WorldNode, person: string): readonly string[] {
  return (node.media.peers.get(`s-${person}`)?.messages ?? []).map(({ data }) => {
    const bytes = Buffer.from(data as Uint8Array);
    const length = bytes[0] ?? 0;
    return `${bytes.subarray(1, 1 + length).toString()}: ${bytes.subarray(1 + length + 2).toString()}`;
  });
}

test("[P90] a data message reaches everybody else in the room, here and elsewhere", async () => {
  const world = await room();
  say(world.at("a"), "ann", "hello");
  say(world.at("a"), "ann", "wave", "lossy");
  await world.clock.advance(100);
  expect(heard(world.at("a"), "ann")).toEqual([]);
  expect(heard(world.at("a"), "ada")).toEqual(["p-ann: hello", "p-ann: wave"]);
  expect(heard(world.at("b"), "bob")).toEqual(["p-ann: hello", "p-ann: wave"]);
});

test("[P91] what is no frame is dropped and counted", async () => {
  const world = await room();
  const a = world.at("a");
  const bad = ["text", new Uint8Array(0), Uint8Array.of(9, 1), new Uint8Array(16_384).fill(1)];
  for (const data of bad) a.media.emit({ kind: "data", peerId: "s-ann", roomId: ROOM, channel: "events", data });
  a.media.emit({ kind: "data", peerId: "stranger", roomId: ROOM, channel: "events", data: frame("x") });
  await world.clock.advance(100);
  expect(heard(a, "ada")).toEqual([]);
  expect(a.rooms.counters().data).toMatchObject({ bad_frame: 4, delivered: 0, sent: 0 });
});

test("[P92] whoever may not write may not send data", async () => {
  const world = await room();
  await world.join("a", "mute", { grants: { ...GRANTS, chat: false } });
  say(world.at("a"), "mute", "psst");
  await world.clock.advance(100);
  expect(heard(world.at("a"), "ann")).toEqual([]);
  expect(world.at("a").rooms.counters().data.not_allowed).toBe(1);
});

test("[P93] messages and bytes have a rate", async () => {
  const world = await room();
  const a = world.at("a");
  for (let i = 0; i < 3 * MESSAGES_PER_SECOND; i += 1) say(a, "ann", "x");
  await world.clock.advance(0);
  expect(heard(a, "ada")).toHaveLength(2 * MESSAGES_PER_SECOND);
  await world.clock.advance(1_000);
  const big = "x".repeat(8_000);
  for (let i = 0; i < 50; i += 1) say(a, "ada", big);
  await world.clock.advance(0);
  expect(heard(a, "ann").length).toBe((2 * BYTES_PER_SECOND) / 8_192);
  expect(a.rooms.counters().data.rate_limited).toBeGreaterThan(100);
});

test("[P94] over a mesh that loses and delays, reliable messages come once and in order", async () => {
  const random = seededRandom(94);
  const world = await room({ random, lossRatio: 0.15, delayMs: { min: 1, max: 120 } });
  const said: string[] = [];
  for (let i = 0; i < 80; i += 1) {
    said.push(`p-ann: ${i}`);
    say(world.at("a"), "ann", `${i}`);
    await world.clock.advance(15);
  }
  await world.clock.advance(8_000);
  expect(heard(world.at("b"), "bob")).toEqual(said);
});

test("[P95] what waits for a node is bounded", async () => {
  const world = await room();
  world.network.partition("a", "b");
  for (let i = 0; i < 1_200; i += 1) {
    say(world.at("a"), i % 2 === 0 ? "ann" : "ada", "x");
    if (i % 100 === 0) await world.clock.advance(600);
  }
  for (let i = 0; i < 150; i += 1) say(world.at("a"), "ann", "x", "lossy");
  const counts = world.at("a").rooms.counters().data;
  expect(counts.queue_full).toBeGreaterThan(150 - MAX_LOSSY_UNDER_WAY);
  await world.clock.advance(60_000);
  world.network.heal();
  await world.clock.advance(20_000);
  say(world.at("a"), "ann", "again");
  await world.clock.advance(1_000);
  expect(heard(world.at("b"), "bob").at(-1)).toBe("p-ann: again");
});

test("[P96] a node speaks for its own people only, in the right shape", async () => {
  const world = await room();
  const { mesh } = world.at("b");
  const item = { roomId: ROOM, from: "p-ann", seq: 1, data: "AQE=" };
  const body = { boot: "x", channel: "events", items: [item] };
  const ask = (value: unknown): Promise<unknown> =>
    world.clock.resolve(mesh.request("a", DATA_TOPIC, value).catch((error: { code?: string }) => error.code));
  await expect(ask(body)).resolves.toBe("foreign_node");
  const long = Array.from({ length: 257 }, () => ({ ...item, from: "p-bob" }));
  const shapes = [null, [], { ...body, boot: "" }, { ...body, channel: "loud" }, { ...body, items: long }];
  for (const value of [...shapes, { ...body, items: [{ ...item, seq: -1 }] }, { ...body, items: [chat("m")] }])
    await expect(ask(value)).resolves.toBe("bad_shape");
  expect(heard(world.at("a"), "ada")).toEqual([]);
});
