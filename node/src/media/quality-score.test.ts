import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type QualityInput, qualityScore } from "./quality-score.ts";

test.each<[string, QualityInput, number]>([
  ["a wire", { lossRatio: 0, rttMs: 2, jitterMs: 1 }, 5],
  ["a good connection to another continent", { lossRatio: 0.001, rttMs: 160, jitterMs: 5 }, 4.8],
  ["Wi-Fi at its limit", { lossRatio: 0.03, rttMs: 60, jitterMs: 15 }, 4.1],
  ["a satellite", { lossRatio: 0.01, rttMs: 600, jitterMs: 20 }, 3.2],
  ["one packet in ten lost", { lossRatio: 0.1, rttMs: 60, jitterMs: 10 }, 2.5],
  ["nothing comes through", { lossRatio: 1, rttMs: 60 }, 1],
  ["a picture that stands still a tenth of the time", { lossRatio: 0, video: { frozenRatio: 0.1, shownRatio: 1 } }, 3],
  ["a picture of a quarter of its pixels", { lossRatio: 0, video: { frozenRatio: 0, shownRatio: 0.25 } }, 4],
  ["a paused picture", { lossRatio: 0, video: { frozenRatio: 0, shownRatio: 0 } }, 3],
])("[G32] %s", (_what, input, score) => {
  expect(Math.abs(qualityScore(input) - score)).toBeLessThanOrEqual(0.2);
});

test("[G32] whatever goes in, a score of 1 to 5 comes out, and nothing that gets worse makes it better", () => {
  const input = (number: fc.Arbitrary<number>, ms = number) =>
    fc.record({
      lossRatio: number,
      rttMs: ms,
      jitterMs: ms,
      video: fc.record({ frozenRatio: number, shownRatio: number }),
    });
  fc.assert(
    fc.property(input(fc.double()), (any) => qualityScore(any) >= 1 && qualityScore(any) <= 5),
    { seed: 61, numRuns: 300 },
  );
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const ms = fc.double({ min: 0, max: 3_000, noNaN: true });
  fc.assert(
    fc.property(input(share, ms), share, (good, worse) => {
      const { frozenRatio, shownRatio } = good.video;
      const changes: QualityInput[] = [
        { ...good, lossRatio: good.lossRatio + worse },
        { ...good, rttMs: good.rttMs + 500 * worse },
        { ...good, jitterMs: good.jitterMs + 50 * worse },
        { ...good, video: { shownRatio, frozenRatio: frozenRatio + worse } },
        { ...good, video: { frozenRatio, shownRatio: shownRatio * worse } },
      ];
      return changes.every((change) => qualityScore(change) <= qualityScore(good));
    }),
    { seed: 62, numRuns: 300 },
  );
});
