import { expect, test } from "@jest/globals";
import { incarnation, nodeName } from "../types.ts";
import type { RecordState } from "../wire/messages.ts";
import { areCompatible, claimOf, pushPullIntervalMs } from "./push-pull.ts";

test.each([
  [0, 1],
  [16, 1],
  [32, 1],
  [33, 2],
  [64, 2],
  [65, 3],
  [128, 3],
  [129, 4],
])("[M20] among %i members the interval is %i times as long", (members, scale) => {
  expect(pushPullIntervalMs(1_000, members)).toBe(1_000 * scale);
});

type Triple = readonly [number, number, number];

/** Upstream gives memberlist's triple as min, max, current; both layers follow one rule. */
function compatible(a: readonly Triple[], b: readonly Triple[], layer: "memberlist" | "serf"): boolean {
  const record = ([min, max, current]: Triple): { state: RecordState; vsn: Uint8Array } => ({
    state: "alive",
    vsn: layer === "memberlist" ? Uint8Array.of(min, max, current, 2, 5, 5) : Uint8Array.of(1, 5, 2, min, max, current),
  });
  return areCompatible(a.map(record), b.map(record));
}

const CASES: readonly (readonly [readonly Triple[], readonly Triple[], boolean])[] = [
  [[[0, 0, 0]], [[0, 0, 0]], true],
  [[[0, 0, 0]], [[0, 1, 0]], true],
  [[[0, 0, 0]], [[1, 1, 1]], false],
  [
    [
      [0, 1, 0],
      [0, 2, 1],
    ],
    [[1, 3, 1]],
    false,
  ],
  [
    [
      [0, 3, 2],
      [0, 2, 0],
    ],
    [
      [0, 2, 1],
      [0, 5, 0],
    ],
    true,
  ],
];

test.each(CASES)("[M10] versions %j and %j fit: %p, whichever side looks", (a, b, fits) => {
  for (const layer of ["memberlist", "serf"] as const) {
    expect(compatible(a, b, layer)).toBe(fits);
    expect(compatible(b, a, layer)).toBe(fits);
  }
});

test("[M10] dead members set no bounds but must keep them", () => {
  const us = [{ state: "alive" as const, vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) }];
  expect(areCompatible(us, [{ state: "dead", vsn: Uint8Array.of(4, 5, 2, 2, 5, 5) }])).toBe(true);
  expect(areCompatible(us, [{ state: "dead", vsn: new Uint8Array(0) }])).toBe(false);
});

test("[M9] what a record of an exchange claims", () => {
  const node = {
    node: nodeName("a"),
    addr: new Uint8Array(4),
    port: 1,
    meta: new Uint8Array(0),
    incarnation: incarnation(1),
    vsn: new Uint8Array(6),
  };
  const claims = (["alive", "suspect", "dead", "left"] as const).map((state) => claimOf({ ...node, state }));
  expect(claims).toEqual(["alive", "suspect", "suspect", "left"]);
});
