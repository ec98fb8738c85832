import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type NodeName, nodeName } from "../types.ts";
import { Writer } from "../wire/writer.ts";
import { MAX_ROW_AGE_MS, MAX_ROWS, type RowListener, type RttRow, RttRows } from "./rtt-rows.ts";

const n = (name: string | number): NodeName => nodeName(String(name));
const rowOf = (entries: Readonly<Record<string, number>>): RttRow =>
  new Map(Object.entries(entries).map(([name, rttMs]) => [n(name), rttMs]));
const listener = (nowMs: number, self = "self", members = ["a", "b", "c", "self"]): RowListener => ({
  nowMs,
  self: n(self),
  isMember: (name) => members.includes(name),
});
/** What `who` tells when it has measured this. */
const told = (who: string, entries: Readonly<Record<string, number>>, nowMs = 0): Uint8Array =>
  new RttRows().encode(n(who), rowOf(entries), nowMs);

describe("[C8] rows of measured round trips", () => {
  test("are taken over with a tenth of a millisecond", () => {
    const rows = new RttRows();
    expect(rows.learn(told("a", { b: 12.34, c: 0.01, self: 200 }), listener(0))).toBeUndefined();
    expect(rows.row(n("a"))).toEqual(rowOf({ b: 12.3, c: 0.1, self: 200 }));
    expect(rows.between(n("b"), n("a"))).toBe(12.3);
    expect(rows.between(n("b"), n("c"))).toBeUndefined();
  });

  test("of both ways give the smaller", () => {
    const rows = new RttRows();
    rows.learn(told("a", { b: 30 }), listener(0));
    rows.learn(told("b", { a: 20 }), listener(0));
    expect(rows.between(n("a"), n("b"))).toBe(20);
  });

  test("reach others over a third, older and never younger", () => {
    const [first, second] = [new RttRows(), new RttRows()];
    first.learn(told("a", { c: 5 }), listener(0, "b"));
    const passedOn = first.encode(n("b"), rowOf({ a: 7 }), 10_500);
    expect(second.learn(passedOn, listener(10_600, "c"))).toBeUndefined();
    expect(second.row(n("a"))).toEqual(rowOf({ c: 5 }));
    expect(second.row(n("b"))).toEqual(rowOf({ a: 7 }));
    // What a itself said a second ago is newer than what b kept.
    second.learn(told("a", { c: 6 }), listener(11_000, "c"));
    expect(second.learn(passedOn, listener(11_100, "c"))).toBeUndefined();
    expect(second.row(n("a"))).toEqual(rowOf({ c: 6 }));
  });

  test("of ourselves are our own business, those of and about strangers nobody's", () => {
    const rows = new RttRows();
    rows.learn(told("self", { a: 1 }), listener(0));
    rows.learn(told("stranger", { a: 1 }), listener(0));
    rows.learn(told("a", { stranger: 1, b: 2 }), listener(0));
    expect(rows.size).toBe(1);
    expect(rows.row(n("a"))).toEqual(rowOf({ b: 2 }));
  });

  test("are forgotten with their member and with age", () => {
    const rows = new RttRows();
    rows.learn(told("a", { b: 1 }), listener(0));
    rows.learn(told("b", { a: 1 }), listener(60_000));
    rows.expire(MAX_ROW_AGE_MS + 1, () => true);
    expect(rows.row(n("a"))).toBeUndefined();
    expect(rows.row(n("b"))).toBeDefined();
    rows.expire(MAX_ROW_AGE_MS + 1, (name) => name !== "b");
    expect(rows.size).toBe(0);
  });

  test("are bounded in number and in length", () => {
    const rows = new RttRows();
    const anybody = { nowMs: 0, self: n("self"), isMember: () => true };
    for (let i = 0; i < 2 * MAX_ROWS; i += 1) rows.learn(told(`x${i}`, { b: 1 }), anybody);
    expect(rows.size).toBe(MAX_ROWS);
    const many = Object.fromEntries(Array.from({ length: 2 * MAX_ROWS }, (_, i) => [`y${i}`, 1]));
    const other = new RttRows();
    expect(other.learn(told("a", many), anybody)).toBeUndefined();
    expect(other.row(n("a"))?.size).toBe(MAX_ROWS - 1);
  });

  test("that cannot be read change nothing, whatever the bytes", () => {
    const good = told("a", { b: 1, c: 2 });
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const bytes = good.slice();
        bytes[at] = byte;
        const rows = new RttRows();
        const reason = rows.learn(bytes, listener(0));
        expect(reason === undefined || rows.size === 0).toBe(true);
      }),
      { seed: 3, numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const rows = new RttRows();
        rows.learn(bytes, listener(0));
        expect(rows.size).toBeLessThanOrEqual(1);
      }),
      { seed: 4, numRuns: 2_000 },
    );
  });

  test.each([
    ["too many names", MAX_ROWS + 1, "a", "too_many"],
    ["a name too long", 1, "a".repeat(129), "bad_name"],
  ])("with %s are refused with a reason", (_what, count, name, reason) => {
    const out = new Writer();
    out.list(2);
    out.list(count);
    for (let i = 0; i < count; i += 1) out.text(name);
    out.list(0);
    expect(new RttRows().learn(out.take(), listener(0))).toBe(reason);
  });
});
