import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LAN } from "../options.ts";
import { type NodeName, nodeName } from "../types.ts";
import { Suspicion, suspicionBounds, suspicionTimeoutMs } from "./suspicion.ts";

const bounds = (confirmationsWanted: number, minMs: number, maxMs: number) => ({ confirmationsWanted, minMs, maxMs });

test.each([
  [0, 3, 0, 30_000],
  [1, 3, 2_000, 14_000],
  [2, 3, 3_000, 4_810],
  [3, 3, 4_000, -2_000],
  [4, 3, 5_000, -3_000],
  [5, 3, 10_000, -8_000],
])("[M11] with %i of %i confirmations after %i ms, %i ms remain", (confirmations, wanted, elapsedMs, remainingMs) => {
  expect(suspicionTimeoutMs(bounds(wanted, 2_000, 30_000), confirmations) - elapsedMs).toBe(remainingMs);
});

test.each([
  [5, 1_000],
  [10, 1_000],
  [50, 1_698],
  [100, 2_000],
  [500, 2_698],
  [1000, 3_000],
])("[M11] the shortest suspicion among %i nodes is 3 times %i ms", (nodes, unitMs) => {
  const settings = { suspicionMult: 3, suspicionMaxTimeoutMult: 6, probeIntervalMs: 1_000 };
  expect(suspicionBounds(settings, nodes).minMs).toBeCloseTo(3 * unitMs, 6);
});

test("[M11] the LAN values of the reference", () => {
  expect(suspicionBounds(LAN, 3)).toEqual(bounds(0, 4_000, 24_000));
  expect(suspicionBounds(LAN, 4)).toEqual(bounds(2, 4_000, 24_000));
  expect(suspicionBounds(LAN, 30)).toEqual(bounds(2, 5_908, 35_448));
  expect(suspicionBounds(LAN, 100)).toEqual(bounds(2, 8_000, 48_000));
  expect(suspicionTimeoutMs(suspicionBounds(LAN, 10), 1)).toBe(11_381);
  expect(suspicionTimeoutMs(suspicionBounds(LAN, 10), 2)).toBe(4_000);
});

test("[M11] confirmations bring the deadline forward until there are enough", () => {
  const suspicion = new Suspicion(bounds(3, 500, 2_000), nodeName("me"), 100);
  const heard = ["me", "a", "a", "b", "c", "d"].map((name) => suspicion.confirm(nodeName(name)));
  expect(heard).toEqual([false, true, false, true, true, false]);
  expect(suspicion.confirmations).toBe(3);
  expect(suspicion.deadlineMs()).toBe(600);
});

test.each([
  [0, 2_000],
  [1, 1_250],
  [2, 810],
  [3, 500],
])("[M11] after %i confirmations the timer fires at %i ms", (confirmations, firesMs) => {
  const suspicion = new Suspicion(bounds(3, 500, 2_000), nodeName("me"), 0);
  for (let i = 0; i < confirmations; i += 1) suspicion.confirm(nodeName(`n${i}`));
  // The reference allows 25 ms; rounding down to whole milliseconds costs one.
  expect(Math.abs(suspicion.deadlineMs() - firesMs)).toBeLessThanOrEqual(4);
});

test("[M11] nobody to confirm: the shortest timeout at once", () => {
  const suspicion = new Suspicion(bounds(0, 25, 30_000), nodeName("me"), 0);
  expect(suspicion.deadlineMs()).toBe(25);
  expect(suspicion.confirm(nodeName("a"))).toBe(false);
});

/** The obvious way: keep the list of all accusers and count those that matter. */
function slowConfirmations(from: NodeName, accusers: readonly NodeName[], wanted: number): number {
  const others = accusers.filter((name, i) => name !== from && accusers.indexOf(name) === i);
  return Math.min(wanted, others.length);
}

test("[M11] the accusers that count are those of a plain list, and the deadline never moves back", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6), { maxLength: 20 }), fc.nat(4), (numbers, wanted) => {
      const names = numbers.map((number) => nodeName(`n${number}`));
      const from = nodeName("n0");
      const suspicion = new Suspicion(bounds(wanted, 1_000, 6_000), from, 0);
      let lastMs = suspicion.deadlineMs();
      for (const name of names) {
        suspicion.confirm(name);
        expect(suspicion.deadlineMs()).toBeLessThanOrEqual(lastMs);
        lastMs = suspicion.deadlineMs();
      }
      expect(suspicion.confirmations).toBe(slowConfirmations(from, names, wanted));
    }),
    { seed: 5, numRuns: 300 },
  );
});
