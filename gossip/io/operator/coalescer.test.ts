import { describe, expect, test } from "@jest/globals";
import type { MembershipEvent, UserEvent } from "../../src/sink.ts";
import { lamportTime } from "../../src/types.ts";
import { member } from "../../test/rpc/fake-agent.ts";
import type { QueryCall } from "../queries.ts";
import { EventCoalescer } from "./coalescer.ts";
import type { OperatorEvent } from "./events.ts";

const change = (kind: MembershipEvent["kind"], name: string, tags = {}): MembershipEvent => ({
  kind,
  member: member(name, "10.0.0.1", tags),
});
const user = (name: string, time: number, coalesce = true): UserEvent => ({
  kind: "userEvent",
  lamportTime: lamportTime(time),
  name,
  payload: new Uint8Array(0),
  coalesce,
});
const shown = (events: readonly OperatorEvent[]): string[] =>
  events.map((event) => {
    if (event.kind === "members") return `${event.change} ${event.members.map(({ name }) => name).join(" ")}`;
    return event.kind === "userEvent" ? `${event.name} ${event.lamportTime}` : event.name;
  });

describe("members", () => {
  test("[A1] leave together, in one event per kind, after a second of silence", () => {
    const coalescer = new EventCoalescer();
    expect(coalescer.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(coalescer.offer(change("joined", "a"), 0)).toEqual([]);
    expect(coalescer.offer(change("joined", "b"), 500)).toEqual([]);
    expect(coalescer.offer(change("failed", "c"), 600)).toEqual([]);
    expect(coalescer.deadlineMs()).toBe(1_600);
    expect(coalescer.due(1_599)).toEqual([]);
    expect(shown(coalescer.due(1_600))).toEqual(["joined a b", "failed c"]);
    expect(coalescer.due(9_999)).toEqual([]);
    expect(coalescer.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test("[A1] without silence they leave three seconds after the first", () => {
    const coalescer = new EventCoalescer();
    for (let at = 0; at < 3_000; at += 500) coalescer.offer(change("updated", "a"), at);
    expect(coalescer.deadlineMs()).toBe(3_000);
    expect(shown(coalescer.due(3_000))).toEqual(["updated a"]);
  });

  test("[A2] only the last change of each counts, and none that was told already, but for updates", () => {
    const coalescer = new EventCoalescer();
    coalescer.offer(change("joined", "a"), 0);
    coalescer.due(5_000);
    coalescer.offer(change("failed", "a"), 6_000);
    coalescer.offer(change("joined", "a"), 6_100);
    expect(coalescer.due(9_000)).toEqual([]);
    coalescer.offer(change("updated", "a", { v: "1" }), 10_000);
    coalescer.offer(change("updated", "a", { v: "2" }), 10_001);
    const [told] = coalescer.due(20_000);
    expect(told).toMatchObject({ change: "updated", members: [{ tags: { v: "2" } }] });
    coalescer.offer(change("updated", "a"), 30_000);
    expect(shown(coalescer.due(40_000))).toEqual(["updated a"]);
  });

  test("[A2] who was forgotten starts anew", () => {
    const coalescer = new EventCoalescer();
    for (const kind of ["joined", "reaped", "joined"] as const) {
      coalescer.offer(change(kind, "a"), 0);
      expect(shown(coalescer.due(Number.POSITIVE_INFINITY))).toEqual([`${kind} a`]);
    }
  });

  test("[A1] a period of nothing holds nothing back", () => {
    const coalescer = new EventCoalescer({ memberPeriodMs: 0, userPeriodMs: 0 });
    expect(shown(coalescer.offer(change("joined", "a"), 0))).toEqual(["joined a"]);
    expect(shown(coalescer.offer(user("x", 1), 0))).toEqual(["x 1"]);
  });

  test("[A3] what is held back is bounded", () => {
    const coalescer = new EventCoalescer();
    let told: readonly OperatorEvent[] = [];
    for (let i = 0; i < 8_192; i += 1) told = coalescer.offer(change("joined", `n${i}`), 0);
    expect(told).toHaveLength(1);
    expect(coalescer.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

test("[A1] user events that may be coalesced wait for the latest of their name, others and queries do not", () => {
  const coalescer = new EventCoalescer();
  expect(shown(coalescer.offer(user("deploy", 1, false), 0))).toEqual(["deploy 1"]);
  expect(coalescer.offer(user("deploy", 2), 0)).toEqual([]);
  expect(coalescer.offer(user("deploy", 3), 100)).toEqual([]);
  const call = { kind: "query", name: "ask" } as QueryCall;
  expect(coalescer.offer(call, 200)).toEqual([call]);
  expect(shown(coalescer.due(1_100))).toEqual(["deploy 3"]);
});
