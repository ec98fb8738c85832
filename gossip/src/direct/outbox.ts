// Requests of ours until they are answered: sent again with growing pauses, given up at their deadline.

import { Deadlines } from "../deadlines.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { DropReason, GossipSink, RequestFailure } from "../sink.ts";
import { type CommandId, commandId, type DurationMs, type InstantMs, type NodeName } from "../types.ts";
import { type DirectAnswer, type DirectBusy, type DirectRefusal, encodeEnvelope } from "./envelope.ts";

/** Datagrams that went unanswered before streams are tried: perhaps only datagrams get lost on the way. */
const DATAGRAM_ATTEMPTS = 3;
/** Pauses stop growing here. */
const MAX_PAUSE_MS = 4_000;

/** How one envelope leaves. */
export interface Delivery {
  readonly to: NodeName;
  readonly bytes: Uint8Array;
  readonly byStream: boolean;
}

export interface OutboxPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  readonly sink: GossipSink;
  readonly random: Random;
  deliver(delivery: Delivery, nowMs: InstantMs): void;
}

export interface Ask {
  readonly id: CommandId;
  readonly to: NodeName;
  readonly topic: string;
  readonly body: Uint8Array;
  readonly timeoutMs: DurationMs;
}

interface Pending {
  readonly id: CommandId;
  readonly to: NodeName;
  readonly bytes: Uint8Array;
  readonly deadlineMs: InstantMs;
  attempts: number;
  wasBusy: boolean;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #session: number;
  readonly #pending = new Map<CommandId, Pending>();
  readonly #timers = new Deadlines<CommandId>();
  #repeats = 0;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    this.#session = ports.random.below(2 ** 32);
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Envelopes sent more than once. */
  get repeats(): number {
    return this.#repeats;
  }

  deadlineMs(): InstantMs {
    return this.#timers.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let id = this.#timers.takeDue(nowMs); id !== undefined; id = this.#timers.takeDue(nowMs)) {
      const pending = this.#pending.get(id);
      if (pending === undefined) continue;
      if (nowMs >= pending.deadlineMs) this.#fail(pending, pending.wasBusy ? "busy" : "timeout");
      else this.#attempt(pending, nowMs);
    }
  }

  ask(ask: Ask, nowMs: InstantMs): void {
    const { self } = this.#ports;
    const { id, to, topic, body, timeoutMs } = ask;
    const head = { kind: "request", session: this.#session, id, from: self, to } as const;
    const pending: Pending = {
      id,
      to,
      bytes: encodeEnvelope({ ...head, timeoutMs, topic, body }),
      deadlineMs: nowMs + timeoutMs,
      attempts: 0,
      wasBusy: false,
    };
    this.#pending.set(id, pending);
    this.#attempt(pending, nowMs);
  }

  cancel(id: CommandId): void {
    this.#pending.delete(id);
    this.#timers.clear(id);
  }

  /** Undefined when the reply was of use. */
  settle(reply: DirectAnswer | DirectRefusal | DirectBusy): DropReason | undefined {
    const pending = this.#pending.get(commandId(reply.id));
    if (reply.session !== this.#session || pending === undefined || pending.to !== reply.from) return "late_response";
    if (reply.kind === "busy") {
      pending.wasBusy = true;
      return undefined;
    }
    this.cancel(pending.id);
    const result = { kind: "requestResult", id: pending.id } as const;
    if (reply.kind === "answer") this.#ports.sink.event({ ...result, ok: true, body: reply.body.slice() });
    else {
      const { code, message } = reply;
      this.#ports.sink.event({ ...result, ok: false, failure: "remote", code, message });
    }
    return undefined;
  }

  /** The member failed or left: whoever waits for it need not wait longer. */
  gone(name: NodeName): void {
    for (const pending of [...this.#pending.values()]) if (pending.to === name) this.#fail(pending, "unreachable");
  }

  #attempt(pending: Pending, nowMs: InstantMs): void {
    const { options, random } = this.#ports;
    pending.attempts += 1;
    if (pending.attempts > 1) this.#repeats += 1;
    const byStream = pending.attempts > DATAGRAM_ATTEMPTS && !pending.wasBusy;
    // Grown by chance too, so that many askers of one slow member do not come back together.
    const pauseMs = Math.min(MAX_PAUSE_MS, options.directRetryMs * 2 ** (pending.attempts - 1));
    const againMs = nowMs + pauseMs * (1 + 0.25 * random.next());
    this.#timers.set(pending.id, Math.min(againMs, pending.deadlineMs));
    this.#ports.deliver({ to: pending.to, bytes: pending.bytes, byStream }, nowMs);
  }

  #fail(pending: Pending, failure: RequestFailure): void {
    this.cancel(pending.id);
    this.#ports.sink.event({ kind: "requestResult", id: pending.id, ok: false, failure });
  }
}
