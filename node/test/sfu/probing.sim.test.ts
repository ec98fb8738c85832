/** What is tried beyond what is sent, while little is sent, and when a trunk comes and goes. */
import { describe, expect, jest, test } from "@jest/globals";
import { CallWorld } from "./call-world.ts";
import type { PathShape } from "./link-plans.ts";

/** Virtual minutes of many packets: on a busy machine that takes a while. */
jest.setTimeout(180_000);

const PATH: PathShape = { rateBps: 3e6, delayMs: 30, queueMs: 200 };
const OCEAN: PathShape = { rateBps: 50e6, delayMs: 80, queueMs: 200 };
const CUT: PathShape = { ...OCEAN, loss: 1 };

describe.each([1, 2])("seed %i", (seed) => {
  test("[E14] while a viewer wants little nothing is probed, and when it wants more, that is there soon", () => {
    const world = new CallWorld({ seed });
    const viewer = world.addViewer(PATH, { width: 320 });
    world.runUntil(12_000);
    expect(world.harness.core.counters.probes_sent).toBe(0);
    expect(viewer.estimateBps).toBeGreaterThan(viewer.sentRate(6000, 12_000));

    viewer.show(1280);
    world.runUntil(17_000);
    expect(viewer.firstShown(2, 12_000)).toBeLessThan(3000);
    expect(viewer.freezes(5000, 17_000)).toEqual([]);
  });

  test("[E14] a path that will not carry more is asked ever more rarely, and no voice pays for it", () => {
    const world = new CallWorld({ seed });
    const viewer = world.addViewer({ ...PATH, rateBps: 1.1e6 });
    const probed: number[] = [];
    for (let atMs = 10_000; atMs <= 40_000; atMs += 10_000) {
      const before = world.harness.core.counters.probes_sent;
      world.runUntil(atMs);
      probed.push(world.harness.core.counters.probes_sent - before);
    }

    expect(probed[0]).toBeGreaterThan(0);
    for (const packets of probed.slice(1)) expect(packets).toBeLessThanOrEqual(12);
    expect(viewer.voiceLoss(5000, 39_000)).toBeLessThanOrEqual(0.002);
    expect(viewer.freezes(5000, 40_000)).toEqual([]);
  });

  test("[E12] a trunk that goes for three seconds and again for one: pictures are back at once, without a storm", () => {
    const world = new CallWorld({ seed });
    const trunk = world.addNode(OCEAN);
    const viewer = world.addViewer({ ...PATH, rateBps: 8e6, delayMs: 10 }, { at: trunk.far });
    trunk.path.plan([
      [8000, CUT],
      [11_000, OCEAN],
      [15_000, CUT],
      [16_000, OCEAN],
    ]);
    world.runUntil(20_000);

    for (const backMs of [11_000, 16_000]) {
      expect(viewer.shown.some(({ atMs }) => atMs > backMs && atMs < backMs + 1200)).toBe(true);
    }
    for (const { forMs } of viewer.freezes(16_000, 20_000)) expect(forMs).toBeLessThan(1500);
    expect(trunk.far.core.counters.nacks_sent).toBeLessThan(60);
    expect(trunk.far.core.counters.plis_sent).toBeLessThanOrEqual(12);
    viewer.checkOrder();
  });
});
