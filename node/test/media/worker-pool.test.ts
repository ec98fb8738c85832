import { expect, test } from "@jest/globals";
import type { MediaEvent } from "../../src/media/control.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { createMediaPlane, WorkerPool } from "../../src/media/media-plane.ts";
import { FakeMediaPlane, fakeOffer } from "../fakes/fake-media-plane.ts";
import { ManualClock } from "../fakes/manual-clock.ts";

interface Pool {
  readonly pool: WorkerPool;
  readonly workers: FakeMediaPlane[];
  readonly emit: ((event: MediaEvent) => void)[];
  readonly events: MediaEvent[];
}

async function start(count: number, clock?: ManualClock): Promise<Pool> {
  const workers: FakeMediaPlane[] = [];
  const emit: ((event: MediaEvent) => void)[] = [];
  const make = (index: number, event: (event: MediaEvent) => void): FakeMediaPlane => {
    const worker = new FakeMediaPlane(`w${index}`);
    workers.push(worker);
    emit.push(event);
    return worker;
  };
  const pool = new WorkerPool(count, make, silentMediaLog, clock);
  const events: MediaEvent[] = [];
  pool.onEvent((event) => events.push(event));
  await pool.start();
  return { pool, workers, emit, events };
}

const join = (pool: WorkerPool, peerId: string, roomId: string) =>
  pool.negotiate({ peerId, roomId, sdp: fakeOffer({}), tracks: [], fresh: false });

test("[G15] all clients of a room are on one worker, and rooms spread over the workers", async () => {
  const { pool, workers } = await start(2);
  for (const [peer, room] of [
    ["ann", "red"],
    ["bob", "red"],
    ["cid", "blue"],
  ] as const)
    await join(pool, peer, room);
  expect(workers.map(({ peers }) => [...peers.keys()])).toEqual([["ann", "bob"], ["cid"]]);
  pool.assignSlot({ peerId: "cid", mid: "v0", trackId: "x" });
  expect(workers[1]?.peers.get("cid")?.slots.get("v0")?.trackId).toBe("x");
  pool.closePeer("cid");
  expect(workers[1]?.peers.size).toBe(0);
  await pool.stop();
});

test("[G15] a client that was refused pins nothing", async () => {
  const { pool, workers } = await start(2);
  const [first] = workers;
  if (first === undefined) throw new Error("no worker");
  first.refuseNext = "sdp_malformed";
  await expect(join(pool, "ann", "red")).rejects.toMatchObject({ code: "sdp_malformed" });
  await join(pool, "bob", "blue");
  expect(workers.map(({ peers }) => peers.size)).toEqual([1, 0]);
  await pool.stop();
});

test("[G15] the end of an old transport that crosses a fresh offer does not unpin the client", async () => {
  const { pool, workers, emit, events } = await start(2);
  await join(pool, "ann", "red");
  const fresh = { peerId: "ann", roomId: "red", sdp: fakeOffer({}), tracks: [], fresh: true };
  const offer = pool.negotiate(fresh);
  emit[0]?.({ kind: "peerState", peerId: "ann", state: "gone", transport: 1 });
  await offer;
  emit[0]?.({ kind: "peerState", peerId: "ann", state: "gone", transport: 1 });
  expect(events).toEqual([]);
  pool.assignSlot({ peerId: "ann", mid: "v0", trackId: "x" });
  expect(workers[0]?.peers.get("ann")?.slots.get("v0")?.trackId).toBe("x");
  pool.closePeer("ann");
  expect(workers[0]?.peers.size).toBe(0);
  await pool.stop();
});

test("[G15] when the fresh offer is refused, the old transport's end is told after all", async () => {
  const { pool, workers, emit, events } = await start(2);
  await join(pool, "ann", "red");
  if (workers[0] !== undefined) workers[0].refuseNext = "sdp_malformed";
  const offer = pool.negotiate({ peerId: "ann", roomId: "red", sdp: fakeOffer({}), tracks: [], fresh: true });
  emit[0]?.({ kind: "peerState", peerId: "ann", state: "gone", transport: 1 });
  expect(events).toEqual([]);
  await expect(offer).rejects.toMatchObject({ code: "sdp_malformed" });
  expect(events).toEqual([{ kind: "peerState", peerId: "ann", state: "gone" }]);
  await pool.stop();
});

test("[G15] a client closed while its offer is answered stays closed, and one that comes again is not unpinned", async () => {
  const { pool, workers, emit, events } = await start(2);
  await join(pool, "ann", "red");
  const offer = join(pool, "ann", "red");
  pool.closePeer("ann");
  emit[0]?.({ kind: "peerState", peerId: "ann", state: "gone", transport: 1 });
  await offer;
  await join(pool, "bob", "blue");
  await join(pool, "ann", "green");
  emit[0]?.({ kind: "peerState", peerId: "ann", state: "gone", transport: 2 });
  expect(events).toEqual([]);
  pool.assignSlot({ peerId: "ann", mid: "v0", trackId: "x" });
  expect(workers[1]?.peers.get("ann")?.slots.get("v0")?.trackId).toBe("x");
  await pool.stop();
});

