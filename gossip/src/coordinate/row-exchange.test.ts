import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer } from "../../test/harness.ts";
import { decodeEnvelope, encodeEnvelope } from "../direct/envelope.ts";
import { nodeName } from "../types.ts";
import { type RttRow, RttRows } from "./rtt-rows.ts";

const SELF = nodeName("self");
const p = (number: number) => nodeName(`p${number}`);

/** Rows that left by packet, decoded as p2 would. */
function rowsTold(h: Harness) {
  return h.serfSent().flatMap((message) => {
    if (message.kind !== "direct") return [];
    const decoded = decodeEnvelope(message.body, 1 << 20);
    return decoded.ok && decoded.envelope.kind === "rows" ? [{ ...decoded.envelope, at: message.to }] : [];
  });
}

function tell(h: Harness, number: number, row: RttRow, isQuestion = false): void {
  const from = p(number);
  const body = new RttRows().encode(from, row, h.nowMs);
  const bytes = encodeEnvelope({ kind: "rows", session: 0, id: 0, from, to: SELF, isQuestion, body });
  h.feedSerf({ kind: "direct", body: bytes }, peer(number));
}

describe("[C8] the exchange of rows", () => {
  test("asks one member that understands it, twice a minute at most", () => {
    const h = new Harness({ rttRowIntervalMs: 30_000 });
    h.meet(2);
    h.feed(aliveOf(3, 1, {}));
    h.clear();
    h.advanceAnswering(29_000);
    expect(rowsTold(h)).toEqual([]);
    h.advanceAnswering(91_000);
    const told = rowsTold(h);
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.length).toBeLessThanOrEqual(4);
    for (const { to, isQuestion, at } of told) expect([to, isQuestion, at]).toEqual([p(2), true, peer(2)]);
    const rows = new RttRows();
    const body = told.at(-1)?.body ?? new Uint8Array(0);
    rows.learn(body, { nowMs: 0, self: p(2), isMember: () => true });
    expect(rows.row(SELF)?.size).toBe(2);
  });

  test("answers a question, and an answer not", () => {
    const h = new Harness({ rttRowIntervalMs: 30_000 });
    h.meet(2, 3);
    h.clear();
    tell(h, 2, new Map([[p(3), 40]]), true);
    expect(rowsTold(h)).toMatchObject([{ from: SELF, to: p(2), isQuestion: false }]);
    h.clear();
    tell(h, 3, new Map([[p(2), 50]]));
    expect(rowsTold(h)).toEqual([]);
    expect(h.core.measuredRtt("p2", "p3")).toBe(40);
    expect(h.core.measuredRtt("p3", "p2")).toBe(40);
    expect(h.core.stats()["rtt_rows"]).toBe(2);
  });

  test("ends with the member", () => {
    const h = new Harness({ rttRowIntervalMs: 30_000 });
    h.meet(2, 3);
    tell(h, 2, new Map([[p(3), 40]]));
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    h.feed({ kind: "dead", node: p(2), from: p(2), incarnation: aliveOf(2).incarnation });
    h.advanceAnswering(60_000);
    expect(h.core.measuredRtt("p2", "p3")).toBeUndefined();
    expect(h.core.stats()["rtt_rows"]).toBe(0);
  });

  test("what cannot be read is counted, and so is what strangers tell", () => {
    const h = new Harness({ rttRowIntervalMs: 30_000 });
    h.meet(2);
    h.clear();
    const head = { kind: "rows", session: 0, id: 0, to: SELF, isQuestion: true } as const;
    const broken = encodeEnvelope({ ...head, from: p(2), body: Uint8Array.of(0x92, 0xc1) });
    h.feedSerf({ kind: "direct", body: broken });
    tell(h, 9, new Map([[p(2), 1]]), true);
    expect(h.drops).toEqual(["bad_field", "unknown_member"]);
    expect(rowsTold(h)).toEqual([]);
  });

  test("is off unless it is wanted", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.advanceAnswering(300_000);
    expect(rowsTold(h)).toEqual([]);
  });
});

test("[C6] our own measurement goes before what others told", () => {
  const h = new Harness({ rttRowIntervalMs: 30_000 });
  h.meet(2);
  tell(h, 2, new Map([[SELF, 500]]));
  expect(h.core.measuredRtt("p2")).toBe(500);
  h.advanceAnswering(10_000);
  expect(h.core.measuredRtt("p2")).toBeLessThan(60);
});
