import { expect, test } from "@jest/globals";
import { LocalHealth } from "./local-health.ts";

test("[L1] the score stays within its bounds and stretches durations", () => {
  const health = new LocalHealth(8);
  const scores = [0, -1, -10, 1, -1, 10, -1, -1, -1, -1, -1, -1, -1, -1].map((delta) => {
    health.apply(delta);
    return health.score;
  });
  expect(scores).toEqual([0, 0, 0, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0, 0]);
  health.apply(3);
  expect(health.scale(1_000)).toBe(4_000);
});
