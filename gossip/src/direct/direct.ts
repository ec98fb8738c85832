// Direct messages: a question to one member and its answer, over what gossip has. Datagrams when they fit, streams when
// not; asked again until answered; carried out once. Rules D in SPEC.md.

import type { DirectReply } from "../core.ts";
import type { MessageSource } from "../membership/delegate.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { DropReason, GossipSink, Member, RequestFailure } from "../sink.ts";
import type { CommandId, DurationMs, Endpoint, InboundRequestId, InstantMs, NodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import { type DirectEnvelope, type DirectRows, decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { Inbox } from "./inbox.ts";
import { type Delivery, Outbox } from "./outbox.ts";

/** The tag whose value is the newest version of direct messages that a member speaks. */
export const DIRECT_TAG = "hearsay";

export interface DirectPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  readonly sink: GossipSink;
  readonly random: Random;
  member(name: NodeName): Member | undefined;
  /** Whether a user message of this size goes into one packet. */
  fits(payloadBytes: number): boolean;
  sendPacket(to: NodeName, payload: Uint8Array): void;
  /** Somebody's measured round trips; answers why they were not taken. */
  rows(rows: DirectRows, nowMs: InstantMs): DropReason | undefined;
  sendStream(to: Endpoint, payload: Uint8Array, nowMs: InstantMs): void;
}

export interface Question {
  readonly id: CommandId;
  readonly to: NodeName;
  readonly topic: string;
  readonly body: Uint8Array;
  readonly timeoutMs: DurationMs;
}

export class Direct {
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly #ports: DirectPorts;

  constructor(ports: DirectPorts) {
    this.#ports = ports;
    const deliver = (delivery: Delivery, nowMs: InstantMs): void => this.#deliver(delivery, nowMs);
    this.outbox = new Outbox({ ...ports, deliver });
    this.inbox = new Inbox({ ...ports, deliver });
  }

  deadlineMs(): InstantMs {
    return Math.min(this.outbox.deadlineMs(), this.inbox.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    this.outbox.handleTimeout(nowMs);
    this.inbox.handleTimeout(nowMs);
  }

  request(question: Question, nowMs: InstantMs): void {
    const failure = this.#refusal(question);
    if (failure === undefined) this.outbox.ask(question, nowMs);
    else this.#ports.sink.event({ kind: "requestResult", id: question.id, ok: false, failure });
  }

  respond(id: InboundRequestId, reply: DirectReply, nowMs: InstantMs): boolean {
    return this.inbox.respond(id, reply, nowMs);
  }

  handle(body: Uint8Array, source: MessageSource, nowMs: InstantMs): void {
    const { from } = source;
    const { self, sink, options } = this.#ports;
    const decoded = decodeEnvelope(body, options.maxDirectBytes);
    if (!decoded.ok) {
      sink.dropped(decoded.reason, from);
      return;
    }
    const { envelope } = decoded;
    if (envelope.to !== self) {
      sink.dropped("not_for_us", from);
      return;
    }
    // A stranger's question is not carried out: there would be nowhere to send the answer.
    if (this.#ports.member(envelope.from) === undefined) {
      sink.dropped("unknown_member", from);
      return;
    }
    const reason = this.#take(envelope, source.byStream, nowMs);
    if (reason !== undefined) sink.dropped(reason, from);
  }

  /** Told once: whoever misses it hears the same again before long. */
  sendRows(to: NodeName, rows: Pick<DirectRows, "isQuestion" | "body">, nowMs: InstantMs): void {
    const bytes = encodeEnvelope({ kind: "rows", session: 0, id: 0, from: this.#ports.self, to, ...rows });
    this.#deliver({ to, bytes, byStream: false }, nowMs);
  }

  #take(envelope: DirectEnvelope, byStream: boolean, nowMs: InstantMs): DropReason | undefined {
    if (envelope.kind === "rows") return this.#ports.rows(envelope, nowMs);
    if (envelope.kind === "request") return this.inbox.take(envelope, byStream, nowMs);
    return this.outbox.settle(envelope);
  }

  #refusal(question: Question): RequestFailure | undefined {
    const { options } = this.#ports;
    const member = this.#ports.member(question.to);
    if (member === undefined) return "unknown_member";
    if (member.status === "failed" || member.status === "left") return "unreachable";
    if (!speaksDirect(member)) return "not_speaking";
    if (question.body.length > options.maxDirectBytes) return "too_large";
    return this.outbox.size >= options.maxOutboundRequests ? "outbox_full" : undefined;
  }

  #deliver(delivery: Delivery, nowMs: InstantMs): void {
    const { self, sink, options } = this.#ports;
    const { to, bytes } = delivery;
    if (to === self) {
      this.handle(bytes, { from: options.advertise, byStream: delivery.byStream }, nowMs);
      return;
    }
    const member = this.#ports.member(to);
    if (member === undefined || !speaksDirect(member)) {
      sink.dropped("unknown_member", undefined);
      return;
    }
    const payload = encodeSerf({ kind: "direct", body: bytes });
    if (!delivery.byStream && this.#ports.fits(payload.length)) this.#ports.sendPacket(to, payload);
    else this.#ports.sendStream(member, payload, nowMs);
  }
}

/** Stock agents and older nodes would not know what to make of a direct message. */
export function speaksDirect(member: Pick<Member, "tags">): boolean {
  return Number.parseInt(member.tags[DIRECT_TAG] ?? "0", 10) >= 1;
}
