import { expect, test } from "@jest/globals";
import fc from "fast-check";
import ICAL from "ical.js";
import { calendarOf } from "./icalendar.ts";
import { instantOf, isTimeZone, localAt, localMsOf } from "./zoned-time.ts";

const SEED = 20_261_122;
const ZONES = [
  "UTC",
  "Europe/Amsterdam",
  "America/New_York",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Africa/Casablanca",
];

test.each([
  ["2026-12-24T18:30", "Europe/Amsterdam", "2026-12-24T17:30:00.000Z"],
  ["2026-07-01T18:30", "Europe/Amsterdam", "2026-07-01T16:30:00.000Z"],
  ["2026-01-01T00:00", "Asia/Ho_Chi_Minh", "2025-12-31T17:00:00.000Z"],
  ["2026-01-01T12:00", "Asia/Kathmandu", "2026-01-01T06:15:00.000Z"],
  // Never shown: clocks go from 02:00 to 03:00.
  ["2026-03-29T02:30", "Europe/Amsterdam", "2026-03-29T01:30:00.000Z"],
  // Shown twice: the first time counts.
  ["2026-10-25T02:30", "Europe/Amsterdam", "2026-10-25T00:30:00.000Z"],
  // A day that Samoa never had.
  ["2011-12-30T12:00", "Pacific/Apia", "2011-12-30T22:00:00.000Z"],
])("[C1] %s in %s is %s", (local, zone, instant) => {
  expect(new Date(instantOf(local, zone) ?? 0).toISOString()).toBe(instant);
});

test("[C1] what a zone's clocks show at the instant of a wall clock is that wall clock, unless clocks jumped over it", () => {
  const minutes = fc.integer({ min: 0, max: (Date.UTC(2199, 11, 31) - Date.UTC(1971, 0, 1)) / 60_000 });
  fc.assert(
    fc.property(minutes, fc.constantFrom(...ZONES), (minute, zone) => {
      const local = new Date(Date.UTC(1971, 0, 1) + minute * 60_000).toISOString().slice(0, 16);
      const instant = instantOf(local, zone) ?? Number.NaN;
      const shown = localAt(instant, zone);
      // A slow twin: is there any instant within a day and a half that shows it, and is one of them earlier?
      if (shown !== local) expect((localMsOf(shown) ?? 0) - (localMsOf(local) ?? 0)).toBeGreaterThan(0);
      else
        for (const earlierMs of [1_800_000, 3_600_000, 7_200_000])
          expect(localAt(instant - earlierMs, zone)).not.toBe(local);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test.each([
  "2026-02-30T12:00",
  "2026-13-01T12:00",
  "2026-01-01T24:00",
  "2026-01-01",
  "1969-12-31T23:59",
  "2200-01-01T00:00",
  "+02026-1-1T1:1",
  "",
])("[C2] %j is no time", (local) => {
  expect(instantOf(local, "UTC")).toBeUndefined();
});

test.each(["Europe/Atlantis", "+01:00", "", "../../etc", "Europe/Amsterdam\0", "x".repeat(200), "__proto__"])(
  "[C2] %j is no time zone",
  (zone) => {
    expect(isTimeZone(zone)).toBe(false);
  },
);

test("[C3] any calendar is read by another program as it was meant", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 200 });
  const event = fc.record({ title: text, text, place: text, minute: fc.integer({ min: 0, max: 60_000_000 }) });
  fc.assert(
    fc.property(text, fc.array(event, { maxLength: 4 }), (name, events) => {
      const written = calendarOf(
        name,
        events.map(({ minute, ...rest }, index) => ({
          ...rest,
          uid: `${index}@test`,
          startsAtMs: minute * 60_000,
          endsAtMs: (minute + 30) * 60_000,
          sequence: index,
          changedAtMs: 0,
        })),
      );
      for (const line of written.split("\r\n")) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
      const plain = (value: string): string => value.replaceAll(/\r\n|\r|\n/g, "\n").replaceAll(/[^\P{Cc}\t\n]/gu, "");
      const read = new ICAL.Component(ICAL.parse(written) as unknown[] as never);
      const found = read.getAllSubcomponents("vevent").map((component) => new ICAL.Event(component));
      expect(
        found.map((each) => [
          each.uid,
          each.summary,
          each.description,
          each.location,
          each.startDate.toUnixTime() * 1000,
          each.sequence,
        ]),
      ).toEqual(
        events.map((each, index) => [
          `${index}@test`,
          plain(each.title),
          plain(each.text),
          plain(each.place),
          each.minute * 60_000,
          index,
        ]),
      );
    }),
    { seed: SEED, numRuns: 200 },
  );
});
