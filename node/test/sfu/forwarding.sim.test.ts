/**
 * One publisher, one node, n viewers, and networks that lose, delay, reorder and double packets. Safety is checked on
 * everything that a viewer received, liveness after the network has healed.
 */
import { describe, expect, jest, test } from "@jest/globals";
import { pictureIdOf, tl0Of } from "./core-harness.ts";
import type { LinkShape } from "./sim-link.ts";
import { originOf, type Viewer, World, type WorldShape } from "./sim-world.ts";

/** Virtual minutes of many packets: on a busy machine that takes a while. */
jest.setTimeout(180_000);

const CLEAN: LinkShape = { delayMs: 10 };
const LOSSY: LinkShape = { delayMs: 20, jitterMs: 3, loss: 0.05 };
const BURSTY: LinkShape = { delayMs: 25, jitterMs: 30, loss: 0.02, burst: 0.7, duplicates: 0.02 };

/** Holes in what the viewer has, between its first and last packet. */
function holes(viewer: Viewer): number {
  const packets = viewer.inOrder();
  return packets.length === 0 ? 0 : packets.at(-1)!.extSeq - packets[0]!.extSeq + 1 - packets.length;
}

/** The invariants of LAYOUT.md C2 for one viewer. */
function checkStream(viewer: Viewer): void {
  const packets = viewer.inOrder();
  expect(packets.length).toBeGreaterThan(0);
  expect(originOf(viewer.firstSent!.payload)).toMatchObject({ keyframe: true, part: 0 });
  let previous = packets[0]!;
  for (const packet of packets) {
    // Late padding goes out empty; everything else must be its source's bytes.
    if (packet.payload.length === 0) continue;
    originOf(packet.payload);
    const step = (packet.timestamp - previous.timestamp) | 0;
    expect(step).toBeGreaterThanOrEqual(0);
    if (packet.extSeq !== previous.extSeq + 1) {
      previous = packet;
      continue;
    }
    const pictures = (pictureIdOf(packet) - pictureIdOf(previous)) & 0x7fff;
    expect(pictures).toBe(step === 0 ? 0 : 1);
    expect((tl0Of(packet) - tl0Of(previous)) & 255).toBe(pictures);
    previous = packet;
  }
}

/** Ends the publisher, lets repairs finish on clean links, and checks everybody. */
function settle(world: World): void {
  world.up.shape = CLEAN;
  for (const viewer of world.viewers) viewer.down.shape = CLEAN;
  const nowMs = world.nowMs;
  world.runUntil(nowMs + 1000);
  world.publishing = false;
  world.runUntil(nowMs + 3000);
  for (const viewer of world.viewers) checkStream(viewer);
}

function run(shape: WorldShape, script: (world: World) => void): World {
  const world = new World(shape);
  script(world);
  settle(world);
  return world;
}

