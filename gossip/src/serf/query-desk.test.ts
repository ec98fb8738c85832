import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, SELF } from "../../test/harness.ts";
import type { QueryEvent } from "../sink.ts";
import { inboundQueryId, lamportTime, nodeName, UsageError } from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { SerfMessage, SerfQuery } from "../wire/messages.ts";
import { encodeUtf8 } from "../wire/utf8.ts";
import { MAX_ASKED_QUERIES } from "./asked-queries.ts";
import { MAX_HEARD_QUERIES } from "./heard-queries.ts";
import { MAX_RELAYS } from "./relays.ts";

const EMPTY = new Uint8Array(0);
const p = (number: number) => nodeName(`p${number}`);
const DEFAULT_TIMEOUT_MS = 200 * 16;

/** p2 asks everybody. */
const queryOf = (change: Partial<SerfQuery> = {}): SerfQuery => ({
  kind: "query",
  lamportTime: lamportTime(3),
  id: 77,
  addr: Uint8Array.of(10, 0, 0, 2),
  port: 7946,
  sourceNode: p(2),
  filters: [],
  flags: 0,
  relayFactor: 0,
  timeoutNs: 1e9,
  name: "color",
  payload: Uint8Array.of(5),
  ...change,
});

const codeOf = (call: () => void): string | undefined => {
  try {
    call();
  } catch (error) {
    if (error instanceof UsageError) return error.code;
    throw error;
  }
  return undefined;
};

const heardBy = (h: Harness): QueryEvent[] => h.events.flatMap((event) => (event.kind === "query" ? [event] : []));
const ask = (h: Harness, options: Parameters<Harness["core"]["query"]>[2] | object = {}) =>
  h.core.query("color", EMPTY, { ...options, nowMs: h.nowMs });

/** The query that the core tells, as others hear it. */
function toldQuery(h: Harness): SerfQuery {
  const query = h.told().find((message): message is SerfQuery => message.kind === "query");
  expect(query).toBeDefined();
  return query!;
}

function answer(h: Harness, number: number, change: Partial<Extract<SerfMessage, { kind: "queryResponse" }>>): void {
  const reply = { lamportTime: lamportTime(1), id: 0, from: p(number), flags: 0, payload: EMPTY, ...change };
  h.feedSerf({ kind: "queryResponse", ...reply }, peer(number));
}

const replies = (h: Harness) => h.serfSent().filter((message) => message.kind === "queryResponse");

