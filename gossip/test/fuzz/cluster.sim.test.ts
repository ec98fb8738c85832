// Any list of disturbances of a small cluster, in any order: safety holds at every step, and once the links are mended
// everybody agrees, every event has reached everybody who was there, and nothing is left over. A failure shrinks to the
// shortest list that still fails, and prints it with its seed.

import { beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Fault, runScenario, type Scenario, type Step } from "#gossip/sim";
import { announce, FUZZ_TIMEOUT_MS, runs } from "./settings.ts";

const NODES = 7;
const DISTURB_MS = 20_000;

const index = fc.integer({ min: 1, max: NODES - 1 });
const who: fc.Arbitrary<{ readonly kind: "these"; readonly indices: readonly number[] }> = fc
  .uniqueArray(index, { minLength: 1, maxLength: 3 })
  .map((indices) => ({ kind: "these", indices }));
const forMs = fc.integer({ min: 500, max: 6_000 });
const ratio = fc.double({ min: 0, max: 0.3, noNaN: true });

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constantFrom("crash" as const, "restart" as const, "leave" as const, "start" as const), who }),
  fc.constant({ kind: "revive" as const }),
  fc.constant({ kind: "mend" as const }),
  fc.record({ kind: fc.constant("forceLeaveFailed" as const), by: index }),
  fc.record({ kind: fc.constant("cut" as const), who, oneWay: fc.boolean(), packetsOnly: fc.boolean() }),
  fc.record({ kind: fc.constant("pause" as const), who, forMs }),
  fc.record({ kind: fc.constant("slow" as const), who, byMs: fc.nat(900) }),
  fc.record({ kind: fc.constant("clockJump" as const), who, byMs: fc.constantFrom(1_000, 60_000, 3_600_000) }),
  fc.record({
    kind: fc.constant("conditions" as const),
    conditions: fc.record({
      lossRatio: ratio,
      duplicateRatio: ratio,
      reorderRatio: ratio,
      corruptRatio: fc.constant(0),
    }),
  }),
  fc.record({ kind: fc.constant("ask" as const), perSecond: fc.constant(20), forMs, bodyBytes: fc.nat(3_000) }),
  fc.record({ kind: fc.constant("announce" as const), perSecond: fc.constant(5), forMs, payloadBytes: fc.nat(200) }),
  fc.record({ kind: fc.constant("query" as const), perSecond: fc.constant(2), forMs, relayFactor: fc.nat(3) }),
  fc.record({ kind: fc.constant("retag" as const), who, value: fc.string({ maxLength: 20 }) }),
  fc.record({
    kind: fc.constant("attack" as const),
    attack: fc.constantFrom("noise" as const, "replay" as const, "giants" as const, "floods" as const),
    perSecond: fc.constant(50),
    forMs,
  }),
);

const step: fc.Arbitrary<Step> = fc.record({ atMs: fc.nat(DISTURB_MS - 8_000), fault });

function scenarioOf(steps: readonly Step[], seed: number): Scenario {
  return {
    name: "any disturbances",
    seed,
    nodeCount: NODES,
    topology: { kind: "regions", insideMs: 2, acrossMs: 80 },
    steps,
    disturbMs: DISTURB_MS,
    expect: { bootWithinMs: 70_000, settleWithinMs: 240_000, maxFalseFailures: Number.MAX_SAFE_INTEGER },
  };
}

beforeAll(() => announce("cluster"));

test(
  "[M25] whatever is done to a cluster, it stays safe, and agrees once it is left alone",
  () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), fc.integer({ min: 1, max: 1_000_000 }), (steps, seed) => {
        const { failures } = runScenario(scenarioOf(steps, seed));
        // A step may find nobody to do it to: that is no failure here.
        expect(failures.filter((words) => !words.startsWith("sentinel"))).toEqual([]);
      }),
      runs(10),
    );
  },
  FUZZ_TIMEOUT_MS,
);
