import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { UserEvent } from "../sink.ts";
import { lamportTime } from "../types.ts";
import { MAX_COALESCED, UserEventCoalescer } from "./coalesce.ts";

const SETTINGS = { coalescePeriodMs: 3000, coalesceQuiescentMs: 1000 };
const event = (name: string, time: number, coalesce = true): UserEvent => ({
  kind: "userEvent",
  lamportTime: lamportTime(time),
  name,
  payload: Uint8Array.of(time & 255),
  coalesce,
});
const shown = (events: readonly UserEvent[]): string[] => events.map(({ name, lamportTime: time }) => `${name}${time}`);

test("[S18] what may not be held back is told at once, and everything when nothing is to be", () => {
  expect(shown(new UserEventCoalescer(SETTINGS).offer(event("a", 1, false), 0))).toEqual(["a1"]);
  expect(shown(new UserEventCoalescer({ ...SETTINGS, coalescePeriodMs: 0 }).offer(event("a", 1), 0))).toEqual(["a1"]);
});

test("[S18] silence ends the wait, and so does its longest time", () => {
  const quiet = new UserEventCoalescer(SETTINGS);
  quiet.offer(event("a", 1), 0);
  quiet.offer(event("a", 2), 900);
  expect(quiet.deadlineMs()).toBe(1900);
  expect(shown(quiet.due(1899))).toEqual([]);
  expect(shown(quiet.due(1900))).toEqual(["a2"]);
  expect(quiet.deadlineMs()).toBe(Number.POSITIVE_INFINITY);

  const busy = new UserEventCoalescer(SETTINGS);
  for (let atMs = 0; atMs < 3000; atMs += 500) expect(busy.offer(event("a", 1 + atMs), atMs)).toEqual([]);
  expect(busy.deadlineMs()).toBe(3000);
  expect(shown(busy.due(3000))).toEqual(["a2501"]);
});

test("[S18] more than can be held all leave", () => {
  const coalescer = new UserEventCoalescer(SETTINGS);
  for (let i = 1; i < MAX_COALESCED; i += 1) expect(coalescer.offer(event(`e${i}`, 1), 0)).toEqual([]);
  expect(coalescer.offer(event("last", 1), 0)).toHaveLength(MAX_COALESCED);
  expect(coalescer.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[S18] of each name those of the newest time are told, as a list of all of them shows", () => {
  const one = fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 30 }), (offered) => {
      const coalescer = new UserEventCoalescer(SETTINGS);
      for (const [name, time] of offered) coalescer.offer(event(name, time), 0);
      const newest = (name: string): number =>
        Math.max(...offered.flatMap(([other, time]) => (other === name ? [time] : [])));
      const expected = offered.filter(([name, time]) => time === newest(name)).map(([name, time]) => `${name}${time}`);
      expect(shown(coalescer.due(1000)).toSorted()).toEqual(expected.toSorted());
    }),
    { seed: 42, numRuns: 200 },
  );
});
