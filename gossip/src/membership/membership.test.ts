import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, pushPull, seq, VSN } from "../../test/harness.ts";
import { incarnation, nodeName } from "../types.ts";
import type { PushPullNode, RecordState } from "../wire/messages.ts";

const EMPTY = new Uint8Array(0);
const p = (number: number) => nodeName(`p${number}`);

const suspectOf = (number: number, at = 1, from = 9) =>
  ({ kind: "suspect", node: p(number), incarnation: incarnation(at), from: p(from) }) as const;
const deadOf = (number: number, at = 1, from = 9) =>
  ({ kind: "dead", node: p(number), incarnation: incarnation(at), from: p(from) }) as const;

const recordOf = (number: number, state: RecordState, at = 1): PushPullNode => {
  const { node, addr, port, meta } = aliveOf(number);
  return { node, addr, port, meta, incarnation: incarnation(at), state, vsn: VSN };
};

describe("answering", () => {
  test("[M15] a ping for us or for nobody is answered where it says, one for another is not", () => {
    const h = new Harness();
    const source = { addr: Uint8Array.of(10, 0, 0, 7), port: 1234, node: p(7) };
    h.feed({ kind: "ping", seqNo: seq(42), node: nodeName("self"), source });
    h.feed({ kind: "ping", seqNo: seq(43), node: nodeName("") }, { host: "10.0.0.3", port: 99 });
    h.feed({ kind: "ping", seqNo: seq(44), node: nodeName("other") });
    expect(h.of("ack").map(({ seqNo, to }) => [seqNo, to.host, to.port])).toEqual([
      [42, "10.0.0.7", 1234],
      [43, "10.0.0.3", 99],
    ]);
    expect(h.drops).toEqual(["wrong_recipient"]);
  });

  test("a compound of three pings gets three acks", () => {
    const h = new Harness();
    h.feed([1, 2, 3].map((number) => ({ kind: "ping", seqNo: seq(number), node: nodeName("self") }) as const));
    expect(h.of("ack").map((ack) => ack.seqNo)).toEqual([1, 2, 3]);
  });

  test("[B7] what waits to be told rides on the ack, membership's first", () => {
    const h = new Harness();
    h.meet(3);
    h.feedSerf({ kind: "join", lamportTime: 5 as never, node: p(3) });
    h.clear();
    h.feed({ kind: "ping", seqNo: seq(1), node: nodeName("") });
    const [packet] = h.sent;
    const kinds = packet?.messages.map((message) => message.kind);
    expect(kinds?.[0]).toBe("ack");
    expect(kinds?.lastIndexOf("alive")).toBeLessThan(kinds?.indexOf("user") ?? 0);
  });

  test("[M16] a ping on behalf of another ends in an ack with the asker's number, or in a nack", () => {
    const h = new Harness();
    const ask = (number: number, nack: boolean): void =>
      h.feed({
        kind: "indirectPing",
        seqNo: seq(number),
        target: Uint8Array.of(10, 0, 0, 5),
        port: 7946,
        node: p(5),
        nack,
      });
    ask(100, true);
    const [ping] = h.of("ping");
    expect(ping).toMatchObject({ node: "p5", to: peer(5), source: { port: 7946 } });
    h.feed({ kind: "ack", seqNo: ping!.seqNo, payload: Uint8Array.of(1, 2) }, peer(5));
    expect(h.of("ack")).toMatchObject([{ seqNo: 100, payload: EMPTY, to: peer(2) }]);
    ask(101, true);
    ask(102, false);
    h.advance(499);
    expect(h.of("nack")).toEqual([]);
    h.advance(2);
    expect(h.of("nack").map(({ seqNo, to }) => [seqNo, to])).toEqual([[101, peer(2)]]);
    expect(h.core.stats()["relayed_probes"]).toBe(0);
  });

  test("[M22] pings on behalf of others are bounded", () => {
    const h = new Harness({ maxRelayedProbes: 2 });
    for (let i = 0; i < 4; i += 1) {
      h.feed({
        kind: "indirectPing",
        seqNo: seq(i),
        target: Uint8Array.of(10, 0, 0, 5),
        port: 1,
        node: p(5),
        nack: true,
      });
    }
    expect(h.drops).toEqual(["too_many_probes", "too_many_probes"]);
    expect(h.core.stats()["relayed_probes"]).toBe(2);
  });
});

