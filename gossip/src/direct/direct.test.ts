import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { aliveOf, Harness, peer } from "../../test/harness.ts";
import { type InboundRequestId, incarnation, type NodeName, nodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import { type DirectEnvelope, decodeEnvelope, encodeEnvelope } from "./envelope.ts";

const BODY = Uint8Array.of(1, 2, 3);
const SELF = nodeName("self");
const MAX = 1 << 20;

/** Direct messages that left, by packets and by streams. */
function envelopes(h: Harness): (DirectEnvelope & { readonly by: "packet" | "stream" })[] {
  const packets = h
    .serfSent()
    .flatMap((message) => (message.kind === "direct" ? [{ body: message.body, by: "packet" as const }] : []));
  const streams = h.opened.flatMap(({ id }) => {
    const message = h.reply(id);
    return message?.kind === "user" ? [{ body: message.payload.subarray(1), by: "stream" as const }] : [];
  });
  return [...packets, ...streams].flatMap(({ body, by }) => {
    const decoded = decodeEnvelope(body, MAX);
    return decoded.ok ? [{ ...decoded.envelope, by }] : [];
  });
}

const requestFrom = (
  number: number,
  id: number,
  change: { readonly to?: NodeName; readonly timeoutMs?: number } = {},
): DirectEnvelope => ({
  kind: "request",
  session: 77,
  id,
  from: nodeName(`p${number}`),
  to: SELF,
  timeoutMs: 5_000,
  topic: "echo",
  body: BODY,
  ...change,
});

const feed = (h: Harness, envelope: DirectEnvelope): void =>
  h.feedSerf({ kind: "direct", body: encodeEnvelope(envelope) });

function inbound(h: Harness): InboundRequestId[] {
  return h.events.flatMap((event) => (event.kind === "request" ? [event.id] : []));
}

const ask = (h: Harness, body = BODY, timeoutMs = 5_000) =>
  h.core.request("p2", "echo", body, { nowMs: h.nowMs, timeoutMs });

const results = (h: Harness) => h.events.filter((event) => event.kind === "requestResult");

function answerTo(h: Harness, body: Uint8Array): void {
  const request = envelopes(h).findLast((envelope) => envelope.kind === "request");
  if (request === undefined) throw new Error("nothing was asked");
  feed(h, { kind: "answer", session: request.session, id: request.id, from: request.to, to: request.from, body });
}

describe("asking", () => {
  test("[D3] an answered request has one result, and a late answer none", () => {
    const h = new Harness();
    h.meet(2);
    const id = ask(h);
    expect(envelopes(h)).toMatchObject([{ kind: "request", topic: "echo", from: "self", to: "p2", by: "packet" }]);
    answerTo(h, Uint8Array.of(9));
    answerTo(h, Uint8Array.of(9));
    expect(results(h)).toEqual([{ kind: "requestResult", id, ok: true, body: Uint8Array.of(9) }]);
    expect(h.drops).toEqual(["late_response"]);
    h.advanceAnswering(10_000);
    expect(results(h)).toHaveLength(1);
    expect(h.core.stats()["requests_outbound"]).toBe(0);
  });

  test("[D3, D4] it is asked again with doubling pauses, then by stream, and given up in the end", () => {
    const h = new Harness();
    h.meet(2);
    h.advanceAnswering(1_000);
    h.clear();
    const startMs = h.nowMs;
    const id = ask(h, BODY, 4_000);
    const times: number[] = [];
    let seen = 0;
    while (results(h).length === 0 && h.nowMs < startMs + 10_000) {
      const count = envelopes(h).length;
      if (count > seen) times.push(h.nowMs - startMs);
      seen = count;
      h.advanceAnswering(10);
    }
    expect(times).toHaveLength(5);
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    for (const [i, pauseMs] of pauses.entries()) {
      expect(pauseMs).toBeGreaterThanOrEqual(200 * 2 ** i - 10);
      expect(pauseMs).toBeLessThanOrEqual(250 * 2 ** i + 10);
    }
    expect(envelopes(h).map((envelope) => envelope.by)).toEqual(["packet", "packet", "packet", "stream", "stream"]);
    expect(results(h)).toEqual([{ kind: "requestResult", id, ok: false, failure: "timeout" }]);
    expect(h.nowMs - startMs).toBeGreaterThanOrEqual(4_000);
  });

  test("[D1] only members that speak it are asked, and others fail at once", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(aliveOf(3, 1, { role: "stock" }));
    h.clear();
    for (const name of ["p3", "nobody"]) h.core.request(name, "t", BODY, { nowMs: h.nowMs });
    expect(results(h)).toMatchObject([{ failure: "not_speaking" }, { failure: "unknown_member" }]);
    expect(h.sent).toEqual([]);
    expect(h.opened).toEqual([]);
  });

  test("[D6] when the member is gone its requests end, and new ones are not begun", () => {
    const h = new Harness();
    h.meet(2);
    ask(h);
    h.feed({ kind: "dead", node: nodeName("p2"), incarnation: incarnation(1), from: nodeName("p9") });
    expect(results(h)).toMatchObject([{ ok: false, failure: "unreachable" }]);
    ask(h);
    expect(results(h)).toMatchObject([{ failure: "unreachable" }, { failure: "unreachable" }]);
  });

  test("[D5] the outbox is bounded, and bodies too", () => {
    const h = new Harness({ maxOutboundRequests: 2, maxDirectBytes: 1_000 });
    h.meet(2);
    for (let i = 0; i < 3; i += 1) ask(h);
    ask(h, new Uint8Array(1_001));
    expect(results(h)).toMatchObject([{ failure: "outbox_full" }, { failure: "too_large" }]);
  });

  test("[D4] what does not fit a packet goes by stream", () => {
    const h = new Harness();
    h.meet(2);
    ask(h, new Uint8Array(3_000));
    expect(envelopes(h)).toMatchObject([{ kind: "request", by: "stream" }]);
    expect(h.opened).toMatchObject([{ to: peer(2) }]);
    expect(h.sent).toEqual([]);
  });

  test("[D3] a refusal carries the handler's code, a cancelled request nothing", () => {
    const h = new Harness();
    h.meet(2);
    const id = ask(h);
    const [request] = envelopes(h);
    feed(h, {
      kind: "refusal",
      session: request!.session,
      id: request!.id,
      from: request!.to,
      to: SELF,
      code: "no_room",
      message: "full",
    });
    h.core.cancelRequest(ask(h));
    h.advanceAnswering(10_000);
    expect(results(h)).toEqual([
      { kind: "requestResult", id, ok: false, failure: "remote", code: "no_room", message: "full" },
    ]);
  });

  test("[D5] busy is asked again, and is the result when it stays so", () => {
    const h = new Harness();
    h.meet(2);
    ask(h, BODY, 2_000);
    const [request] = envelopes(h);
    feed(h, { kind: "busy", session: request!.session, id: request!.id, from: request!.to, to: SELF });
    h.advanceAnswering(2_100);
    expect(envelopes(h).length).toBeGreaterThan(2);
    expect(results(h)).toMatchObject([{ failure: "busy" }]);
  });

  test("[D7] an answer of somebody else, or for another life of ours, is not taken", () => {
    const h = new Harness();
    h.meet(2, 3);
    ask(h);
    const [request] = envelopes(h);
    const answer = { kind: "answer", id: request!.id, to: SELF, body: BODY } as const;
    feed(h, { ...answer, session: request!.session, from: nodeName("p3") });
    feed(h, { ...answer, session: (request!.session + 1) >>> 0, from: nodeName("p2") });
    expect(results(h)).toEqual([]);
    expect(h.drops).toEqual(["late_response", "late_response"]);
  });

  test("a member may ask itself", () => {
    const h = new Harness();
    h.core.request("self", "echo", BODY, { nowMs: h.nowMs });
    h.core.respond(inbound(h)[0]!, { ok: true, body: Uint8Array.of(5) }, h.nowMs);
    expect(results(h)).toMatchObject([{ ok: true, body: Uint8Array.of(5) }]);
  });
});

