// One core against a world that does what it likes: packets, streams, commands and time in any order. Nothing throws but
// UsageError, every drop has a reason of the closed list, every table and queue keeps its bound, no deadline is lost or in the
// past, and our own incarnation and clocks never go back.

import { beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  CORE_DROP_REASONS,
  type GossipOptions,
  type StreamId,
  type StreamInput,
  streamId,
  UsageError,
  WIRE_DROP_REASONS,
} from "../../src/index.ts";
import { incarnation, lamportTime, nodeName } from "../../src/types.ts";
import { encodeMessage } from "../../src/wire/encode-message.ts";
import { encodeSerf } from "../../src/wire/encode-serf.ts";
import { MessageType, SerfType } from "../../src/wire/message-type.ts";
import type { SerfMessage, WireMessage } from "../../src/wire/messages.ts";
import { assemblePacket } from "../../src/wire/packet.ts";
import { encodeStream } from "../../src/wire/stream-framing.ts";
import { aliveOf, Harness, peer, pushPull, seq, stateOf } from "../harness.ts";
import { corpus, fuzzed } from "./inputs.ts";
import { announce, FUZZ_TIMEOUT_MS, runs } from "./settings.ts";

const BOUNDS = {
  maxMembers: 12,
  maxQueuedBroadcasts: 24,
  maxStreams: 6,
  maxStreamBytes: 64 * 1024,
  maxRelayedProbes: 8,
  maxRecentIntents: 16,
  maxOutboundRequests: 6,
  maxInboundRequests: 6,
  maxRememberedRequests: 8,
  maxDirectBytes: 4_096,
} satisfies Partial<GossipOptions>;
const REASONS = new Set<string>([...WIRE_DROP_REASONS, ...CORE_DROP_REASONS]);
const MAX_PACKET_BYTES = 1_405;
const NEVER_BACK = ["incarnation", "member_time", "event_time", "query_time"] as const;

type Deed =
  | { readonly kind: "packet"; readonly bytes: Uint8Array; readonly from: number }
  | {
      readonly kind: "stream";
      readonly bytes: Uint8Array;
      readonly from: number;
      readonly pieces: number;
      readonly isCut: boolean;
    }
  | { readonly kind: "answer"; readonly bytes: Uint8Array; readonly which: number; readonly isFailed: boolean }
  | { readonly kind: "time"; readonly byMs: number; readonly isLate: boolean }
  | { readonly kind: "command"; readonly command: number; readonly text: string; readonly number: number };

const name = fc.constantFrom("self", "p2", "p3", "p4", "p5", "x", "").map(nodeName);
const small = fc.oneof(fc.nat(4), fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_ffff));
const time = fc.oneof(fc.nat(2_000), fc.constantFrom(2 ** 50, 2 ** 50 + 1, Number.MAX_SAFE_INTEGER)).map(lamportTime);
const payload = fc.uint8Array({ maxLength: 60 });
const addr = fc.integer({ min: 1, max: 9 }).map((last) => Uint8Array.of(10, 0, 0, last));
const port = fc.constantFrom(0, 7_946, 65_535);

const serf: fc.Arbitrary<SerfMessage> = fc.oneof(
  fc.record({ kind: fc.constant("join" as const), lamportTime: time, node: name }),
  fc.record({ kind: fc.constant("leave" as const), lamportTime: time, node: name, prune: fc.boolean() }),
  fc.record({
    kind: fc.constant("userEvent" as const),
    lamportTime: time,
    name: fc.string(),
    payload,
    coalesce: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("query" as const),
    lamportTime: time,
    id: fc.nat(5),
    addr,
    port,
    sourceNode: name,
    filters: fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("nodes" as const), nodes: fc.array(name, { maxLength: 3 }) }),
        fc.record({
          kind: fc.constant("tag" as const),
          tag: fc.constantFrom("hearsay", "role"),
          expression: fc.string(),
        }),
      ),
      { maxLength: 2 },
    ),
    flags: fc.nat(3),
    relayFactor: fc.constantFrom(0, 2, 255),
    timeoutNs: fc.constantFrom(0, 1e9, Number.MAX_SAFE_INTEGER),
    name: fc.constantFrom(
      "q",
      "_serf_ping",
      "_serf_conflict",
      "_serf_list-keys",
      "_serf_install-key",
      "_serf_nonsense",
    ),
    payload,
  }),
  fc.record({
    kind: fc.constant("queryResponse" as const),
    lamportTime: time,
    id: fc.nat(5),
    from: name,
    flags: fc.nat(3),
    payload,
  }),
  fc.record({ kind: fc.constant("relay" as const), addr, port, node: name, payload }),
  fc.record({ kind: fc.constant("direct" as const), body: payload }),
);

