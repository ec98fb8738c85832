// The scenarios that every change has to pass, by what they disturb. Seeds are fixed; the environment of the test run may
// replace them.

import type { Scenario, Step } from "./scenario.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

const at = (atMs: number, fault: Step["fault"]): Step => ({ atMs, fault });
const some = (count: number): { readonly kind: "some"; readonly count: number } => ({ kind: "some", count });
const these = (...indices: number[]): { readonly kind: "these"; readonly indices: readonly number[] } => ({
  kind: "these",
  indices,
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const NEAR = { kind: "uniform", rttMs: 2 } as const;
const REGIONS = { kind: "regions", insideMs: 2, acrossMs: 80 } as const;
const WORLD = { kind: "world" } as const;

const BOOT: readonly Scenario[] = [
  {
    name: "boot of 3",
    seed: 101,
    nodeCount: 3,
    topology: NEAR,
    steps: [],
    disturbMs: 40_000,
    expect: { bootWithinMs: 1_000, settleWithinMs: 0 },
  },
  {
    name: "boot of 30 around the world",
    seed: 102,
    nodeCount: 30,
    topology: WORLD,
    steps: [],
    disturbMs: 40_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 0 },
  },
  {
    name: "boot of 300 in two regions",
    seed: 103,
    nodeCount: 300,
    topology: REGIONS,
    steps: [],
    disturbMs: 15_000,
    expect: { bootWithinMs: 20_000, settleWithinMs: 0 },
  },
];

const DEPARTURES: readonly Scenario[] = [
  {
    name: "crash of one",
    seed: 201,
    nodeCount: 30,
    topology: NEAR,
    steps: [at(1_000, { kind: "crash", who: some(1) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 20_000 },
  },
  {
    name: "crash of a third",
    seed: 202,
    nodeCount: 30,
    topology: REGIONS,
    steps: [at(1_000, { kind: "crash", who: some(10) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 60_000 },
  },
  {
    name: "rolling restart",
    seed: 203,
    nodeCount: 20,
    topology: NEAR,
    steps: range(0, 20).map((i) => at(1_000 + 1_500 * i, { kind: "restart", who: these(i) })),
    disturbMs: 32_000,
    // A restarted process is suspected under its former incarnation until it has refuted.
    expect: { bootWithinMs: 5_000, settleWithinMs: 30_000, maxFalseFailures: 0 },
  },
  {
    name: "graceful leave of a third",
    seed: 204,
    nodeCount: 30,
    topology: REGIONS,
    steps: [at(1_000, { kind: "leave", who: some(10) })],
    disturbMs: 5_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 5_000 },
  },
  {
    name: "leave whose words are lost",
    seed: 205,
    nodeCount: 20,
    topology: NEAR,
    steps: [
      at(1_000, { kind: "cut", who: these(7), oneWay: true }),
      at(1_010, { kind: "leave", who: these(7) }),
      at(25_000, { kind: "crash", who: these(7) }),
    ],
    disturbMs: 26_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 40_000, network: ["cut"] },
  },
  {
    name: "force-leave of the failed, who come back",
    seed: 206,
    nodeCount: 20,
    topology: NEAR,
    steps: [
      at(1_000, { kind: "crash", who: these(3, 4, 5) }),
      at(25_000, { kind: "forceLeaveFailed", by: 0 }),
      at(30_000, { kind: "revive" }),
    ],
    disturbMs: 31_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 45_000 },
  },
  {
    name: "churn of 100",
    seed: 207,
    nodeCount: 100,
    topology: WORLD,
    steps: [
      ...range(0, 15).map((i) => at(500 + 1_000 * i, { kind: "restart", who: some(2) })),
      ...range(0, 5).map((i) => at(800 + 3_000 * i, { kind: "leave", who: some(1) })),
      at(15_500, { kind: "revive" }),
    ],
    disturbMs: 16_000,
    expect: { bootWithinMs: 10_000, settleWithinMs: 60_000 },
  },
];

const CUTS: readonly Scenario[] = [
  {
    name: "partition in halves",
    seed: 301,
    nodeCount: 30,
    topology: REGIONS,
    steps: [at(1_000, { kind: "cut", who: these(...range(0, 15)) })],
    disturbMs: 20_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 60_000, maxFalseFailures: 500, network: ["cut"] },
  },
  {
    name: "one-way partition of a few",
    seed: 302,
    nodeCount: 30,
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(5, 6, 7), oneWay: true })],
    disturbMs: 20_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 60_000, maxFalseFailures: 180, network: ["cut"] },
  },
  {
    name: "partition longer than the dead are remembered",
    seed: 303,
    nodeCount: 20,
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(...range(0, 8)) })],
    disturbMs: 120_000,
    // Only the slow attempts to reconnect bring two sides together that have forgotten each other.
    expect: { bootWithinMs: 5_000, settleWithinMs: 180_000, maxFalseFailures: 200, network: ["cut"] },
  },
  {
    name: "datagrams blocked between two members",
    seed: 304,
    nodeCount: 2,
    topology: NEAR,
    steps: [at(1_000, { kind: "cut", who: these(1), packetsOnly: true })],
    disturbMs: 40_000,
    heal: false,
    expect: { bootWithinMs: 2_000, settleWithinMs: 0, network: ["cut"] },
  },
];