describe("being asked", () => {
  test("[D2] a repeated request is carried out once and gets the same answer again", () => {
    const h = new Harness();
    h.meet(2);
    feed(h, requestFrom(2, 1));
    feed(h, requestFrom(2, 1));
    expect(inbound(h)).toHaveLength(1);
    expect(h.core.respond(inbound(h)[0]!, { ok: true, body: Uint8Array.of(4) }, h.nowMs)).toBe(true);
    expect(h.core.respond(inbound(h)[0]!, { ok: true, body: Uint8Array.of(6) }, h.nowMs)).toBe(false);
    feed(h, requestFrom(2, 1));
    expect(inbound(h)).toHaveLength(1);
    const answers = envelopes(h);
    expect(answers).toMatchObject([
      { kind: "answer", session: 77, id: 1, to: "p2", body: Uint8Array.of(4) },
      { kind: "answer", session: 77, id: 1, to: "p2", body: Uint8Array.of(4) },
    ]);
    feed(h, { ...requestFrom(2, 1), session: 78 });
    expect(inbound(h)).toHaveLength(2);
  });

  test("[D1] requests of strangers, for others, or in a tongue unknown are dropped", () => {
    const h = new Harness();
    h.meet(2);
    h.clear();
    feed(h, requestFrom(8, 1));
    feed(h, requestFrom(2, 2, { to: nodeName("p7") }));
    h.feedSerf({ kind: "direct", body: Uint8Array.of(0x96, 2, 0, 1, 1, 0xa1, 65, 0xa1, 66) });
    h.feedSerf({ kind: "direct", body: new Uint8Array(0) });
    expect(inbound(h)).toEqual([]);
    expect(h.drops.slice(0, 3)).toEqual(["unknown_member", "not_for_us", "unknown_type"]);
    expect(h.drops).toHaveLength(4);
  });

  test("[D5] a full inbox says busy, and has room again after an answer or when time is over", () => {
    const h = new Harness({ maxInboundRequests: 2 });
    h.meet(2);
    for (let id = 1; id <= 3; id += 1) feed(h, requestFrom(2, id, { timeoutMs: 1_000 }));
    expect(inbound(h)).toHaveLength(2);
    expect(envelopes(h)).toMatchObject([{ kind: "busy", id: 3 }]);
    expect(h.drops).toEqual(["inbox_full"]);
    h.core.respond(inbound(h)[0]!, { ok: false, code: "x", message: "y" }, h.nowMs);
    feed(h, requestFrom(2, 3, { timeoutMs: 1_000 }));
    expect(inbound(h)).toHaveLength(3);
    h.advanceAnswering(1_100);
    expect(h.core.stats()["requests_inbound"]).toBe(0);
    expect(h.core.respond(inbound(h)[2]!, { ok: true, body: BODY }, h.nowMs)).toBe(false);
  });

  test("[D5] remembered answers are bounded: the oldest is forgotten and its request is new", () => {
    const h = new Harness({ maxRememberedRequests: 2 });
    h.meet(2);
    for (let id = 1; id <= 3; id += 1) {
      feed(h, requestFrom(2, id));
      h.core.respond(inbound(h)[id - 1]!, { ok: true, body: BODY }, h.nowMs);
    }
    expect(h.core.stats()["requests_remembered"]).toBe(2);
    feed(h, requestFrom(2, 3));
    expect(inbound(h)).toHaveLength(3);
    feed(h, requestFrom(2, 1));
    expect(inbound(h)).toHaveLength(4);
  });

  test("[D2, D5] an answer is forgotten when nobody can ask again, that it was given is not", () => {
    const h = new Harness();
    h.meet(2);
    const answer = (id: number): void => {
      feed(h, requestFrom(2, id));
      h.core.respond(inbound(h)[id - 1]!, { ok: true, body: BODY }, h.nowMs);
    };
    const answers = (): number => envelopes(h).filter(({ kind }) => kind === "answer").length;
    answer(1);
    h.advanceAnswering(115_000);
    answer(2);
    h.clear();
    feed(h, requestFrom(2, 1));
    expect([answers(), h.drops]).toEqual([1, ["duplicate"]]);
    h.advanceAnswering(10_000);
    h.clear();
    feed(h, requestFrom(2, 3));
    h.core.respond(inbound(h)[0]!, { ok: true, body: BODY }, h.nowMs);
    h.clear();
    for (const id of [1, 2, 3]) feed(h, requestFrom(2, id));
    expect([inbound(h), answers(), h.drops]).toEqual([[], 2, ["duplicate", "duplicate", "duplicate"]]);
    expect(h.core.stats()["requests_remembered"]).toBe(3);
  });

  test("[D4] the answer goes the way of the question: by stream when it came so", () => {
    const h = new Harness();
    h.meet(2);
    h.dialled({ kind: "user", payload: encodeSerf({ kind: "direct", body: encodeEnvelope(requestFrom(2, 1)) }) });
    h.core.respond(inbound(h)[0]!, { ok: true, body: BODY }, h.nowMs);
    expect(envelopes(h)).toMatchObject([{ kind: "answer", by: "stream" }]);
  });

  test("[D7] an answer too large becomes a refusal that says so", () => {
    const h = new Harness({ maxDirectBytes: 100 });
    h.meet(2);
    feed(h, requestFrom(2, 1));
    h.core.respond(inbound(h)[0]!, { ok: true, body: new Uint8Array(101) }, h.nowMs);
    expect(envelopes(h)).toMatchObject([{ kind: "refusal", code: "answer_too_large" }]);
  });
});

