import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, pushPull, stateOf } from "../../test/harness.ts";
import { incarnation, lamportTime, nodeName } from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";
import { encodeSerf } from "../wire/encode-serf.ts";

const p = (number: number) => nodeName(`p${number}`);
const SELF = nodeName("self");
const joinOf = (name: string, time: number) =>
  ({ kind: "join", lamportTime: lamportTime(time), node: nodeName(name) }) as const;
const leaveOf = (name: string, time: number, prune = false) =>
  ({ kind: "leave", lamportTime: lamportTime(time), node: nodeName(name), prune }) as const;
const departureOf = (number: number) =>
  ({ kind: "dead", node: p(number), incarnation: incarnation(1), from: p(number) }) as const;
const deathOf = (number: number) =>
  ({ kind: "dead", node: p(number), incarnation: incarnation(1), from: p(9) }) as const;

describe("intents", () => {
  test("[S6] a member that departs after its intent has left, without one it failed", () => {
    const h = new Harness();
    h.meet(2, 3, 4);
    h.feedSerf(leaveOf("p2", 5));
    expect(h.status("p2")).toBe("leaving");
    h.feed(departureOf(2));
    h.feed(departureOf(3));
    h.feed(deathOf(4));
    expect(["p2", "p3", "p4"].map((name) => h.status(name))).toEqual(["left", "failed", "failed"]);
    h.feedSerf(leaveOf("p4", 6));
    expect(h.status("p4")).toBe("left");
    expect(h.kinds().slice(-4)).toEqual(["left", "failed", "failed", "left"]);
  });

  test("[S4] only newer intents count, and each is passed on once as it came", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.told();
    h.feedSerf(joinOf("p2", 7));
    h.feedSerf(joinOf("p2", 7));
    h.feedSerf(joinOf("p2", 6));
    h.feedSerf(leaveOf("p2", 7));
    expect(h.status("p2")).toBe("alive");
    expect(h.core.stats()["intent_queue"]).toBe(1);
    expect(h.told()).toEqual([joinOf("p2", 7)]);
    h.feedSerf(leaveOf("p2", 8));
    h.feedSerf(joinOf("p2", 9));
    expect(h.status("p2")).toBe("alive");
    expect(h.core.stats()["member_time"]).toBe(10);
  });

  test("[S4] two leaves of one member in either order do not go round for ever", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feedSerf(leaveOf("p2", 5));
    h.feedSerf(leaveOf("p2", 6));
    h.feedSerf(leaveOf("p2", 5));
    h.feedSerf(leaveOf("p2", 6));
    h.advanceAnswering(10_000);
    expect(h.core.stats()["intent_queue"]).toBe(0);
  });

  test("[S3] intents about strangers are kept until they are met", () => {
    const h = new Harness();
    h.feedSerf(joinOf("p2", 5));
    h.feedSerf(leaveOf("p2", 6));
    h.feedSerf(joinOf("p3", 5));
    expect(h.core.stats()["recent_intents"]).toBe(2);
    h.meet(2, 3);
    expect(h.status("p2")).toBe("leaving");
    expect(h.status("p3")).toBe("alive");
    h.feedSerf(leaveOf("p3", 5));
    expect(h.status("p3")).toBe("alive");
  });

  test("[S5] a leave about ourselves is contradicted by a newer join", () => {
    const h = new Harness();
    h.meet(2);
    h.told();
    h.feedSerf(leaveOf("self", 50));
    expect(h.status("self")).toBe("alive");
    expect(h.told()).toEqual([joinOf("self", 51)]);
  });

  test("[S2] an absurd time changes nothing", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    for (const message of [joinOf("p2", 2 ** 52), leaveOf("p2", 2 ** 52)]) h.feedSerf(message);
    h.dialled(pushPull([], stateOf({ lamportTime: lamportTime(2 ** 52), eventTime: lamportTime(2 ** 52) })));
    expect(h.drops).toEqual(new Array(4).fill("bad_lamport_time"));
    expect(h.core.stats()).toMatchObject({ member_time: 1, event_time: 1 });
  });

  test("[S11] who is pruned is forgotten at once when gone, and otherwise after its leave has spread", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(deathOf(2));
    h.feedSerf(leaveOf("p2", 5, true));
    expect(h.status("p2")).toBeUndefined();
    h.feedSerf(leaveOf("p3", 5, true));
    h.feed(departureOf(3));
    expect(h.status("p3")).toBe("left");
    h.advance(6_001);
    expect(h.status("p3")).toBeUndefined();
    expect(h.kinds().filter((kind) => kind === "reaped")).toHaveLength(2);
  });

  test("[S15] who is said to be leaving and stays is not leaving", () => {
    const h = new Harness();
    h.meet(2);
    h.feedSerf(leaveOf("p2", 5));
    h.advanceAnswering(10_000);
    expect(h.status("p2")).toBe("leaving");
    h.advanceAnswering(40_000);
    expect(h.status("p2")).toBe("alive");
  });
});

