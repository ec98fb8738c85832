import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { AudioRanking, FADE_DB_PER_S, STEP_DB } from "./audio-ranking.ts";

function ranking(...trackIds: readonly string[]): AudioRanking {
  const made = new AudioRanking();
  made.setTracks(trackIds);
  made.settle(0);
  return made;
}

test("[P4] a level rises at once and fades slowly", () => {
  const room = ranking("a");
  room.hear("a", 30);
  room.settle(0);
  expect(room.level("a")).toBe(30);
  room.hear("a", 127);
  room.settle(500);
  expect(room.level("a")).toBe(30 + FADE_DB_PER_S / 2);
  room.settle(60_000);
  expect(room.level("a")).toBe(127);
  expect(room.isSounding).toBe(false);
});

test("[P4] a pause between words does not change who is heard", () => {
  const room = ranking("a", "b");
  room.hear("b", 25);
  room.settle(200);
  room.hear("b", 127);
  room.hear("a", 40);
  room.settle(600);
  expect(room.trackIds()).toEqual(["b", "a"]);
  room.settle(1_600);
  expect(room.trackIds()).toEqual(["a", "b"]);
});

test("[P5] a level counts as another only when it has moved more than a step", () => {
  const room = ranking("a", "b");
  room.hear("a", 40);
  room.hear("b", 42);
  room.settle(0);
  room.hear("b", 42 - STEP_DB);
  expect(room.settle(0)).toBe(false);
  room.hear("b", 42 - STEP_DB - 1);
  expect(room.settle(0)).toBe(true);
  expect(room.trackIds()).toEqual(["b", "a"]);
});

test("[P5] levels that move within the step do not chase each other", () => {
  const room = ranking("a", "b", "c");
  let changes = 0;
  for (let i = 0; i < 50; i += 1) {
    for (const [j, trackId] of ["a", "b", "c"].entries()) room.hear(trackId, 40 + ((i + j) % (STEP_DB + 1)));
    if (room.settle(i * 200) && i > 3) changes += 1;
  }
  expect(changes).toBe(0);
});

const IDS = ["a", "b", "c", "d", "e", "f", "g"];
const STEPS = fc.array(fc.record({ trackId: fc.constantFrom(...IDS), level: fc.nat(127), waitMs: fc.nat(3_000) }), {
  maxLength: 40,
});

// Property: after any history, wherever the order is cut, nobody below the cut is louder than anybody above it by more
// than two steps.
test("[P6] nobody left out is clearly louder than anybody heard", () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const room = ranking(...IDS);
      const levels = new Map(IDS.map((id) => [id, 127]));
      let nowMs = 0;
      for (const { trackId, level, waitMs } of steps) {
        nowMs += waitMs;
        for (const [id, heard] of levels) room.hear(id, heard);
        levels.set(trackId, level);
        room.hear(trackId, level);
        room.settle(nowMs);
        // Everything has faded to what is heard.
        nowMs += 10_000;
        room.settle(nowMs);
        const order = room.trackIds().map((id) => levels.get(id) ?? 127);
        for (const [i, above] of order.entries())
          for (const below of order.slice(i + 1)) expect(below + 2 * STEP_DB).toBeGreaterThanOrEqual(above);
      }
      expect([...room.trackIds()].sort()).toEqual(IDS);
    }),
    { seed: 4, numRuns: 100 },
  );
});

// Property: a node that is told what counts orders as the node that heard it, whatever it knew before.
test("[P19] the order follows from what counts, not from its history", () => {
  fc.assert(
    fc.property(STEPS, STEPS, (steps, earlier) => {
      const here = ranking(...IDS);
      const there = ranking(...IDS);
      let nowMs = 0;
      for (const { trackId, level } of earlier) there.hearCounted(trackId, level, 1_000_000);
      for (const { trackId, level, waitMs } of steps) {
        nowMs += waitMs;
        here.hear(trackId, level);
        here.settle(nowMs);
      }
      for (const id of IDS) there.hearCounted(id, here.level(id), 1_000_000);
      there.settle(nowMs);
      expect(there.trackIds()).toEqual(here.trackIds());
    }),
    { seed: 19, numRuns: 100 },
  );
});

test("[P7] a level told by another node holds for its time only", () => {
  const room = ranking("a");
  room.hearCounted("a", 30, 5_000);
  room.settle(4_999);
  expect(room.level("a")).toBe(30);
  room.settle(5_000);
  expect(room.level("a")).toBe(127);
});

test("[P5] tracks that come and go keep the levels of the others", () => {
  const room = ranking("a", "b", "c");
  room.hear("c", 10);
  room.settle(0);
  room.setTracks(["b", "c", "d"]);
  expect(room.trackIds()).toEqual(["c", "b", "d"]);
  room.hear("gone", 1);
  expect(room.level("gone")).toBe(127);
});
