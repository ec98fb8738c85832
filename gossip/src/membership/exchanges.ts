// Streams: one message each way per connection. Full state exchanges, pings for those whose datagrams get lost, and user
// messages too large for a packet. Spec sections 3.9 and 4.14.

import { Deadlines } from "../deadlines.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason, GossipSink, StreamInput } from "../sink.ts";
import {
  assertNever,
  type DurationMs,
  type Endpoint,
  type InstantMs,
  type NodeName,
  type StreamId,
  streamId,
} from "../types.ts";
import { DEFAULT_LIMITS } from "../wire/limits.ts";
import type { PingMessage, PushPullMessage, StreamMessage } from "../wire/messages.ts";
import { encodeStream, StreamDecoder, type StreamOptions, type StreamStep } from "../wire/stream-framing.ts";
import type { MessageSource } from "./delegate.ts";
import type { Secrecy } from "./packet-sender.ts";

export interface ExchangePorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  readonly sink: GossipSink;
  readonly secrecy: Secrecy;
  /** All we know, for a push/pull. */
  localState(join: boolean): PushPullMessage;
  merge(remote: PushPullMessage, nowMs: InstantMs): MergeOutcome;
  userMessage(payload: Uint8Array, source: MessageSource, nowMs: InstantMs): void;
  dropped(reason: DropReason, from: Endpoint | undefined): void;
}

export type MergeOutcome = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** Told once per outgoing stream, whatever becomes of it. */
export type Settled = (outcome: MergeOutcome, nowMs: InstantMs) => void;

export interface Dial {
  readonly to: Endpoint;
  readonly message: StreamMessage;
  readonly timeoutMs: DurationMs;
  readonly settled: Settled;
}

interface Session {
  readonly id: StreamId;
  readonly peer: Endpoint;
  readonly decoder: StreamDecoder;
  /** What we sent; undefined when the other side opened the stream. */
  readonly sent: StreamMessage | undefined;
  readonly settled: Settled | undefined;
}

const OK: MergeOutcome = { ok: true };

export class Exchanges {
  readonly #ports: ExchangePorts;
  readonly #streamOptions: StreamOptions;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Deadlines<StreamId>();
  #lastDialled = -1;
  #exchanges = 0;

  constructor(ports: ExchangePorts) {
    this.#ports = ports;
    const limits = { ...DEFAULT_LIMITS, streamBytes: ports.options.maxStreamBytes };
    this.#streamOptions = { limits, ...ports.secrecy };
  }

  get openCount(): number {
    return this.#sessions.size;
  }

  /** Push/pulls merged, either side having asked. */
  get exchangeCount(): number {
    return this.#exchanges;
  }