const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("suspect" as const, "dead" as const),
    incarnation: small.map(incarnation),
    node: name,
    from: name,
  }),
  fc.tuple(fc.integer({ min: 1, max: 30 }), small).map(([number, at]) => aliveOf(number, at)),
  fc.record({ kind: fc.constant("ping" as const), seqNo: small.map(seq), node: name }),
  fc.record({
    kind: fc.constant("indirectPing" as const),
    seqNo: small.map(seq),
    target: addr,
    port: fc.constant(7_946),
    node: name,
    nack: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("ack" as const), seqNo: small.map(seq), payload }),
  fc.record({ kind: fc.constant("nack" as const), seqNo: small.map(seq) }),
  serf.map((it) => ({ kind: "user" as const, payload: encodeSerf(it) })),
);

const wellFormed = fc
  .array(message, { minLength: 1, maxLength: 4 })
  .map(
    (list) =>
      assemblePacket(
        list.filter((it) => !("node" in it) || it.node !== "" || it.kind === "ping").map(encodeMessage),
      )[0] ?? new Uint8Array(0),
  );
const packetBytes = fc.oneof(
  wellFormed,
  fuzzed(corpus("udp"), [...Object.values(MessageType), ...Object.values(SerfType)]),
);

const exchange = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 30 }),
        small,
        fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const),
      ),
      { maxLength: 6 },
    ),
    time,
    fc.boolean(),
  )
  .map(([nodes, at, join]) => {
    const records = nodes.map(([number, inc, state]) => {
      const { kind: _kind, ...record } = aliveOf(number, inc);
      return { ...record, state };
    });
    return encodeStream(
      pushPull(records, stateOf({ lamportTime: at, eventTime: at, leftMembers: [nodeName("p3")] }), join),
    );
  });
const streamBytes = fc.oneof(exchange, fuzzed(corpus("tcp"), [6, 8, 9, 0, 2, 13]));

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("packet" as const),
      bytes: packetBytes,
      from: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("stream" as const),
      bytes: streamBytes,
      from: fc.integer({ min: 1, max: 9 }),
      pieces: fc.integer({ min: 1, max: 4 }),
      isCut: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      bytes: streamBytes,
      which: fc.nat(9),
      isFailed: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      byMs: fc.oneof(fc.nat(3_000), fc.constant(70_000)),
      isLate: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      command: fc.nat(10),
      text: fc.constantFrom("p2", "p9", "_serf_x", "", "role"),
      number: fc.nat(1_200),
    }),
  },
);

class World {
  readonly harness = new Harness(BOUNDS);
  #lastAccepted = 1_000;
  readonly #last = { incarnation: 0, member_time: 0, event_time: 0, query_time: 0 };

  do(it: Deed): void {
    const { harness } = this;
    switch (it.kind) {
      case "packet":
        harness.core.handlePacket(peer(it.from), it.bytes, harness.nowMs);
        break;
      case "stream":
        this.#stream(it);
        break;
      case "answer":
        this.#answer(it);
        break;
      case "time":
        if (it.isLate) {
          harness.nowMs += it.byMs;
          harness.core.handleTimeout(harness.nowMs);
        } else harness.advance(it.byMs);
        break;
      case "command":
        this.#command(it);
        break;
    }
    this.check();
  }

  #stream({ bytes, from, pieces, isCut }: Extract<Deed, { readonly kind: "stream" }>): void {
    this.#lastAccepted += 2;
    const id = streamId(this.#lastAccepted);
    this.#input(id, { kind: "opened", from: peer(from) });
    const size = Math.ceil(bytes.length / pieces) || 1;
    for (let at = 0; at < bytes.length; at += size)
      this.#input(id, { kind: "data", bytes: bytes.subarray(at, at + size) });
    if (isCut) this.#input(id, { kind: "ended" });
  }