describe("queries of others", () => {
  test("[Q3] one is told once, and acknowledged at once if it wants that", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.clear();
    h.feedSerf(queryOf({ flags: 1 }));
    h.feedSerf(queryOf({ flags: 1 }));
    h.feedSerf(queryOf({ id: 78 }));
    expect(heardBy(h)).toMatchObject([
      { name: "color", from: "p2", lamportTime: 3, payload: Uint8Array.of(5), deadlineMs: h.nowMs + 1000 },
      { name: "color" },
    ]);
    expect(replies(h)).toMatchObject([{ id: 77, lamportTime: 3, from: "self", flags: 1, to: peer(2), payload: EMPTY }]);
    expect(h.core.stats()["queries_heard"]).toBe(2);
  });

  test("[Q1] one that is not for us is neither told nor acknowledged, but passed on", () => {
    const h = new Harness({ tags: { role: "web" } });
    h.meet(2, 3);
    h.clear();
    h.feedSerf(queryOf({ flags: 1, filters: [{ kind: "tag", tag: "role", expression: "db" }] }));
    h.feedSerf(queryOf({ flags: 1, id: 78, filters: [{ kind: "nodes", nodes: [p(3)] }] }));
    expect([heardBy(h), replies(h)]).toEqual([[], []]);
    expect(h.told().flatMap((message) => (message.kind === "query" ? [message.id] : []))).toEqual([77, 78]);
  });

  test("[Q4] one is answered once, to where it says", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.feedSerf(queryOf({ addr: Uint8Array.of(10, 0, 0, 9), port: 7000 }));
    const { id } = heardBy(h)[0]!;
    expect(codeOf(() => h.core.respondToQuery(id, new Uint8Array(1024), h.nowMs))).toBe("response_too_large");
    h.core.respondToQuery(id, Uint8Array.of(1, 2), h.nowMs);
    const to = { host: "10.0.0.9", port: 7000 };
    expect(replies(h)).toMatchObject([{ id: 77, from: "self", flags: 0, to, payload: Uint8Array.of(1, 2) }]);
    expect(codeOf(() => h.core.respondToQuery(id, EMPTY, h.nowMs))).toBe("response_sent");
    expect(replies(h)).toHaveLength(1);
  });

  test("[Q4] one is not answered after its deadline, and forgotten then", () => {
    const h = new Harness();
    h.meet(2);
    h.feedSerf(queryOf());
    const { id } = heardBy(h)[0]!;
    h.advance(1000);
    expect(h.core.stats()["queries_heard"]).toBe(0);
    expect(codeOf(() => h.core.respondToQuery(id, EMPTY, h.nowMs))).toBe("unknown_query");
    expect(codeOf(() => h.core.respondToQuery(inboundQueryId(99), EMPTY, h.nowMs))).toBe("unknown_query");

    h.feedSerf(queryOf({ id: 78 }));
    const late = heardBy(h)[1]!;
    // The timer that forgets it has not run yet.
    expect(codeOf(() => h.core.respondToQuery(late.id, EMPTY, late.deadlineMs))).toBe("past_deadline");
    expect(replies(h)).toEqual([]);
  });

  test("[Q11] of too many the oldest can no longer be answered", () => {
    const h = new Harness();
    h.meet(2);
    for (let i = 0; i <= MAX_HEARD_QUERIES; i += 1)
      h.feedSerf(queryOf({ id: i, lamportTime: lamportTime(3 + (i >> 5)) }));
    const ids = heardBy(h).map((event) => event.id);
    expect(ids).toHaveLength(MAX_HEARD_QUERIES + 1);
    expect(codeOf(() => h.core.respondToQuery(ids[0]!, EMPTY, h.nowMs))).toBe("unknown_query");
    expect(codeOf(() => h.core.respondToQuery(ids[1]!, EMPTY, h.nowMs))).toBeUndefined();
  });

  test("[Q3] one without an address cannot be answered, which is counted", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.feedSerf(queryOf({ flags: 1, port: 0 }));
    expect([replies(h), h.drops]).toEqual([[], ["bad_address"]]);
  });
});

describe("detours", () => {
  const relaysOf = (h: Harness) => h.serfSent().filter((message) => message.kind === "relay");

  test("[Q8] an answer goes straight and over as many others as wanted", () => {
    const h = new Harness();
    h.meet(2, 3, 4, 5);
    h.clear();
    h.feedSerf(queryOf({ flags: 1, relayFactor: 3 }));
    const [straight] = replies(h);
    const relays = relaysOf(h);
    expect(new Set(relays.map(({ to }) => to.host)).size).toBe(3);
    const { to: _to, ...message } = straight!;
    for (const relay of relays) {
      expect(relay).toMatchObject({ addr: Uint8Array.of(10, 0, 0, 2), port: 7946, node: "p2" });
      expect([...(relay as { payload: Uint8Array }).payload]).toEqual([...encodeSerf(message as SerfMessage)]);
      expect(relay.to.host).not.toBe(SELF.host);
    }
  });

  test("[Q8] none in a small cluster, at most sixteen in a large one, none over members that cannot", () => {
    const small = new Harness();
    small.meet(2);
    small.feedSerf(queryOf({ flags: 1, relayFactor: 2 }));
    expect(relaysOf(small)).toEqual([]);

    const large = new Harness();
    large.meet(...Array.from({ length: 40 }, (_, i) => i + 2));
    large.clear();
    large.feedSerf(queryOf({ flags: 1, relayFactor: 255 }));
    expect(relaysOf(large)).toHaveLength(MAX_RELAYS);

    const old = new Harness();
    for (const number of [2, 3, 4]) old.feed({ ...aliveOf(number), vsn: Uint8Array.of(1, 4, 2, 2, 5, 5) });
    old.clear();
    old.feedSerf(queryOf({ flags: 1, relayFactor: 2 }));
    expect([replies(old).length, relaysOf(old)]).toEqual([1, []]);
  });
});