describe("probing", () => {
  test("[M14, M12] a silent member is asked through three others and by stream, suspected at the deadline, and dies", () => {
    const h = new Harness();
    h.meet(2, 3, 4, 5, 6);
    h.clear();
    h.advance(1_501);
    const [ping] = h.of("ping");
    expect(ping).toBeDefined();
    h.clear();
    h.advance(500);
    const asked = h.of("indirectPing");
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((request) => request.to.host)).size).toBe(3);
    for (const request of asked) {
      expect(request).toMatchObject({ seqNo: ping?.seqNo, node: ping?.node, nack: true });
      expect(request.to).not.toEqual(ping?.to);
    }
    expect(h.opened).toMatchObject([{ to: ping?.to }]);
    h.advance(500);
    expect(h.of("suspect")[0]).toMatchObject({ node: ping?.node, from: "self" });
    expect(h.status(ping!.node)).toBe("alive");
    h.advance(30_000);
    expect(h.events.filter((event) => event.kind === "failed" && event.member.name === ping?.node)).toHaveLength(1);
  });

  test("[M14] an ack in time, direct or through a helper, keeps a member alive", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.advanceAnswering(20_000);
    expect(h.of("suspect")).toEqual([]);
    expect(h.kinds().filter((kind) => kind === "failed")).toEqual([]);
  });

  test("[M14] an answer by stream alone keeps a member alive", () => {
    const h = new Harness();
    h.meet(2);
    const mark = h.nowMs;
    while (h.nowMs < mark + 20_000) {
      h.advance(100);
      for (const { id } of h.opened.splice(0)) {
        const bytes = h.written.get(id)?.[0] ?? EMPTY;
        h.core.handleStream(id, { kind: "opened" }, h.nowMs);
        expect(bytes[0]).toBe(0);
        const sent = h.reply(id);
        if (sent?.kind === "ping") h.answer(id, { kind: "ack", seqNo: sent.seqNo, payload: EMPTY });
      }
    }
    expect(h.of("suspect")).toEqual([]);
    expect(h.status("p2")).toBe("alive");
  });

  test("[M17] a suspect gets its ping together with the suspicion", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(suspectOf(2));
    h.clear();
    h.advance(3_100);
    const packet = h.sent.find((sent) => sent.messages.some((message) => message.kind === "ping"));
    expect(packet?.messages.map((message) => message.kind)).toEqual(["ping", "suspect"]);
    expect(packet?.bytes[0]).toBe(12);
  });

  test("[L2, L3] missing nacks stretch the probe, and no other starts meanwhile", () => {
    const h = new Harness();
    h.meet(2, 3, 4, 5, 6, 7);
    h.advance(2_600);
    // Three helpers could have nacked and none did; p2 to p7 know nothing of it.
    expect(h.core.stats()["health_score"]).toBeGreaterThanOrEqual(3);
    h.clear();
    h.advance(2_000);
    expect(h.of("ping").length).toBeLessThanOrEqual(1);
  });

  test("[L2] a probe without helpers worsens health by one, an answered one improves it", () => {
    const h = new Harness();
    h.meet(2);
    h.advance(2_600);
    expect(h.core.stats()["health_score"]).toBe(1);
    h.advanceAnswering(10_000);
    expect(h.core.stats()["health_score"]).toBe(0);
  });
});

