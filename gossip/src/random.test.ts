import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { hashText, pickDistinct, seededRandom, shuffle } from "./random.ts";

const draws = (seed: number, label?: string): number[] => {
  const random = label === undefined ? seededRandom(seed) : seededRandom(seed).fork(label);
  return Array.from({ length: 20 }, () => random.next());
};

test("a seed repeats itself and other seeds and labels differ", () => {
  expect(draws(1)).toEqual(draws(1));
  expect(draws(1)).not.toEqual(draws(2));
  expect(draws(1, "a")).toEqual(draws(1, "a"));
  expect(draws(1, "a")).not.toEqual(draws(1, "b"));
});

test("a fork does not depend on the draws made before it", () => {
  const used = seededRandom(9);
  for (let i = 0; i < 100; i += 1) used.next();
  expect(used.fork("x").next()).toBe(seededRandom(9).fork("x").next());
});

test("draws are spread evenly over their range", () => {
  const random = seededRandom(3);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i += 1) counts[random.below(10)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(900);
  expect(Math.max(...counts)).toBeLessThan(1100);
});

test("hashes of close labels are far apart", () => {
  const hashes = Array.from({ length: 1000 }, (_, i) => hashText(`node-${i}`, 1));
  expect(new Set(hashes).size).toBe(1000);
});

test("shuffling keeps the items and reaches every order", () => {
  const random = seededRandom(5);
  const orders = new Set<string>();
  for (let i = 0; i < 200; i += 1) {
    const items = [1, 2, 3];
    shuffle(items, random);
    orders.add(items.join());
    expect(items.toSorted()).toEqual([1, 2, 3]);
  }
  expect(orders.size).toBe(6);
});

test("picking answers distinct eligible items, and as many as there are", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(60), fc.nat(8), fc.integer({ min: 1, max: 7 }), (seed, size, count, divisor) => {
      const items = Array.from({ length: size }, (_, i) => i);
      const eligible = (item: number): boolean => item % divisor === 0;
      const picked = pickDistinct(items, count, seededRandom(seed), eligible);
      expect(new Set(picked).size).toBe(picked.length);
      expect(picked.every(eligible)).toBe(true);
      expect(picked.length).toBe(Math.min(count, items.filter(eligible).length));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("of 90 nodes of which a third is alive three are always found, and draws differ", () => {
  const items = Array.from({ length: 90 }, (_, i) => i);
  const random = seededRandom(11);
  const draw = (): number[] => pickDistinct(items, 3, random, (i) => i % 3 === 0 && i !== 0);
  const seen = Array.from({ length: 3 }, draw);
  for (const picked of seen) expect(picked).toHaveLength(3);
  expect(new Set(seen.map((picked) => picked.join())).size).toBe(3);
});
