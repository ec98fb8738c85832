import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { type Coordinate, distance, originCoordinate, SERF_VIVALDI, type VivaldiSettings } from "./coordinate.ts";
import { applyForce, unitVector, Vivaldi } from "./vivaldi.ts";

const random = seededRandom(1);
const PLAIN: VivaldiSettings = { ...SERF_VIVALDI, dimensions: 3, heightMin: 0 };
const at = (vec: readonly number[], height = 0): Coordinate => ({ vec, error: 1.5, adjustment: 0, height });

interface Trace {
  readonly start: Record<string, never>;
  readonly peer: WireNames;
  readonly steps: readonly { readonly filteredRttSeconds: number; readonly publishedCoordinate: WireNames }[];
}

interface WireNames {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

const named = (wire: WireNames): Coordinate => ({
  vec: wire.Vec,
  error: wire.Error,
  adjustment: wire.Adjustment,
  height: wire.Height,
});

function readTrace(): Trace {
  const file = new URL("vivaldi.json", new URL("../../test/vectors/", import.meta.url));
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { readonly vectors: readonly [Trace] };
  return vectors[0];
}

test("[C2] the trace of the stock agent is followed to a billionth of a second", () => {
  const trace = readTrace();
  const peer = named(trace.peer);
  // The trace has already filtered times: a filter of one sample passes them on.
  const vivaldi = new Vivaldi(random, { ...SERF_VIVALDI, latencyFilterSize: 1 });
  for (const { filteredRttSeconds, publishedCoordinate } of trace.steps) {
    expect(vivaldi.update("peer", peer, filteredRttSeconds)).toBe("updated");
    const expected = named(publishedCoordinate);
    for (const [i, component] of vivaldi.own.vec.entries()) {
      expect(Math.abs(component - (expected.vec[i] ?? 0))).toBeLessThan(1e-12);
    }
    expect(Math.abs(vivaldi.own.error - expected.error)).toBeLessThan(1e-12);
    expect(Math.abs(vivaldi.own.adjustment - expected.adjustment)).toBeLessThan(1e-12);
    expect(Math.abs(vivaldi.own.height - expected.height)).toBeLessThan(1e-12);
  }
  expect(trace.steps.length).toBe(7);
});

describe("forces", () => {
  const push = (own: Coordinate, other: Coordinate, force: number, settings = PLAIN): Coordinate =>
    applyForce(own, other, { force, settings, random });

  test("[C2] a force moves along the line between the two", () => {
    const first = push(at([0, 0, 0]), at([0, 0, 2.9]), 5.3);
    expect(first.vec).toEqual([0, 0, -5.3]);
    expect(push(first, at([3.4, 0, -5.3]), 2).vec.map((x) => Math.round(x * 1e9) / 1e9)).toEqual([-2, 0, -5.3]);
  });

  test("[C2] two at one place are pushed apart by exactly the force, somewhere", () => {
    const apart = push(at([0, 0, 0]), at([0, 0, 0]), 1);
    expect(distance(apart, at([0, 0, 0]))).toBeCloseTo(1, 8);
  });

  test("[C2] heights grow and shrink with the force but never below the least", () => {
    const settings = { ...PLAIN, heightMin: 1e-5 };
    const [own, other] = [at([0, 0, 0], 1e-5), at([0, 0, 2.9], 1e-5)];
    expect(push(own, other, 5.3, settings).height).toBeCloseTo((2e-5 * 5.3) / 2.9 + 1e-5, 6);
    expect(push(own, other, -5.3, settings).height).toBe(1e-5);
  });

  test("the unit vector of the reference's example", () => {
    const [a, b] = [
      [1, 2, 3],
      [0.5, 0.6, 0.7],
    ];
    const length = Math.hypot(0.5, 1.4, 2.3);
    const unit = unitVector(a ?? [], b ?? [], length);
    expect(unit[0]).toBeCloseTo(0.18257418583505536, 12);
    expect(unit[1]).toBeCloseTo(0.511207720338155, 12);
    expect(unit[2]).toBeCloseTo(0.8398412548412546, 12);
  });
});

test("[C2] an update pushes away from a peer that is farther than it seems", () => {
  const vivaldi = new Vivaldi(random, PLAIN);
  vivaldi.update("peer", at([0, 0, 0.001]), 0.002);
  expect(vivaldi.own.vec[2]).toBeLessThan(0);
});

test.each([-1, 10.1, Number.NaN, Number.POSITIVE_INFINITY])("[C3] a round trip of %p s changes nothing", (rtt) => {
  const vivaldi = new Vivaldi(random, PLAIN);
  const before = vivaldi.own;
  expect(vivaldi.update("peer", at([0, 0, 0.001]), rtt)).toBe("bad_rtt");
  expect(vivaldi.own).toBe(before);
});

test("[C3] a coordinate that is none changes nothing, and a spoilt own one starts again", () => {
  const vivaldi = new Vivaldi(random, PLAIN);
  expect(vivaldi.update("peer", at([0, 0]), 0.1)).toBe("bad_coordinate");
  expect(vivaldi.update("peer", at([0, Number.NaN, 0]), 0.1)).toBe("bad_coordinate");
  expect(vivaldi.place(at([Number.NaN, 0, 0]))).toBe(false);
  expect(vivaldi.own).toEqual(originCoordinate(PLAIN));
  expect(vivaldi.place(at([1e200, 1e200, 0]))).toBe(true);
  vivaldi.update("peer", at([-1e200, 0, 0]), 0.1);
  expect(vivaldi.own).toEqual(originCoordinate(PLAIN));
  expect(vivaldi.resets).toBe(1);
});

describe("layouts", () => {
  const CYCLES = 1000;
  const SEEDS = [1, 2, 3];

  interface Layout {
    readonly nodes: number;
    readonly dimensions?: number;
    readonly rtt: (a: number, b: number) => number;
  }

  /** Relative errors of all pairs. */
  function errorsOf(own: readonly Coordinate[], rtt: Layout["rtt"]): number[] {
    return own.flatMap((a, i) =>
      own.slice(i + 1).map((b, offset) => {
        const truth = rtt(i, i + 1 + offset);
        return Math.abs(distance(a, b) - truth) / truth;
      }),
    );
  }

  function settle(
    layout: Layout,
    seed: number,
  ): { readonly average: number; readonly max: number; readonly own: readonly Coordinate[] } {
    const draw = seededRandom(seed);
    const settings = { ...SERF_VIVALDI, dimensions: layout.dimensions ?? 8 };
    const nodes = Array.from({ length: layout.nodes }, (_, i) => new Vivaldi(draw.fork(`n${i}`), settings));
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      for (const [i, node] of nodes.entries()) {
        const j = draw.below(nodes.length);
        const other = nodes[j];
        if (j !== i && other !== undefined) node.update(`n${j}`, other.own, layout.rtt(i, j));
      }
    }
    const own = nodes.map((node) => node.own);
    const errors = errorsOf(own, layout.rtt);
    return { average: errors.reduce((sum, error) => sum + error, 0) / errors.length, max: Math.max(...errors), own };
  }

  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const planar = (place: (i: number) => readonly [number, number]) => (a: number, b: number) =>
    Math.hypot(place(a)[0] - place(b)[0], place(a)[1] - place(b)[1]);

  const centred = planar((i) => [0.1 * Math.cos((2 * Math.PI * i) / 25), 0.1 * Math.sin((2 * Math.PI * i) / 25)]);
  const normal = new Map<string, number>();
  const draw = seededRandom(77);
  const noisy = (a: number, b: number): number => {
    const key = `${Math.min(a, b)}/${Math.max(a, b)}`;
    const gauss = Math.sqrt(-2 * Math.log(1 - draw.next())) * Math.cos(2 * Math.PI * draw.next());
    if (!normal.has(key)) normal.set(key, Math.max(0.001, 0.1 + 0.01 * gauss));
    return normal.get(key) ?? 0;
  };

  // The bounds are upstream's, which belong to one generator's seed; medians over seeds with 40 % of slack.
  test.each<[string, Layout, number, number]>([
    ["a line", { nodes: 10, rtt: (a, b) => Math.abs(a - b) * 0.01 }, 0.0031, 0.013],
    ["a grid", { nodes: 25, rtt: planar((i) => [0.01 * (i % 5), 0.01 * Math.floor(i / 5)]) }, 0.0016, 0.023],
    ["two halves", { nodes: 25, rtt: (a, b) => 0.001 + (a <= 12 === b <= 12 ? 0 : 0.01) }, 0.00006, 0.00048],
    [
      "a circle around a centre",
      { nodes: 25, dimensions: 2, rtt: (a, b) => (a === 0 || b === 0 ? 0.2 : centred(a, b)) },
      0.0028,
      0.064,
    ],
    ["chance", { nodes: 25, rtt: noisy }, 0.075, 0.33],
  ])("[C7] %s is learnt within the bounds of the reference", (_name, layout, average, max) => {
    const runs = SEEDS.map((seed) => settle(layout, seed));
    expect(median(runs.map((run) => run.average))).toBeLessThanOrEqual(1.4 * average);
    expect(median(runs.map((run) => run.max))).toBeLessThanOrEqual(1.4 * max);
  });

  test("[C7] the centre of a circle is high above it", () => {
    const { own } = settle({ nodes: 25, dimensions: 2, rtt: (a, b) => (a === 0 || b === 0 ? 0.2 : centred(a, b)) }, 1);
    expect(own[0]?.height).toBeGreaterThan(0.097);
    for (const other of own.slice(1)) expect(other.height).toBeLessThan(0.0042);
  });
});
