// Scenarios about what is said: loss and damage, requests, events, queries, keys, and strangers who join the conversation.

import { at, KEY, NEAR, type Plan, plan, REGIONS, range, share, some, WORLD } from "./plan.ts";

// What gossip misses under loss is repaired by the next state exchanges, up to two push/pull intervals later (of 60 s each beyond 32 members).
export const LOSS: readonly Plan[] = [
  plan("20 % lost in bursts", { seed: 501, nodeCount: 50 }, () => ({
    topology: WORLD,
    steps: [at(500, { kind: "conditions", conditions: { burst: { everyMs: 800, lengthMs: 200 } } })],
    disturbMs: 60_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 30_000, maxFalseFailures: 0, network: ["lostInBursts"] },
  })),
  plan("duplicates and overtaking", { seed: 502, nodeCount: 50 }, (n) => ({
    topology: WORLD,
    conditions: { duplicateRatio: 0.2, reorderRatio: 0.3, reorderMs: 150, lossRatio: 0.02 },
    steps: [
      at(1_000, { kind: "leave", who: some(share(n, 0.1)) }),
      at(3_000, { kind: "crash", who: some(share(n, 0.1)) }),
      at(6_000, { kind: "revive" }),
      at(8_000, { kind: "leave", who: some(share(n, 0.1)) }),
    ],
    disturbMs: 14_000,
    expect: {
      bootWithinMs: 70_000,
      settleWithinMs: 130_000,
      maxFalseFailures: share(n, 0.1),
      network: ["duplicated", "reordered", "lost"],
    },
  })),
  plan("damaged packets in an encrypted cluster", { seed: 503, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    gossip: { keys: [KEY] },
    conditions: { corruptRatio: 0.05 },
    steps: [
      at(1_000, { kind: "crash", who: some(share(n, 0.02, 2)) }),
      at(n > 100 ? 60_000 : 20_000, { kind: "revive" }),
    ],
    disturbMs: n > 100 ? 62_000 : 22_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 40_000, network: ["corrupted"], dropped: ["bad_decrypt"] },
  })),
  plan("tags change under loss", { seed: 504, nodeCount: 30 }, (n) => ({
    topology: REGIONS,
    conditions: { lossRatio: 0.1 },
    steps: range(0, 10).map((i) =>
      at(500 + 300 * i, { kind: "retag", who: some(share(n, 0.02, 3)), value: `region ${i}` }),
    ),
    disturbMs: 10_000,
    expect: { bootWithinMs: 70_000, settleWithinMs: 70_000, network: ["lost"] },
  })),
  plan("a tenth of 200 crashes under loss", { seed: 505, nodeCount: 200 }, (n) => ({
    topology: WORLD,
    conditions: { lossRatio: 0.02 },
    steps: [at(1_000, { kind: "crash", who: some(share(n, 0.1)) })],
    disturbMs: 2_000,
    expect: { bootWithinMs: 20_000, settleWithinMs: 60_000, network: ["lost"] },
  })),
];

export const REQUESTS: readonly Plan[] = [
  plan("requests under loss", { seed: 601, nodeCount: 20 }, (n) => ({
    topology: REGIONS,
    conditions: { lossRatio: 0.1, duplicateRatio: 0.1, reorderRatio: 0.1 },
    steps: [at(500, { kind: "ask", perSecond: Math.min(10 * n, 1_000), forMs: 10_000, bodyBytes: 200 })],
    disturbMs: 16_000,
    expect: {
      bootWithinMs: 8_000,
      settleWithinMs: 10_000,
      answeredRatio: n > 100 ? 0.999 : 1,
      network: ["lost"],
      dropped: ["duplicate"],
    },
  })),
  plan("requests too large for a packet", { seed: 602, nodeCount: 10 }, () => ({
    topology: REGIONS,
    conditions: { lossRatio: 0.05 },
    steps: [
      at(500, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 40_000 }),
      at(700, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 1_300 }),
    ],
    disturbMs: 16_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 10_000, answeredRatio: 1 },
  })),
  plan("requests while members crash and come back", { seed: 603, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [
      at(500, { kind: "ask", perSecond: 100, forMs: 20_000, bodyBytes: 100 }),
      ...range(0, 6).map((i) => at(1_000 + 3_000 * i, { kind: "restart", who: some(share(n, 0.01)) })),
      at(12_000, { kind: "crash", who: some(share(n, 0.05, 2)) }),
    ],
    disturbMs: 26_000,
    expect: { bootWithinMs: 8_000, settleWithinMs: 40_000, answeredRatio: 0.85 },
  })),
];