describe("state exchange", () => {
  test("[S7] clocks, times and departures are merged as if the intents had been heard", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(deathOf(3));
    const events = [{ lamportTime: lamportTime(45), events: [{ name: "deploy", payload: Uint8Array.of(1) }] }];
    const state = stateOf({
      lamportTime: lamportTime(42),
      statusTimes: new Map([
        [p(2), lamportTime(20)],
        [p(3), lamportTime(15)],
      ]),
      leftMembers: [p(3)],
      eventTime: lamportTime(50),
      events: [null, ...events],
      queryTime: lamportTime(100),
    });
    h.dialled(pushPull([], state));
    expect(h.core.stats()).toMatchObject({ member_time: 42, event_time: 50, query_time: 100 });
    expect(h.status("p3")).toBe("left");
    expect(h.events.at(-1)).toMatchObject({ kind: "userEvent", name: "deploy", lamportTime: 45 });
    h.feedSerf(leaveOf("p2", 20));
    expect(h.status("p2")).toBe("alive");
  });

  test("[S7] our own state tells the same of us", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feedSerf(joinOf("p2", 8));
    h.feedSerf(leaveOf("p3", 9));
    h.feed(departureOf(3));
    const reply = h.dialled(pushPull([]));
    const state = reply?.kind === "pushPull" ? decodeSerf(reply.userState) : undefined;
    expect(state).toMatchObject({ ok: true, value: { lamportTime: 10, leftMembers: ["p3"], eventTime: 1 } });
    const times = state?.ok === true && state.value.kind === "serfPushPull" ? state.value.statusTimes : new Map();
    expect([...times]).toEqual([
      [SELF, 0],
      [p(2), 8],
      [p(3), 9],
    ]);
  });

  test("[S8] that somebody left does not count while membership sees it", () => {
    const h = new Harness();
    h.meet(2);
    h.feedSerf(joinOf("p2", 5));
    h.dialled(pushPull([], stateOf({ statusTimes: new Map([[p(2), lamportTime(5)]]), leftMembers: [p(2)] })));
    expect(h.status("p2")).toBe("alive");
    h.feedSerf(joinOf("p2", 6));
    expect(h.status("p2")).toBe("alive");
  });

  test("user state that is none is dropped with a reason", () => {
    const h = new Harness();
    h.dialled(pushPull([], Uint8Array.of(77)));
    h.dialled(pushPull([], encodeSerf(joinOf("p2", 1))));
    expect(h.drops).toEqual(["unknown_type", "unexpected_type"]);
  });
});

