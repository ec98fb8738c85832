/**
 * One session's life as a pure machine: messages, losses and results of others in; messages, wishes and
 * events out. It reads no clock, owns no socket and draws no chance of its own.
 *   start → connecting → greeting → ticketing → joining → live
 *                ▲                                          │ socket lost
 *                └── waiting (back-off) ◀───────────────────┘
 *                      │ the node failed too often, or drains
 *                      └─ placing (another node) → connecting → … → live, told as "moved"
 *
 * A resumed welcome leads from greeting straight to live. There is no way to give up but leave(), a closing
 * message for good, or a refusal that trying again cannot change.
 */
import { NodeTrail } from "./node-trail.ts";
import { Numbers } from "./numbers.ts";
import { OfferQueue } from "./offer-queue.ts";
import { type PendingKind, PendingRequests } from "./pending-requests.ts";
import { parseServerMessage } from "./protocol/guards.ts";
import {
  type Answer,
  type ClientRequest,
  type Closing,
  type ErrorReply,
  type Joined,
  type OfferedTrack,
  PROTOCOL_VERSION,
  type ServerMessage,
  type Welcome,
} from "./protocol/messages.ts";
import { failureOf, remedyFor, SUPERSEDED_CODES } from "./remedies.ts";
import {
  ASKS_OTHERS,
  type ConnectionState,
  type Phase,
  type Said,
  type SessionOptions,
  type SessionSink,
  type StepFailure,
  WITH_SOCKET,
  type Wish,
} from "./session-types.ts";

/** A session token is renewed at most so often without getting in between. */
const MAX_RENEWALS = 2;
const NEVER = Number.POSITIVE_INFINITY;

type Body<M> = M extends unknown ? Omit<M, "id"> : never;

export class Session {
  readonly #sink: SessionSink;
  readonly #options: SessionOptions;
  readonly #trail: NodeTrail;
  readonly #offers: OfferQueue;
  readonly #pending = new PendingRequests();
  #token: string;
  #phase: Phase = "idle";
  #state: ConnectionState | undefined;
  /** Counts every new step, so that late results are recognised. */
  #attempt = 0;
  #renewals = 0;
  #deadlineMs = NEVER;
  readonly #numbers = new Numbers();

