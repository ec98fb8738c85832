import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { extendSeq, SequenceUnwrapper, seqDistance, timestampDistance } from "./sequence.ts";

describe("distances", () => {
  test.each([
    [0, 1, 1],
    [65_535, 0, 1],
    [0, 65_535, -1],
    [10, 10, 0],
    [0, 32_767, 32_767],
    [0, 32_768, -32_768],
  ])("from %i to %i it is %i", (from, to, distance) => {
    expect(seqDistance(from, to)).toBe(distance);
  });

  test("timestamps wrap at 32 bits", () => {
    expect(timestampDistance(0xffffff00, 0x100)).toBe(0x200);
    expect(timestampDistance(0x100, 0xffffff00)).toBe(-0x200);
  });
});

test("[N3] unwrapping agrees with a counter for any walk of steps below half a cycle", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 65_535 }),
      fc.array(fc.integer({ min: -1000, max: 3000 }), { maxLength: 300 }),
      (start, steps) => {
        const unwrapper = new SequenceUnwrapper();
        const first = unwrapper.unwrap(start);
        let [counter, highest] = [first, first];
        for (const step of steps) {
          counter = Math.max(highest - 5000, counter + step);
          expect(unwrapper.unwrap(counter & 0xffff)).toBe(counter);
          highest = Math.max(highest, counter);
          expect(unwrapper.highest).toBe(highest);
        }
      },
    ),
    { seed: 7, numRuns: 100 },
  );
});

test("a number before the first one is still positive", () => {
  const unwrapper = new SequenceUnwrapper();
  const first = unwrapper.unwrap(3);

  expect(unwrapper.unwrap(65_530)).toBe(first - 9);
  expect(first - 9).toBeGreaterThan(0);
});

test("looking does not remember", () => {
  const unwrapper = new SequenceUnwrapper();
  unwrapper.unwrap(100);

  expect(unwrapper.peek(200)).toBe(extendSeq(200, 65_636));
  expect(unwrapper.highest).toBe(65_636);
});