const SLOWNESS: readonly Scenario[] = [
  {
    name: "one slow member",
    seed: 401,
    nodeCount: 30,
    topology: NEAR,
    steps: [at(1_000, { kind: "slow", who: these(9), byMs: 700 })],
    disturbMs: 60_000,
    // Lifeguard: the slow one must not take the others down.
    expect: { bootWithinMs: 5_000, settleWithinMs: 20_000, maxFalseFailures: 0 },
  },
  {
    name: "pause of 10 s",
    seed: 402,
    nodeCount: 30,
    topology: REGIONS,
    steps: [at(1_000, { kind: "pause", who: some(2), forMs: 10_000 })],
    disturbMs: 15_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 40_000, maxFalseFailures: 60 },
  },
  {
    name: "clock jump of an hour",
    seed: 403,
    nodeCount: 20,
    topology: NEAR,
    steps: [at(1_000, { kind: "clockJump", who: some(5), byMs: 3_600_000 })],
    disturbMs: 30_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 10_000 },
  },
];

// What gossip misses under loss is repaired by the next state exchanges, up to two push/pull intervals later (of 60 s each beyond 32 members).
const LOSS: readonly Scenario[] = [
  {
    name: "20 % lost in bursts",
    seed: 501,
    nodeCount: 50,
    topology: WORLD,
    steps: [at(500, { kind: "conditions", conditions: { burst: { everyMs: 800, lengthMs: 200 } } })],
    disturbMs: 60_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 30_000, maxFalseFailures: 0, network: ["lostInBursts"] },
  },
  {
    name: "duplicates and overtaking",
    seed: 502,
    nodeCount: 50,
    topology: WORLD,
    conditions: { duplicateRatio: 0.2, reorderRatio: 0.3, reorderMs: 150, lossRatio: 0.02 },
    steps: [
      at(1_000, { kind: "leave", who: some(5) }),
      at(3_000, { kind: "crash", who: some(5) }),
      at(6_000, { kind: "revive" }),
      at(8_000, { kind: "leave", who: some(5) }),
    ],
    disturbMs: 14_000,
    expect: {
      bootWithinMs: 70_000,
      settleWithinMs: 130_000,
      maxFalseFailures: 5,
      network: ["duplicated", "reordered", "lost"],
    },
  },
  {
    name: "damaged packets in an encrypted cluster",
    seed: 503,
    nodeCount: 20,
    topology: NEAR,
    gossip: { keys: [KEY] },
    conditions: { corruptRatio: 0.05 },
    steps: [at(1_000, { kind: "crash", who: some(2) }), at(20_000, { kind: "revive" })],
    disturbMs: 22_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 40_000, network: ["corrupted"], dropped: ["bad_decrypt"] },
  },
  {
    name: "tags change under loss",
    seed: 504,
    nodeCount: 30,
    topology: REGIONS,
    conditions: { lossRatio: 0.1 },
    steps: range(0, 10).map((i) => at(500 + 300 * i, { kind: "retag", who: some(3), value: `region ${i}` })),
    disturbMs: 10_000,
    expect: { bootWithinMs: 70_000, settleWithinMs: 70_000, network: ["lost"] },
  },
  {
    name: "a tenth of 200 crashes under loss",
    seed: 505,
    nodeCount: 200,
    topology: WORLD,
    conditions: { lossRatio: 0.02 },
    steps: [at(1_000, { kind: "crash", who: some(20) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 20_000, settleWithinMs: 60_000, network: ["lost"] },
  },
];

const REQUESTS: readonly Scenario[] = [
  {
    name: "requests under loss",
    seed: 601,
    nodeCount: 20,
    topology: REGIONS,
    conditions: { lossRatio: 0.1, duplicateRatio: 0.1, reorderRatio: 0.1 },
    steps: [at(500, { kind: "ask", perSecond: 200, forMs: 10_000, bodyBytes: 200 })],
    disturbMs: 16_000,
    expect: {
      bootWithinMs: 8_000,
      settleWithinMs: 10_000,
      answeredRatio: 1,
      network: ["lost"],
      dropped: ["duplicate"],
    },
  },
  {
    name: "requests too large for a packet",
    seed: 602,
    nodeCount: 10,
    topology: REGIONS,
    conditions: { lossRatio: 0.05 },
    steps: [
      at(500, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 40_000 }),
      at(700, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 1_300 }),
    ],
    disturbMs: 16_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 10_000, answeredRatio: 1 },
  },
  {
    name: "requests while members crash and come back",
    seed: 603,
    nodeCount: 20,
    topology: NEAR,
    steps: [
      at(500, { kind: "ask", perSecond: 100, forMs: 20_000, bodyBytes: 100 }),
      ...range(0, 6).map((i) => at(1_000 + 3_000 * i, { kind: "restart", who: some(1) })),
      at(12_000, { kind: "crash", who: some(2) }),
    ],
    disturbMs: 26_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 40_000, answeredRatio: 0.85 },
  },
];

