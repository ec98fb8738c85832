import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { estimateIndex, REPLAY_WINDOW_PACKETS, ReplayWindow } from "./replay-window.ts";

/** The obvious twin. */
class PlainWindow {
  readonly accepted = new Set<number>();
  highest = -1;

  check(index: number): string | undefined {
    if (this.highest >= 0 && index <= this.highest - REPLAY_WINDOW_PACKETS) return "too_old";
    return this.accepted.has(index) ? "replayed" : undefined;
  }

  accept(index: number): void {
    if (this.check(index) !== undefined) return;
    this.accepted.add(index);
    this.highest = Math.max(this.highest, index);
  }
}

test("the window agrees with a set of everything accepted, for any order of packets", () => {
  const steps = fc.array(
    fc.oneof(fc.integer({ min: -1100, max: 40 }), fc.integer({ min: 1, max: 3 }), fc.constant(3000)),
    {
      maxLength: 400,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 70_000 }), steps, (start, walk) => {
      const window = new ReplayWindow();
      const plain = new PlainWindow();
      let at = start;
      for (const step of walk) {
        at = Math.max(0, (plain.highest < 0 ? at : plain.highest) + step);
        expect(window.check(at)).toBe(plain.check(at));
        if (plain.check(at) === undefined) window.accept(at);
        plain.accept(at);
        expect(window.highest).toBe(plain.highest);
      }
    }),
    { seed: 37, numRuns: 200 },
  );
});

describe("the index", () => {
  test.each([
    [5, -1, 5],
    [0, 65_535, 65_536],
    [65_535, 65_536, 65_535],
    [65_535, 0, -1],
    [10, 65_536 * 3 + 20, 65_536 * 3 + 10],
    [40_000, 10, -25_536],
    [32_000, 10, 32_000],
  ])("of sequence number %i after index %i is %i", (seq, highest, index) => {
    expect(estimateIndex(seq, highest)).toBe(index);
  });
});

test("what would lie before the first packet is too old", () => {
  const window = new ReplayWindow();
  window.accept(0);
  expect(window.check(-1)).toBe("too_old");
});
