import { expect, test } from "@jest/globals";
import { LogLimit } from "./log-limit.ts";

test("a thousand causes in a second are one line, and the next says how many were left out", () => {
  const limit = new LogLimit(1_000);
  expect(limit.take(5)).toBe(0);
  for (let i = 1; i < 1_000; i++) expect(limit.take(5 + i)).toBeUndefined();
  expect(limit.take(1_005)).toBe(999);
  expect(limit.take(9_000)).toBe(0);
});