const STRANGERS: readonly Scenario[] = [
  {
    name: "a stranger's noise and giants",
    seed: 701,
    nodeCount: 10,
    topology: NEAR,
    steps: [
      at(500, { kind: "attack", attack: "noise", perSecond: 500, forMs: 10_000 }),
      at(500, { kind: "attack", attack: "giants", perSecond: 20, forMs: 10_000 }),
    ],
    disturbMs: 12_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 10_000, dropped: ["bad_msgpack"] },
  },
  {
    name: "a stranger who replays",
    seed: 702,
    nodeCount: 20,
    topology: NEAR,
    steps: [
      at(500, { kind: "attack", attack: "replay", perSecond: 200, forMs: 25_000 }),
      at(1_000, { kind: "leave", who: some(3) }),
      at(2_000, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 100 }),
      at(8_000, { kind: "restart", who: some(3) }),
    ],
    disturbMs: 27_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 90_000, maxFalseFailures: 60 },
  },
  {
    name: "a stranger who lies about members",
    seed: 703,
    nodeCount: 20,
    topology: NEAR,
    steps: [at(500, { kind: "attack", attack: "lies", perSecond: 50, forMs: 10_000 })],
    disturbMs: 12_000,
    // Without keys a lie is believed until its victim refutes it.
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 120_000,
      maxFalseFailures: 20_000,
      dropped: ["bad_incarnation", "bad_lamport_time"],
    },
  },
  {
    name: "lies and replays outside of an encrypted cluster",
    seed: 704,
    nodeCount: 10,
    topology: NEAR,
    gossip: { keys: [KEY] },
    steps: [
      at(500, { kind: "attack", attack: "lies", perSecond: 50, forMs: 10_000 }),
      at(500, { kind: "attack", attack: "noise", perSecond: 50, forMs: 10_000 }),
    ],
    disturbMs: 12_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 0, maxFalseFailures: 0, dropped: ["bad_decrypt"] },
  },
];

export const SCENARIOS: readonly Scenario[] = [
  ...BOOT,
  ...DEPARTURES,
  ...CUTS,
  ...SLOWNESS,
  ...LOSS,
  ...REQUESTS,
  ...STRANGERS,
];