describe("rumours", () => {
  test("a new member joins, an idle repetition says nothing, new tags are an update", () => {
    const h = new Harness();
    h.clear();
    h.meet(2);
    h.meet(2);
    h.feed(aliveOf(2, 2, { role: "x" }));
    h.feed(aliveOf(2, 1));
    expect(h.kinds()).toEqual(["joined", "updated"]);
    expect(h.core.member("p2")).toMatchObject({
      tags: { role: "x" },
      incarnation: 2,
      status: "alive",
      host: "10.0.0.2",
    });
  });

  test("[M3] an accusation of ourselves is refuted above its incarnation, with our tags", () => {
    const h = new Harness();
    h.meet(2);
    for (const at of [1, 10, 20]) {
      h.feed({ kind: "suspect", node: nodeName("self"), incarnation: incarnation(at), from: p(2) });
      expect(h.core.localMember().incarnation).toBe(at + 1);
    }
    h.clear();
    h.advance(400);
    const refutation = h.of("alive").find((alive) => alive.node === "self");
    expect(refutation).toMatchObject({ incarnation: 21, port: 7946 });
    expect([...refutation!.vsn]).toEqual([...VSN]);
    h.feed({ kind: "dead", node: nodeName("self"), incarnation: incarnation(30), from: nodeName("self") });
    expect(h.core.localMember()).toMatchObject({ incarnation: 31, status: "alive" });
    expect(h.core.stats()["refutations"]).toBe(4);
  });

  test("[M4] a claim from another address is reported and changes nothing", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.feed({ ...aliveOf(2, 50), port: 8000 });
    expect(h.events).toEqual([
      { kind: "conflict", name: "p2", existing: peer(2), other: { host: "10.0.0.2", port: 8000 } },
    ]);
    expect(h.core.member("p2")).toMatchObject({ port: 7946, incarnation: 1 });
    expect(h.drops).toEqual(["conflict"]);
  });

  test("[M12] a suspect that says it lives in time does, and it is told once more than it was accused", () => {
    const h = new Harness();
    h.meet(2, 3, 4, 5);
    h.feed(suspectOf(2));
    h.feed(suspectOf(2, 1, 8));
    h.feed(suspectOf(2, 1, 8));
    expect(h.core.stats()["suspicions"]).toBe(1);
    h.feed(aliveOf(2, 2));
    expect(h.core.stats()["suspicions"]).toBe(0);
    h.advanceAnswering(60_000);
    expect(h.kinds()).not.toContain("failed");
  });

  test("[M11] confirmations hurry a suspicion", () => {
    const alone = new Harness();
    const confirmed = new Harness();
    for (const h of [alone, confirmed]) {
      h.meet(2, 3, 4, 5, 6);
      h.feed(suspectOf(2));
    }
    for (const from of [3, 4]) confirmed.feed(suspectOf(2, 1, from));
    alone.advanceAnswering(4_500);
    confirmed.advanceAnswering(4_500);
    expect(alone.status("p2")).toBe("alive");
    expect(confirmed.status("p2")).toBe("failed");
  });

  test("[M8, M7] the dead stay dead for equal incarnations and return with a larger one", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(deadOf(2));
    h.feed(deadOf(2));
    expect(h.kinds().filter((kind) => kind === "failed")).toHaveLength(1);
    h.meet(2);
    expect(h.status("p2")).toBe("failed");
    h.feed(aliveOf(2, 2));
    expect(h.status("p2")).toBe("alive");
  });

  test("[M21] an old claim of life about a dead member is answered to the claimed one, once a second", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(deadOf(2, 4));
    h.clear();
    h.meet(2);
    h.meet(2);
    expect(h.of("dead")).toMatchObject([{ node: "p2", incarnation: 4, from: "self", to: peer(2) }]);
    h.advanceAnswering(1_100);
    h.clear();
    h.meet(2);
    expect(h.of("dead")).toHaveLength(1);
  });

  test("[M22] beyond the bound of the table nobody is taken in", () => {
    const h = new Harness({ maxMembers: 3 });
    h.meet(2, 3, 4, 5);
    expect(h.core.members().map((member) => member.name)).toEqual(["self", "p2", "p3"]);
    expect(h.drops).toEqual(["table_full", "table_full"]);
  });

  test("[M18] the recently dead hear gossip, the left do not, and silence costs nothing", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(deadOf(2));
    h.clear();
    h.advance(300);
    expect(h.sent.some((sent) => sent.to.host === "10.0.0.2")).toBe(true);

    const left = new Harness();
    left.meet(2);
    left.feed(deadOf(2, 1, 2));
    left.clear();
    left.advance(300);
    expect(left.sent).toEqual([]);

    const calm = new Harness();
    calm.meet(2);
    calm.advanceAnswering(5_000);
    calm.clear();
    calm.advanceAnswering(10_000);
    expect(calm.sent.every((sent) => sent.messages.every((message) => message.kind === "ping"))).toBe(true);
  });

  test("[M19] the dead are forgotten after their time, we are not, and a freed name may live elsewhere", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.feed(deadOf(2));
    h.feed({ ...aliveOf(2, 9), port: 8000 });
    expect(h.core.stats()["known_nodes"]).toBe(3);
    h.advanceAnswering(45_000);
    expect(h.core.stats()["known_nodes"]).toBe(2);
    h.feed({ ...aliveOf(2, 1), port: 8000 });
    expect(h.core.member("p2")).toMatchObject({ status: "alive", port: 8000 });
  });
});

