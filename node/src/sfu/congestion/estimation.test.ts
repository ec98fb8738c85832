/** The parts of the estimate by themselves, on paths of a few lines. */
import { describe, expect, test } from "@jest/globals";
import { AckedRate } from "./acked-rate.ts";
import { ArrivalGroups } from "./arrival-groups.ts";
import { LossControl } from "./loss-control.ts";
import { Probes } from "./probes.ts";
import { QueueGauge } from "./queue-gauge.ts";
import { RateControl } from "./rate-control.ts";
import { Trendline } from "./trendline.ts";

/** Sends a packet each 10 ms; `wayMs` says how long each takes. */
function usageOver(packets: number, wayMs: (i: number) => number): string {
  const [groups, trendline] = [new ArrivalGroups(), new Trendline()];
  let worst = "normal";
  for (let i = 0; i < packets; i++) {
    const arrivalMs = i * 10 + wayMs(i);
    if (!groups.add(i * 10, arrivalMs)) continue;
    trendline.update({ sendMs: groups.sendDeltaMs, arrivalMs: groups.arrivalDeltaMs }, arrivalMs, arrivalMs);
    if (trendline.usage !== "normal") worst = trendline.usage;
  }
  return worst;
}

test("a steady path is normal, a growing queue over-use, a draining one under-use", () => {
  expect(usageOver(200, () => 50)).toBe("normal");
  expect(usageOver(200, (i) => 50 + (i % 3))).toBe("normal");
  expect(usageOver(100, (i) => 50 + i * 3)).toBe("over");
  expect(usageOver(60, (i) => 400 - i * 3)).toBe("under");
});

test("packets that leave together are one group, and one from the past is none", () => {
  const groups = new ArrivalGroups();
  expect([groups.add(0, 100), groups.add(2, 101), groups.add(4, 102)]).toEqual([false, false, false]);
  expect(groups.add(33, 135)).toBe(false);
  expect(groups.add(30, 136)).toBe(false);
  expect(groups.add(66, 190)).toBe(true);
  expect([groups.sendDeltaMs, groups.arrivalDeltaMs]).toEqual([29, 33]);
});

test("the measure of arrivals follows a lasting change and tells the last packets apart", () => {
  const rate = new AckedRate();
  let atMs = 0;
  for (; atMs < 3000; atMs += 10) rate.add(atMs, 1250);
  expect(rate.bps / 1e6).toBeCloseTo(1, 1);
  for (; atMs < 3100; atMs += 20) rate.add(atMs, 1250);
  expect(rate.bps).toBeGreaterThan(800_000);
  expect(rate.recentBps(80) / 1e6).toBeCloseTo(0.5, 1);
  for (; atMs < 5000; atMs += 20) rate.add(atMs, 1250);
  expect(rate.bps / 1e6).toBeCloseTo(0.5, 1);
});

describe("rate control", () => {
  const bounds = { minBps: 50_000, maxBps: 10_000_000 };
  const signal = { usage: "normal", ackedBps: 1_000_000, sentBps: 1_000_000, rttMs: 50 } as const;

  test("rises in steps that end at half more than what arrives", () => {
    const rate = new RateControl(1_000_000, bounds);
    for (let nowMs = 0; nowMs <= 20_000; nowMs += 50) rate.update(signal, nowMs);

    expect(rate.bps).toBeGreaterThan(1_400_000);
    expect(rate.bps).toBeLessThanOrEqual(1_510_000);
  });

  test("falls below what arrives, and not again before that can have shown", () => {
    const rate = new RateControl(2_000_000, bounds);
    rate.update({ ...signal, usage: "over" }, 1000);
    expect(rate.bps).toBe(850_000);
    rate.update({ ...signal, usage: "over", ackedBps: 800_000 }, 1020);
    expect(rate.bps).toBe(850_000);
    rate.update({ ...signal, usage: "over", ackedBps: 800_000 }, 1100);
    expect(rate.bps).toBe(680_000);
  });

  test("is not led to nothing by a path that is hardly used", () => {
    const rate = new RateControl(2_000_000, bounds);
    rate.update({ ...signal, usage: "over", ackedBps: 60_000, sentBps: 60_000 }, 1000);
    rate.update({ ...signal, usage: "over", ackedBps: 60_000, sentBps: 60_000 }, 1010);

    expect(rate.bps).toBe(1_400_000);
  });
});

