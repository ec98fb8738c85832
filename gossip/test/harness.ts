// One core in front of a hand-made world: packets and streams in and out as messages, time by hand.

import {
  type Aead,
  createGossip,
  type DropReason,
  type Endpoint,
  type GossipCore,
  type GossipEvent,
  type GossipOptions,
  type StreamId,
  seededRandom,
  streamId,
} from "../src/index.ts";
import { incarnation, lamportTime, nodeName, seqNo } from "../src/types.ts";
import { decodeSerf } from "../src/wire/decode-serf.ts";
import { encodeMessage } from "../src/wire/encode-message.ts";
import { encodeSerf } from "../src/wire/encode-serf.ts";
import { Keyring } from "../src/wire/keyring.ts";
import type {
  AliveMessage,
  PushPullMessage,
  SerfMessage,
  SerfPushPull,
  StreamMessage,
  WireMessage,
} from "../src/wire/messages.ts";
import { encodeTags } from "../src/wire/meta.ts";
import { assemblePacket, decodePacket, type PacketOptions } from "../src/wire/packet.ts";
import { encodeStream, StreamDecoder } from "../src/wire/stream-framing.ts";

export interface Sent {
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly messages: readonly WireMessage[];
}

export type Kind = WireMessage["kind"];
export type Of<K extends Kind> = Extract<WireMessage, { readonly kind: K }>;

export const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
export const SELF: Endpoint = { host: "10.0.0.1", port: 7946 };

/** The peer of this number: `p2` lives at 10.0.0.2. */
export const peer = (number: number): Endpoint => ({ host: `10.0.0.${number}`, port: 7946 });

export function aliveOf(
  number: number,
  at = 1,
  tags: Readonly<Record<string, string>> = { hearsay: "1" },
): AliveMessage {
  return {
    kind: "alive",
    node: nodeName(`p${number}`),
    incarnation: incarnation(at),
    addr: Uint8Array.of(10, 0, 0, number),
    port: 7946,
    meta: encodeTags(tags) ?? new Uint8Array(0),
    vsn: VSN,
  };
}

export class Harness {
  readonly core: GossipCore;
  readonly sent: Sent[] = [];
  readonly events: GossipEvent[] = [];
  readonly drops: DropReason[] = [];
  readonly opened: { readonly id: StreamId; readonly to: Endpoint }[] = [];
  readonly written = new Map<StreamId, Uint8Array[]>();
  readonly closed = new Map<StreamId, "end" | "reset">();
  nowMs = 1_000;
  readonly #wire: PacketOptions;
  #lastAccepted = 0;

  /** With an Aead and keys, what goes in and out is sealed with the first and opened with any of the keys. */
  constructor(options: Partial<GossipOptions> = {}, seed = 7, aead?: Aead) {
    this.#wire = {
      ...(aead === undefined ? {} : { keyring: new Keyring(aead, options.keys) }),
      ...(options.label === undefined || options.label === "" ? {} : { label: options.label }),
    };
    const sink = {
      packet: (to: Endpoint, bytes: Uint8Array) => {
        const decoded = decodePacket(bytes, this.#wire);
        this.sent.push({ to, bytes, messages: decoded.ok ? decoded.messages : [] });
      },
      stream: (id: StreamId, output: Parameters<import("../src/index.ts").GossipSink["stream"]>[1]) => {
        if (output.kind === "open") this.opened.push({ id, to: output.to });
        else if (output.kind === "write") this.written.set(id, [...(this.written.get(id) ?? []), output.bytes]);
        else this.closed.set(id, output.kind);
      },
      event: (event: GossipEvent) => {
        this.events.push(event);
      },
      dropped: (reason: DropReason) => {
        this.drops.push(reason);
      },
    };
    const defaults = { name: "self", advertise: SELF, tags: { hearsay: "1" }, compress: false };
    this.core = createGossip({ ...defaults, ...options }, sink, seededRandom(seed), aead);
    this.core.start(this.nowMs);
  }

