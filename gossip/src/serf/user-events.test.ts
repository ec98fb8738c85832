import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { lamportTime } from "../types.ts";
import type { SerfUserEvent } from "../wire/messages.ts";
import { EVENT_BUFFER_SLOTS, UserEvents } from "./user-events.ts";

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