  #answer({ bytes, which, isFailed }: Extract<Deed, { readonly kind: "answer" }>): void {
    const opened = this.harness.opened[which];
    if (opened === undefined) return;
    this.#input(opened.id, isFailed ? { kind: "failed", error: "refused" } : { kind: "data", bytes });
  }

  #input(id: StreamId, input: StreamInput): void {
    this.harness.core.handleStream(id, input, this.harness.nowMs);
  }

  #command({ command, text, number }: Extract<Deed, { readonly kind: "command" }>): void {
    const { core, nowMs } = this.harness;
    const body = new Uint8Array(number);
    const commands: readonly (() => unknown)[] = [
      () => core.join([peer(2), peer(3)], nowMs),
      () => core.userEvent(text, body, { nowMs, coalesce: number % 2 === 0 }),
      () => core.query(text, body, { nowMs, wantAck: true, relayFactor: number % 300 }),
      () => core.request(text, "topic", body, { nowMs }),
      () => core.setTags({ hearsay: "1", [text]: "x".repeat(number) }, nowMs),
      () => core.forceLeave(text, nowMs, { prune: number % 2 === 0 }),
      () => core.suspect(text, nowMs),
      () => core.keyQuery({ command: "list" }, nowMs),
      () => core.rtt(text),
      () => this.#respond(body),
      () => (number < 40 ? core.leave(nowMs) : core.members()),
    ];
    tolerant(commands[command] ?? (() => undefined));
  }

  #respond(body: Uint8Array): void {
    const { core, events, nowMs } = this.harness;
    for (const event of events) {
      if (event.kind === "request") core.respond(event.id, { ok: true, body }, nowMs);
      else if (event.kind === "query") tolerant(() => core.respondToQuery(event.id, body, nowMs));
    }
  }

  check(): void {
    const { core, drops, sent, nowMs } = this.harness;
    for (const reason of drops) expect(REASONS).toContain(reason);
    expect(sent.every(({ bytes }) => bytes.length <= MAX_PACKET_BYTES)).toBe(true);
    this.harness.drops.length = 0;
    sent.length = 0;
    expect(core.deadlineMs()).not.toBeNaN();
    core.handleTimeout(nowMs);
    expect(core.deadlineMs()).toBeGreaterThan(nowMs);
    this.#checkBounds(core.stats());
  }

  #checkBounds(stats: Readonly<Record<string, number>>): void {
    const most = (field: string, bound: number): void => {
      const value = stats[field] ?? 0;
      // Called thousands of times: an expectation each is dear.
      if (value > bound) throw new Error(`${field} is ${value}, at most ${bound} was asked for`);
    };
    most("known_nodes", BOUNDS.maxMembers);
    for (const queue of ["broadcast_queue", "intent_queue", "event_queue", "query_queue"]) {
      most(queue, BOUNDS.maxQueuedBroadcasts);
    }
    most("streams", BOUNDS.maxStreams + BOUNDS.maxOutboundRequests + 8);
    most("relayed_probes", BOUNDS.maxRelayedProbes);
    most("recent_intents", BOUNDS.maxRecentIntents);
    most("requests_outbound", BOUNDS.maxOutboundRequests);
    most("requests_inbound", BOUNDS.maxInboundRequests);
    most("requests_remembered", BOUNDS.maxRememberedRequests);
    for (const field of NEVER_BACK) {
      if ((stats[field] ?? 0) < this.#last[field]) throw new Error(`${field} went back`);
      this.#last[field] = stats[field] ?? 0;
    }
    expect(this.#last.incarnation).toBeLessThanOrEqual(2 ** 32 - 1);
    expect(this.#last.member_time).toBeLessThanOrEqual(2 ** 50 + 10_000);
  }
}

/** Misuse is told to the caller, by a code. */
function tolerant(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
}

beforeAll(() => announce("core"));

test(
  "[M22] [M25] [M26] [L1] whatever happens to a core, it keeps its bounds, its word and its clocks",
  () => {
    fc.assert(
      fc.property(fc.array(deed, { minLength: 1, maxLength: 60 }), (deeds) => {
        const world = new World();
        for (const it of deeds) world.do(it);
        world.harness.advance(200_000);
        world.check();
      }),
      runs(40),
    );
  },
  FUZZ_TIMEOUT_MS,
);