describe("queries of ours", () => {
  test("[Q6] one collects one ack and one response of each, until its time is over", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.clear();
    const id = ask(h, { wantAck: true });
    const sent = toldQuery(h);
    expect(sent).toMatchObject({ sourceNode: "self", addr: Uint8Array.of(10, 0, 0, 1), port: 7946, flags: 1 });
    expect(sent.timeoutNs).toBe(DEFAULT_TIMEOUT_MS * 1e6);
    ask(h);
    h.clear();
    for (const number of [2, 3, 2]) {
      answer(h, number, { id: sent.id, flags: 1 });
      answer(h, number, { id: sent.id, payload: Uint8Array.of(number) });
    }
    expect(h.events).toEqual([
      { kind: "queryAck", id, from: "p2" },
      { kind: "queryResponse", id, from: "p2", payload: Uint8Array.of(2) },
      { kind: "queryAck", id, from: "p3" },
      { kind: "queryResponse", id, from: "p3", payload: Uint8Array.of(3) },
    ]);
    h.clear();
    h.advance(DEFAULT_TIMEOUT_MS);
    expect(h.events.filter((event) => event.kind === "queryDone")).toEqual([
      { kind: "queryDone", id },
      { kind: "queryDone", id: expect.any(Number) },
    ]);
    h.clear();
    answer(h, 2, { id: sent.id });
    expect(h.drops).toEqual(["late_response"]);
    expect(h.core.stats()["queries_asked"]).toBe(0);
  });

  test("[Q3] one reaches ourselves, without a packet", () => {
    const h = new Harness();
    const id = ask(h, { wantAck: true });
    const { id: heard } = heardBy(h)[0]!;
    h.core.respondToQuery(heard, Uint8Array.of(9), h.nowMs);
    expect(h.events.slice(-3)).toMatchObject([
      { kind: "queryAck", id, from: "self" },
      { kind: "query", from: "self" },
      { kind: "queryResponse", id, from: "self", payload: Uint8Array.of(9) },
    ]);
    expect(h.sent).toEqual([]);
  });

  test("[Q6] one takes no more answers than there were members alive", () => {
    const h = new Harness();
    h.meet(2);
    ask(h, { wantAck: true });
    const { id } = toldQuery(h);
    h.clear();
    // Ourselves and p2 are two; our own ack came already.
    for (const number of [2, 3]) answer(h, number, { id, flags: 1 });
    for (const number of [2, 3, 4]) answer(h, number, { id });
    expect(h.kinds()).toEqual(["queryAck", "queryResponse", "queryResponse"]);
    expect(h.drops).toEqual(["queue_full", "queue_full"]);
  });

  test("[Q7] what nobody asked for is counted", () => {
    const h = new Harness();
    h.meet(2);
    ask(h);
    const { id } = toldQuery(h);
    h.clear();
    answer(h, 2, { id: id ^ 1 });
    answer(h, 2, { id, lamportTime: lamportTime(50) });
    answer(h, 2, { id, flags: 1 });
    answer(h, 2, { id, from: nodeName("") });
    expect([h.drops, h.events]).toEqual([["unknown_query", "late_response", "unknown_query", "unknown_member"], []]);
  });

  test("[Q6] a cancelled one reports nothing more", () => {
    const h = new Harness();
    h.meet(2);
    const id = ask(h, { wantAck: true });
    h.core.cancelQuery(id);
    h.core.cancelQuery(id);
    h.clear();
    h.advance(DEFAULT_TIMEOUT_MS);
    expect(h.kinds().filter((kind) => kind.startsWith("query"))).toEqual([]);
  });

  test("[Q5] what breaks a limit is refused and changes nothing", () => {
    const h = new Harness();
    h.meet(2);
    h.told();
    const query = (name: string, payload = EMPTY, options: object = {}): string | undefined =>
      codeOf(() => h.core.query(name, payload, { ...options, nowMs: h.nowMs }));
    expect(query("q", new Uint8Array(1024))).toBe("query_too_large");
    expect(query("_serf_conflict")).toBe("reserved_name");
    expect(query("_serf_ping", Uint8Array.of(1))).toBe("reserved_name");
    for (const timeoutMs of [0, -1, Number.NaN, 3_600_001])
      expect(query("q", EMPTY, { timeoutMs })).toBe("bad_timeout");
    for (const relayFactor of [-1, 256, 0.5]) expect(query("q", EMPTY, { relayFactor })).toBe("bad_relay_factor");
    expect(h.core.stats()).toMatchObject({ query_time: 1, queries_asked: 0, query_queue: 0 });
    expect(query("_serf_ping", EMPTY, { wantAck: true })).toBeUndefined();
  });

  test("[Q11] more than can be kept are refused", () => {
    const h = new Harness();
    for (let i = 0; i < MAX_ASKED_QUERIES; i += 1) ask(h);
    expect(codeOf(() => void ask(h))).toBe("too_many_queries");
    h.advance(DEFAULT_TIMEOUT_MS);
    expect(codeOf(() => void ask(h))).toBeUndefined();
  });

  test("[Q5] none is asked after a leave, nor at the end of time", () => {
    const h = new Harness();
    h.meet(2);
    h.feedSerf(queryOf({ lamportTime: lamportTime(2 ** 50) }));
    expect(codeOf(() => void ask(h))).toBe("clock_exhausted");
    h.core.leave(h.nowMs);
    expect(codeOf(() => void ask(h))).toBe("not_alive");
  });
});

