/** How much data passes between two nodes that are far apart, over a mesh that loses one message in twenty. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { BYTES_PER_SECOND, MESSAGES_PER_SECOND } from "../../src/room/room-data.ts";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

const CLIENTS = ["p0", "p1", "p2", "p3", "p4"];
const SECONDS = 5;

async function farApart(seed: number): Promise<RoomWorld> {
  const world = new RoomWorld({ random: seededRandom(seed), lossRatio: 0.05, delayMs: { min: 70, max: 90 } });
  await world.boot("a", "b");
  for (const person of [...CLIENTS, "bob"]) {
    const node = person === "bob" ? "b" : "a";
    await world.join(node, person);
    await world.publish(node, `s-${person}`);
  }
  await world.clock.advance(3_000);
  return world;
}

/** Everybody says numbered messages of this size, so many a second. */
async function talk(world: RoomWorld, input: { perSecond: number; bytes: number; channel: "events" | "lossy" }) {
  const { perSecond, bytes, channel } = input;
  for (let i = 0; i < perSecond * SECONDS; i += 1) {
    const data = new Uint8Array(bytes);
    data.set([0, i >> 8, i & 255]);
    for (const person of CLIENTS)
      world.at("a").media.emit({ kind: "data", peerId: `s-${person}`, roomId: ROOM, channel, data });
    await world.clock.advance(1_000 / perSecond);
  }
  await world.clock.advance(10_000);
}

/** Numbers that "bob" heard from each. */
function heard(world: RoomWorld): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, number[]>(CLIENTS.map((person) => [`p-${person}`, []]));
  for (const { data } of world.at("b").media.peers.get("s-bob")?.messages ?? []) {
    const bytes = Buffer.from(data as Uint8Array);
    const length = bytes[0] ?? 0;
    numbers.get(bytes.subarray(1, 1 + length).toString())?.push(bytes.readUInt16BE(length + 2));
  }
  return numbers;
}

test.each([
  ["small messages", MESSAGES_PER_SECOND - 1, 60],
  ["large messages", Math.floor(BYTES_PER_SECOND / 16_384), 16_000],
])(
  "[P97] five clients' full rate of %s arrives far away, all of it and in order",
  async (_, perSecond, bytes) => {
    for (const seed of [1, 2]) {
      const world = await farApart(seed);
      await talk(world, { perSecond, bytes, channel: "events" });
      const expected = Array.from({ length: perSecond * SECONDS }, (_, i) => i);
      for (const numbers of heard(world).values()) expect(numbers).toEqual(expected);
      expect(world.at("a").rooms.counters().data).toMatchObject({ queue_full: 0, unreachable: 0 });
    }
  },
  60_000,
);

test("[P97] of lossy messages at least 95 % arrive, none twice from one that was sent once", async () => {
  const world = await farApart(3);
  await talk(world, { perSecond: 20, bytes: 60, channel: "lossy" });
  for (const numbers of heard(world).values()) {
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThanOrEqual(0.95 * 20 * SECONDS);
  }
});
