import { expect, test } from "@jest/globals";
import { RecentIds } from "./recent-ids.ts";

test("an id is new once, until its time is over or too many came after it", () => {
  const recent = new RecentIds({ max: 3, keptMs: 1_000 });
  expect([recent.add("a", 0), recent.add("a", 999), recent.add("b", 999)]).toEqual([true, false, true]);
  // Looked for when something new comes.
  expect([recent.add("c", 1_000), recent.add("a", 1_000), recent.size]).toEqual([true, true, 3]);
  expect([recent.add("d", 1_001), recent.size, recent.add("b", 1_001)]).toEqual([true, 3, true]);
});

test("ids of hours take no more place than those of a minute", () => {
  const recent = new RecentIds({ max: 4_096, keptMs: 60_000 });
  for (let word = 0; word < 10_000; word++) recent.add(`word ${word}`, word * 1_000);
  expect(recent.size).toBe(60);
});
