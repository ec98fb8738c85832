import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { SequenceMap } from "./sequence-map.ts";

/** The obvious twin: a table of every number. */
class PlainMap {
  readonly forward = new Map<number, number>();
  readonly back = new Map<number, number>();
  next: number;
  highest: number;

  constructor(source: number, egress: number) {
    this.next = egress;
    this.highest = source - 1;
  }

  /** Numbers up to here pass, lost or not. */
  pass(upTo: number): void {
    for (let source = this.highest + 1; source <= upTo; source++) {
      this.forward.set(source, this.next);
      this.back.set(this.next, source);
      this.next++;
    }
    this.highest = Math.max(this.highest, upTo);
  }
}

test("[R2] the map agrees with a table of all numbers, for any run of passed and left-out packets", () => {
  const step = fc.record({ gap: fc.integer({ min: 1, max: 4 }), skip: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200_000 }), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const map = new SequenceMap();
      map.reset(start, 5000);
      const plain = new PlainMap(start, 5000);
      let [source, skips] = [start - 1, 0];
      for (const { gap, skip } of steps) {
        if (skip && ++skips > 30) continue;
        source += gap;
        if (skip) {
          plain.pass(source - 1);
          plain.highest = source;
          map.skip(source);
        } else {
          plain.pass(source);
        }
      }
      for (let number = start; number <= source; number++) {
        expect(map.map(number)).toBe(plain.forward.get(number) ?? -1);
      }
      for (const [egress, original] of plain.back) expect(map.reverse(egress)).toBe(original);
      expect(map.map(start - 1)).toBe(-1);
      expect(map.reverse(4999)).toBe(-1);
    }),
    { seed: 11, numRuns: 300 },
  );
});

test("nothing is known before the first reset", () => {
  const map = new SequenceMap();

  expect(map.map(5)).toBe(-1);
  expect(map.reverse(5)).toBe(-1);
});

test("a reset forgets what was before", () => {
  const map = new SequenceMap();
  map.reset(10, 100);
  map.skip(20);

  map.reset(500, 110);

  expect(map.map(15)).toBe(-1);
  expect(map.map(500)).toBe(110);
  expect(map.reverse(105)).toBe(-1);
});

test("after very many left-out packets the newest still map, the oldest do not", () => {
  const map = new SequenceMap();
  map.reset(0, 0);
  for (let source = 1; source < 1000; source += 2) map.skip(source);

  expect(map.map(998)).toBe(499);
  expect(map.reverse(499)).toBe(998);
  expect(map.map(2)).toBe(-1);
});
