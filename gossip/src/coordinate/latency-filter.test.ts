import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { MedianFilter, MinimumFilter } from "./latency-filter.ts";

test("[C4] the moving median of the reference's example", () => {
  const filter = new MedianFilter(3);
  const given = [0.201, 0.2, 0.207, 1.9, 0.203, 0.199, 0.211];
  expect(given.map((sample) => filter.push("alice", sample))).toEqual([
    0.201, 0.201, 0.201, 0.207, 0.207, 0.203, 0.203,
  ]);
  expect(filter.push("bob", 0.3)).toBe(0.3);
  filter.forget("alice");
  expect(filter.push("alice", 0.8)).toBe(0.8);
});

test("[C5] the measured value is the least of the last five, as a plain list has it", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 30 }), (samples) => {
      const filter = new MinimumFilter(5);
      for (const [i, sample] of samples.entries()) {
        expect(filter.push("a", sample)).toBe(Math.min(...samples.slice(Math.max(0, i - 4), i + 1)));
      }
      expect(filter.get("a")).toBe(Math.min(...samples.slice(-5)));
      filter.forget("a");
      expect(filter.get("a")).toBeUndefined();
    }),
    { seed: 9, numRuns: 200 },
  );
});
