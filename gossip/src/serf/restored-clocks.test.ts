import { describe, expect, test } from "@jest/globals";
import { Harness, pushPull, stateOf } from "../../test/harness.ts";
import { lamportTime, nodeName, UsageError } from "../types.ts";
import type { SerfQuery } from "../wire/messages.ts";
import { encodeUtf8 } from "../wire/utf8.ts";
import { MAX_LAMPORT_TIME } from "./lamport-clock.ts";

const CLOCKS = { member: 100, event: 42, query: 50 };
const restored = (change: Partial<typeof CLOCKS> = {}): Harness =>
  new Harness({ restoredClocks: { ...CLOCKS, ...change } });
const eventAt = (time: number, name: string) =>
  ({
    kind: "userEvent",
    lamportTime: lamportTime(time),
    name,
    payload: new Uint8Array(0),
    coalesce: false,
  }) as const;
const queryAt = (time: number, name: string): SerfQuery => ({
  kind: "query",
  lamportTime: lamportTime(time),
  id: time,
  addr: Uint8Array.of(10, 0, 0, 2),
  port: 7946,
  sourceNode: nodeName("p2"),
  filters: [],
  flags: 0,
  relayFactor: 0,
  timeoutNs: 1e9,
  name,
  payload: new Uint8Array(0),
});
const names = (h: Harness): string[] =>
  h.events.flatMap((event) => (event.kind === "userEvent" || event.kind === "query" ? [event.name] : []));

describe("[S19] clocks of a snapshot", () => {
  test("are gone on from", () => {
    const { member_time, event_time, query_time } = restored().core.stats();
    expect([member_time, event_time, query_time]).toEqual([101, 43, 51]);
  });

  test("keep what was heard before the restart from being told again", () => {
    const h = restored();
    h.feedSerf(eventAt(42, "old"));
    h.feedSerf(eventAt(43, "new"));
    h.feedSerf(queryAt(50, "old query"));
    h.feedSerf(queryAt(51, "new query"));
    expect(names(h)).toEqual(["new", "new query"]);
    expect(h.drops).toEqual(["event_too_old", "event_too_old"]);
  });

  test("hold against the history that a rejoin brings", () => {
    const h = restored();
    const events = [41, 42, 43].map((time) => ({
      lamportTime: lamportTime(time),
      events: [{ name: `at ${time}`, payload: encodeUtf8("x") }],
    }));
    h.dialled(pushPull([], stateOf({ eventTime: lamportTime(44), events })));
    expect(names(h)).toEqual(["at 43"]);
  });

  test("of which none is known refuse nothing", () => {
    const h = restored({ event: 0, query: 0 });
    h.feedSerf(eventAt(1, "first"));
    h.feedSerf(queryAt(1, "first query"));
    expect(names(h)).toEqual(["first", "first query"]);
  });

  test("beyond belief count as none", () => {
    const forged = MAX_LAMPORT_TIME + 1;
    const h = restored({ member: forged, event: forged, query: forged });
    const { member_time, event_time, query_time } = h.core.stats();
    expect([member_time, event_time, query_time]).toEqual([1, 1, 1]);
    h.feedSerf(eventAt(1, "first"));
    expect(names(h)).toEqual(["first"]);
  });

  test.each([-1, 1.5, Number.NaN])("must be whole numbers: %p", (member) => {
    expect(() => restored({ member })).toThrow(UsageError);
  });
});