test("[G21] when a worker fails, its clients and trunks are gone, others are not, and it starts again", async () => {
  const { pool, workers, emit, events } = await start(2);
  await join(pool, "ann", "red");
  await join(pool, "bob", "blue");
  await pool.createTrunk({ trunkId: "t", role: "offerer" });
  const restarted = new Promise<void>((resolve) => {
    if (workers[0] !== undefined)
      workers[0].start = () => {
        resolve();
        return Promise.resolve({ candidates: [] });
      };
  });
  emit[0]?.({ kind: "workerFailed", message: "boom" });
  expect(events).toEqual([
    { kind: "workerFailed", message: "boom" },
    { kind: "peerState", peerId: "ann", state: "gone" },
    { kind: "trunkState", trunkId: "t", state: "gone" },
  ]);
  await restarted;
  await pool.stop();
});

async function failing(): Promise<Pool & { readonly clock: ManualClock; readonly starts: () => number }> {
  const clock = new ManualClock();
  const pool = await start(1, clock);
  let starts = 0;
  const [worker] = pool.workers;
  if (worker === undefined) throw new Error("no worker");
  worker.start = () => {
    starts++;
    return Promise.resolve({ candidates: [] });
  };
  return { ...pool, clock, starts: () => starts };
}

test("[G21] a worker that fails ten times in a row is left alone, and the plane is not up then", async () => {
  const { pool, emit, clock, starts } = await failing();
  for (let i = 0; i < 12; i++) {
    emit[0]?.({ kind: "workerFailed", message: "boom" });
    expect(pool.isUp()).toBe(false);
    await clock.advance(1_000);
    expect(pool.isUp()).toBe(i < 10);
  }
  expect(starts()).toBe(10);
  await pool.stop();
});

test("[G21] failures far apart are no row: a worker that lived for a minute may fail ten times anew", async () => {
  const { pool, emit, clock, starts } = await failing();
  for (let i = 0; i < 25; i++) {
    emit[0]?.({ kind: "workerFailed", message: "boom" });
    await clock.advance(61_000);
  }
  expect([starts(), pool.isUp()]).toEqual([25, true]);
  await pool.stop();
});

test("[G21] a restart that fails is tried again, ten times at most", async () => {
  const { pool, workers, emit, clock } = await failing();
  let attempts = 0;
  const [worker] = workers;
  if (worker === undefined) throw new Error("no worker");
  worker.start = () => {
    attempts++;
    return attempts % 4 === 0 ? Promise.resolve({ candidates: [] }) : Promise.reject(new Error("port taken"));
  };
  emit[0]?.({ kind: "workerFailed", message: "boom" });
  await clock.advance(10_000);
  expect([attempts, pool.isUp()]).toEqual([4, true]);
  worker.start = () => {
    attempts++;
    return Promise.reject(new Error("port taken"));
  };
  emit[0]?.({ kind: "workerFailed", message: "boom" });
  await clock.advance(60_000);
  expect([attempts, pool.isUp(), clock.pendingTimers]).toEqual([10, false, 0]);
  await pool.stop();
});

test("[G15] with several workers only rooms on the first cross a trunk", async () => {
  const { pool } = await start(2);
  await join(pool, "ann", "red");
  await join(pool, "bob", "blue");
  await pool.createTrunk({ trunkId: "t", role: "offerer" });
  const track = {
    trackId: "x",
    kind: "audio",
    source: "microphone",
    codec: { name: "opus", clockRateHz: 48_000 },
    layers: [""],
  } as const;
  await expect(
    pool.openTrunkIngress({ trunkId: "t", stream: { roomId: "blue", track, layer: "" } }),
  ).rejects.toMatchObject({
    code: "media_unavailable",
  });
  expect(
    await pool.openTrunkEgress({ trunkId: "t", stream: { roomId: "blue", track, layer: "", ssrc: 1, rtxSsrc: 2 } }),
  ).toBe(false);
  expect(await pool.openTrunkIngress({ trunkId: "t", stream: { roomId: "green", track, layer: "" } })).toHaveProperty(
    "ssrc",
  );
  await pool.stop();
});

test("a listener that throws does not keep others from hearing", async () => {
  const { pool, emit, events } = await start(1);
  pool.onEvent(() => {
    throw new Error("bad listener");
  });
  const heard: MediaEvent[] = [];
  const off = pool.onEvent((event) => heard.push(event));
  emit[0]?.({ kind: "peerState", peerId: "x", state: "gone" });
  off();
  emit[0]?.({ kind: "peerState", peerId: "y", state: "gone" });
  expect([events.length, heard.length]).toEqual([2, 1]);
  await pool.stop();
});

test("an impossible number of workers is a usage error", () => {
  expect(() => createMediaPlane({ workers: 0 })).toThrow(RangeError);
});
