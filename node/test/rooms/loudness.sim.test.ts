/** Three nodes with loss and delay between them: everybody has the same order of loudness soon after each change. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { type FakeClient, ROOM, RoomWorld } from "../fakes/room-world.ts";

const NODES = ["a", "b", "c"];
/** From a change on one node until all others have the same order. */
const AGREED_MS = 300;

interface Heard {
  readonly clients: readonly FakeClient[];
  readonly world: RoomWorld;
  readonly tracks: readonly { readonly node: string; readonly trackId: string }[];
}

async function talk(seed: number, lossRatio: number): Promise<Heard> {
  const random = seededRandom(seed);
  const world = new RoomWorld({ random, delayMs: { min: 10, max: 100 } });
  await world.boot(...NODES);
  const clients: FakeClient[] = [];
  const tracks: { readonly node: string; readonly trackId: string }[] = [];
  for (const node of NODES) {
    for (let i = 0; i < 4; i += 1) {
      const { client, sessionId } = await world.join(node, `${node}${i}`);
      if (i === 0) clients.push(client);
      tracks.push({ node, trackId: (await world.publish(node, sessionId)).audio });
    }
  }
  await world.clock.advance(20_000);
  world.network.setLossRatio(lossRatio);
  return { world, clients, tracks };
}

/** Who speaks, as each node's first client was told last. */
function orders(clients: readonly FakeClient[]): ReadonlySet<string> {
  return new Set(
    clients.map((client) => {
      const speakers = client.ofType("speakers").at(-1)?.speakers ?? [];
      return speakers.map((speaker) => speaker.participantId).join(" ");
    }),
  );
}

/** Changes somebody's loudness once a second; answers for how long each time the nodes had different orders. */
async function measure(heard: Heard, seed: number): Promise<readonly number[]> {
  const random = seededRandom(seed);
  const apartMs: number[] = [];
  let sinceMs = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 20) {
    if (nowMs % 1_000 === 0) {
      const { node, trackId } = heard.tracks[random.below(heard.tracks.length)] ?? { node: "a", trackId: "" };
      const levels = [{ trackId, level: 10 + random.below(40) }];
      heard.world.at(node).media.emit({ kind: "levels", roomId: ROOM, levels });
    }
    await heard.world.clock.advance(20);
    if (orders(heard.clients).size > 1) sinceMs += 20;
    else if (sinceMs > 0) {
      apartMs.push(sinceMs);
      sinceMs = 0;
    }
  }
  return apartMs;
}

test.each([1, 2, 3])("[P19] the order is the same everywhere within 300 ms of a change, seed %i", async (seed) => {
  const heard = await talk(seed, 0);
  const tookMs = await measure(heard, seed);
  expect(tookMs.length).toBeGreaterThan(20);
  expect(Math.max(...tookMs)).toBeLessThanOrEqual(AGREED_MS);
});

test.each([1, 2])("[P19] with one message in ten lost it is the same within a second, seed %i", async (seed) => {
  const heard = await talk(seed, 0.1);
  const tookMs = await measure(heard, seed);
  expect(Math.max(...tookMs)).toBeLessThanOrEqual(1_500);
  expect(tookMs.filter((ms) => ms <= 1_000).length).toBeGreaterThanOrEqual(0.95 * tookMs.length);
});
