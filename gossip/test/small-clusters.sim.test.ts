// Few of many are left: what they have to tell each other must not be spent on those who are gone.

import { describe, expect, test } from "@jest/globals";
import { Cluster } from "../sim/index.ts";
import { LOCAL } from "../src/index.ts";

const SEEDS = Array.from({ length: 10 }, (_, i) => i + 1);

/** Two that live and others that were killed, whom both hold failed. */
function survivors(seed: number, dead: number): Cluster {
  const cluster = new Cluster({ seed, nodeCount: 2 + dead, gossip: { profile: LOCAL } });
  for (let i = 0; i < 2 + dead; i += 1) cluster.at(i * 20, () => cluster.start(i, i === 0 ? [] : [0]));
  cluster.runFor((2 + dead) * 20);
  expect(cluster.runUntil(() => cluster.agree(), { withinMs: 60_000 })).toBeDefined();
  for (let i = 2; i < 2 + dead; i += 1) cluster.crash(i);
  const agreedMs = cluster.runUntil(() => cluster.agree(), { withinMs: 60_000 });
  expect({ seed, agreedMs }).toEqual({ seed, agreedMs: expect.any(Number) });
  return cluster;
}

describe.each([1, 2, 3, 5, 8])("two alive and %i dead", (dead) => {
  test.each(SEEDS)("[M18, B2] an order to forget and an event reach the other at once, seed %i", (seed) => {
    const cluster = survivors(seed, dead);
    const heard = new Set<string>();
    cluster.heard = (node, event) => {
      if (node.index === 1 && (event.kind === "reaped" || event.kind === "userEvent")) heard.add(event.kind);
    };
    cluster.command(0, (node, nowMs) => {
      node.core?.forceLeave(cluster.node(2).name, nowMs, { prune: true });
      node.core?.userEvent("deploy", new Uint8Array(0), { nowMs });
    });
    cluster.runFor(1_000);
    expect(heard).toEqual(new Set(["reaped", "userEvent"]));
  });
});
