import { expect, test } from "@jest/globals";
import { AudioDuplication } from "./audio-duplication.ts";

/** Turns it over once a second. */
function run(duplication: AudioDuplication, losses: readonly number[], fromMs: number): boolean[] {
  return losses.map((lossRatio, i) => {
    duplication.update(lossRatio, fromMs + i * 1000);
    return duplication.isOn;
  });
}

test("[D5] voices go twice from more than 2 % on, and until losses were below 1 % for ten seconds", () => {
  const duplication = new AudioDuplication();

  expect(run(duplication, [0, 0.01, 0.02, 0.021], 0)).toEqual([false, false, false, true]);
  expect(run(duplication, [0.015, 0.009, 0.009, 0.011, 0.019], 10_000)).toEqual([true, true, true, true, true]);
  const calm = Array.from({ length: 12 }, () => 0.005);
  expect(run(duplication, calm, 20_000)).toEqual(calm.map((_, i) => i < 10));
});

test("[D5] a path that never loses much is never sent twice", () => {
  const duplication = new AudioDuplication();

  expect(run(duplication, [0.02, 0.019, 0, 0.02], 0)).toEqual([false, false, false, false]);
});
