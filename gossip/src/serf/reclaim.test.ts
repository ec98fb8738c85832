import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, pushPull } from "../../test/harness.ts";
import { incarnation, lamportTime, nodeName } from "../types.ts";

const p2 = nodeName("p2");
/** p2 as somebody at 10.0.0.9 claims it. */
const moved = (at: number) => ({ ...aliveOf(2, at), addr: Uint8Array.of(10, 0, 0, 9) });
const died = { kind: "dead", node: p2, from: nodeName("p3"), incarnation: incarnation(1) } as const;

/** p2 was measured and then died. */
function bereaved(deadNodeReclaimMs: number): Harness {
  const h = new Harness({ deadNodeReclaimMs });
  h.meet(2, 3);
  h.advanceAnswering(5_000);
  h.feed(died);
  h.clear();
  return h;
}

describe("[M4] the name of a dead member", () => {
  test("moves to another address after its time, under any incarnation, and is told as a join", () => {
    const h = bereaved(10_000);
    h.advanceAnswering(9_000);
    h.feed(moved(7));
    expect(h.drops).toContain("conflict");
    expect(h.kinds()).toContain("conflict");
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.2", status: "failed" });
    h.advanceAnswering(1_001);
    h.clear();
    h.feed(moved(1));
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.9", status: "alive", incarnation: 1 });
    expect(h.kinds()).toEqual(["joined"]);
    expect(h.told()).toEqual([]);
    expect(h.of("alive").some(({ node, addr }) => node === p2 && addr[3] === 9)).toBe(true);
  });

  test("moves in a state exchange, too", () => {
    const h = bereaved(10_000);
    h.advanceAnswering(10_001);
    h.dialled(pushPull([{ ...moved(1), state: "alive" }]));
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.9", status: "alive" });
  });

  test("takes nothing along that was measured of the old place", () => {
    const h = bereaved(1_000);
    expect(h.core.measuredRtt("p2")).toBeDefined();
    h.advanceAnswering(1_001);
    h.feed(moved(1));
    expect(h.core.measuredRtt("p2")).toBeUndefined();
  });

  test("stays where it is without that option until the record is forgotten", () => {
    const h = bereaved(0);
    h.advanceAnswering(29_000);
    h.feed(moved(7));
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.2", status: "failed" });
    h.advanceAnswering(10_000);
    h.feed(moved(1));
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.9", status: "alive" });
  });

  test("of one that left moves at once", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feedSerf({ kind: "leave", lamportTime: lamportTime(5), node: p2, prune: false });
    h.feed({ kind: "dead", node: p2, from: p2, incarnation: incarnation(1) });
    expect(h.status("p2")).toBe("left");
    h.feed(moved(1));
    expect(h.core.member("p2")).toMatchObject({ host: "10.0.0.9", status: "alive" });
  });
});
