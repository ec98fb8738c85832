import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Harness } from "../../test/harness.ts";
import { lamportTime, UsageError } from "../types.ts";
import type { SerfUserEvent } from "../wire/messages.ts";
import { EVENT_BUFFER_SLOTS, encodeUserEvent, UserEvents } from "./user-events.ts";

const event = (time: number, name = "e", payload: readonly number[] = []): SerfUserEvent => ({
  kind: "userEvent",
  lamportTime: lamportTime(time),
  name,
  payload: Uint8Array.from(payload),
  coalesce: false,
});

test("[S13] an event is news once per time, name and payload", () => {
  const events = new UserEvents();
  expect(events.take(event(1))).toBeUndefined();
  expect(events.take(event(1))).toBe("duplicate");
  expect(events.take({ ...event(1), coalesce: true })).toBe("duplicate");
  expect(events.take(event(1, "e", [1]))).toBeUndefined();
  expect(events.take(event(1, "f"))).toBeUndefined();
  expect(events.take(event(2))).toBeUndefined();
  expect(events.clock.time()).toBe(3);
});

test("[S13] an event more than the buffer behind is too old", () => {
  const events = new UserEvents();
  events.take(event(EVENT_BUFFER_SLOTS + 1000));
  expect(events.take(event(999))).toBe("event_too_old");
  expect(events.take(event(1001 + 10))).toBeUndefined();
  expect(events.take(event(2 ** 53 - 2))).toBe("bad_lamport_time");
});

test("[S13] history from before a join can be refused", () => {
  const events = new UserEvents();
  events.ignoreBefore(lamportTime(10));
  expect(events.take(event(9))).toBe("event_too_old");
  expect(events.take(event(10))).toBeUndefined();
});

test("[S13] the ring holds what a list of the last 512 times holds", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 60 }), (times) => {
      const events = new UserEvents();
      const told = new Set<number>();
      let newest = 0;
      for (const time of times) {
        const clockAfter = Math.max(newest, time) + 1;
        const isOld = clockAfter > EVENT_BUFFER_SLOTS && time < clockAfter - EVENT_BUFFER_SLOTS;
        const expected = isOld ? "event_too_old" : told.has(time) ? "duplicate" : undefined;
        const outcome = events.take(event(time));
        newest = Math.max(newest, time);
        // A slot is taken over by a time 512 later; only then may an event be told again, and then it is too old as well.
        expect(outcome).toBe(expected);
        if (outcome === undefined) told.add(time);
      }
      const used = events.used().map((slot) => slot.lamportTime);
      expect(used).toEqual(used.toSorted((a, b) => a - b));
    }),
    { seed: 8, numRuns: 200 },
  );
});

const codeOf = (call: () => void): unknown => {
  try {
    call();
  } catch (error) {
    return error instanceof UsageError ? error.code : error;
  }
  return undefined;
};

test("[S17] an event has at most 512 bytes before and after it is encoded", () => {
  const own = (bytes: number) => encodeUserEvent({ ...event(1, "e"), payload: new Uint8Array(bytes) });
  expect(own(481)).toHaveLength(512);
  expect(codeOf(() => own(482))).toBe("event_too_large");
  expect(codeOf(() => own(512))).toBe("event_too_large");
  expect(codeOf(() => encodeUserEvent(event(1, "\u20ac".repeat(170))))).toBe("event_too_large");
});

test("[S17] one of ours is told to ourselves and to everybody, with the time before", () => {
  const h = new Harness();
  h.meet(2);
  h.told();
  for (const name of ["one", "two"]) h.core.userEvent(name, Uint8Array.of(7), { coalesce: true, nowMs: h.nowMs });
  expect(h.events.filter(({ kind }) => kind === "userEvent")).toMatchObject([
    { name: "one", lamportTime: 1, coalesce: true },
    { name: "two", lamportTime: 2 },
  ]);
  expect(codeOf(() => h.core.userEvent("e", new Uint8Array(513), { nowMs: h.nowMs }))).toBe("event_too_large");
  expect(h.core.stats()).toMatchObject({ event_time: 3, event_queue: 2 });
  const told = h.told();
  expect(told.flatMap((message) => (message.kind === "userEvent" ? [message.name] : [])).toSorted()).toEqual([
    "one",
    "two",
  ]);
  // What comes back is no news.
  h.clear();
  for (const message of told) h.feedSerf(message);
  expect([h.events, h.core.stats()["event_time"]]).toEqual([[], 3]);
});

test("[S17] none is announced after a leave, nor at the end of time", () => {
  const h = new Harness();
  h.meet(2);
  const announce = () => h.core.userEvent("e", new Uint8Array(0), { nowMs: h.nowMs });
  h.feedSerf(event(2 ** 50));
  expect(codeOf(announce)).toBe("clock_exhausted");
  h.core.leave(h.nowMs);
  expect(codeOf(announce)).toBe("not_alive");
});

test("[S13] a forged time in an exchange does not silence later events", () => {
  const events = new UserEvents();
  events.ignoreBefore(lamportTime(2 ** 53 - 1));
  expect(events.take(event(1))).toBeUndefined();
});

test("[S18] events are held back where that is wanted", () => {
  const h = new Harness({ coalescePeriodMs: 3000 });
  h.meet(2);
  h.clear();
  for (const time of [4, 5]) h.feedSerf({ ...event(time, "deploy"), coalesce: true });
  h.feedSerf(event(6, "plain"));
  const names = () => h.events.flatMap((one) => (one.kind === "userEvent" ? [`${one.name}${one.lamportTime}`] : []));
  expect(names()).toEqual(["plain6"]);
  h.advanceAnswering(1000);
  expect(names()).toEqual(["plain6", "deploy5"]);
});
