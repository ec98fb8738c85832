import { expect, test } from "@jest/globals";
import { AudioLevels } from "./audio-levels.ts";
import { ROUTER_DEFAULTS } from "./options.ts";

const levels = (...pairs: [string, number][]) => pairs.map(([trackId, level]) => ({ trackId, level }));

test("[R11] a room's levels are told when one changed, at most every 200 ms", () => {
  const audio = new AudioLevels(ROUTER_DEFAULTS);
  audio.add("a", "r1");
  audio.add("b", "r1");
  audio.add("c", "r2");
  audio.note("a", 40, 10);
  audio.note("a", 30, 30);
  audio.note("a", 50, 50);

  expect(audio.takeEvents(100)).toEqual([{ kind: "levels", roomId: "r1", levels: levels(["a", 30], ["b", 127]) }]);
  audio.note("a", 20, 110);
  expect(audio.takeEvents(299)).toEqual([]);
  expect(audio.takeEvents(300)).toEqual([{ kind: "levels", roomId: "r1", levels: levels(["a", 20], ["b", 127]) }]);
  audio.note("a", 20, 350);
  expect(audio.takeEvents(500)).toEqual([]);
});

test("[R11] a level holds between packets, and falls to silence when they stop", () => {
  const audio = new AudioLevels(ROUTER_DEFAULTS);
  audio.add("a", "r");
  audio.note("a", 30, 0);
  audio.takeEvents(0);

  expect(audio.takeEvents(500)).toEqual([]);
  expect(audio.takeEvents(701)).toEqual([{ kind: "levels", roomId: "r", levels: levels(["a", 127]) }]);
});

test("tracks that are gone or were never known say nothing", () => {
  const audio = new AudioLevels(ROUTER_DEFAULTS);
  audio.add("a", "r");
  audio.remove("a");
  audio.note("a", 10, 0);

  expect(audio.takeEvents(1000)).toEqual([]);
});
