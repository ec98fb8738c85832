// Requests of others: each is handed on once, however often it arrives, and its answer is kept to be sent again.

import type { DirectReply } from "../core.ts";
import { Deadlines } from "../deadlines.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason, GossipSink } from "../sink.ts";
import { type InboundRequestId, type InstantMs, inboundRequestId, type NodeName } from "../types.ts";
import { type DirectRequest, encodeEnvelope } from "./envelope.ts";
import type { Delivery } from "./outbox.ts";

/** A request is not waited for longer, whatever its asker says. */
const MAX_WAIT_MS = 60_000;
/** Answers kept for repeated requests, in bytes together; the oldest give way. */
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;
/** An answer is kept for twice the longest wait: by then nobody asks again, and that it was carried out is remembered. */
const KEPT_ANSWER_MS = 2 * MAX_WAIT_MS;

export interface InboxPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  readonly sink: GossipSink;
  deliver(delivery: Delivery, nowMs: InstantMs): void;
}

interface Waiting {
  readonly key: string;
  readonly session: number;
  readonly id: number;
  readonly from: NodeName;
  readonly viaStream: boolean;
}

export class Inbox {
  readonly #ports: InboxPorts;
  readonly #waiting = new Map<InboundRequestId, Waiting>();
  readonly #waitingKeys = new Set<string>();
  readonly #timers = new Deadlines<InboundRequestId>();
  /** Requests that were carried out, oldest first. */
  readonly #carriedOut = new Set<string>();
  /** Their answers while somebody may ask again, oldest first. */
  readonly #answers = new Map<string, { readonly bytes: Uint8Array; readonly untilMs: InstantMs }>();
  #answeredBytes = 0;
  #lastId = 0;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Requests that would not be carried out again. */
  get rememberedCount(): number {
    return this.#carriedOut.size;
  }

  deadlineMs(): InstantMs {
    return this.#timers.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let id = this.#timers.takeDue(nowMs); id !== undefined; id = this.#timers.takeDue(nowMs)) this.#forget(id);
  }

  /** Undefined when the request was news. */
  take(request: DirectRequest, viaStream: boolean, nowMs: InstantMs): DropReason | undefined {
    const { options, sink } = this.#ports;
    const { session, id, from } = request;
    // Joined and not a template: that would be kept as a tree of its parts, three times as large.
    const key = [session, id, from].join("/");
    const answer = this.#answers.get(key);
    if (answer !== undefined) this.#ports.deliver({ to: from, bytes: answer.bytes, byStream: viaStream }, nowMs);
    if (this.#carriedOut.has(key) || this.#waitingKeys.has(key)) return "duplicate";
    if (this.#waiting.size >= options.maxInboundRequests) {
      const busy = encodeEnvelope({ kind: "busy", session, id, from: this.#ports.self, to: from });
      this.#ports.deliver({ to: from, bytes: busy, byStream: false }, nowMs);
      return "inbox_full";
    }
    this.#lastId += 1;
    const inbound = inboundRequestId(this.#lastId);
    this.#waiting.set(inbound, { key, session, id, from, viaStream });
    this.#waitingKeys.add(key);
    this.#timers.set(inbound, nowMs + Math.min(request.timeoutMs, MAX_WAIT_MS));
    sink.event({ kind: "request", id: inbound, from, topic: request.topic, body: request.body.slice() });
    return undefined;
  }

  /** False when nobody waits for it any more. */
  respond(id: InboundRequestId, reply: DirectReply, nowMs: InstantMs): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#forget(id);
    const head = { session: waiting.session, id: waiting.id, from: this.#ports.self, to: waiting.from };
    const sendable = this.#sendable(reply);
    const bytes = encodeEnvelope(
      sendable.ok
        ? { ...head, kind: "answer", body: sendable.body }
        : { ...head, kind: "refusal", code: sendable.code, message: sendable.message },
    );
    this.#remember(waiting.key, bytes, nowMs);
    this.#ports.deliver({ to: waiting.from, bytes, byStream: waiting.viaStream }, nowMs);
    return true;
  }

  #sendable(reply: DirectReply): DirectReply {
    const { maxDirectBytes } = this.#ports.options;
    if (!reply.ok || reply.body.length <= maxDirectBytes) return reply;
    return { ok: false, code: "answer_too_large", message: `the answer is longer than ${maxDirectBytes} bytes` };
  }

  #forget(id: InboundRequestId): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#waitingKeys.delete(waiting.key);
    this.#timers.clear(id);
  }

  #remember(key: string, bytes: Uint8Array, nowMs: InstantMs): void {
    this.#carriedOut.add(key);
    this.#answers.set(key, { bytes, untilMs: nowMs + KEPT_ANSWER_MS });
    this.#answeredBytes += bytes.length;
    const [oldest] = this.#carriedOut;
    if (this.#carriedOut.size > this.#ports.options.maxRememberedRequests && oldest !== undefined) {
      this.#carriedOut.delete(oldest);
      this.#dropAnswer(oldest);
    }
    for (const [old, { untilMs }] of this.#answers) {
      if (untilMs > nowMs && this.#answeredBytes <= MAX_REMEMBERED_BYTES) return;
      this.#dropAnswer(old);
    }
  }

  #dropAnswer(key: string): void {
    this.#answeredBytes -= this.#answers.get(key)?.bytes.length ?? 0;
    this.#answers.delete(key);
  }
}
