import { afterEach, expect, test } from "@jest/globals";
import type { MediaEvent, TrackDescription } from "../../src/media/control.ts";
import { MediaHost } from "../../src/media/media-host.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { RecordingPlane } from "./recording-plane.ts";

interface Node {
  readonly host: MediaHost;
  readonly plane: RecordingPlane;
  readonly events: MediaEvent[];
  /** Lets time pass for this node alone. */
  skip(ms: number): void;
}

const CAMERA: TrackDescription = {
  trackId: "cam",
  kind: "video",
  source: "camera",
  codec: { name: "VP8", clockRateHz: 90_000 },
  layers: ["q", "h"],
};
const STREAM = { roomId: "red", track: CAMERA, layer: "q" };

const hosts: MediaHost[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

async function start(): Promise<Node> {
  const plane = new RecordingPlane();
  const events: MediaEvent[] = [];
  let skippedMs = 0;
  const skip = (ms: number): void => {
    skippedMs += ms;
  };
  const host = new MediaHost(
    { port: 0, host: "127.0.0.1" },
    {
      log: silentMediaLog,
      createPlane: () => plane,
      event: (event) => events.push(event),
      nowMs: () => performance.now() + skippedMs,
    },
  );
  hosts.push(host);
  await host.start();
  return { host, plane, events, skip };
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 8_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const states = (node: Node): string[] =>
  node.events.flatMap((event) => (event.kind === "trunkState" ? [event.state] : []));

async function joined(): Promise<{ a: Node; b: Node }> {
  const [a, b] = [await start(), await start()];
  const offer = await a.host.createTrunk({ trunkId: "a-b", role: "offerer" });
  const answer = await b.host.createTrunk({ trunkId: "a-b", role: "answerer" });
  b.host.connectTrunk({ trunkId: "a-b", remote: offer });
  a.host.connectTrunk({ trunkId: "a-b", remote: answer });
  await until(() => states(a).length > 0 && states(b).length > 0);
  return { a, b };
}

test("[G19] two nodes join a trunk with parameters that went by another way, and both say so once", async () => {
  const { a, b } = await joined();
  expect([states(a), states(b)]).toEqual([["connected"], ["connected"]]);
  expect([a.plane.calls, b.plane.calls]).toEqual([["addPeer trunk trunk a-b"], ["addPeer trunk trunk a-b"]]);
  const keys = [a, b].map(({ plane }) => plane.peers.get("trunk a-b"));
  expect(keys[0]?.localKey).toEqual(keys[1]?.remoteKey);
  const [stats] = (await a.host.stats()).trunks;
  expect(stats).toMatchObject({ trunkId: "a-b", egressStreams: 0, rttMs: expect.any(Number) });
});

test("[G20] the receiver chooses SSRCs, the same layer keeps them, and closing takes the stream away", async () => {
  const { a, b } = await joined();
  const opened = await b.host.openTrunkIngress({ trunkId: "a-b", stream: STREAM });
  expect(await b.host.openTrunkIngress({ trunkId: "a-b", stream: STREAM })).toEqual(opened);
  const other = await b.host.openTrunkIngress({ trunkId: "a-b", stream: { ...STREAM, layer: "h" } });
  expect(new Set([opened.ssrc, opened.rtxSsrc, other.ssrc, other.rtxSsrc]).size).toBe(4);
  expect(await a.host.openTrunkEgress({ trunkId: "a-b", stream: { ...STREAM, ...opened } })).toBe(true);
  a.host.closeTrunkEgress({ trunkId: "a-b", ssrc: opened.ssrc });
  b.host.closeTrunkIngress({ trunkId: "a-b", ssrc: opened.ssrc });
  expect(a.plane.calls.slice(1)).toEqual(["addTrunkEgress trunk a-b q", "removeTrunkEgress trunk a-b"]);
  expect(b.plane.calls.slice(1)).toEqual([
    "addTrunkIngress trunk a-b q",
    "addTrunkIngress trunk a-b h",
    "removeTrunkIngress trunk a-b",
  ]);
});

test("[G20] streams asked for while the trunk is being made wait for it", async () => {
  const [a, b] = [await start(), await start()];
  const offer = await a.host.createTrunk({ trunkId: "t", role: "offerer" });
  const answer = await b.host.createTrunk({ trunkId: "t", role: "answerer" });
  const opened = await b.host.openTrunkIngress({ trunkId: "t", stream: STREAM });
  const egress = a.host.openTrunkEgress({ trunkId: "t", stream: { ...STREAM, ...opened } });
  b.host.connectTrunk({ trunkId: "t", remote: offer });
  a.host.connectTrunk({ trunkId: "t", remote: answer });
  expect(await egress).toBe(true);
  await until(() => b.plane.calls.length === 2);
  expect(b.plane.calls).toEqual(["addPeer trunk trunk t", "addTrunkIngress trunk t q"]);
  expect(await a.host.openTrunkEgress({ trunkId: "unknown", stream: { ...STREAM, ...opened } })).toBe(false);
  await expect(a.host.openTrunkIngress({ trunkId: "unknown", stream: STREAM })).rejects.toMatchObject({
    code: "media_unavailable",
  });
});

test("[G19] when checks of the far node stay out, the trunk is silent; with the next it is connected again", async () => {
  const { b } = await joined();
  // A check may come between the jump and the look at the clock: jump until it does not.
  for (let turn = 0; states(b).length === 1 && turn < 50; turn++) {
    b.skip(2_000);
    await new Promise((resolve) => setTimeout(resolve, 260));
  }
  await until(() => states(b).length === 3);
  expect(states(b)).toEqual(["connected", "silent", "connected"]);
});

test("[G19] when the far node stops, the trunk is gone at once, on either role", async () => {
  const { a, b } = await joined();
  await b.host.stop();
  await until(() => states(a).length === 2);
  const again = await joined();
  await again.a.host.stop();
  await until(() => states(again.b).length === 2);
  expect([states(a), states(again.b)]).toEqual([
    ["connected", "gone"],
    ["connected", "gone"],
  ]);
  expect(b.plane.peers.size).toBe(0);
});

test("[G9] a far end with another certificate than the mesh announced is no trunk", async () => {
  const [a, b] = [await start(), await start()];
  const offer = await a.host.createTrunk({ trunkId: "t", role: "offerer" });
  const answer = await b.host.createTrunk({ trunkId: "t", role: "answerer" });
  const wrong = { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "AB").join(":") };
  b.host.connectTrunk({ trunkId: "t", remote: { ...offer, fingerprint: wrong } });
  a.host.connectTrunk({ trunkId: "t", remote: answer });
  await until(() => states(b).length > 0);
  expect(states(b)).toEqual(["gone"]);
  expect((await b.host.stats()).trunks).toEqual([]);
  expect(b.plane.calls).toEqual([]);
});

test("closing a trunk is silent and final", async () => {
  const { a } = await joined();
  a.host.closeTrunk("a-b");
  a.host.closeTrunk("a-b");
  expect(states(a)).toEqual(["connected"]);
  expect(a.plane.calls.at(-1)).toBe("removePeer trunk a-b");
  expect((await a.host.stats()).trunks).toEqual([]);
});
