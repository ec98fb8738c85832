import { expect, test } from "@jest/globals";
import { parseDuration } from "./duration.ts";

test.each([
  ["15s", 15_000],
  ["700ms", 700],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
])("%s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "15", "s", "-1s", "1d", "1s ", "1s1"])("%j is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow("not a duration");
});