describe("envelopes", () => {
  const head = { session: fc.nat(), id: fc.nat(), from: fc.string().map(nodeName), to: fc.string().map(nodeName) };
  const text = fc.string({ maxLength: 128 });

  test("what is encoded is decoded", () => {
    const envelope = fc.oneof(
      fc.record({
        kind: fc.constant("request" as const),
        ...head,
        timeoutMs: fc.nat(),
        topic: text,
        body: fc.uint8Array(),
      }),
      fc.record({ kind: fc.constant("answer" as const), ...head, body: fc.uint8Array() }),
      fc.record({ kind: fc.constant("refusal" as const), ...head, code: text, message: text }),
      fc.record({ kind: fc.constant("busy" as const), ...head }),
    );
    fc.assert(
      fc.property(envelope, (given) => {
        expect(decodeEnvelope(encodeEnvelope(given), MAX)).toEqual({ ok: true, envelope: given });
      }),
      { seed: 13, numRuns: 300 },
    );
  });

  test("any bytes are decoded or refused with a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), (bytes, cut) => {
        const decoded = decodeEnvelope(bytes, 40);
        if (decoded.ok && "body" in decoded.envelope) expect(decoded.envelope.body.length).toBeLessThanOrEqual(40);
        const real = encodeEnvelope(requestFrom(2, 1));
        expect(decodeEnvelope(real.subarray(0, cut % real.length), MAX).ok).toBe(false);
      }),
      { seed: 14, numRuns: 500 },
    );
  });
});
