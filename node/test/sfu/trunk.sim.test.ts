/** Calls over two nodes and a trunk between them. Seeds are fixed; every number is a promise for all of them. */
import { describe, expect, jest, test } from "@jest/globals";
import type { CallViewer } from "./call-viewer.ts";
import { CallWorld } from "./call-world.ts";
import type { PathShape } from "./link-plans.ts";

/** Virtual minutes of many packets: on a busy machine that takes a while. */
jest.setTimeout(180_000);

const HOME: PathShape = { rateBps: 20e6, delayMs: 10, queueMs: 200 };
const LOSSY_HOME: PathShape = { ...HOME, loss: 0.02 };
const OCEAN: PathShape = { rateBps: 50e6, delayMs: 80, queueMs: 200 };
const NARROW: PathShape = { ...OCEAN, rateBps: 1e6 };

/** Share of what the publisher says during a time that the viewer never hears, over all hops. */
function unheard(world: CallWorld, viewer: CallViewer, span: { fromMs: number; toMs: number }): number {
  const heard = (): number => viewer.voices.filter(({ arrivedMs }) => arrivedMs >= 0).length;
  world.runUntil(span.fromMs);
  const [heardBefore, saidBefore] = [heard(), world.voiceCount];
  world.runUntil(span.toMs);
  return 1 - (heard() - heardBefore) / (world.voiceCount - saidBefore);
}

describe.each([1, 2])("seed %i", (seed) => {
  test("[E10][D5] three sizes over a trunk of 1 Mbit/s: voices come through, and pictures that fit", () => {
    const world = new CallWorld({ seed });
    const trunk = world.addNode(NARROW);
    const viewers = [1280, 640, 320].map((width) => world.addViewer(HOME, { width, at: trunk.far }));
    const lost = unheard(world, viewers[0]!, { fromMs: 2000, toMs: 25_000 });

    expect(trunk.path.overflowed).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(0.01);
    for (const viewer of viewers) {
      viewer.checkOrder();
      expect(viewer.freezes(6000, 25_000)).toEqual([]);
      expect(viewer.voices.length).toBe(viewers[0]!.voices.length);
    }
    // The two larger share the middle layer, which crosses once; the top one would not fit.
    expect(viewers[0]!.layerShares(10_000, 25_000)[2]).toBe(0);
    expect(viewers[1]!.layerShares(10_000, 25_000)[1]).toBeGreaterThan(0.9);
    expect(viewers[2]!.layerShares(10_000, 25_000)[0]).toBe(1);
  });

  test("[N6] 2 % lost on both links and an ocean between: not more freezes than over one node at the far end", () => {
    const two = new CallWorld({ seed, up: { ...LOSSY_HOME, delayMs: 15 } });
    const trunk = two.addNode(OCEAN);
    const near = two.addViewer(LOSSY_HOME, { at: trunk.far });
    two.runUntil(40_000);
    const one = new CallWorld({ seed, up: { ...LOSSY_HOME, delayMs: 15 + OCEAN.delayMs } });
    const far = one.addViewer(LOSSY_HOME);
    one.runUntil(40_000);

    near.checkOrder();
    expect(near.down.lost).toBeGreaterThan(50);
    expect(near.freezes(5000, 40_000)).toEqual([]);
    expect(far.freezes(5000, 40_000).length).toBeGreaterThan(0);
  });

  test("[D5] a trunk that loses 4 % of its packets loses hardly a word", () => {
    const world = new CallWorld({ seed });
    const trunk = world.addNode({ ...OCEAN, loss: 0.04 });
    const viewer = world.addViewer(HOME, { width: 320, at: trunk.far });
    const lost = unheard(world, viewer, { fromMs: 4000, toMs: 20_000 });

    expect(trunk.path.lost).toBeGreaterThan(50);
    expect(lost).toBeLessThanOrEqual(0.003);
    expect(trunk.voices.copies).toBeGreaterThan(700);
    expect(world.harness.core.peerSummary(trunk.peerId)?.audioDuplicated).toBe(true);
  });
});
