// How well a cluster tells the silent from the dead, how fast it learns and how fast it tells: numbers with bounds over lists
// of seeds. The long form of the first (1,000 node-hours) is bench/sim/false-deaths.mjs.

import { describe, expect, test } from "@jest/globals";
import { CLEAN, Cluster, type TopologySpec } from "#gossip/sim";
import { type GossipOptions, WAN } from "../src/index.ts";

const REGIONS = { kind: "regions", insideMs: 2, acrossMs: 80 } as const;

interface World {
  readonly topology?: TopologySpec;
  readonly gossip?: Partial<GossipOptions>;
}

function booted(nodeCount: number, seed: number, { topology = REGIONS, gossip = {} }: World = {}): Cluster {
  const cluster = new Cluster({ seed, nodeCount, topology, gossip });
  for (let i = 0; i < nodeCount; i += 1) cluster.at(i * 20, () => cluster.start(i, i === 0 ? [] : [0]));
  cluster.runFor(nodeCount * 20);
  expect(cluster.runUntil(() => cluster.agree(), { withinMs: 300_000 })).toBeDefined();
  return cluster;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function tell(name: string, seeds: readonly number[], values: readonly number[]): void {
  process.stdout.write(`${name}: seeds ${seeds.join(" ")}: ${values.map((value) => value.toFixed(0)).join(" ")}\n`);
}

describe("false deaths", () => {
  test("[M14] at 5 % loss nobody who is up is called failed in 10 node-hours", () => {
    const [nodeCount, minutes] = [30, 20];
    const cluster = booted(nodeCount, 1);
    cluster.network.conditions = { ...CLEAN, lossRatio: 0.05 };
    cluster.runFor(minutes * 60_000);
    tell("false deaths", [1], [cluster.falseFailures]);
    expect(cluster.network.counters.lost).toBeGreaterThan(1_000);
    expect(cluster.falseFailures).toBe(0);
  });

  test.each([1, 2])("[M23] while one of 100 sleeps for 10 s nobody else is called failed (seed %i)", (seed) => {
    const cluster = booted(100, seed);
    cluster.network.conditions = { ...CLEAN, lossRatio: 0.05 };
    cluster.runFor(2_000);
    const sleeper = cluster.node(42);
    sleeper.pausedUntilMs = cluster.nowMs + 10_000;
    cluster.runFor(60_000);
    expect([...cluster.failedWhileUp.keys()].filter((name) => name !== sleeper.name)).toEqual([]);
    expect(sleeper.core?.stats()["late_wakes"]).toBeGreaterThan(0);
    expect(cluster.runUntil(() => cluster.agree(), { withinMs: 60_000 })).toBeDefined();
  });
});

describe("how fast", () => {
  test.each([
    [10, 8_000, 12_000, [1, 2, 3, 4, 5]],
    [100, 12_000, 18_000, [1, 2, 3]],
  ])(
    "[M11] the crash of one of %i is known to all within %i ms, at worst %i ms",
    (nodeCount, usualMs, worstMs, seeds) => {
      const times = seeds.map((seed) => {
        const cluster = booted(nodeCount, seed);
        cluster.runFor(3_000);
        cluster.crash(nodeCount - 2);
        return cluster.runUntil(() => cluster.agree(), { withinMs: 120_000, everyMs: 50 }) ?? Number.POSITIVE_INFINITY;
      });
      tell(`crash of one of ${nodeCount} known to all, ms`, seeds, times);
      expect(median(times)).toBeLessThanOrEqual(usualMs);
      expect(Math.max(...times)).toBeLessThanOrEqual(worstMs);
    },
  );

  test.each([
    [30, 0, 1_500],
    [100, 0.05, 3_000],
  ])("[B2] an event among %i at loss %d reaches all within %i ms", (nodeCount, lossRatio, boundMs) => {
    const seeds = [1, 2];
    const times = seeds.flatMap((seed) => {
      const cluster = booted(nodeCount, seed);
      // What the boot left to be told must not share the packets.
      cluster.runFor(10_000);
      cluster.network.conditions = { ...CLEAN, lossRatio };
      return [0, 1, 2, 3].map((round) => {
        cluster.command(round, ({ core }, nowMs) => core?.userEvent(`e${round}`, new Uint8Array(50), { nowMs }));
        const isTold = (): boolean => cluster.members().every(({ userEvents }) => userEvents.size > round);
        return cluster.runUntil(isTold, { withinMs: 120_000, everyMs: 20 }) ?? Number.POSITIVE_INFINITY;
      });
    });
    tell(`event to ${nodeCount} at loss ${lossRatio}, ms`, seeds, times);
    expect(median(times)).toBeLessThanOrEqual(boundMs);
  });

  test("[M30] under WAN timing near peers are watched as in a LAN: a death is known to all in seconds, and only a real one", () => {
    const seeds = [1, 2];
    const times = seeds.map((seed) => {
      const cluster = booted(30, seed, { topology: { kind: "world" }, gossip: { profile: WAN, nearRttMs: 300 } });
      cluster.network.conditions = { ...CLEAN, lossRatio: 0.05 };
      cluster.runFor(120_000);
      expect(cluster.falseFailures).toBe(0);
      cluster.crash(11);
      return cluster.runUntil(() => cluster.agree(), { withinMs: 120_000, everyMs: 50 }) ?? Number.POSITIVE_INFINITY;
    });
    tell("crash under WAN timing known to all, ms", seeds, times);
    expect(Math.max(...times)).toBeLessThanOrEqual(20_000);
  });
});
