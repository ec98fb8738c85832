import { expect, test } from "@jest/globals";
import {
  DIFFERENCE_HOLDS_MS,
  FIRST_HOLD_MS,
  LONGEST_HOLD_MS,
  LOST_GRACE_MS,
  NEW_GRACE_MS,
  PENALTY_MS,
  Routes,
  type TrunkHealth,
} from "./routes.ts";

const OWNERS = new Set(["a"]);

/** A node that wants something of "a", which "c" and "d" could forward. */
class Bench {
  readonly routes = new Routes();
  readonly healths = new Map<string, TrunkHealth>([
    ["a", "up"],
    ["c", "up"],
    ["d", "up"],
  ]);
  directMs: number | undefined = 40;
  detours = [
    { node: "c", costMs: 60 },
    { node: "d", costMs: 80 },
  ];
  nowMs = 0;

  /** Looks four times a second. */
  run(ms: number, owners: ReadonlySet<string> = OWNERS): string | undefined {
    const view = {
      health: (node: string) => this.healths.get(node) ?? "coming",
      directCostMs: () => this.directMs,
      detours: () => this.detours,
    };
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 250)
      this.routes.step(owners, view, this.nowMs);
    this.routes.step(owners, view, this.nowMs);
    return this.routes.viaOf("a");
  }
}

test("[Y70] a silent trunk is left at once, over the cheapest node", () => {
  const bench = new Bench();
  expect(bench.run(1_000)).toBeUndefined();
  bench.healths.set("a", "silent");
  expect(bench.run(0)).toBe("c");
  expect(bench.routes.isBroken("a")).toBe(true);
});

test("[Y70] a trunk that is gone, and one that never came, have time to come", () => {
  const lost = new Bench();
  lost.run(1_000);
  lost.healths.set("a", "coming");
  expect(lost.run(LOST_GRACE_MS - 250)).toBeUndefined();
  expect(lost.run(250)).toBe("c");
  const fresh = new Bench();
  fresh.healths.set("a", "coming");
  expect(fresh.run(NEW_GRACE_MS - 250)).toBeUndefined();
  expect(fresh.run(250)).toBe("c");
  expect(fresh.routes.isLost("a", fresh.nowMs)).toBe(true);
});

test("[Y70] without anybody who forwards there is no detour", () => {
  const bench = new Bench();
  bench.detours = [];
  bench.healths.set("a", "down");
  expect(bench.run(20_000)).toBeUndefined();
});

test("[Y71] a detour that saves enough for long enough is taken, and a short difference is not", () => {
  const bench = new Bench();
  bench.directMs = 200;
  expect(bench.run(DIFFERENCE_HOLDS_MS - 250)).toBeUndefined();
  bench.directMs = 65;
  bench.run(250);
  bench.directMs = 200;
  expect(bench.run(DIFFERENCE_HOLDS_MS - 500)).toBeUndefined();
  expect(bench.run(500)).toBe("c");
  expect(bench.routes.isBroken("a")).toBe(false);
});

test.each([
  ["10 ms", 70],
  ["10 %", 66],
])("[Y71] a detour that saves no more than %s is not worth it", (_, directMs) => {
  const bench = new Bench();
  bench.directMs = directMs;
  expect(bench.run(2 * DIFFERENCE_HOLDS_MS)).toBeUndefined();
});

test("[Y72] the direct trunk has the streams back when it has been up for a while, longer with each relapse", () => {
  const bench = new Bench();
  bench.run(250);
  for (let relapse = 0; relapse < 7; relapse += 1) {
    bench.healths.set("a", "silent");
    expect(bench.run(0)).toBe("c");
    bench.healths.set("a", "up");
    const holdMs = Math.min(FIRST_HOLD_MS * 2 ** Math.min(relapse, 5), LONGEST_HOLD_MS);
    expect(bench.run(holdMs - 250)).toBe("c");
    expect(bench.run(500)).toBeUndefined();
  }
});

test("[Y72] a detour that is no better any more is left after a while", () => {
  const bench = new Bench();
  bench.directMs = 200;
  expect(bench.run(DIFFERENCE_HOLDS_MS)).toBe("c");
  bench.directMs = 66;
  expect(bench.run(2 * DIFFERENCE_HOLDS_MS)).toBe("c");
  bench.directMs = 64;
  expect(bench.run(DIFFERENCE_HOLDS_MS - 250)).toBe("c");
  expect(bench.run(250)).toBeUndefined();
});

test("[Y73] a third node that fails is avoided for a while, and the next one serves", () => {
  const bench = new Bench();
  bench.run(250);
  bench.healths.set("a", "silent");
  expect(bench.run(0)).toBe("c");
  bench.routes.failed("a", "c", bench.nowMs);
  expect(bench.run(0)).toBe("d");
  bench.routes.failed("a", "d", bench.nowMs);
  expect(bench.run(250)).toBeUndefined();
  expect(bench.run(PENALTY_MS)).toBe("c");
});

test("[Y73] a third node whose trunk does not come up, or that leaves, is given up", () => {
  const bench = new Bench();
  bench.run(250);
  bench.healths.set("a", "silent");
  bench.healths.set("c", "coming");
  expect(bench.run(0)).toBe("c");
  expect(bench.run(NEW_GRACE_MS + 250)).toBe("d");
  bench.detours = [];
  expect(bench.run(0)).toBeUndefined();
});

test("[Y73] what is known of a node that left the mesh is forgotten", () => {
  const bench = new Bench();
  bench.run(250);
  bench.healths.set("a", "silent");
  bench.run(0);
  bench.routes.forget("c");
  expect(bench.routes.viaOf("a")).toBeUndefined();
  expect(bench.run(0)).toBe("c");
  bench.routes.forget("a");
  expect(bench.routes.all()).toEqual([]);
});

test("[Y72] when nothing is wanted any more the detour ends, and a later trunk has its time to come", () => {
  const bench = new Bench();
  bench.run(250);
  bench.healths.set("a", "silent");
  expect(bench.run(0)).toBe("c");
  expect(bench.run(0, new Set())).toBeUndefined();
  bench.healths.set("a", "coming");
  expect(bench.run(LOST_GRACE_MS)).toBeUndefined();
});