export const TALK: readonly Plan[] = [
  plan("event storm under loss", { seed: 611, nodeCount: 32 }, () => ({
    topology: REGIONS,
    steps: [
      at(500, { kind: "conditions", conditions: { lossRatio: 0.1, duplicateRatio: 0.02, reorderRatio: 0.05 } }),
      // Fewer than the 512 times that members remember, or exchanges could not repair what gossip missed.
      at(1_000, { kind: "announce", perSecond: 40, forMs: 10_000, payloadBytes: 32 }),
    ],
    disturbMs: 12_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 130_000, network: ["lost", "duplicated"], told: ["userEvent"] },
  })),
  plan("queries with relays under loss", { seed: 612, nodeCount: 40 }, (n) => ({
    topology: WORLD,
    steps: [
      at(500, { kind: "conditions", conditions: { lossRatio: 0.2 } }),
      at(1_000, { kind: "query", perSecond: n > 100 ? 0.5 : 2, forMs: 10_000, relayFactor: 3 }),
    ],
    disturbMs: n > 100 ? 30_000 : 20_000,
    expect: {
      bootWithinMs: 70_000,
      settleWithinMs: 130_000,
      queriesAnsweredRatio: 0.97,
      network: ["lost"],
      told: ["queryAck", "queryResponse", "queryDone"],
    },
  })),
  plan("keys change under load", { seed: 613, nodeCount: 20 }, (n) => ({
    topology: REGIONS,
    gossip: { keys: [KEY] },
    steps: [
      at(500, { kind: "conditions", conditions: { lossRatio: 0.05 } }),
      at(800, { kind: "ask", perSecond: Math.min(5 * n, 200), forMs: 30_000, bodyBytes: 200 }),
      at(900, { kind: "announce", perSecond: 5, forMs: 30_000, payloadBytes: 32 }),
      at(2_000, { kind: "rotateKeys", by: 3, old: KEY }),
    ],
    disturbMs: 40_000,
    expect: {
      bootWithinMs: 8_000,
      settleWithinMs: 180_000,
      answeredRatio: 0.999,
      network: ["lost"],
      told: ["keyResult", "keyringChanged"],
    },
  })),
];

export const STRANGERS: readonly Plan[] = [
  plan("a stranger's noise and giants", { seed: 701, nodeCount: 10 }, (n) => ({
    topology: NEAR,
    steps: [
      at(500, { kind: "attack", attack: "noise", perSecond: Math.min(50 * n, 5_000), forMs: 10_000 }),
      at(500, { kind: "attack", attack: "giants", perSecond: Math.min(2 * n, 200), forMs: 10_000 }),
    ],
    disturbMs: 12_000,
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 10_000,
      dropped: ["bad_msgpack", "meta_too_long", "bad_compound"],
    },
  })),
  plan("a stranger who replays", { seed: 702, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [
      at(500, { kind: "attack", attack: "replay", perSecond: Math.min(10 * n, 1_000), forMs: 25_000 }),
      at(1_000, { kind: "leave", who: some(share(n, 0.02, 3)) }),
      at(2_000, { kind: "ask", perSecond: 20, forMs: 10_000, bodyBytes: 100 }),
      at(8_000, { kind: "restart", who: some(share(n, 0.02, 3)) }),
    ],
    disturbMs: 27_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 90_000, maxFalseFailures: 3 * n },
  })),
  plan("a stranger who lies about members", { seed: 703, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [at(500, { kind: "attack", attack: "lies", perSecond: n > 100 ? 20 : 50, forMs: 10_000 })],
    disturbMs: 12_000,
    // Without keys a lie is believed until its victim refutes it.
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 120_000,
      maxFalseFailures: 1_000 * n,
      dropped: ["bad_incarnation", "bad_lamport_time"],
    },
  })),
  plan("lies and replays outside of an encrypted cluster", { seed: 704, nodeCount: 10 }, (n) => ({
    topology: NEAR,
    gossip: { keys: [KEY] },
    steps: [
      at(500, { kind: "attack", attack: "lies", perSecond: Math.min(5 * n, 500), forMs: 10_000 }),
      at(500, { kind: "attack", attack: "noise", perSecond: Math.min(5 * n, 500), forMs: 10_000 }),
    ],
    disturbMs: 12_000,
    expect: { bootWithinMs: 5_000, settleWithinMs: 0, maxFalseFailures: 0, dropped: ["bad_decrypt"] },
  })),
  plan("a stranger who floods", { seed: 705, nodeCount: 20 }, (n) => ({
    topology: NEAR,
    steps: [
      at(500, { kind: "attack", attack: "floods", perSecond: n > 100 ? 60 : 1_000, forMs: 10_000 }),
      at(2_000, { kind: "ask", perSecond: 20, forMs: 5_000, bodyBytes: 100 }),
      at(3_000, { kind: "crash", who: some(1) }),
    ],
    disturbMs: 12_000,
    expect: {
      bootWithinMs: 5_000,
      settleWithinMs: 60_000,
      maxFalseFailures: 0,
      answeredRatio: 0.9,
      dropped: ["late_response", "wrong_recipient", "unknown_ack"],
    },
  })),
];
