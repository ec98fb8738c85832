// What a cluster costs and how well it knows itself, as numbers with bounds. Seeds are fixed, so a change of a number is a
// change of behaviour.

import { describe, expect, test } from "@jest/globals";
import { Cluster, type TopologySpec } from "#gossip/sim";
import { distance } from "../src/coordinate/coordinate.ts";

function booted(nodeCount: number, topology: TopologySpec, seed = 900): Cluster {
  const cluster = new Cluster({ seed, nodeCount, topology });
  for (let i = 0; i < nodeCount; i += 1) cluster.at(i * 50, () => cluster.start(i, i === 0 ? [] : [0]));
  cluster.runFor(nodeCount * 50);
  expect(cluster.runUntil(() => cluster.agree(), { withinMs: 70_000 })).toBeDefined();
  return cluster;
}

describe("traffic", () => {
  const idle = (nodeCount: number): { readonly packets: number; readonly bytes: number } => {
    const cluster = booted(nodeCount, { kind: "uniform", rttMs: 2 });
    cluster.runFor(15_000);
    const before = { ...cluster.network.counters };
    cluster.runFor(60_000);
    const seconds = 60 * nodeCount;
    return {
      packets: (cluster.network.counters.sent - before.sent) / seconds,
      bytes: (cluster.network.counters.sentBytes - before.sentBytes) / seconds,
    };
  };

  test("[M18] an idle member sends two packets a second, whatever the size of the cluster", () => {
    const [small, large] = [idle(10), idle(60)];
    for (const { packets, bytes } of [small, large]) {
      expect(packets).toBeGreaterThan(1.5);
      // The stock agent was measured at 2.0 packets and 269 bytes per second and node (bytes with headers).
      expect(packets).toBeLessThanOrEqual(2);
      expect(bytes).toBeLessThanOrEqual(269);
    }
    expect(large.packets).toBeLessThan(1.2 * small.packets);
  });

  test("the death of one of 30 is known to all within what the stock agent needs", () => {
    const times: number[] = [];
    for (const seed of [1, 2, 3, 4, 5]) {
      const cluster = booted(30, { kind: "uniform", rttMs: 2 }, seed);
      cluster.runFor(5_000);
      cluster.crash(7);
      times.push(
        cluster.runUntil(() => cluster.agree(), { withinMs: 60_000, everyMs: 50 }) ?? Number.POSITIVE_INFINITY,
      );
    }
    // Suspicion takes 5.9 s at least among 30; the stock agent was measured at 7.6 s until all knew.
    const median = times.toSorted((a, b) => a - b)[2] ?? 0;
    expect(median).toBeGreaterThan(5_900);
    expect(median).toBeLessThanOrEqual(9_500);
  });
});

describe("coordinates", () => {
  const medianError = (cluster: Cluster): number => {
    const errors: number[] = [];
    for (const a of cluster.nodes) {
      for (const b of cluster.nodes) {
        const [from, to] = [a.core?.coordinate(), b.core?.coordinate()];
        if (a.index >= b.index || from === undefined || to === undefined) continue;
        const truthMs = cluster.topology.rttMs(a.index, b.index);
        errors.push(Math.abs(distance(from, to) * 1_000 - truthMs) / truthMs);
      }
    }
    return errors.toSorted((a, b) => a - b)[errors.length >> 1] ?? 1;
  };

  test.each<[string, TopologySpec, number]>([
    ["a grid", { kind: "grid", spacingMs: 10 }, 0.1],
    ["two regions", { kind: "regions", insideMs: 4, acrossMs: 80 }, 0.1],
    ["cities of the world", { kind: "world" }, 0.25],
  ])("[C7] real probes learn %s", (_name, topology, bound) => {
    const cluster = booted(30, topology);
    expect(medianError(cluster)).toBeGreaterThan(bound);
    cluster.runFor(300_000);
    expect(medianError(cluster)).toBeLessThan(bound);
  });

  test("[C5, C6] the measured rows are the true times but for jitter", () => {
    const cluster = booted(10, { kind: "grid", spacingMs: 10 });
    cluster.runFor(120_000);
    const row = cluster.node(0).core?.measuredRtts() ?? new Map();
    expect(row.size).toBe(9);
    for (const other of cluster.nodes.slice(1)) {
      const truthMs = cluster.topology.rttMs(0, other.index);
      const measuredMs = cluster.node(0).core?.rtt(other.name)?.measuredMs ?? 0;
      expect(measuredMs).toBeGreaterThanOrEqual(truthMs);
      expect(measuredMs).toBeLessThan(truthMs + 1);
    }
  });
});

test("[M4] a second member of the same name is told of, and the first keeps the name everywhere", () => {
  const cluster = new Cluster({
    seed: 901,
    nodeCount: 6,
    topology: { kind: "uniform", rttMs: 2 },
    twins: new Map([[5, 2]]),
  });
  for (let i = 0; i < 5; i += 1) cluster.at(i * 50, () => cluster.start(i, i === 0 ? [] : [0]));
  cluster.runFor(3_000);
  cluster.start(5, [0, 1]);
  cluster.runFor(30_000);
  for (const node of cluster.nodes.slice(0, 5)) {
    expect(node.core?.member("n002")).toMatchObject({ host: "10.0.0.2", status: "alive" });
  }
  expect(cluster.nodes.some((node) => (node.dropped.get("conflict") ?? 0) > 0)).toBe(true);
});
