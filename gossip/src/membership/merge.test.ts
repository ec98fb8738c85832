import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { incarnation, type NodeName, nodeName } from "../types.ts";
import type { RecordState } from "../wire/messages.ts";
import { type MemberRecord, ownVersions } from "./member.ts";
import {
  type AliveClaim,
  decideAlive,
  decideDead,
  decideSuspect,
  MAX_INCARNATION,
  type MergeContext,
} from "./merge.ts";

const A = nodeName("a");
const META = Uint8Array.of(255, 128);
const VERSIONS = ownVersions(5);
const CONTEXT: MergeContext = {
  isSelf: false,
  leaving: false,
  nowMs: 100_000,
  deadNodeReclaimMs: 0,
  ownVersions: VERSIONS,
};
const STATES: readonly RecordState[] = ["alive", "suspect", "dead", "left"];

function recordOf(change: Partial<MemberRecord> = {}): MemberRecord {
  return {
    name: A,
    addr: Uint8Array.of(10, 0, 0, 1),
    endpoint: { host: "10.0.0.1", port: 7946 },
    meta: META,
    vsn: VERSIONS,
    incarnation: incarnation(5),
    state: "alive",
    stateChangedMs: 0,
    correctedMs: 0,
    reportedMs: 0,
    ...change,
  };
}

function claimOf(change: Partial<AliveClaim> = {}): AliveClaim {
  return {
    node: A,
    incarnation: 6,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 7946,
    meta: META,
    vsn: VERSIONS,
    ...change,
  };
}

const accusation = (
  at: number,
  from: NodeName = nodeName("b"),
): { node: NodeName; incarnation: number; from: NodeName } => ({
  node: A,
  incarnation: at,
  from,
});

