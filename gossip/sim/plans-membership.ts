// Scenarios about who is there: boots, departures, cuts, slowness.

import { at, NEAR, type Plan, plan, REGIONS, range, share, some, these, WORLD } from "./plan.ts";

export const BOOTS: readonly Plan[] = [
  plan("boot of 3", { seed: 101, nodeCount: 3 }, () => ({
    topology: NEAR,
    steps: [],
    disturbMs: 40_000,
    expect: { bootWithinMs: 1_000, settleWithinMs: 0 },
  })),
  plan("boot of 30 around the world", { seed: 102, nodeCount: 30 }, () => ({
    topology: WORLD,
    steps: [],
    disturbMs: 40_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 0 },
  })),
  plan("boot of 300 in two regions", { seed: 103, nodeCount: 300 }, () => ({
    topology: REGIONS,
    steps: [],
    disturbMs: 15_000,
    expect: { bootWithinMs: 20_000, settleWithinMs: 0 },
  })),
];

export const DEPARTURES: readonly Plan[] = [
  plan("crash of one", { seed: 201, nodeCount: 30 }, () => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "crash", who: some(1) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 20_000 },
  })),
  plan("crash of a third", { seed: 202, nodeCount: 30 }, (n) => ({
    topology: REGIONS,
    steps: [at(1_000, { kind: "crash", who: some(share(n, 1 / 3)) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 60_000 },
  })),
  plan("rolling restart", { seed: 203, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    // Twenty turns, whatever the size: more members at a time.
    steps: range(0, 20).map((i) => {
      const who = these(...range(Math.floor((i * n) / 20), Math.floor(((i + 1) * n) / 20)));
      return at(1_000 + 1_500 * i, { kind: "restart", who });
    }),
    disturbMs: 32_000,
    // A restarted process is suspected under its former incarnation until it has refuted.
    expect: { bootWithinMs: 5_000, settleWithinMs: 30_000, maxFalseFailures: 0 },
  })),
  plan("graceful leave of a third", { seed: 204, nodeCount: 30 }, (n) => ({
    topology: REGIONS,
    steps: [at(1_000, { kind: "leave", who: some(share(n, 1 / 3)) })],
    disturbMs: 5_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 5_000 },
  })),
  plan("leave whose words are lost", { seed: 205, nodeCount: 20 }, () => ({
    topology: NEAR,
    steps: [
      at(1_000, { kind: "cut", who: these(7), oneWay: true }),
      at(1_010, { kind: "leave", who: these(7) }),
      at(25_000, { kind: "crash", who: these(7) }),
    ],
    disturbMs: 26_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 40_000, network: ["cut"] },
  })),
  plan("force-leave of the failed, who come back", { seed: 206, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [
      at(1_000, { kind: "crash", who: these(...range(3, 3 + share(n, 0.05, 3))) }),
      at(n > 100 ? 60_000 : 25_000, { kind: "forceLeaveFailed", by: 0 }),
      at(n > 100 ? 65_000 : 30_000, { kind: "revive" }),
    ],
    disturbMs: n > 100 ? 66_000 : 31_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 45_000 },
  })),
  plan("churn of 100", { seed: 207, nodeCount: 100 }, (n) => ({
    topology: WORLD,
    steps: [
      ...range(0, 15).map((i) => at(500 + 1_000 * i, { kind: "restart", who: some(share(n, 0.02)) })),
      ...range(0, 5).map((i) => at(800 + 3_000 * i, { kind: "leave", who: some(share(n, 0.01)) })),
      at(15_500, { kind: "revive" }),
    ],
    disturbMs: 16_000,
    // Who leaves and is back within two seconds is called failed by those who joined in between: they hear the end of the
    // former life and never heard its intent, as with Serf. In larger clusters some do both.
    expect: { bootWithinMs: 10_000, settleWithinMs: 60_000, maxFalseFailures: n > 100 ? share(n, 0.02) : 0 },
  })),
  plan("two claim one name", { seed: 208, nodeCount: 8 }, (n) => ({
    topology: NEAR,
    twins: new Map([[n - 1, 2]]),
    steps: [at(1_000, { kind: "start", who: these(n - 1) })],
    disturbMs: 20_000,
    // The later one asks the others, loses its name and stops.
    expect: { bootWithinMs: 5_000, settleWithinMs: 20_000, told: ["conflict", "nameLost"] },
  })),
];

export const CUTS: readonly Plan[] = [
  plan("partition in halves", { seed: 301, nodeCount: 30 }, (n) => ({
    topology: REGIONS,
    steps: [at(1_000, { kind: "cut", who: these(...range(0, Math.floor(n / 2))) })],
    disturbMs: n > 100 ? 60_000 : 20_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 60_000, maxFalseFailures: 0.56 * n * n, network: ["cut"] },
  })),
  plan("one-way partition of a few", { seed: 302, nodeCount: 30 }, (n) => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(...range(5, 5 + share(n, 0.03, 3))), oneWay: true })],
    disturbMs: 20_000,
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 60_000,
      // Those who are not heard fail; and they, who hear no answer, may take others for failed.
      maxFalseFailures: 2 * n * share(n, 0.03, 3),
      network: ["cut"],
    },
  })),
  plan("partition longer than the dead are remembered", { seed: 303, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(...range(0, share(n, 0.4))) })],
    disturbMs: 120_000,
    // Only the slow attempts to reconnect bring two sides together that have forgotten each other.
    expect: { bootWithinMs: 5_000, settleWithinMs: 180_000, maxFalseFailures: 0.5 * n * n, network: ["cut"] },
  })),
  plan("datagrams blocked between two members", { seed: 304, nodeCount: 2 }, () => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(1), packetsOnly: true })],
    disturbMs: 40_000,
    heal: false,
    expect: { bootWithinMs: 2_000, settleWithinMs: 0, network: ["cut"] },
  })),
];

export const SLOWNESS: readonly Plan[] = [
  plan("one slow member", { seed: 401, nodeCount: 30 }, (n) => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "slow", who: these(...range(9, 9 + share(n, 0.01))), byMs: 700 })],
    disturbMs: 60_000,
    // Lifeguard: the slow one must not take the others down.
    expect: { bootWithinMs: 5_000, settleWithinMs: 20_000, maxFalseFailures: 0 },
  })),
  plan("pause of 10 s", { seed: 402, nodeCount: 30 }, (n) => ({
    topology: REGIONS,
    steps: [at(1_000, { kind: "pause", who: some(share(n, 0.01, 2)), forMs: 10_000 })],
    disturbMs: 15_000,
    // Those who sleep may be taken for dead, but nobody by them.
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 40_000,
      maxFalseFailures: n * share(n, 0.01, 2),
      onlyDisturbedFail: true,
    },
  })),
  plan("clock jump of an hour", { seed: 403, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [at(1_000, { kind: "clockJump", who: some(share(n, 0.25)), byMs: 3_600_000 })],
    disturbMs: 30_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 10_000 },
  })),
];
