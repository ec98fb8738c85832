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
  /** Oldest first. */
  readonly #answered = new Map<string, Uint8Array>();
  #answeredBytes = 0;
  #lastId = 0;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get rememberedCount(): number {
    return this.#answered.size;
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
    const key = `${session}/${id}/${from}`;
    const answer = this.#answered.get(key);
    if (answer !== undefined) {
      this.#ports.deliver({ to: from, bytes: answer, byStream: viaStream }, nowMs);
      return "duplicate";
    }
    if (this.#waitingKeys.has(key)) return "duplicate";
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
    this.#remember(waiting.key, bytes);
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

  #remember(key: string, bytes: Uint8Array): void {
    this.#answered.set(key, bytes);
    this.#answeredBytes += bytes.length;
    for (const [oldest, old] of this.#answered) {
      const isWithin =
        this.#answered.size <= this.#ports.options.maxRememberedRequests && this.#answeredBytes <= MAX_REMEMBERED_BYTES;
      if (isWithin) return;
      this.#answered.delete(oldest);
      this.#answeredBytes -= old.length;
    }
  }
}