describe.each([1, 2, 3, 4, 5])("seed %i", (seed) => {
  test("clean links: every viewer has everything from its first keyframe on", () => {
    const world = run({ seed }, (it) => {
      it.addViewer();
      it.addViewer();
      it.runUntil(3000);
    });

    for (const viewer of world.viewers) expect(holes(viewer)).toBe(0);
    expect(world.harness.core.counters.nacks_sent).toBe(0);
    expect(world.harness.core.counters.rtx_sent).toBe(0);
  });

  test("5 % loss and reordering on both hops: everything is repaired, each hop by itself", () => {
    const world = run({ seed, up: LOSSY, down: LOSSY }, (it) => {
      for (let i = 0; i < 3; i++) it.addViewer();
      it.runUntil(8000);
    });

    expect(world.up.lost).toBeGreaterThan(20);
    expect(world.harness.core.counters.rtp_packets_repaired).toBeGreaterThan(15);
    for (const viewer of world.viewers) {
      expect(viewer.down.lost).toBeGreaterThan(10);
      expect(viewer.repairs).toBeGreaterThan(5);
      expect(holes(viewer)).toBeLessThanOrEqual(2);
      // Not more was sent again than was lost, with the answers that were lost themselves.
      expect(viewer.retransmitted).toBeLessThan(viewer.down.lost * 3 + world.up.lost * 3);
    }
  });

  test("bursts, heavy reordering and duplicates: the stream stays whole in order and time", () => {
    const world = run({ seed, up: BURSTY, down: BURSTY }, (it) => {
      it.addViewer();
      it.addViewer();
      it.runUntil(8000);
    });

    expect(world.up.reordered + world.up.duplicated).toBeGreaterThan(20);
    for (const viewer of world.viewers) expect(holes(viewer)).toBeLessThan(viewer.received.size * 0.02);
    expect(world.harness.arena.usedBytes).toBeLessThanOrEqual(512 * 1024);
  });

  test("a late viewer starts with a keyframe, soon", () => {
    const world = new World({ seed, up: LOSSY });
    world.addViewer();
    world.runUntil(4000);
    const late = world.addViewer();
    world.runUntil(5200);

    expect(late.received.size).toBeGreaterThan(0);
    settle(world);
  });

  test("a sequence wrap upstream is seen by nobody", () => {
    const world = run({ seed, firstSeq: 65_400, up: LOSSY, down: LOSSY }, (it) => {
      it.addViewer();
      it.runUntil(6000);
    });

    expect(world.layers[0]!.seq).toBeLessThan(2000);
    expect(holes(world.viewers[0]!)).toBeLessThanOrEqual(2);
  });

  test("layer switches up and down: no hole, no step back in time, no picture twice", () => {
    const world = run({ seed, layers: ["q", "h", "f"], up: LOSSY, down: LOSSY }, (it) => {
      const viewer = it.addViewer(320);
      for (const [i, width] of [1280, 640, 320, 1280, 320].entries()) {
        it.runUntil(2000 * (i + 1));
        viewer.show(width);
      }
      it.runUntil(12_000);
    });

    const [viewer] = world.viewers;
    const shown = new Set(
      viewer!
        .inOrder()
        .filter(({ payload }) => payload.length > 0)
        .map(({ payload }) => originOf(payload).layer),
    );
    expect(shown).toEqual(new Set(["q", "h", "f"]));
    expect(world.harness.core.counters.layer_switches).toBeGreaterThanOrEqual(6);
    expect(holes(viewer!)).toBeLessThanOrEqual(3);
  });

  test("a layer that its sender switches off gives way to the next, and comes back", () => {
    const world = run({ seed, layers: ["q", "h"] }, (it) => {
      it.addViewer();
      it.runUntil(3000);
      it.layers[1]!.paused = true;
      it.runUntil(7000);
      it.layers[1]!.paused = false;
      it.runUntil(10_000);
    });

    const layers = world.viewers[0]!.inOrder().map(({ payload }) => originOf(payload).layer);
    const changes = layers.filter((layer, i) => i > 0 && layer !== layers[i - 1]).length;
    // At the very start the first layer to arrive may be shown for a moment.
    expect([2, 3]).toContain(changes);
    expect(layers.at(-1)).toBe("h");
    expect(holes(world.viewers[0]!)).toBe(0);
  });

  test("a publisher that restarts with new SSRCs continues every viewer's stream", () => {
    const world = run({ seed, up: LOSSY, down: LOSSY }, (it) => {
      it.addViewer();
      it.addViewer();
      it.runUntil(3000);
      it.restartPublisher();
      it.runUntil(6000);
      it.restartPublisher();
      it.runUntil(9000);
    });

    for (const viewer of world.viewers) expect(holes(viewer)).toBeLessThan(30);
  });
});

test("two runs of one seed are the same run", () => {
  const digests = [7, 7, 8].map((seed) =>
    run({ seed, layers: ["q", "h"], up: BURSTY, down: LOSSY }, (it) => {
      it.addViewer();
      it.runUntil(1500);
      it.addViewer(320);
      it.runUntil(4000);
    }).digest(),
  );

  expect(digests[0]).toBe(digests[1]);
  expect(digests[2]).not.toBe(digests[0]);
});

test("an outage of eight seconds ends with a keyframe, not with a storm", () => {
  const world = new World({ seed: 11 });
  const viewer = world.addViewer();
  world.runUntil(3000);
  world.up.shape = { delayMs: 10, loss: 1, burst: 1 };
  world.runUntil(11_000);
  const before = { ...world.harness.core.counters };
  world.up.shape = CLEAN;
  world.runUntil(12_000);

  const after = world.harness.core.counters;
  expect(after.nacks_sent - before.nacks_sent).toBeLessThan(40);
  expect(after.plis_sent - before.plis_sent).toBeLessThanOrEqual(4);
  const recent = viewer.inOrder().filter(({ payload }) => payload.length > 0 && originOf(payload).frame > 333);
  expect(recent.some(({ payload }) => originOf(payload).keyframe)).toBe(true);
});
