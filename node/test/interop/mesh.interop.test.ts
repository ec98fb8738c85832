/** Rooms and relays over real gossip agents on loopback; the media plane is the one in memory. */
import { afterEach, expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { GossipAgent } from "#gossip/io";
import { GossipMesh } from "../../src/mesh/gossip-mesh.ts";
import { silentLog } from "../../src/mesh/log.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { createRelay } from "../../src/relay/relay.ts";
import { createRoomService, type LiveRooms } from "../../src/room/live-rooms.ts";
import type { RoomJoin } from "../../src/room/room-service.ts";
import { FakeMediaNetwork, FakeMediaPlane, fakeOffer } from "../fakes/fake-media-plane.ts";
import { FakeClient } from "../fakes/room-world.ts";

interface Node {
  readonly agent: GossipAgent;
  readonly mesh: GossipMesh;
  readonly media: FakeMediaPlane;
  readonly rooms: LiveRooms;
  stop(): Promise<void>;
}

const running: Node[] = [];

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop();
});

async function boot(name: string, seed: number, planes: FakeMediaNetwork): Promise<Node> {
  const keys = [Buffer.alloc(16, 7)];
  const agent = new GossipAgent({ nodeName: name, bindHost: "127.0.0.1", bindPort: 0, profile: "local", keys });
  await agent.start();
  const self = { name, url: `http://${name}.test`, region: "lo", draining: false, version: "1", capacity: 1 };
  const mesh = new GossipMesh({ agent, self: { ...self, media: ["127.0.0.1:5000"] }, log: silentLog });
  await mesh.start();
  const media = new FakeMediaPlane(name, planes);
  const shared = { mesh, media, log: silentLog, random: seededRandom(seed) };
  const rooms = createRoomService(shared);
  const relay = createRelay({ ...shared, tracks: rooms });
  await rooms.start();
  await relay.start();
  const stop = async (): Promise<void> => {
    await relay.stop();
    await rooms.stop();
    mesh.stop();
    await agent.stop();
  };
  const node = { agent, mesh, media, rooms, stop };
  running.push(node);
  return node;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 600; i += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`it never came about that ${what}`);
}

async function enter(node: Node, person: string, otherNodes: readonly string[]): Promise<FakeClient> {
  const client = new FakeClient();
  const input: RoomJoin = {
    ...{ roomId: "r", sessionId: `s-${person}`, epoch: 1, participantId: `p-${person}`, userId: `u-${person}` },
    ...{ displayName: person, role: "member", otherNodes },
    grants: { publish: true, subscribe: true, chat: true, moderate: false },
  };
  await node.rooms.join(input, client);
  const sdp = fakeOffer({ tracks: [{ mid: "0", kind: "video", layers: ["q", "h"] }] });
  await node.rooms.offer(`s-${person}`, { sdp, tracks: [{ mid: "0", kind: "video", source: "camera" }], fresh: true });
  return client;
}

const names = (mesh: Mesh): string =>
  mesh
    .nodes()
    .map((node) => node.name)
    .sort()
    .join();

test("three real agents carry rooms and trunks, and notice a node that dies", async () => {
  const planes = new FakeMediaNetwork();
  const a = await boot("a", 1, planes);
  const b = await boot("b", 2, planes);
  const c = await boot("c", 3, planes);
  const seed = `${a.agent.address.host}:${a.agent.address.port}`;
  await b.agent.join([seed]);
  await c.agent.join([seed]);
  await until(() => [a, b, c].every((node) => names(node.mesh) === "a,b,c"), "all know all");

  const ann = await enter(a, "ann", []);
  await enter(b, "bob", ["a"]);
  await enter(c, "cid", ["a", "b"]);
  const sees = (node: Node, person: string): number => node.media.delivered(`s-${person}`).length;
  await until(() => sees(a, "ann") === 2 && sees(b, "bob") === 2 && sees(c, "cid") === 2, "everybody sees the others");

  const events: string[] = [];
  a.mesh.onEvent((event) => events.push(event.kind));
  await c.stop();
  await until(() => names(a.mesh) === "a,b", "the dead node is gone");
  expect(
    a.rooms
      .participants("r")
      .map((p) => `${p.displayName} ${p.state}`)
      .sort(),
  ).toEqual(["ann active", "bob active", "cid reconnecting"]);
  expect(events).toEqual(["nodeDown"]);
  expect(ann.ofType("participantLeft")).toEqual([]);
});
