import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LayerNews, SHRINK_MS } from "./layer-news.ts";

const ALL = ["q", "h", "f"];

test("[P80] more layers are told at once, fewer after a while", () => {
  const news = new LayerNews(ALL);
  expect(news.want(["q"], 0)).toBeUndefined();
  expect(news.handleTimeout(SHRINK_MS - 1)).toBeUndefined();
  expect(news.handleTimeout(SHRINK_MS)).toEqual(["q"]);
  expect(news.want(["f", "q"], 5_000)).toEqual(["q", "f"]);
  expect(news.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[P80] a layer that comes and goes within the hold changes nothing for its publisher", () => {
  const news = new LayerNews(ALL);
  for (let nowMs = 0; nowMs < 20_000; nowMs += SHRINK_MS - 1) {
    expect(news.want(["q"], nowMs)).toBeUndefined();
    expect(news.want(ALL, nowMs + 10)).toBeUndefined();
    expect(news.handleTimeout(nowMs + 20)).toBeUndefined();
  }
});

test("[P81] a track that nobody watches has no layers, and strange ones are left out", () => {
  const news = new LayerNews([""]);
  expect(news.want(["huge"], 0)).toBeUndefined();
  expect(news.handleTimeout(SHRINK_MS)).toEqual([]);
  expect(news.want([""], 9_000)).toEqual([""]);
});

// Property: what was told always holds all that is wanted, and once time has passed nothing else.
test("[P80] whatever is wanted is told", () => {
  const wanted = fc.subarray(ALL);
  fc.assert(
    fc.property(fc.array(fc.record({ wanted, waitMs: fc.nat(4_000) }), { maxLength: 20 }), (steps) => {
      const news = new LayerNews(ALL);
      let told: readonly string[] = ALL;
      let nowMs = 0;
      for (const step of steps) {
        nowMs += step.waitMs;
        told = news.handleTimeout(nowMs) ?? told;
        told = news.want(step.wanted, nowMs) ?? told;
        for (const layer of step.wanted) expect(told).toContain(layer);
      }
      told = news.handleTimeout(nowMs + SHRINK_MS) ?? told;
      expect(told).toEqual(ALL.filter((layer) => (steps.at(-1)?.wanted ?? ALL).includes(layer)));
    }),
    { seed: 80, numRuns: 200 },
  );
});
