import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../random.ts";
import { ProbeSchedule } from "./probe-schedule.ts";

const all = (): boolean => true;

test("[M13] every member is probed once per cycle, in an order that changes", () => {
  const schedule = new ProbeSchedule<number>(seededRandom(1));
  for (let i = 0; i < 20; i += 1) schedule.insert(i);
  let wraps = 0;
  const cycle = (): number[] =>
    Array.from({ length: 20 }, () =>
      schedule.next(all, () => {
        wraps += 1;
        schedule.reset(all);
      }),
    ).map((item) => item ?? -1);
  const first = cycle();
  const second = cycle();
  expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(second.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(second).not.toEqual(first);
  expect(wraps).toBe(1);
});

test("[M13] a newcomer may come in anywhere", () => {
  const places = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const schedule = new ProbeSchedule<number>(seededRandom(seed));
    for (let i = 0; i < 5; i += 1) schedule.insert(i);
    places.add(schedule.order.indexOf(4));
  }
  expect(places.size).toBe(5);
});

test("resetting forgets exactly what is not kept", () => {
  fc.assert(
    fc.property(fc.integer(), fc.uniqueArray(fc.nat(100)), (seed, items) => {
      const schedule = new ProbeSchedule<number>(seededRandom(seed));
      for (const item of items) schedule.insert(item);
      const forgotten = schedule.reset((item) => item % 2 === 0);
      expect(new Set(forgotten)).toEqual(new Set(items.filter((item) => item % 2 === 1)));
      expect(new Set(schedule.order)).toEqual(new Set(items.filter((item) => item % 2 === 0)));
      expect(schedule.size).toBe(schedule.order.length);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("a walk without anybody eligible ends", () => {
  const schedule = new ProbeSchedule<number>(seededRandom(1));
  for (let i = 0; i < 5; i += 1) schedule.insert(i);
  expect(
    schedule.next(
      () => false,
      () => schedule.reset(all),
    ),
  ).toBeUndefined();
  expect(new ProbeSchedule<number>(seededRandom(1)).next(all, () => undefined)).toBeUndefined();
});
