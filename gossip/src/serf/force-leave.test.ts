import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness } from "../../test/harness.ts";
import { incarnation, lamportTime, nodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";

const p2 = nodeName("p2");
const died = { kind: "dead", node: p2, from: nodeName("self"), incarnation: incarnation(1) } as const;
const said = { kind: "dead", node: p2, from: p2, incarnation: incarnation(1) } as const;
const intents = (h: Harness) => h.told().filter((message) => message.kind === "leave" || message.kind === "join");

describe("[S11] a forced leave that prunes", () => {
  test("forgets who failed at once, and tells all others to", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    expect(h.status("p2")).toBe("failed");
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    expect(h.status("p2")).toBeUndefined();
    expect(h.kinds().slice(-2)).toEqual(["left", "reaped"]);
    expect(h.core.coordinate("p2")).toBeUndefined();
    expect(intents(h)).toMatchObject([{ kind: "leave", node: p2, prune: true }]);
  });

  test("forgets who left at once, also when it left long before", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feedSerf({ kind: "leave", lamportTime: lamportTime(5), node: p2, prune: false });
    h.feed(said);
    expect(h.status("p2")).toBe("left");
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    expect(h.status("p2")).toBeUndefined();
  });

  test("of somebody who is here is contradicted by it, and then forgotten again", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    expect(h.status("p2")).toBe("leaving");
    h.feedSerf({ kind: "join", lamportTime: lamportTime(9), node: p2 });
    h.advanceAnswering(20_000);
    expect(h.status("p2")).toBe("alive");
  });

  test("is passed on once: its repeats are no news about a stranger", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    const intent = { kind: "leave", lamportTime: lamportTime(7), node: p2, prune: true } as const;
    h.feedSerf(intent);
    expect(intents(h)).toEqual([intent]);
    h.advanceAnswering(5_000);
    h.feedSerf(intent);
    expect(intents(h)).toEqual([]);
  });

  test("does not come back by the exchanges of those who have not heard of it", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    const { addr, port, meta, vsn } = aliveOf(2);
    const record = { node: p2, addr, port, meta, vsn, incarnation: incarnation(1), state: "dead" } as const;
    const userState = encodeSerf({
      kind: "serfPushPull",
      lamportTime: lamportTime(3),
      statusTimes: new Map([[p2, lamportTime(1)]]),
      leftMembers: [],
      eventTime: lamportTime(1),
      events: [],
      queryTime: lamportTime(1),
    });
    h.dialled({ kind: "pushPull", join: false, nodes: [record], userState });
    expect(h.status("p2")).toBeUndefined();
  });

  test("is newer than what an exchange made of the leave before it", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    h.core.forceLeave("p2", h.nowMs);
    const [left] = intents(h);
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    const order = intents(h).find((intent) => intent.kind === "leave" && intent.prune);
    expect(order?.lamportTime).toBe((left?.lamportTime ?? Number.NaN) + 2);
  });

  test("is followed when it is of the very time that an exchange made up, once, and not when it is older", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    h.feedSerf({ kind: "leave", lamportTime: lamportTime(7), node: p2, prune: false });
    expect(h.status("p2")).toBe("left");
    h.clear();
    h.feedSerf({ kind: "leave", lamportTime: lamportTime(6), node: p2, prune: true });
    expect(h.status("p2")).toBe("left");
    const order = { kind: "leave", lamportTime: lamportTime(7), node: p2, prune: true } as const;
    h.feedSerf(order);
    h.feedSerf(order);
    expect(h.kinds()).toEqual(["reaped"]);
  });

  test("leaves the name free: who comes back later is simply alive", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(died);
    h.core.forceLeave("p2", h.nowMs, { prune: true });
    h.clear();
    h.feed(aliveOf(2, 2));
    expect(h.status("p2")).toBe("alive");
    expect(h.kinds()).toEqual(["joined"]);
  });
});

test("[S6] a forced leave without pruning keeps the member among those who left", () => {
  const h = new Harness();
  h.meet(2, 3);
  h.feed(died);
  h.core.forceLeave("p2", h.nowMs);
  expect(h.status("p2")).toBe("left");
  expect(intents(h)).toMatchObject([{ kind: "leave", prune: false }]);
});