  constructor(sink: SessionSink, options: SessionOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#token = options.token;
    this.#trail = new NodeTrail(options.policy, options.random);
    this.#offers = new OfferQueue({
      policy: options.policy,
      random: options.random,
      offerTimeoutMs: options.offerTimeoutMs,
      ready: () => this.#phase === "live" && options.media,
      make: (attempt, fresh) => sink.offer(attempt, fresh),
    });
  }

  get phase(): Phase {
    return this.#phase;
  }
  /** The number to resume after; undefined before the first message. */
  get lastSeq(): number | undefined {
    return this.#numbers.last;
  }

  /** When handleTimeout is wanted next; Infinity when nothing is due. */
  deadlineMs(): number {
    return Math.min(this.#deadlineMs, this.#offers.deadlineMs());
  }

  start(url: string, nowMs: number): void {
    if (this.#phase !== "idle") return;
    this.#say("connecting");
    this.#connect(url, nowMs);
  }

  /** The way out through the front door; works in every phase. */
  leave(): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "live") this.#request("leave", { type: "leave" });
    this.#close("left", "The room was left.");
  }

  // ------------------------------------------------------------ the socket

  handleOpened(nowMs: number): void {
    if (this.#phase !== "connecting") return;
    this.#enter("greeting", nowMs);
    const resume = this.lastSeq === undefined ? {} : { lastSeq: this.lastSeq };
    this.#request("hello", { type: "hello", protocol: PROTOCOL_VERSION, token: this.#token, ...resume });
  }

  /** The socket ended or could not be opened. */
  handleClosed(nowMs: number): void {
    if (this.#phase === "connecting" || WITH_SOCKET.has(this.#phase)) this.#lost(nowMs);
  }

  handleText(text: string, nowMs: number): void {
    if (!WITH_SOCKET.has(this.#phase)) return;
    const parsed = parseServerMessage(text);
    if (!parsed.ok) {
      this.#sink.ignored(parsed.reason);
      return;
    }
    const { message } = parsed;
    if (this.#numbers.accept(message, this.#phase === "greeting")) this.#handle(message, nowMs);
    else this.#sink.ignored("stale_seq");
  }

  handleTimeout(nowMs: number): void {
    this.#offers.handleTimeout(nowMs);
    if (nowMs < this.#deadlineMs) return;
    this.#deadlineMs = NEVER;
    if (this.#phase === "waiting") this.#tryAgain(nowMs);
    else if (this.#phase !== "live" && this.#phase !== "closed") this.#lost(nowMs, { silent: true });
  }

  /** The network came back: no reason to wait for the rest of a back-off. */
  handleOnline(nowMs: number): void {
    if (this.#phase === "waiting") this.#tryAgain(nowMs);
  }

  // ------------------------------------------------------------ results of what the sink was asked

  handleTicket(attempt: number, token: string, nowMs: number): void {
    if (attempt !== this.#attempt || this.#phase !== "ticketing") return;
    this.#enter("joining", nowMs);
    this.#request("join", { type: "join", token });
  }

  handleToken(attempt: number, token: string, nowMs: number): void {
    if (attempt !== this.#attempt || this.#phase !== "renewing") return;
    this.#token = token;
    this.#numbers.restart(undefined);
    this.#connect(this.#trail.url, nowMs);
  }

  handlePlaced(attempt: number, url: string, nowMs: number): void {
    if (attempt === this.#attempt && this.#phase === "placing") this.#connect(url, nowMs);
  }

  /** The ticket, the token or the placing failed. */
  handleFailure(attempt: number, failure: StepFailure, nowMs: number): void {
    if (attempt === this.#attempt && ASKS_OTHERS.has(this.#phase)) this.#stepFailed(failure, nowMs);
  }

  handleOffer(
    attempt: number,
    offer: { readonly sdp: string; readonly tracks: readonly OfferedTrack[] },
    nowMs: number,
  ): void {
    if (!this.#offers.made(attempt, nowMs)) return;
    const { sdp, tracks } = offer;
    this.#request("offer", { type: "offer", sdp, tracks, ...(this.#offers.fresh ? { fresh: true } : {}) });
  }

  /** The browser could not make the offer or use the answer: a new connection is tried. */
  handleOfferFailed(attempt: number, detail: string, nowMs: number): void {
    if (this.#offers.failed(attempt, nowMs)) this.#sink.event({ kind: "offerRefused", code: "bad_response", detail });
  }

  /** The answer is in use: the next offer may go. */
  handleAnswered(attempt: number): void {
    this.#offers.done(attempt);
  }

  // ------------------------------------------------------------ wishes

  /** Wishes are merged: at most one offer is under way and one waits. */
  requestOffer(fresh: boolean): void {
    this.#offers.want(fresh);
  }

  /** Said now, or not at all when there is no way: what holds is said again after "resumed" and "joined". */
  wish(wish: Wish): void {
    if (this.#phase === "live") this.#request(wish.type, wish);
  }

  say(message: Said): void {
    if (this.#phase === "live") this.#sink.send(message);
  }

  // ------------------------------------------------------------ messages

  #handle(message: ServerMessage, nowMs: number): void {
    switch (message.type) {
      case "welcome":
        this.#welcomed(message, nowMs);
        break;
      case "joined":
        this.#joined(message);
        break;
      case "answer":
        this.#answered(message);
        break;
      case "ok":
        if (this.#pending.take(message.replyTo) === undefined) this.#sink.ignored("unexpected");
        break;
      case "error":
        this.#refused(message, nowMs);
        break;
      case "closing":
        this.#closing(message, nowMs);
        break;
      case "pong":
        break;
      case "media":
        this.#sink.event({ kind: "room", message });
        if (message.state === "gone" && this.#phase === "live") this.#offers.want(true);
        break;
      default:
        this.#sink.event({ kind: "room", message });
    }
  }

  #welcomed(message: Welcome, nowMs: number): void {
    if (this.#phase !== "greeting" || this.#pending.take(message.replyTo) !== "hello") {
      this.#sink.ignored("unexpected");
      return;
    }
    this.#trail.node = message.node;
    if (message.resumed && this.lastSeq !== undefined) {
      this.#live();
      this.#sink.event({ kind: "resumed" });
      this.#offers.resumed(nowMs);
      return;
    }
    this.#numbers.restart(message.seq);
    this.#pending.clear();
    this.#offers.reset();
    this.#enter("ticketing", nowMs);
    this.#sink.ticket(this.#attempt);
  }

  #joined(message: Joined): void {
    if (this.#phase !== "joining" || this.#pending.take(message.replyTo) !== "join") {
      this.#sink.ignored("unexpected");
      return;
    }
    const { node, url } = this.#trail;
    const moved = this.#trail.settled();
    this.#sink.event({ kind: "joined", joined: message, node, url });
    this.#live();
    if (moved !== undefined) this.#sink.event({ kind: "moved", from: moved.movedFrom, to: node });
    this.#offers.want(true);
  }

  #live(): void {
    this.#phase = "live";
    this.#deadlineMs = NEVER;
    this.#renewals = 0;
    this.#trail.arrived();
    this.#say("connected");
  }

  #answered(message: Answer): void {
    if (this.#pending.take(message.replyTo) === "offer" && this.#offers.answered())
      this.#sink.event({ kind: "answer", answer: message });
    else this.#sink.ignored("unexpected");
  }

  #refused(message: ErrorReply, nowMs: number): void {
    const request = this.#pending.take(message.replyTo);
    const { code, detail, retryAfterMs } = message;
    const remedy = remedyFor(code, { retryAfterMs });
    switch (request) {
      case "offer":
        this.#sink.event({ kind: "offerRefused", code, detail });
        this.#offers.refused({ transient: remedy === "again", delayMs: retryAfterMs ?? 0 }, nowMs);
        break;
      case "mute":
      case "view":
      case "moderate":
        this.#sink.event({ kind: "requestRefused", request, code, detail });
        break;
      case "hello":
      case "join":
        this.#stepFailed(failureOf(request, message), nowMs);
        break;
      default:
        this.#sink.ignored("unexpected");
    }
  }

  #closing({ reason, goTo }: Closing, nowMs: number): void {
    if (reason === "left" || reason === "superseded" || reason === "removed")
      this.#close(reason, `The node closed the session: ${reason}.`);
    else if (reason === "expired") this.#renew(nowMs);
    else if (reason === "draining") this.#drain(goTo, nowMs);
    else this.#lost(nowMs);
  }

  // ------------------------------------------------------------ losing and finding nodes

  #connect(url: string, nowMs: number): void {
    this.#trail.goTo(url);
    this.#enter("connecting", nowMs);
    this.#sink.connect(url);
  }

  #lost(nowMs: number, how: { readonly silent?: boolean; readonly atLeastMs?: number } = {}): void {
    this.#sink.disconnect();
    if (this.#trail.homeUrl !== "") this.#say("reconnecting");
    const kind = this.#phase === "live" ? "wasLive" : how.silent === true ? "silent" : "refused";
    const waitMs = Math.max(this.#trail.lost(kind), how.atLeastMs ?? 0);
    this.#enter("waiting", nowMs);
    this.#deadlineMs = nowMs + waitMs;
  }

  #tryAgain(nowMs: number): void {
    if (this.#trail.shouldMove) this.#place(nowMs);
    else this.#connect(this.#trail.url, nowMs);
  }

  #place(nowMs: number): void {
    this.#trail.avoidHere();
    this.#sink.disconnect();
    this.#enter("placing", nowMs);
    this.#sink.place(this.#attempt, this.#trail.avoid);
  }

  #drain(goTo: string | undefined, nowMs: number): void {
    if (this.#trail.homeUrl !== "") this.#say("reconnecting");
    if (goTo === undefined) this.#place(nowMs);
    else this.#connect(goTo, nowMs);
  }

  #renew(nowMs: number): void {
    if (this.#renewals >= MAX_RENEWALS) {
      this.#close("expired", "The session token is not accepted any more.");
      return;
    }
    this.#renewals += 1;
    this.#sink.disconnect();
    if (this.#trail.homeUrl !== "") this.#say("reconnecting");
    this.#enter("renewing", nowMs);
    this.#sink.renew(this.#attempt);
  }

  #stepFailed(failure: StepFailure, nowMs: number): void {
    const { code, detail, remedy, retryAfterMs } = failure;
    if (SUPERSEDED_CODES.has(code)) this.#close("superseded", detail);
    else if (remedy === "renew" && this.#phase !== "renewing") this.#renew(nowMs);
    else if (remedy === "elsewhere") this.#drain(undefined, nowMs);
    else if (remedy === "again") {
      // Nobody could say where else to go: all nodes may be tried again.
      if (this.#phase === "placing") this.#trail.forgive();
      this.#lost(nowMs, { atLeastMs: retryAfterMs ?? 0 });
    } else this.#close(code, detail);
  }

  #close(code: string, detail: string): void {
    this.#enter("closed", 0);
    this.#deadlineMs = NEVER;
    this.#offers.reset();
    this.#pending.clear();
    this.#sink.disconnect();
    this.#say("closed");
    this.#sink.event({ kind: "closed", code, detail });
  }

  #enter(phase: Phase, nowMs: number): void {
    this.#phase = phase;
    this.#attempt += 1;
    this.#deadlineMs = nowMs + this.#options.stepTimeoutMs;
  }

  #say(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#sink.event({ kind: "state", state });
  }

  #request(kind: PendingKind, body: Body<ClientRequest> | Wish): void {
    this.#sink.send({ ...body, id: this.#pending.add(kind) });
  }
}
