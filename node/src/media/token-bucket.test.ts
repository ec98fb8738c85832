import { expect, test } from "@jest/globals";
import { TokenBucket } from "./token-bucket.ts";

test("a bucket gives its burst at once, then its rate, and never saves more than the burst", () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
  expect([1, 2, 3, 4].map(() => bucket.take(1, 0))).toEqual([true, true, true, false]);
  expect(bucket.take(1, 99)).toBe(false);
  expect(bucket.take(1, 100)).toBe(true);
  expect(bucket.take(4, 1e6)).toBe(false);
  expect(bucket.take(3, 1e6)).toBe(true);
  expect(bucket.take(1, 1e6 - 5_000)).toBe(false);
});
