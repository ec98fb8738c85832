import { describe, expect, test } from "@jest/globals";
import { Harness, peer } from "../../test/harness.ts";
import { WAN } from "../index.ts";
import { incarnation, nodeName } from "../types.ts";

const EMPTY = new Uint8Array(0);
const p2 = nodeName("p2");
const pings = (h: Harness) => h.of("ping").map(({ node, seqNo, to }) => ({ node, seqNo, to }));

/** Members 2 … with an idle prober: the last ping was answered a moment ago. */
function idle(count: number): Harness {
  const h = new Harness();
  h.meet(...Array.from({ length: count }, (_, index) => index + 2));
  h.advanceAnswering(5_000);
  h.clear();
  return h;
}

describe("[M32] a member reported silent", () => {
  test("is probed at once and stays alive when it answers", () => {
    const h = idle(3);
    expect(h.core.suspect("p2", h.nowMs)).toBe(true);
    const [ping] = pings(h);
    expect(ping).toMatchObject({ node: p2, to: peer(2) });
    if (ping !== undefined) h.feed({ kind: "ack", seqNo: ping.seqNo, payload: EMPTY }, peer(2));
    expect(h.core.stats()["suspicions"]).toBe(0);
    h.advanceAnswering(10_000);
    expect(h.of("suspect")).toEqual([]);
    expect(h.status("p2")).toBe("alive");
  });

  test("is asked by detours, too, and suspected only when all of that fails", () => {
    const h = idle(3);
    h.core.suspect("p2", h.nowMs);
    h.advance(999);
    expect(h.of("indirectPing").filter(({ node }) => node === p2)).toHaveLength(2);
    expect(h.core.stats()["suspicions"]).toBe(0);
    h.advance(1);
    expect(h.core.stats()["suspicions"]).toBe(1);
    expect(h.status("p2")).toBe("alive");
  });

  test("waits for the round that is under way", () => {
    const h = idle(3);
    h.core.suspect("p3", h.nowMs);
    h.core.suspect("p2", h.nowMs);
    expect(pings(h).map(({ node }) => node)).toEqual(["p3"]);
    h.feed({ kind: "ack", seqNo: pings(h)[0]!.seqNo, payload: EMPTY }, peer(3));
    expect(pings(h).map(({ node }) => node)).toEqual(["p3", "p2"]);
  });

  test("is not probed more than once an interval, however often it is reported", () => {
    const h = idle(3);
    for (let i = 0; i < 100; i += 1) h.core.suspect("p2", h.nowMs);
    h.feed({ kind: "ack", seqNo: pings(h)[0]!.seqNo, payload: EMPTY }, peer(2));
    for (let i = 0; i < 100; i += 1) expect(h.core.suspect("p2", h.nowMs)).toBe(false);
    expect(pings(h).filter(({ node }) => node === p2)).toHaveLength(1);
    h.advanceAnswering(1_000);
    expect(h.core.suspect("p2", h.nowMs)).toBe(true);
  });

  test("is nobody when it is a stranger, ourselves, gone or suspected already", () => {
    const h = idle(3);
    h.feed({ kind: "dead", node: p2, incarnation: incarnation(1), from: nodeName("p3") });
    h.feed({ kind: "suspect", node: nodeName("p3"), incarnation: incarnation(1), from: nodeName("p4") });
    h.clear();
    for (const name of ["nobody", "self", "p2", "p3"]) expect(h.core.suspect(name, h.nowMs)).toBe(false);
    expect(pings(h)).toEqual([]);
  });

  test("who leaves before its probe is passed over", () => {
    const h = idle(3);
    h.core.suspect("p3", h.nowMs);
    h.core.suspect("p2", h.nowMs);
    h.feed({ kind: "dead", node: p2, incarnation: incarnation(1), from: p2 });
    h.feed({ kind: "ack", seqNo: pings(h)[0]!.seqNo, payload: EMPTY }, peer(3));
    h.advanceAnswering(1_000);
    expect(pings(h).filter(({ node }) => node === p2)).toEqual([]);
  });

  test("has the patience that its distance asks for", () => {
    const h = new Harness({ profile: WAN });
    h.meet(2, 3, 4);
    h.advanceAnswering(10_000);
    h.clear();
    h.core.suspect("p2", h.nowMs);
    expect(pings(h).map(({ node }) => node)).toEqual(["p2"]);
    h.advance(1_000);
    expect(h.core.stats()["suspicions"]).toBe(1);
  });
});