describe("loss control", () => {
  const rate = { currentBps: 1_000_000, minBps: 50_000, rttMs: 50 };
  const feed = (control: LossControl, ratio: number, fromMs: number, toMs: number): void => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 100) {
      control.update({ lost: 100 * ratio, acked: 100 * (1 - ratio) }, rate, nowMs);
    }
  };

  test("[E9] a path that always loses one in twenty is not congested", () => {
    const control = new LossControl();
    feed(control, 0.05, 0, 20_000);

    expect(control.bps).toBe(Number.POSITIVE_INFINITY);
    expect(control.lossRatio).toBeCloseTo(0.05);
  });

  test("losses beyond the usual lower it, and it recovers", () => {
    const control = new LossControl();
    feed(control, 0, 0, 5000);
    feed(control, 0.3, 5000, 7000);
    const low = control.bps;
    expect(low).toBeLessThan(1_000_000);
    feed(control, 0, 7000, 12_000);
    expect(control.bps).toBeGreaterThan(low);
  });
});

test("a gauge calls a fast queue at the second feedback, and slow wandering never", () => {
  const told = { lost: 0, acked: 10 };
  const fast = new QueueGauge();
  const calls = [30, 30, 65, 110].map((wayMs, i) => {
    fast.add(wayMs);
    return fast.conclude(told, i * 50);
  });
  expect(calls).toEqual([false, false, false, true]);

  const slow = new QueueGauge();
  for (let i = 0; i < 100; i++) {
    slow.add(30 + i);
    expect(slow.conclude(told, i * 50)).toBe(false);
  }
});

describe("probes", () => {
  const path = {
    estimateBps: 600_000,
    desiredBps: 2_000_000,
    missingBps: 0,
    usage: "normal",
    decreasedAtMs: -1e9,
  } as const;
  const play = (probes: Probes, carriedBps: number): number => {
    const cluster = probes.active!;
    let bps = -1;
    for (let i = 0; probes.active !== undefined; i++) {
      const sentMs = (i * 8_000_000) / cluster.rateBps;
      const arrivalMs = (i * 8_000_000) / Math.min(carriedBps, cluster.rateBps);
      probes.noteSent(1000);
      bps = Math.max(bps, probes.noteAcked(cluster.id, { sentMs, arrivalMs, byteLength: 1000 }));
    }
    return bps;
  };

  test("[E14] nothing is probed once what is wanted fits", () => {
    const probes = new Probes(600_000);
    probes.consider({ ...path, estimateBps: 2_500_000 }, 0);
    expect(probes.active).toBeUndefined();
    probes.consider({ ...path, usage: "over" }, 0);
    expect(probes.active).toBeUndefined();
  });

  test("a wide path gives what was tried, a narrow one what it carries", () => {
    const probes = new Probes(600_000);
    probes.consider(path, 0);
    expect(play(probes, 50e6)).toBeCloseTo(1_800_000, -5);
    probes.consider(path, 1200);
    expect(play(probes, 900_000)).toBeCloseTo(855_000, -5);
  });

  test("after failures the distance between probes grows", () => {
    const probes = new Probes(600_000);
    const startedMs: number[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 50) {
      probes.consider(path, nowMs);
      if (probes.active === undefined) continue;
      startedMs.push(nowMs);
      play(probes, 700_000);
    }
    const distances = startedMs.slice(3).map((atMs, i) => atMs - startedMs[i + 2]!);
    expect(Math.min(...distances)).toBeGreaterThanOrEqual(4000);
    expect(Math.max(...distances)).toBeLessThan(10_000);
  });
});