  deadlineMs(): InstantMs {
    return this.#timers.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let id = this.#timers.takeDue(nowMs); id !== undefined; id = this.#timers.takeDue(nowMs)) {
      const session = this.#sessions.get(id);
      if (session === undefined) continue;
      this.#ports.dropped("stream_timeout", session.peer);
      this.#abort(session, "timed out", nowMs);
    }
  }

  /** Opens a stream for one message and, for all but user messages, its answer. */
  dial(dial: Dial, nowMs: InstantMs): void {
    const { sink, options } = this.#ports;
    if (this.#sessions.size >= options.maxStreams) {
      dial.settled({ ok: false, error: "too many streams" }, nowMs);
      return;
    }
    this.#lastDialled += 2;
    const id = streamId(this.#lastDialled);
    const decoder = new StreamDecoder({ ...this.#streamOptions, isReply: true });
    this.#sessions.set(id, { id, peer: dial.to, decoder, sent: dial.message, settled: dial.settled });
    this.#timers.set(id, nowMs + dial.timeoutMs);
    sink.stream(id, { kind: "open", to: dial.to, timeoutMs: dial.timeoutMs });
    this.#write(id, dial.message, true);
    if (dial.message.kind === "user") sink.stream(id, { kind: "end" });
  }

  handle(id: StreamId, input: StreamInput, nowMs: InstantMs): void {
    if (input.kind === "opened" && input.from !== undefined) {
      this.#accept(id, input.from, nowMs);
      return;
    }
    const session = this.#sessions.get(id);
    // After our last word the shell may still report what happens to a stream that we have forgotten.
    if (session === undefined) return;
    switch (input.kind) {
      case "opened":
        return;
      case "data":
        this.#step(session, session.decoder.push(input.bytes), nowMs);
        return;
      case "ended":
        this.#ended(session, nowMs);
        return;
      case "failed":
        this.#forget(session);
        session.settled?.({ ok: false, error: input.error }, nowMs);
        return;
      default:
        assertNever(input);
    }
  }

  #accept(id: StreamId, from: Endpoint, nowMs: InstantMs): void {
    const { options, sink } = this.#ports;
    if (this.#sessions.has(id) || id % 2 !== 0) {
      this.#ports.dropped("unknown_stream", from);
      return;
    }
    if (this.#sessions.size >= options.maxStreams) {
      this.#ports.dropped("too_many_streams", from);
      sink.stream(id, { kind: "reset" });
      return;
    }
    const decoder = new StreamDecoder(this.#streamOptions);
    this.#sessions.set(id, { id, peer: from, decoder, sent: undefined, settled: undefined });
    this.#timers.set(id, nowMs + options.profile.streamTimeoutMs);
  }

  #ended(session: Session, nowMs: InstantMs): void {
    if (session.sent?.kind === "user") {
      this.#finish(session, OK, nowMs);
      return;
    }
    this.#step(session, session.decoder.end(), nowMs);
  }

  #step(session: Session, step: StreamStep, nowMs: InstantMs): void {
    switch (step.kind) {
      case "needMore":
        return;
      case "failed":
        this.#ports.dropped(step.reason, session.peer);
        if (session.sent === undefined && step.answer !== undefined) {
          this.#answer(session, { kind: "err", error: step.answer });
        } else this.#abort(session, step.reason, nowMs);
        return;
      case "message":
        if (session.sent === undefined) this.#serve(session, step.message, nowMs);
        else this.#conclude(session, session.sent, { message: step.message, nowMs });
        return;
      default:
        assertNever(step);
    }
  }

  /** The first message of somebody who dialled us. */
  #serve(session: Session, message: StreamMessage, nowMs: InstantMs): void {
    switch (message.kind) {
      case "pushPull":
        // Our state goes out before theirs is merged, so that they learn of us even when we refuse theirs.
        this.#answer(session, this.#ports.localState(message.join));
        this.#merge(message, session, nowMs);
        return;
      case "ping":
        this.#servePing(session, message);
        return;
      case "user":
        this.#forget(session);
        this.#ports.sink.stream(session.id, { kind: "end" });
        this.#ports.userMessage(message.payload, { from: session.peer, byStream: true }, nowMs);
        return;
      case "ack":
      case "err":
        this.#ports.dropped("unexpected_stream_message", session.peer);
        this.#abort(session, "unexpected message", nowMs);
        return;
      default:
        assertNever(message);
    }
  }

  #servePing(session: Session, message: PingMessage): void {
    if (message.node !== "" && message.node !== this.#ports.self) {
      this.#ports.dropped("wrong_recipient", session.peer);
      this.#forget(session);
      this.#ports.sink.stream(session.id, { kind: "reset" });
      return;
    }
    this.#answer(session, { kind: "ack", seqNo: message.seqNo, payload: new Uint8Array(0) });
  }

  /** The answer to what we sent. */
  #conclude(
    session: Session,
    sent: StreamMessage,
    answer: { readonly message: StreamMessage; readonly nowMs: InstantMs },
  ): void {
    const { message, nowMs } = answer;
    if (message.kind === "err") {
      this.#ports.dropped("remote_error", session.peer);
      this.#finish(session, { ok: false, error: `remote error: ${message.error}` }, nowMs);
      return;
    }
    if (sent.kind === "pushPull" && message.kind === "pushPull") {
      this.#finish(session, this.#merge(message, session, nowMs), nowMs);
      return;
    }
    if (sent.kind === "ping" && message.kind === "ack" && message.seqNo === sent.seqNo) {
      this.#finish(session, OK, nowMs);
      return;
    }
    this.#ports.dropped("unexpected_stream_message", session.peer);
    this.#abort(session, "unexpected message", nowMs);
  }

  #merge(message: PushPullMessage, session: Session, nowMs: InstantMs): MergeOutcome {
    const outcome = this.#ports.merge(message, nowMs);
    if (outcome.ok) this.#exchanges += 1;
    else this.#ports.dropped("incompatible_version", session.peer);
    return outcome;
  }

  #answer(session: Session, message: StreamMessage): void {
    this.#forget(session);
    this.#write(session.id, message, false);
    this.#ports.sink.stream(session.id, { kind: "end" });
  }

  #write(id: StreamId, message: StreamMessage, isDialled: boolean): void {
    const { sink, options } = this.#ports;
    const bytes = encodeStream(message, { ...this.#streamOptions, compress: options.compress, isDialled });
    sink.stream(id, { kind: "write", bytes });
  }

  #finish(session: Session, outcome: MergeOutcome, nowMs: InstantMs): void {
    this.#forget(session);
    if (session.sent?.kind !== "user") this.#ports.sink.stream(session.id, { kind: "end" });
    session.settled?.(outcome, nowMs);
  }

  #abort(session: Session, error: string, nowMs: InstantMs): void {
    this.#forget(session);
    this.#ports.sink.stream(session.id, { kind: "reset" });
    session.settled?.({ ok: false, error }, nowMs);
  }

  #forget(session: Session): void {
    this.#sessions.delete(session.id);
    this.#timers.clear(session.id);
  }
}