describe("precedence", () => {
  test.each([
    // state, claim, accepted at a smaller, an equal, a larger incarnation
    ["alive", "alive", [false, false, true]],
    ["suspect", "alive", [false, false, true]],
    ["dead", "alive", [false, false, true]],
    ["left", "alive", [false, false, true]],
    ["alive", "suspect", [false, true, true]],
    ["dead", "suspect", [false, false, false]],
    ["left", "suspect", [false, false, false]],
    ["alive", "dead", [false, true, true]],
    ["suspect", "dead", [false, true, true]],
    ["dead", "dead", [false, false, false]],
    ["left", "dead", [false, false, false]],
  ] as const)("[M1] of a record %s and a claim %s, the incarnation decides", (state, kind, accepted) => {
    const record = recordOf({ state });
    const outcome = [4, 5, 6].map((at) => {
      if (kind === "alive") return decideAlive(record, claimOf({ incarnation: at }), CONTEXT).kind === "accept";
      const decide = kind === "suspect" ? decideSuspect : decideDead;
      return decide(record, accusation(at), CONTEXT).kind === "accept";
    });
    expect(outcome).toEqual([...accepted]);
  });

  test("[M2] nothing of a smaller incarnation is ever accepted", () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATES), fc.nat(1000), fc.nat(1000), (state, held, less) => {
        const record = recordOf({ state, incarnation: incarnation(held + less + 1) });
        expect(decideAlive(record, claimOf({ incarnation: held }), CONTEXT).kind).toBe("ignore");
        expect(decideSuspect(record, accusation(held), CONTEXT).kind).toBe("ignore");
        expect(decideDead(record, accusation(held), CONTEXT).kind).toBe("ignore");
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  test("[M7] an older or equal incarnation cannot revive a dead member", () => {
    for (const state of ["dead", "left"] as const) {
      for (const at of [1, 4, 5]) {
        expect(decideAlive(recordOf({ state }), claimOf({ incarnation: at }), CONTEXT)).toEqual({
          kind: "ignore",
          reason: "stale",
        });
      }
      expect(decideAlive(recordOf({ state }), claimOf({ incarnation: 6 }), CONTEXT)).toEqual({
        kind: "accept",
        joined: true,
        updated: false,
      });
    }
  });

  test("a suspicion of a suspect is a confirmation", () => {
    expect(decideSuspect(recordOf({ state: "suspect" }), accusation(5), CONTEXT).kind).toBe("confirm");
    expect(decideSuspect(recordOf({ state: "suspect" }), accusation(9), CONTEXT).kind).toBe("confirm");
    expect(decideSuspect(recordOf({ state: "suspect" }), accusation(4), CONTEXT).kind).toBe("ignore");
  });
});

describe("life", () => {
  test("a new name joins, unless its incarnation is 0", () => {
    expect(decideAlive(undefined, claimOf({ incarnation: 1 }), CONTEXT)).toEqual({
      kind: "accept",
      joined: true,
      updated: false,
    });
    expect(decideAlive(undefined, claimOf({ incarnation: 0 }), CONTEXT).kind).toBe("ignore");
  });

  test("new meta of a running member is an update", () => {
    const claim = claimOf({ meta: Uint8Array.of(1) });
    expect(decideAlive(recordOf(), claim, CONTEXT)).toEqual({ kind: "accept", joined: false, updated: true });
    expect(decideAlive(recordOf({ state: "suspect" }), claim, CONTEXT)).toMatchObject({ updated: true });
    expect(decideAlive(recordOf(), claimOf(), CONTEXT)).toEqual({ kind: "accept", joined: false, updated: false });
  });

  test.each([
    ["address", { addr: Uint8Array.of(10, 0, 0, 9) }],
    ["port", { port: 7947 }],
  ])("[M4] another %s is a conflict at any incarnation, except for a name that left", (_what, change) => {
    for (const state of ["alive", "suspect", "dead"] as const) {
      for (const at of [1, 5, 1_000]) {
        expect(decideAlive(recordOf({ state }), claimOf({ ...change, incarnation: at }), CONTEXT).kind).toBe(
          "conflict",
        );
      }
    }
    const left = decideAlive(recordOf({ state: "left" }), claimOf({ ...change, incarnation: 1 }), CONTEXT);
    expect(left).toEqual({ kind: "accept", joined: true, updated: false });
  });

  test("[M4] a dead member's name may move once it has been dead for long enough", () => {
    const moved = claimOf({ port: 7947, incarnation: 1 });
    const dead = recordOf({ state: "dead", stateChangedMs: 90_000 });
    expect(decideAlive(dead, moved, { ...CONTEXT, deadNodeReclaimMs: 9_000 }).kind).toBe("accept");
    expect(decideAlive(dead, moved, { ...CONTEXT, deadNodeReclaimMs: 10_000 }).kind).toBe("conflict");
  });

  test.each([
    ["none", new Uint8Array(0)],
    ["five bytes", Uint8Array.of(1, 5, 2, 2, 5)],
    ["min 0", Uint8Array.of(0, 5, 2, 2, 5, 5)],
    ["max 0", Uint8Array.of(1, 0, 2, 2, 5, 5)],
    ["min above max", Uint8Array.of(3, 2, 2, 2, 5, 5)],
  ])("[M5] a version vector with %s is refused", (_what, vsn) => {
    expect(decideAlive(undefined, claimOf({ vsn }), CONTEXT)).toEqual({
      kind: "ignore",
      reason: "incompatible_version",
    });
  });

  test("[M6] an absurd incarnation is never believed", () => {
    const at = MAX_INCARNATION + 1;
    expect(decideAlive(recordOf(), claimOf({ incarnation: at }), CONTEXT)).toMatchObject({ reason: "bad_incarnation" });
    expect(decideSuspect(recordOf(), accusation(at), CONTEXT)).toMatchObject({ reason: "bad_incarnation" });
    expect(decideDead(recordOf(), accusation(at), CONTEXT)).toMatchObject({ reason: "bad_incarnation" });
    expect(decideDead(recordOf(), accusation(MAX_INCARNATION), CONTEXT).kind).toBe("accept");
  });
});

describe("ourselves", () => {
  const SELF: MergeContext = { ...CONTEXT, isSelf: true };

  test("[M3] our own words coming back are ignored, anything newer or different is refuted", () => {
    expect(decideAlive(recordOf(), claimOf({ incarnation: 5 }), SELF).kind).toBe("ignore");
    expect(decideAlive(recordOf(), claimOf({ incarnation: 4, meta: Uint8Array.of(1) }), SELF).kind).toBe("ignore");
    expect(decideAlive(recordOf(), claimOf({ incarnation: 5, meta: Uint8Array.of(1) }), SELF).kind).toBe("refute");
    expect(decideAlive(recordOf(), claimOf({ incarnation: 6 }), SELF).kind).toBe("refute");
  });

  test("[M3] accusations are refuted, also a departure that we did not make", () => {
    expect(decideSuspect(recordOf(), accusation(5), SELF).kind).toBe("refute");
    expect(decideDead(recordOf(), accusation(5), SELF).kind).toBe("refute");
    expect(decideDead(recordOf(), accusation(7, A), SELF).kind).toBe("refute");
    expect(decideDead(recordOf(), accusation(4), SELF).kind).toBe("ignore");
  });

  test("[M24] whoever leaves does not refute", () => {
    const leaving = { ...SELF, leaving: true };
    expect(decideAlive(recordOf(), claimOf({ incarnation: 9 }), leaving).kind).toBe("ignore");
    expect(decideDead(recordOf(), accusation(5, A), leaving)).toEqual({ kind: "accept", state: "left" });
    expect(decideDead(recordOf({ state: "left" }), accusation(5, A), leaving).kind).toBe("ignore");
  });
});

test("[M8] a death told by the member itself is a departure", () => {
  expect(decideDead(recordOf(), accusation(5, A), CONTEXT)).toEqual({ kind: "accept", state: "left" });
  expect(decideDead(recordOf(), accusation(5), CONTEXT)).toEqual({ kind: "accept", state: "dead" });
});

test("claims about nobody we know change nothing", () => {
  expect(decideSuspect(undefined, accusation(5), CONTEXT)).toEqual({ kind: "ignore", reason: "unknown_member" });
  expect(decideDead(undefined, accusation(5), CONTEXT)).toEqual({ kind: "ignore", reason: "unknown_member" });
});
