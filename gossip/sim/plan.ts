// A scenario before its size is chosen: what is done grows with the cluster, and so does the time that it may take.

import { pushPullIntervalMs } from "../src/membership/push-pull.ts";
import { LAN } from "../src/options.ts";
import type { DurationMs } from "../src/types.ts";
import type { Scenario, Step } from "./scenario.ts";

export type Shape = Omit<Scenario, "name" | "seed" | "nodeCount">;

export interface Plan {
  readonly name: string;
  readonly seed: number;
  /** The size in which it runs with every change. */
  readonly nodeCount: number;
  readonly shape: (nodeCount: number) => Shape;
}

export const plan = (
  name: string,
  usual: { readonly seed: number; readonly nodeCount: number },
  shape: (nodeCount: number) => Shape,
): Plan => ({ name, ...usual, shape });

export const at = (atMs: number, fault: Step["fault"]): Step => ({ atMs, fault });

export const some = (count: number): { readonly kind: "some"; readonly count: number } => ({ kind: "some", count });

export const these = (...indices: number[]): { readonly kind: "these"; readonly indices: readonly number[] } => ({
  kind: "these",
  indices,
});

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** So many of n, at least `least`. */
export const share = (n: number, ratio: number, least = 1): number => Math.max(least, Math.floor(n * ratio));

export const NEAR = { kind: "uniform", rttMs: 2 } as const;
export const REGIONS = { kind: "regions", insideMs: 2, acrossMs: 80 } as const;
export const WORLD = { kind: "world" } as const;

export const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/**
 * Beyond the usual size gossip has more to tell than its packets hold at once (a member tells about 200 messages a
 * second), and what it misses waits for exchanges that are further apart.
 */
function allowanceMs(usual: number, nodeCount: number): DurationMs {
  if (nodeCount <= usual) return 0;
  return 2 * pushPullIntervalMs(LAN.pushPullIntervalMs, nodeCount) + 60 * nodeCount;
}

/** The scenario of this size; by default that of every change. */
export function sized({ name, seed, nodeCount: usual, shape }: Plan, nodeCount = usual): Scenario {
  const { expect, ...rest } = shape(nodeCount);
  const moreMs = allowanceMs(usual, nodeCount);
  const bootWithinMs = expect.bootWithinMs + moreMs;
  return {
    name,
    seed,
    nodeCount,
    ...rest,
    expect: { ...expect, bootWithinMs, settleWithinMs: expect.settleWithinMs + moreMs },
  };
}