  /** One datagram with these messages. */
  feed(messages: WireMessage | readonly WireMessage[], from: Endpoint = peer(2)): void {
    const list = Array.isArray(messages) ? (messages as readonly WireMessage[]) : [messages as WireMessage];
    const [packet] = assemblePacket(list.map(encodeMessage), this.#wire);
    if (packet !== undefined) this.core.handlePacket(from, packet, this.nowMs);
  }

  feedSerf(message: SerfMessage, from: Endpoint = peer(2)): void {
    this.feed({ kind: "user", payload: encodeSerf(message) }, from);
  }

  meet(...numbers: readonly number[]): void {
    for (const number of numbers) this.feed(aliveOf(number));
  }

  /** Time passes, every deadline being kept. */
  advance(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let dueMs = this.core.deadlineMs(); dueMs <= untilMs; dueMs = this.core.deadlineMs()) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.core.handleTimeout(this.nowMs);
    }
    this.nowMs = untilMs;
  }

  /** Time passes and every probe of ours is answered at once. */
  advanceAnswering(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    while (this.nowMs < untilMs) {
      const mark = this.sent.length;
      this.advance(Math.min(50, untilMs - this.nowMs));
      for (const { to, messages } of this.sent.slice(mark)) {
        for (const message of messages) {
          if (message.kind === "ping") this.feed({ kind: "ack", seqNo: message.seqNo, payload: new Uint8Array(0) }, to);
        }
      }
    }
  }

  /** Messages of a kind sent since the last `clear`, with where they went. */
  of<K extends Kind>(kind: K): (Of<K> & { readonly to: Endpoint })[] {
    return this.sent.flatMap(({ to, messages }) =>
      messages.filter((message): message is Of<K> => message.kind === kind).map((message) => ({ ...message, to })),
    );
  }

  serfSent(): (SerfMessage & { readonly to: Endpoint })[] {
    return this.of("user").flatMap(({ payload, to }) => {
      const decoded = decodeSerf(payload);
      return decoded.ok ? [{ ...decoded.value, to }] : [];
    });
  }

  /** Serf messages that wait to be told, each once: a gossip turn passes. */
  told(): SerfMessage[] {
    this.clear();
    this.advance(350);
    const seen = new Map<string, SerfMessage>();
    for (const { to: _to, ...message } of this.serfSent()) seen.set(JSON.stringify(message), message as SerfMessage);
    return [...seen.values()];
  }

  clear(): void {
    this.sent.length = 0;
    this.events.length = 0;
    this.drops.length = 0;
  }

  kinds(): string[] {
    return this.events.map((event) => event.kind);
  }

  status(name: string): string | undefined {
    return this.core.member(name)?.status;
  }

  /** The id of one more stream that somebody opens to us. */
  nextAccepted(): StreamId {
    this.#lastAccepted += 2;
    return this.lastAccepted();
  }

  lastAccepted(): StreamId {
    return streamId(this.#lastAccepted);
  }

  /** Somebody dials us and sends one message; answers what we sent back. */
  dialled(message: StreamMessage, from: Endpoint = peer(2)): StreamMessage | undefined {
    const id = this.nextAccepted();
    this.core.handleStream(id, { kind: "opened", from }, this.nowMs);
    this.core.handleStream(
      id,
      { kind: "data", bytes: encodeStream(message, { ...this.#wire, isDialled: true }) },
      this.nowMs,
    );
    return this.reply(id);
  }

  reply(id: StreamId): StreamMessage | undefined {
    // Streams that the core opened have odd ids; only those begin with the label.
    const decoder = new StreamDecoder({ ...this.#wire, isReply: id % 2 === 0 });
    for (const bytes of this.written.get(id) ?? []) {
      const step = decoder.push(bytes);
      if (step.kind === "message") return step.message;
    }
    return undefined;
  }

  /** The peer that we dialled answers. */
  answer(id: StreamId, message: StreamMessage): void {
    this.core.handleStream(id, { kind: "data", bytes: encodeStream(message, this.#wire) }, this.nowMs);
  }
}

export function pushPull(
  nodes: PushPullMessage["nodes"],
  userState: Uint8Array = new Uint8Array(0),
  join = false,
): PushPullMessage {
  return { kind: "pushPull", join, nodes, userState };
}

export const seq = seqNo;

/** Serf's state in an exchange; what is not given is that of a fresh member. */
export const stateOf = (change: Partial<SerfPushPull> = {}): Uint8Array =>
  encodeSerf({
    kind: "serfPushPull",
    lamportTime: lamportTime(1),
    statusTimes: new Map(),
    leftMembers: [],
    eventTime: lamportTime(1),
    events: [],
    queryTime: lamportTime(1),
    ...change,
  });
