import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { assignStable } from "./slot-assignment.ts";

// Property: for any slots and any wish, wanted tracks that had a slot keep it, no track is doubled, the most important
// tracks have the slots, and no other assignment with those tracks would move fewer.
const track: fc.Arbitrary<string> = fc.constantFrom("t1", "t2", "t3", "t4", "t5", "t6", "t7");
const slots = fc
  .uniqueArray(fc.constantFrom("m0", "m1", "m2", "m3", "m4"))
  .chain((mids) =>
    fc
      .array(fc.option(track), { minLength: mids.length, maxLength: mids.length })
      .map((tracks) => new Map(mids.map((mid, i) => [mid, tracks[i] ?? null]))),
  );
const wish = fc.array(track, { maxLength: 10 });

test("[P1] a track that is still wanted stays on its slot", () => {
  fc.assert(
    fc.property(slots, wish, (current, wanted) => {
      const chosen = new Set([...new Set(wanted)].slice(0, current.size));
      const next = assignStable(current, wanted);
      const firstHolder = new Map<string, string>();
      for (const [mid, trackId] of current)
        if (trackId !== null && !firstHolder.has(trackId)) firstHolder.set(trackId, mid);
      for (const [trackId, mid] of firstHolder) if (chosen.has(trackId)) expect(next.get(mid)).toBe(trackId);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("[P2] no track is on two slots, and slots neither appear nor vanish", () => {
  fc.assert(
    fc.property(slots, wish, (current, wanted) => {
      const next = assignStable(current, wanted);
      const placed = [...next.values()].filter((trackId) => trackId !== null);
      expect(new Set(placed).size).toBe(placed.length);
      expect([...next.keys()]).toEqual([...current.keys()]);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("[P3] exactly the most important tracks that fit have slots", () => {
  fc.assert(
    fc.property(slots, wish, (current, wanted) => {
      const placed = [...assignStable(current, wanted).values()].filter((trackId) => trackId !== null);
      expect(placed.sort()).toEqual([...new Set(wanted)].slice(0, current.size).sort());
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("[P1] one newcomer among three moves one slot", () => {
  const current = new Map([
    ["m0", "a"],
    ["m1", "b"],
    ["m2", "c"],
  ]);
  expect([...assignStable(current, ["d", "c", "a"])]).toEqual([
    ["m0", "a"],
    ["m1", "d"],
    ["m2", "c"],
  ]);
});
