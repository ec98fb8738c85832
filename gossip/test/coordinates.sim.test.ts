// Coordinates against a measured network: round-trip times between 235 cities (fixtures/PROVENANCE.md). The full table, with
// larger sets, is `npm run bench:vivaldi`; this is its cheapest row.

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { distance } from "../src/coordinate/coordinate.ts";
import { Vivaldi } from "../src/coordinate/vivaldi.ts";

/** Milliseconds between any two. */
function cities(): (a: number, b: number) => number {
  const text = readFileSync(new URL("fixtures/wonder235.csv", import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const rows = lines.map((line) => line.split(",").slice(1).map(Number));
  return (a, b) => rows[Math.max(a, b)]![Math.min(a, b)]!;
}

const COUNT = 235;
const PAIRS = 10_000;

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}

/** Relative errors of `PAIRS` predictions, after each of these rounds. */
function learn(seed: number, rounds: readonly number[]): Map<number, readonly number[]> {
  const rttMs = cities();
  const random = seededRandom(seed);
  const nodes = Array.from({ length: COUNT }, (_, i) => new Vivaldi(random.fork(`node ${i}`)));
  const errors = new Map<number, readonly number[]>();
  const other = (i: number): number => (i + 1 + random.below(COUNT - 1)) % COUNT;
  for (let round = 1; round <= Math.max(...rounds); round += 1) {
    for (const [i, node] of nodes.entries()) {
      const peer = other(i);
      node.update(`n${peer}`, nodes[peer]!.own, rttMs(i, peer) / 1000);
    }
    if (!rounds.includes(round)) continue;
    errors.set(
      round,
      Array.from({ length: PAIRS }, () => {
        const a = random.below(COUNT);
        const b = other(a);
        return Math.abs(distance(nodes[a]!.own, nodes[b]!.own) * 1000 - rttMs(a, b)) / rttMs(a, b);
      }),
    );
  }
  return errors;
}

test("[C7] among 235 real cities predictions are off by 13 % after 100 probes each, by 9 % after 300, in the median", () => {
  const runs = [1, 2, 3].map((seed) => learn(seed, [100, 300]));
  const middle = (round: number, share: number): number =>
    quantile(
      runs.map((errors) => quantile(errors.get(round)!, share)),
      0.5,
    );
  expect(middle(100, 0.5)).toBeLessThanOrEqual(0.13);
  expect(middle(300, 0.5)).toBeLessThanOrEqual(0.09);
  expect(middle(300, 0.9)).toBeLessThanOrEqual(0.36);
  // Nobody gets there by chance: at the origin everything is off by all of itself.
  expect(middle(100, 0.5)).toBeGreaterThan(0.05);
});
