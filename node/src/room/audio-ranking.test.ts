import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { AudioRanking, FADE_DB_PER_S, HYSTERESIS_DB } from "./audio-ranking.ts";

function ranking(...trackIds: readonly string[]): AudioRanking {
  const made = new AudioRanking();
  made.setTracks(trackIds);
  made.settle(0);
  return made;
}

test("[P4] a level rises at once and fades slowly", () => {
  const room = ranking("a");
  room.hear("a", 30);
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

test("[P5] a track overtakes only when it is clearly louder", () => {
  const room = ranking("a", "b");
  room.hear("a", 40);
  room.hear("b", 40 - HYSTERESIS_DB);
  expect(room.settle(0)).toBe(false);
  room.hear("b", 40 - HYSTERESIS_DB - 1);
  expect(room.settle(0)).toBe(true);
  expect(room.trackIds()).toEqual(["b", "a"]);
});

// Property: after any history, wherever the order is cut, nobody below the cut beats anybody above it by more than
// the hysteresis.
test("[P6] nobody left out is clearly louder than anybody heard", () => {
  const ids = ["a", "b", "c", "d", "e", "f", "g"];
  const step = fc.record({ trackId: fc.constantFrom(...ids), level: fc.nat(127), waitMs: fc.nat(3_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const room = ranking(...ids);
      let nowMs = 0;
      for (const { trackId, level, waitMs } of steps) {
        nowMs += waitMs;
        room.hear(trackId, level);
        room.settle(nowMs);
        const levels = room.trackIds().map((id) => room.level(id));
        for (const [i, above] of levels.entries())
          for (const below of levels.slice(i + 1)) expect(below + HYSTERESIS_DB).toBeGreaterThanOrEqual(above);
      }
      expect([...room.trackIds()].sort()).toEqual(ids);
    }),
    { seed: 4, numRuns: 150 },
  );
});

test("[P6] levels between the hysteresis do not chase each other", () => {
  const room = ranking("a", "b", "c");
  for (let i = 0; i < 50; i += 1) {
    for (const [j, trackId] of ["a", "b", "c"].entries()) room.hear(trackId, 40 + ((i + j) % 5));
    expect(room.settle(i * 200) && i > 2).toBe(false);
  }
});

test("[P7] a level told by another node holds for its time only", () => {
  const room = ranking("a");
  room.hear("a", 30, 5_000);
  room.settle(4_999);
  expect(room.level("a")).toBe(30);
  room.settle(5_000);
  room.settle(20_000);
  expect(room.level("a")).toBe(127);
});

test("[P5] tracks that come and go keep the places of the others", () => {
  const room = ranking("a", "b", "c");
  room.hear("c", 10);
  room.settle(0);
  room.setTracks(["b", "c", "d"]);
  expect(room.trackIds()).toEqual(["c", "b", "d"]);
  room.hear("gone", 1);
  expect(room.level("gone")).toBe(127);
});