describe("exchanges", () => {
  test("[M20, M9] whoever dials gets our state; his dead is suspected, his left believed", () => {
    const h = new Harness();
    h.meet(2, 3, 4);
    h.clear();
    const records = [recordOf(2, "dead"), recordOf(3, "left"), recordOf(5, "alive"), recordOf(6, "dead")];
    const reply = h.dialled(pushPull(records));
    expect(reply?.kind === "pushPull" && reply.nodes.map((node) => node.node)).toEqual(["self", "p2", "p3", "p4"]);
    expect([...h.closed.values()]).toEqual(["end"]);
    expect(h.core.stats()).toMatchObject({ suspicions: 1, streams: 0, exchanges: 1 });
    expect(h.status("p2")).toBe("alive");
    expect(h.status("p3")).toBe("failed");
    expect(h.status("p5")).toBe("alive");
    expect(h.status("p6")).toBeUndefined();
  });

  test("[M10] a side with a strange version is refused, though it was answered", () => {
    const h = new Harness();
    const record = { ...recordOf(5, "alive"), vsn: Uint8Array.of(3, 5, 3, 2, 5, 5) };
    expect(h.dialled(pushPull([record, recordOf(6, "alive")]))?.kind).toBe("pushPull");
    expect(h.core.members()).toHaveLength(1);
    expect(h.drops).toEqual(["incompatible_version"]);
  });

  test("[M15] a ping by stream is answered without a coordinate, one for another is cut", () => {
    const h = new Harness();
    expect(h.dialled({ kind: "ping", seqNo: seq(9), node: nodeName("self") })).toMatchObject({
      kind: "ack",
      seqNo: 9,
      payload: EMPTY,
    });
    expect(h.dialled({ kind: "ping", seqNo: seq(9), node: nodeName("other") })).toBeUndefined();
    expect([...h.closed.values()]).toEqual(["end", "reset"]);
  });

  test("what a dialler must not send first is cut", () => {
    const h = new Harness();
    expect(h.dialled({ kind: "ack", seqNo: seq(1), payload: EMPTY })).toBeUndefined();
    expect(h.dialled({ kind: "err", error: "x" })).toBeUndefined();
    expect(h.drops).toEqual(["unexpected_stream_message", "unexpected_stream_message"]);
    expect(h.core.stats()["streams"]).toBe(0);
  });

  test("[M22] streams are bounded in number and in time", () => {
    const h = new Harness({ maxStreams: 2 });
    for (const id of [2, 4, 6]) h.core.handleStream(id as never, { kind: "opened", from: peer(2) }, h.nowMs);
    expect(h.closed).toEqual(new Map([[6, "reset"]]));
    h.advance(10_001);
    expect(h.core.stats()["streams"]).toBe(0);
    expect(h.drops).toEqual(["too_many_streams", "stream_timeout", "stream_timeout"]);
  });

  test("[M25] a stream that breaks off, fails or talks nonsense is dropped with a reason", () => {
    const h = new Harness();
    const open = (id: number): void => h.core.handleStream(id as never, { kind: "opened", from: peer(2) }, h.nowMs);
    open(2);
    h.core.handleStream(2 as never, { kind: "ended" }, h.nowMs);
    open(4);
    h.core.handleStream(4 as never, { kind: "failed", error: "reset" }, h.nowMs);
    open(6);
    h.core.handleStream(6 as never, { kind: "data", bytes: Uint8Array.of(99, 1, 2) }, h.nowMs);
    open(8);
    h.core.handleStream(8 as never, { kind: "data", bytes: Uint8Array.of(10, 0, 0, 0, 40) }, h.nowMs);
    open(7);
    h.core.handleStream(70 as never, { kind: "data", bytes: Uint8Array.of(1) }, h.nowMs);
    expect(h.drops).toEqual(["empty", "unexpected_type", "encrypted", "unknown_stream"]);
    expect(h.reply(8 as never)).toMatchObject({ kind: "err" });
    expect(h.core.stats()["streams"]).toBe(0);
  });
});
