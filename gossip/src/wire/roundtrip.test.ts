// Properties over all messages: whatever we encode decodes to the same value, and whatever bytes arrive decode to a value or
// to one of our reasons.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WIRE_DROP_REASONS } from "../sink.ts";
import { incarnation, lamportTime, type NodeName, nodeName, seqNo } from "../types.ts";
import { decodeMessage } from "./decode-message.ts";
import { decodeSerf } from "./decode-serf.ts";
import { encodeMessage } from "./encode-message.ts";
import { encodeSerf } from "./encode-serf.ts";
import type {
  PushPullNode,
  ReplyTo,
  SerfConflictMember,
  SerfEventSlot,
  SerfMessage,
  SerfQueryFilter,
  StreamMessage,
  WireMessage,
} from "./messages.ts";
import { assemblePacket, decodePacket } from "./packet.ts";
import { encodeStream, StreamDecoder } from "./stream-framing.ts";

const SEED = { seed: 20261122, numRuns: 150 };

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((text) => text.length <= 128);
const node: fc.Arbitrary<NodeName> = name.map(nodeName);
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const uint53 = fc.oneof(uint32, fc.maxSafeNat());
const port = fc.integer({ min: 1, max: 65_535 });
const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });
const addr = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
const vsn = fc.uint8Array({ minLength: 6, maxLength: 6 });
const source: fc.Arbitrary<ReplyTo> = fc.record({ addr, port, node });
const time = uint53.map(lamportTime);
const claim = { incarnation: uint32.map(incarnation), node };

const wireMessage: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({ kind: fc.constant("ping" as const), seqNo: uint32.map(seqNo), node }),
  fc.record({ kind: fc.constant("ping" as const), seqNo: uint32.map(seqNo), node, source }),
  fc.record({
    kind: fc.constant("indirectPing" as const),
    seqNo: uint32.map(seqNo),
    target: addr,
    port,
    node,
    nack: fc.boolean(),
    source,
  }),
  fc.record({ kind: fc.constant("ack" as const), seqNo: uint32.map(seqNo), payload: bytes(200) }),
  fc.record({ kind: fc.constant("nack" as const), seqNo: uint32.map(seqNo) }),
  fc.record({ kind: fc.constantFrom("suspect" as const, "dead" as const), ...claim, from: node }),
  fc.record({ kind: fc.constant("alive" as const), ...claim, addr, port, meta: bytes(512), vsn }),
  fc.record({ kind: fc.constant("user" as const), payload: bytes(600) }),
);

const record: fc.Arbitrary<PushPullNode> = fc.record({
  ...claim,
  addr,
  port,
  meta: bytes(512),
  state: fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const),
  vsn,
});

const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("pushPull" as const),
    join: fc.boolean(),
    nodes: fc.array(record, { maxLength: 12 }),
    userState: bytes(900),
  }),
  fc.record({ kind: fc.constant("ping" as const), seqNo: uint32.map(seqNo), node, source }),
  fc.record({ kind: fc.constant("ack" as const), seqNo: uint32.map(seqNo), payload: bytes(200) }),
  fc.record({ kind: fc.constant("user" as const), payload: bytes(3000) }),
  fc.record({ kind: fc.constant("err" as const), error: name }),
);

const slot: fc.Arbitrary<SerfEventSlot | null> = fc.option(
  fc.record({ lamportTime: time, events: fc.array(fc.record({ name, payload: bytes(40) }), { maxLength: 3 }) }),
);
const filter: fc.Arbitrary<SerfQueryFilter> = fc.oneof(
  fc.record({ kind: fc.constant("nodes" as const), nodes: fc.array(node, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("tag" as const), tag: name, expression: name }),
  fc.constant({ kind: "unknown" as const }),
);
const member: fc.Arbitrary<SerfConflictMember | null> = fc.option(
  fc.record({
    name: node,
    addr,
    port,
    tags: fc.array(fc.tuple(name, name), { maxLength: 4 }).map((entries) => new Map(entries)),
    status: fc.constantFrom("none" as const, "alive" as const, "leaving" as const, "left" as const, "failed" as const),
    vsn,
  }),
);

const serfMessage: fc.Arbitrary<SerfMessage> = fc.oneof(
  fc.record({ kind: fc.constant("leave" as const), lamportTime: time, node, prune: fc.boolean() }),
  fc.record({ kind: fc.constant("join" as const), lamportTime: time, node }),
  fc.record({
    kind: fc.constant("serfPushPull" as const),
    lamportTime: time,
    statusTimes: fc.array(fc.tuple(node, time), { maxLength: 8 }).map((entries) => new Map(entries)),
    leftMembers: fc.array(node, { maxLength: 4 }),
    eventTime: time,
    events: fc.array(slot, { maxLength: 40 }),
    queryTime: time,
  }),
  fc.record({
    kind: fc.constant("userEvent" as const),
    lamportTime: time,
    name,
    payload: bytes(64),
    coalesce: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("query" as const),
    lamportTime: time,
    id: uint32,
    addr,
    port,
    sourceNode: node,
    filters: fc.array(filter, { maxLength: 3 }),
    flags: uint32,
    relayFactor: fc.nat({ max: 255 }),
    timeoutNs: uint53,
    name,
    payload: bytes(64),
  }),
  fc.record({
    kind: fc.constant("queryResponse" as const),
    lamportTime: time,
    id: uint32,
    from: node,
    flags: uint32,
    payload: bytes(64),
  }),
  fc.record({ kind: fc.constant("conflictResponse" as const), member }),
  fc.record({ kind: fc.constant("keyRequest" as const), key: bytes(32) }),
  fc.record({
    kind: fc.constant("keyResponse" as const),
    result: fc.boolean(),
    message: name,
    keys: fc.array(name, { maxLength: 3 }),
    primaryKey: name,
  }),
  fc.record({ kind: fc.constant("relay" as const), addr, port, node, payload: bytes(64) }),
  fc.record({ kind: fc.constant("direct" as const), body: bytes(64) }),
);

function expectReason(reason: string): void {
  expect(WIRE_DROP_REASONS).toContain(reason);
}

/** Changes, drops or doubles a few bytes: near misses find more than noise. */
const damaged = (whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), fc.nat())
    .map(([from, edits, cut]) => {
      const copy = from.slice(0, from.length - (cut % 3 === 0 ? cut % (from.length + 1) : 0));
      for (const [at, value] of edits) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });

describe("what is encoded decodes to itself", () => {
  test("[W2] every message of a packet", () => {
    fc.assert(
      fc.property(wireMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ ok: true, value: message });
      }),
      SEED,
    );
  });

  test("[W2] [W7] any list of messages through compounds, checksum and compression", () => {
    const options = fc.record({ crc: fc.boolean(), compress: fc.boolean() });
    fc.assert(
      fc.property(fc.array(wireMessage, { minLength: 1, maxLength: 20 }), options, (messages, layers) => {
        const parts = messages.map(encodeMessage);
        const [packet] = assemblePacket(parts, layers);
        expect(decodePacket(packet!)).toEqual({ ok: true, messages, dropped: [] });
      }),
      SEED,
    );
  });

  test("[W10] every stream message, in pieces of any size, compressed or not", () => {
    fc.assert(
      fc.property(streamMessage, fc.boolean(), fc.integer({ min: 1, max: 400 }), (message, compress, pieceBytes) => {
        const whole = encodeStream(message, { compress });
        const decoder = new StreamDecoder();
        let step = decoder.push(new Uint8Array(0));
        for (let at = 0; at < whole.length; at += pieceBytes) {
          expect(step).toEqual({ kind: "needMore" });
          step = decoder.push(whole.subarray(at, at + pieceBytes));
        }
        expect(step).toEqual({ kind: "message", message });
      }),
      SEED,
    );
  });

  test("[W2] every Serf message", () => {
    fc.assert(
      fc.property(serfMessage, (message) => {
        expect(decodeSerf(encodeSerf(message))).toEqual({ ok: true, value: message });
      }),
      SEED,
    );
  });
});

describe("any bytes decode to a value or one of our reasons", () => {
  const anyBytes = (whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
    fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged(whole));

  test("[W1] packets", () => {
    const packets = fc
      .tuple(fc.array(wireMessage, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([messages, compress]) => assemblePacket(messages.map(encodeMessage), { compress })[0]!);
    fc.assert(
      fc.property(anyBytes(packets), (input) => {
        const packet = decodePacket(input);
        if (packet.ok) for (const reason of packet.dropped) expectReason(reason);
        else expectReason(packet.reason);
      }),
      { ...SEED, numRuns: 1500 },
    );
  });

  test("[W1] streams", () => {
    const streams = fc
      .tuple(streamMessage, fc.boolean())
      .map(([message, compress]) => encodeStream(message, { compress }));
    fc.assert(
      fc.property(anyBytes(streams), (input) => {
        const decoder = new StreamDecoder();
        const step = decoder.push(input);
        const last = step.kind === "needMore" ? decoder.end() : step;
        if (last.kind === "failed") expectReason(last.reason);
        else expect(last.kind).toBe("message");
        // Once settled it stays settled.
        expect(decoder.push(input)).toEqual(last);
        expect(decoder.end()).toEqual(last);
      }),
      { ...SEED, numRuns: 800 },
    );
  });

  test("[W1] Serf payloads", () => {
    fc.assert(
      fc.property(anyBytes(serfMessage.map(encodeSerf)), (input) => {
        const decoded = decodeSerf(input);
        if (!decoded.ok) expectReason(decoded.reason);
      }),
      { ...SEED, numRuns: 1500 },
    );
  });
});
