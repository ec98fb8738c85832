import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { RECONNECT_DEFAULTS, reconnectDelayMs, shouldMove } from "./reconnect-policy.ts";

test("the first retry comes almost at once, later ones double up to the bound", () => {
  const delays = [0, 1, 2, 3, 6, 7, 50].map((attempt) => reconnectDelayMs(attempt, () => 1));
  expect(delays).toEqual([100, 200, 400, 800, 6_400, 8_000, 8_000]);
});

test("a delay is between half its step and its step, for any chance and attempt", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -5, max: 1_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, chance) => {
        const stepMs = reconnectDelayMs(attempt, () => 1);
        const delayMs = reconnectDelayMs(attempt, () => chance);
        return delayMs >= Math.floor(stepMs / 2) && delayMs <= stepMs && stepMs <= RECONNECT_DEFAULTS.maxDelayMs;
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

test("a node gets its attempts before another one is asked for", () => {
  expect([0, 1, 2, 3, 4].map((failures) => shouldMove(failures))).toEqual([false, false, false, true, true]);
});
