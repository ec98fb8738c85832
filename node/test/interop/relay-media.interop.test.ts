/** The relay over real media planes: two nodes on loopback, clients made by hand, real trunks; the mesh is in memory. */
import { afterEach, expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import type { OfferedTrack } from "#protocol";
import type { MediaPlane } from "../../src/media/control.ts";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { silentLog } from "../../src/mesh/log.ts";
import { MemoryNetwork } from "../../src/mesh/memory-mesh.ts";
import { createRelay, type Relay } from "../../src/relay/relay.ts";
import { createRoomService, type LiveRooms } from "../../src/room/live-rooms.ts";
import { FakeClient } from "../fakes/room-world.ts";
import { HandClient, type HandLine } from "../media/hand-client.ts";

interface Node {
  readonly media: MediaPlane;
  readonly rooms: LiveRooms;
  readonly relay: Relay;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function boot(network: MemoryNetwork, name: string, seed: number): Promise<Node> {
  const mesh = network.add({ name });
  const media = createMediaPlane({ host: "127.0.0.1", threads: false });
  const shared = { mesh, media, log: silentLog, random: seededRandom(seed) };
  const rooms = createRoomService(shared);
  const relay = createRelay({ ...shared, tracks: rooms });
  await media.start();
  await rooms.start();
  await relay.start();
  cleanups.push(async () => {
    await relay.stop();
    await rooms.stop();
    await media.stop();
  });
  return { media, rooms, relay };
}

const CAMERA: HandLine = { mid: "0", kind: "video", direction: "sendonly" };
const MICROPHONE: HandLine = { mid: "1", kind: "audio", direction: "sendonly" };
const SLOTS: readonly HandLine[] = [
  { mid: "2", kind: "video", direction: "recvonly" },
  { mid: "3", kind: "audio", direction: "recvonly" },
];
/** VP8: descriptor with the start bit, then a keyframe's header of 320 × 180 (RFC 7741, RFC 6386 section 9.1). */
const KEYFRAME = Buffer.concat([Buffer.from("103001009d012a4001b400", "hex"), Buffer.alloc(200, 7)]);

async function enter(
  node: Node,
  input: { readonly name: string; readonly others: readonly string[]; readonly lines: readonly HandLine[] },
): Promise<HandClient> {
  const { name, others, lines } = input;
  const sessionId = `s-${name}`;
  const person = { participantId: `p-${name}`, userId: `u-${name}`, displayName: name, role: "member" as const };
  const grants = { publish: true, subscribe: true, chat: true, moderate: false };
  await node.rooms.join({ ...person, roomId: "r", sessionId, epoch: 1, grants, otherNodes: others }, new FakeClient());
  const client = new HandClient(lines);
  cleanups.push(() => client.close());
  const tracks: readonly OfferedTrack[] = lines
    .filter((line) => line.direction === "sendonly")
    .map(({ mid, kind }) => ({ mid, kind, source: kind === "video" ? "camera" : "microphone" }));
  const { sdp } = await node.rooms.offer(sessionId, { sdp: await client.offer(), tracks, fresh: true });
  await client.connect(sdp);
  return client;
}

/** A keyframe and a sound every 20 ms. */
function publish(client: HandClient): void {
  let seq = 0;
  const timer = setInterval(() => {
    seq += 1;
    client.sendRtp({ line: CAMERA, ssrc: 1_111, seq, timestamp: seq * 1_800, payload: KEYFRAME });
    client.sendRtp({ line: MICROPHONE, ssrc: 2_222, seq, timestamp: seq * 960, payload: Buffer.alloc(60, 3) });
  }, 20);
  cleanups.push(() => Promise.resolve(clearInterval(timer)));
}

test("[Y60, Y62] video and sound cross a real trunk soon after somebody wants them, and again after it broke", async () => {
  const network = new MemoryNetwork();
  const a = await boot(network, "a", 1);
  const b = await boot(network, "b", 2);
  const ann = await enter(a, { name: "ann", others: [], lines: [CAMERA, MICROPHONE] });
  publish(ann);
  await ann.until(() => true);
  expect(a.relay.peers()).toEqual([]);

  const bob = await enter(b, { name: "bob", others: ["a"], lines: SLOTS });
  const kinds = (): ReadonlySet<number> => new Set(bob.rtp.map((packet) => packet.header.payloadType));
  await bob.until(() => kinds().size === 2);
  expect(bob.rtp.filter((packet) => packet.payload.includes(KEYFRAME.subarray(4, 11))).length).toBeGreaterThan(0);
  expect(a.relay.peers()).toMatchObject([{ peer: "b", phase: "connected", egress: 2 }]);
  const [figures] = b.relay.relayStats((await b.media.stats()).trunks);
  expect(figures).toMatchObject({ peer: "a", streams: 2 });
  expect(figures?.packetsTotal).toBeGreaterThan(0);

  const [trunk] = (await b.media.stats()).trunks;
  a.media.closeTrunk(trunk?.trunkId ?? "");
  await bob.until(() => b.relay.peers()[0]?.phase !== "connected", 10_000);
  const before = bob.rtp.length;
  await bob.until(() => bob.rtp.length > before + 10, 10_000);
  expect(b.rooms.participants("r")).toHaveLength(2);
});