describe("internal queries", () => {
  const answered = (h: Harness) => {
    const [reply] = replies(h);
    return reply?.kind === "queryResponse" ? decodeSerf(reply.payload) : undefined;
  };

  test("[Q9] a ping is only acknowledged", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.feedSerf(queryOf({ name: "_serf_ping", flags: 1 }));
    expect(replies(h)).toMatchObject([{ flags: 1 }]);
    expect(h.events).toEqual([]);
  });

  test("[Q9] who a name is to us is answered, but not about ourselves", () => {
    const conflict = (name: string): Harness => {
      const h = new Harness();
      h.meet(2, 3);
      h.clear();
      h.feedSerf(queryOf({ name: "_serf_conflict", payload: encodeUtf8(name) }));
      expect(h.events).toEqual([]);
      return h;
    };
    expect(answered(conflict("p3"))).toMatchObject({
      ok: true,
      value: { kind: "conflictResponse", member: { name: "p3", addr: Uint8Array.of(10, 0, 0, 3), status: "alive" } },
    });
    expect(answered(conflict("p9"))).toMatchObject({ ok: true, value: { kind: "conflictResponse", member: null } });
    expect(replies(conflict("self"))).toEqual([]);
  });

  test("[Q9] one that we do not know is counted", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    h.feedSerf(queryOf({ name: "_serf_frobnicate" }));
    expect([h.events, h.drops, replies(h)]).toEqual([[], ["unsupported_user_message"], []]);
  });
});

describe("a name claimed twice", () => {
  /** Our name at another address: a conflict, and a question to everybody. */
  function contested(options: object = {}): { readonly h: Harness; readonly id: number } {
    const h = new Harness(options);
    h.meet(2, 3, 4);
    h.told();
    h.feed({ ...aliveOf(9), node: nodeName("self") });
    h.feed({ ...aliveOf(9), node: nodeName("self") });
    const asked = h.told().filter((message): message is SerfQuery => message.kind === "query");
    expect(asked).toHaveLength("resolveNameConflicts" in options ? 0 : 1);
    if (asked[0] !== undefined) expect(asked[0]).toMatchObject({ name: "_serf_conflict", payload: encodeUtf8("self") });
    h.clear();
    return { h, id: asked[0]?.id ?? 0 };
  }

  const means = (number: number) => ({
    name: nodeName("self"),
    addr: Uint8Array.of(10, 0, 0, number),
    port: 7946,
    tags: new Map<string, string>(),
    status: "alive" as const,
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
  });

  test.each([
    ["kept by a majority", [1, 1, 9], { kind: "nameKept", answers: 3, matching: 2 }],
    ["lost when the others mean somebody else", [9, 9, 1], { kind: "nameLost", answers: 3, matching: 1 }],
    ["lost to a tie", [1, 9], { kind: "nameLost", answers: 2, matching: 1 }],
    ["lost when nobody has heard of us", [0], { kind: "nameLost", answers: 1, matching: 0 }],
    ["kept when nobody answers", [], { kind: "nameKept", answers: 0, matching: 0 }],
  ])("[Q10] the name is %s", (_what, meant, verdict) => {
    const { h, id } = contested();
    for (const [i, number] of meant.entries()) {
      const member = number === 0 ? null : means(number);
      answer(h, i + 2, { id, payload: encodeSerf({ kind: "conflictResponse", member }) });
    }
    answer(h, 9, { id, payload: Uint8Array.of(6, 1, 2, 3) });
    h.advanceAnswering(DEFAULT_TIMEOUT_MS);
    expect(h.events.filter((event) => event.kind.startsWith("name"))).toEqual([verdict]);
  });

  test("[Q10] who does not want to ask does not", () => {
    const { h } = contested({ resolveNameConflicts: false });
    h.advanceAnswering(DEFAULT_TIMEOUT_MS);
    expect(h.kinds()).not.toContain("nameKept");
  });
});
