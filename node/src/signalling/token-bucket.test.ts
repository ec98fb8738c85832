import { describe, expect, test } from "@jest/globals";
import { KeyedBuckets, TokenBucket } from "./token-bucket.ts";

describe("rates", () => {
  test("[A16] a bucket gives its burst, then its rate, and says how long to wait", () => {
    const bucket = new TokenBucket({ burst: 2, perSecond: 4 }, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0), bucket.waitMs()]).toEqual([true, true, false, 250]);
    expect([bucket.take(249), bucket.take(251), bucket.take(251)]).toEqual([false, true, false]);
    // Idle time fills it to its burst and not further; time that goes back fills nothing.
    expect([60_000, 60_000, 60_000, 0].map((nowMs) => bucket.take(nowMs))).toEqual([true, true, false, false]);
  });

  test("[A16] a table of buckets is bounded, and a flood of keys does not free the flooder", () => {
    const buckets = new KeyedBuckets({ burst: 1, perSecond: 0.001 }, 3);
    expect(buckets.take("me", 0)).toBe(0);
    expect(buckets.take("me", 0)).toBeGreaterThan(0);
    for (const key of ["a", "b"]) buckets.take(key, 0);
    expect(buckets.take("me", 0)).toBeGreaterThan(0);
    for (let i = 0; i < 50; i++) {
      buckets.take(`flood ${i}`, 0);
      // Asked now and then, so it was used most recently and stays.
      expect(buckets.take("me", 0)).toBeGreaterThan(0);
    }
    expect(buckets.size).toBeLessThanOrEqual(3);
    expect(buckets.take("late", 10_000_000)).toBe(0);
    expect(buckets.size).toBe(1);
  });

  test("[A16] buckets that filled up again are forgotten as others come, long before the bound", () => {
    const buckets = new KeyedBuckets({ burst: 5, perSecond: 1 });
    for (let visit = 0; visit < 2_000; visit++) {
      for (let i = 0; i < 5; i++) expect(buckets.take(`visitor ${visit}`, visit * 1_000)).toBe(0);
      expect(buckets.take("who stays", visit * 1_000)).toBe(0);
    }
    expect(buckets.size).toBeLessThan(10);
  });
});
