import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { aliveOf, Harness, peer, pushPull, SELF } from "../test/harness.ts";
import { createGossip } from "./gossip.ts";
import { seededRandom } from "./random.ts";
import { CORE_DROP_REASONS, WIRE_DROP_REASONS } from "./sink.ts";
import { UsageError } from "./types.ts";
import { encodeMessage } from "./wire/encode-message.ts";
import { encodeStream } from "./wire/stream-framing.ts";

const REASONS: readonly string[] = [...WIRE_DROP_REASONS, ...CORE_DROP_REASONS];
const noSink = { packet() {}, stream() {}, event() {}, dropped() {} };

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    return error instanceof UsageError ? error.code : String(error);
  }
  return "none";
}

describe("any bytes", () => {
  test("[M25] a datagram of any bytes is used or dropped, and membership stays whole", () => {
    const h = new Harness();
    h.meet(2, 3);
    const known = h.core.members().length;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.option(fc.nat(13)), (bytes, type) => {
        if (type !== null && bytes.length > 0) bytes[0] = type;
        h.core.handlePacket(peer(2), bytes, h.nowMs);
        expect(h.drops.every((reason) => REASONS.includes(reason))).toBe(true);
        expect(h.core.members()).toHaveLength(known);
      }),
      { seed: 10, numRuns: 1_000 },
    );
  });

  test("[M25] a real packet with any byte changed never throws", () => {
    const h = new Harness();
    const packets = [
      aliveOf(2),
      { kind: "dead", node: aliveOf(2).node, incarnation: aliveOf(2).incarnation, from: aliveOf(3).node } as const,
    ].map(encodeMessage);
    fc.assert(
      fc.property(fc.constantFrom(...packets), fc.nat(), fc.nat(255), (packet, place, value) => {
        const damaged = packet.slice();
        damaged[place % damaged.length] = value;
        h.core.handlePacket(peer(2), damaged, h.nowMs);
        h.core.stats();
      }),
      { seed: 11, numRuns: 1_000 },
    );
  });

  test("[M25] a stream of any bytes in any pieces never throws and never stays", () => {
    const real = encodeStream(pushPull([]), { isDialled: true });
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), fc.boolean(), (pieces, isReal) => {
        const h = new Harness();
        h.core.handleStream(2 as never, { kind: "opened", from: peer(2) }, h.nowMs);
        if (isReal) h.core.handleStream(2 as never, { kind: "data", bytes: real.subarray(0, 4) }, h.nowMs);
        for (const bytes of pieces) h.core.handleStream(2 as never, { kind: "data", bytes }, h.nowMs);
        h.core.handleStream(2 as never, { kind: "ended" }, h.nowMs);
        expect(h.core.stats()["streams"]).toBe(0);
        expect(h.drops.every((reason) => REASONS.includes(reason))).toBe(true);
      }),
      { seed: 12, numRuns: 300 },
    );
  });
});

describe("time", () => {
  test("[M26] early and repeated calls change nothing", () => {
    const h = new Harness();
    h.meet(2);
    h.advanceAnswering(3_000);
    const before = JSON.stringify([h.core.stats(), h.core.deadlineMs(), h.sent.length]);
    for (let i = 0; i < 5; i += 1) h.core.handleTimeout(h.nowMs);
    expect(JSON.stringify([h.core.stats(), h.core.deadlineMs(), h.sent.length])).toBe(before);
  });

  test("[M26] after any call the deadline lies ahead", () => {
    const h = new Harness();
    h.meet(2, 3, 4);
    for (let i = 0; i < 2_000; i += 1) {
      h.nowMs = Math.max(h.nowMs, h.core.deadlineMs());
      h.core.handleTimeout(h.nowMs);
      expect(h.core.deadlineMs()).toBeGreaterThan(h.nowMs - 1e-6);
    }
  });

  test("time that goes back counts as standing still", () => {
    const h = new Harness();
    h.core.handleTimeout(50_000);
    const deadlineMs = h.core.deadlineMs();
    h.core.handleTimeout(10);
    expect(h.core.deadlineMs()).toBe(deadlineMs);
  });

  test("[M23] woken late it reads before it judges", () => {
    const h = new Harness();
    h.meet(2, 3, 4, 5);
    h.feed({ kind: "suspect", node: aliveOf(2).node, incarnation: aliveOf(2).incarnation, from: aliveOf(3).node });
    h.nowMs += 60_000;
    h.core.handleTimeout(h.nowMs);
    expect(h.kinds()).not.toContain("failed");
    expect(h.core.stats()).toMatchObject({ late_wakes: 1, health_score: 1 });
    h.feed(aliveOf(2, 2));
    h.advanceAnswering(1_000);
    expect(h.status("p2")).toBe("alive");
  });
});

describe("use", () => {
  test("wrong use is told to the caller and changes nothing", () => {
    const h = new Harness();
    const before = JSON.stringify(h.core.stats());
    expect(codeOf(() => h.core.setTags({ big: "x".repeat(600) }, h.nowMs))).toBe("tags_too_long");
    expect(codeOf(() => h.core.request("a", "t".repeat(200), new Uint8Array(0), { nowMs: h.nowMs }))).toBe("bad_topic");
    expect(codeOf(() => h.core.request("a", "t", new Uint8Array(0), { nowMs: h.nowMs, timeoutMs: 0 }))).toBe(
      "bad_timeout",
    );
    expect(codeOf(() => h.core.start(h.nowMs))).toBe("already_started");
    expect(JSON.stringify(h.core.stats())).toBe(before);
    expect(
      codeOf(() =>
        createGossip({ name: "a", advertise: { host: "nowhere.example", port: 1 } }, noSink, seededRandom(1)),
      ),
    ).toBe("bad_option");
    expect(
      codeOf(() => createGossip({ name: "a", advertise: SELF, keys: [new Uint8Array(16)] }, noSink, seededRandom(1))),
    ).toBe("bad_option");
    const idle = createGossip({ name: "a", advertise: SELF }, noSink, seededRandom(1));
    expect(codeOf(() => idle.localMember())).toBe("not_started");
  });

  test("a sink that calls the core is a bug", () => {
    const holder: { core?: ReturnType<typeof createGossip> } = {};
    const sink = { ...noSink, event: () => holder.core?.handleTimeout(1) };
    holder.core = createGossip({ name: "a", advertise: SELF }, sink, seededRandom(1));
    expect(() => holder.core?.start(0)).toThrow("invariant broken: the sink never calls the core");
  });
});