describe("join and leave", () => {
  test("[S16] a join reports each address and its end, and then announces itself", () => {
    const h = new Harness();
    const id = h.core.join([peer(2), peer(3)], h.nowMs);
    expect(h.opened.map(({ to }) => to)).toEqual([peer(2), peer(3)]);
    const [first, second] = h.opened;
    expect(h.reply(first!.id)).toMatchObject({ kind: "pushPull", join: true });
    h.core.handleStream(second!.id, { kind: "failed", error: "connection refused" }, h.nowMs);
    const { addr, node, port, meta, vsn } = aliveOf(2);
    h.answer(
      first!.id,
      pushPull(
        [{ addr, node, port, meta, vsn, incarnation: incarnation(1), state: "alive" }],
        stateOf({ lamportTime: lamportTime(30) }),
        true,
      ),
    );
    expect(h.events.slice(1)).toMatchObject([
      { kind: "joinResult", id, ok: false, error: "connection refused", to: peer(3) },
      { kind: "joined" },
      { kind: "joinResult", id, ok: true, to: peer(2) },
      { kind: "joinDone", id, contacted: 1 },
    ]);
    expect(h.told()).toEqual([joinOf("self", 30)]);
  });

  test("[S16] a join of nobody, or of nobody who answers, ends too and announces nothing", () => {
    const h = new Harness();
    h.core.join([], h.nowMs);
    expect(h.kinds().at(-1)).toBe("joinDone");
    h.core.join([peer(2)], h.nowMs);
    h.advance(10_001);
    expect(h.events.at(-1)).toMatchObject({ kind: "joinDone", contacted: 0 });
    expect(h.events.at(-2)).toMatchObject({ kind: "joinResult", ok: false, error: "timed out" });
    expect(h.core.stats()["intent_queue"]).toBe(0);
  });

  test("[S16] many addresses are tried a few at a time", () => {
    const h = new Harness();
    h.core.join(
      Array.from({ length: 20 }, (_, i) => peer(i + 2)),
      h.nowMs,
    );
    for (let i = 0; i < 20; i += 1) {
      expect(h.opened.length).toBe(Math.min(20, 8 + i));
      h.core.handleStream(h.opened[i]!.id, { kind: "failed", error: "no" }, h.nowMs);
    }
    expect(h.kinds().filter((kind) => kind === "joinDone")).toHaveLength(1);
  });

  test("[S9, M24] a leave tells its intent, then its farewell, still answers, and then is over", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.advanceAnswering(3_000);
    h.clear();
    h.core.leave(h.nowMs);
    expect(h.status("self")).toBe("leaving");
    h.advanceAnswering(1_500);
    const kinds = h.sent.flatMap((sent) => sent.messages.map((message) => message.kind));
    expect(h.serfSent()[0]).toMatchObject({ kind: "leave", node: "self" });
    expect(h.of("dead")[0]).toMatchObject({ node: "self", from: "self" });
    expect(kinds.indexOf("user")).toBeLessThan(kinds.indexOf("dead"));
    h.feed({ kind: "ping", seqNo: 5 as never, node: SELF });
    expect(h.of("ack")).toHaveLength(1);
    h.advanceAnswering(3_000);
    expect(h.events.at(-1)).toEqual({ kind: "leaveDone", complete: true });
    expect(h.status("self")).toBe("left");
    h.feed({ kind: "suspect", node: SELF, incarnation: incarnation(9), from: p(2) });
    expect(h.core.localMember().incarnation).toBe(1);
    expect(() => h.core.leave(h.nowMs)).toThrow("leaving or has left");
    expect(() => h.core.join([peer(2)], h.nowMs)).toThrow("leaving or has left");
  });

  test("[S9] a leave with nobody to tell lingers and is over, with nobody listening it ends incomplete", () => {
    const alone = new Harness();
    alone.core.leave(alone.nowMs);
    alone.advance(1_001);
    expect(alone.events.at(-1)).toEqual({ kind: "leaveDone", complete: true });

    const stuck = new Harness({ broadcastTimeoutMs: 100 });
    stuck.meet(2);
    stuck.core.leave(stuck.nowMs);
    stuck.advance(1_300);
    expect(stuck.events.at(-1)).toEqual({ kind: "leaveDone", complete: false });
  });

  test("[S6] a forced leave makes the failed left, and asks nobody whether the name exists", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(deathOf(2));
    h.core.forceLeave("p2", h.nowMs);
    h.core.forceLeave("nobody", h.nowMs);
    expect(h.status("p2")).toBe("left");
    expect(h.told().map((message) => message.kind)).toEqual(["leave", "leave"]);
  });

  test("[S12] new tags are told under a new incarnation", () => {
    const h = new Harness();
    h.meet(2);
    h.core.setTags({ role: "node" }, h.nowMs);
    expect(h.core.localMember()).toMatchObject({ tags: { role: "node" }, incarnation: 2 });
    expect(h.kinds().at(-1)).toBe("updated");
    h.clear();
    h.advance(350);
    expect(h.of("alive").find((alive) => alive.node === "self")).toMatchObject({ incarnation: 2 });
    expect(() => h.core.setTags({ role: "x".repeat(509) }, h.nowMs)).toThrow("512");
    expect(h.core.localMember().tags).toEqual({ role: "node" });
  });
});

describe("forgetting and trying again", () => {
  test("[S10] failed and left members are reaped after their periods", () => {
    const h = new Harness({ reconnectTimeoutMs: 60_000, tombstoneTimeoutMs: 120_000 });
    h.meet(2, 3);
    h.feed(deathOf(2));
    h.feedSerf(leaveOf("p3", 5));
    h.feed(departureOf(3));
    h.advance(80_000);
    expect([h.status("p2"), h.status("p3")]).toEqual([undefined, "left"]);
    h.advance(60_000);
    expect(h.status("p3")).toBeUndefined();
    expect(h.kinds().filter((kind) => kind === "reaped")).toHaveLength(2);
  });

  test("[S10] a failed member is dialled again now and then", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(deathOf(2));
    h.opened.length = 0;
    h.advance(200_000);
    expect(h.opened.length).toBeGreaterThanOrEqual(3);
    expect(h.opened.every(({ to }) => to.host === "10.0.0.2")).toBe(true);
  });
});
