/**
 * The protocol of one client's session: messages in, messages and calls of a port out. It outlives the client's sockets:
 * what a lost socket missed is kept and told again. Pure; the hub does what the port is asked.
 */
import {
  type ClientMessage,
  type Closing,
  type Joined,
  type Moderate,
  type Offer,
  PROTOCOL_VERSION,
  type Report,
  type ServerMessage,
  type Typing,
  type Unsequenced,
  type View,
} from "#protocol";
import { type LeaveReason, SessionMachine, type SessionTimes } from "../session/session-machine.ts";
import { Outbox } from "./outbox.ts";
import { type Rate, TokenBucket } from "./token-bucket.ts";

/** A refusal with a stable code of PROTOCOL.md. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
  readonly retryAfterMs?: number;
}

/** What the session asks of its surroundings. Nothing here calls back into the session before it has returned. */
export interface ClientPort {
  /** To the client's socket; without one it is dropped (and kept for a resume). */
  send(message: ServerMessage): void;
  closeSocket(reason: Closing["reason"] | undefined): void;
  /** Answered by joined() or refused(). */
  join(requestId: string, token: string): void;
  /** Answered by reply() or refused(). */
  offer(requestId: string, offer: Offer): void;
  mute(trackId: string, muted: boolean): Refusal | undefined;
  view(visible: View["visible"]): Refusal | undefined;
  /** The person writes, or stopped. */
  typing(input: Pick<Typing, "typing" | "threadId">): Refusal | undefined;
  /** Answered by reply() or refused(). */
  moderate(requestId: string, deed: Moderate): void;
  report(report: Report): void;
  reconnecting(isReconnecting: boolean): void;
  /** The others see it leave; its place is kept. */
  hide(): void;
  /** With a requestId: answered by reply() when the place is given up. */
  leaveRoom(roomId: string, reason: LeaveReason, requestId: string | undefined): void;
  end(): void;
  /** A message was refused, for the metrics. */
  refusedMessage(code: string): void;
}

export interface SessionStart {
  readonly sessionId: string;
  readonly epoch: number;
  readonly node: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
  readonly times: SessionTimes;
}

/** How often a client may ask for what. */
const RATES: Readonly<Record<ClientMessage["type"], Rate>> = {
  hello: { burst: 5, perSecond: 0.5 },
  join: { burst: 5, perSecond: 0.5 },
  leave: { burst: 5, perSecond: 0.5 },
  offer: { burst: 10, perSecond: 1 },
  mute: { burst: 20, perSecond: 5 },
  view: { burst: 30, perSecond: 10 },
  ping: { burst: 10, perSecond: 2 },
  typing: { burst: 5, perSecond: 1 },
  moderate: { burst: 10, perSecond: 2 },
  report: { burst: 5, perSecond: 1 },
};
/** A client that is refused more than this is not one of ours; its socket is closed. */
const PATIENCE: Rate = { burst: 50, perSecond: 2 };
/** Offers of one client that wait for their answer. */
const MAX_OPEN_OFFERS = 4;
/** What the room says while the answer to a join is under way. At the bound the socket is closed as slow. */
const MAX_HELD = 512;

export class ClientSession {
  readonly sessionId: string;
  readonly #node: string;
  readonly #port: ClientPort;
  readonly #machine: SessionMachine;
  readonly #outbox = new Outbox();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #patience: TokenBucket;
  #joining: "out" | "joining" | "in" = "out";
  #joinRequestId: string | undefined;
  /** What the room said between a join and its answer: the client must hear the answer first. */
  #held: Unsequenced[] = [];
  #openOffers = 0;
  #leaveRequestId: string | undefined;
  #isNew = true;
  #goTo: string | undefined;
  readonly #epoch: number;

  constructor(port: ClientPort, start: SessionStart) {
    this.#epoch = start.epoch;
    this.sessionId = start.sessionId;
    this.#node = start.node;
    this.#port = port;
    this.#patience = new TokenBucket(PATIENCE, start.nowMs);
    this.#machine = new SessionMachine(
      {
        reconnecting: (isReconnecting) => port.reconnecting(isReconnecting),
        hide: () => this.#hidden(),
        leaveRoom: (roomId, reason) => this.#left(roomId, reason),
        closeSocket: (reason) => this.#close(reason),
        end: () => port.end(),
      },
      start,
    );
  }

  get roomId(): string | undefined {
    return this.#machine.roomId;
  }

  /** Can a client come back to it? */
  get isOpen(): boolean {
    return this.#machine.phase === "attached" || this.#machine.phase === "detached";
  }

  get isEnded(): boolean {
    return this.#machine.phase === "ended";
  }

  get isSuperseded(): boolean {
    return this.#machine.phase === "superseded";
  }

  deadlineMs(): number {
    return this.#machine.deadlineMs();
  }

  handleTimeout(nowMs: number): void {
    this.#machine.handleTimeout(nowMs);
  }

  /** A socket said hello; the port's socket is that one already. */
  welcome(
    hello: { readonly id: string; readonly lastSeq?: number | undefined },
    nowMs: number,
  ): "resumed" | "fresh" | "over" {
    if (!this.#machine.attach(nowMs)) return "over";
    const { lastSeq } = hello;
    // A life that has just begun here has nothing to go on with, whatever number the client brings from elsewhere.
    const isInPlace = !this.#isNew && !this.#machine.isHidden;
    const resumed = isInPlace && lastSeq !== undefined && this.#outbox.canResume(lastSeq);
    this.#isNew = false;
    const welcome = {
      type: "welcome",
      replyTo: hello.id,
      sessionId: this.sessionId,
      epoch: this.#epoch,
      node: this.#node,
      resumed,
    } as const;
    if (resumed) {
      for (const message of this.#outbox.resume(lastSeq, welcome)) this.#port.send(message);
      return "resumed";
    }
    // The client starts anew: it must join (again) before it hears of the room.
    this.#joining = "out";
    this.#held = [];
    this.#outbox.restart();
    this.#send(welcome);
    return "fresh";
  }

  handle(message: ClientMessage, nowMs: number): void {
    this.#machine.heard(nowMs);
    const wait = this.#takeToken(message.type, nowMs);
    const id = "id" in message ? message.id : undefined;
    if (wait > 0) {
      this.refuse(id, { code: "rate_limited", detail: `too many ${message.type} messages`, retryAfterMs: wait }, nowMs);
      return;
    }
    const refusal = this.#perform(message);
    if (refusal !== undefined) this.refuse(id, refusal, nowMs);
  }

  /** A message that was not one: bad JSON, an unknown type or field. */
  refuse(requestId: string | undefined, refusal: Refusal, nowMs: number): void {
    this.#machine.heard(nowMs);
    this.#port.refusedMessage(refusal.code);
    if (!this.#patience.take(nowMs)) {
      this.#close("protocol");
      this.#machine.socketLost(nowMs);
      return;
    }
    this.#sendRefusal(requestId, refusal);
  }

  /** Answer of port.join: the room took the session in. */
  joined(roomId: string, reply: Unsequenced<Joined>): void {
    const isAwaited = this.isOpen && this.#joining === "joining" && reply.replyTo === this.#joinRequestId;
    if (!isAwaited) {
      // Superseded or started anew meanwhile: nobody waits for this place, unless a later join is about to take it.
      if (this.#joining === "out") this.#port.leaveRoom(roomId, "left", undefined);
      return;
    }
    this.#machine.entered(roomId);
    this.#joining = "in";
    this.#send(reply);
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.#send(message);
  }

  /** Answer of port.join: refused. */
  joinRefused(requestId: string, refusal: Refusal): void {
    if (this.#joining === "joining" && requestId === this.#joinRequestId) {
      this.#joining = "out";
      this.#held = [];
    }
    this.#port.refusedMessage(refusal.code);
    this.#sendRefusal(requestId, refusal);
  }

  moderationRefused(requestId: string, refusal: Refusal): void {
    this.#port.refusedMessage(refusal.code);
    this.#sendRefusal(requestId, refusal);
  }

  /** Answer of port.offer. */
  offerDone(reply: Unsequenced): void {
    this.#openOffers -= 1;
    this.#send(reply);
  }

  /** Answer of port.offer: refused. */
  offerRefused(requestId: string, refusal: Refusal): void {
    this.#openOffers -= 1;
    this.#port.refusedMessage(refusal.code);
    this.#sendRefusal(requestId, refusal);
  }

  /** Answer of port.leaveRoom and of port.moderate. */
  done(requestId: string): void {
    this.#send({ type: "ok", replyTo: requestId });
  }

  /** What the room tells this client. */
  notify(message: Unsequenced, nowMs: number): void {
    if (this.#joining === "in") this.#send(message);
    else if (this.#joining === "joining") this.#hold(message, nowMs);
  }

  /** `isPageGone`: by the browser's word, the page is no more. */
  socketLost(nowMs: number, isPageGone = false): void {
    this.#machine.socketLost(nowMs, isPageGone);
  }

  /** The client reads too slowly. It may resume with a better line. */
  slow(nowMs: number): void {
    this.#close("slow");
    this.#machine.socketLost(nowMs);
  }

  superseded(nowMs: number): void {
    this.#machine.superseded(nowMs);
  }

  mediaGone(): void {
    this.#machine.mediaGone();
  }

  removed(): void {
    this.#machine.removed();
  }

  /** The person signed out everywhere. */
  revoked(): void {
    this.#machine.revoked();
  }

  abandoned(): void {
    this.#machine.abandoned();
  }

  /** `goTo`: another node's base URL. */
  drained(goTo: string | undefined): void {
    this.#goTo = goTo;
    this.#machine.drained();
  }

  #perform(message: ClientMessage): Refusal | undefined {
    switch (message.type) {
      case "hello":
        return {
          code: "already_greeted",
          detail: `hello was said on this socket; the protocol is ${PROTOCOL_VERSION}`,
        };
      case "ping":
        this.#send({ type: "pong", sentAtMs: message.sentAtMs });
        return undefined;
      case "join":
        return this.#join(message.id, message.token);
      case "leave":
        return this.#leave(message.id);
      case "offer":
        return this.#offer(message);
      case "mute":
        return this.#inRoom(message.id, () => this.#port.mute(message.trackId, message.muted));
      case "view":
        return this.#inRoom(message.id, () => this.#port.view(message.visible));
      case "typing":
        return this.#inRoom(undefined, () => this.#port.typing(message));
      case "moderate":
        return this.#inRoom(undefined, () => {
          this.#port.moderate(message.id, message);
          return undefined;
        });
      case "report":
        return this.#inRoom(undefined, () => {
          this.#port.report(message);
          return undefined;
        });
    }
  }

  #join(requestId: string, token: string): Refusal | undefined {
    if (this.#joining !== "out") return { code: "already_joined", detail: "leave the room first" };
    this.#joining = "joining";
    this.#joinRequestId = requestId;
    this.#port.join(requestId, token);
    return undefined;
  }

  #leave(requestId: string): Refusal | undefined {
    // A client that started anew has not entered again, but its session holds the place it had.
    if (this.#joining !== "in" && this.#machine.roomId === undefined) return NOT_JOINED;
    this.#leaveRequestId = requestId;
    this.#machine.leave();
    this.#leaveRequestId = undefined;
    return undefined;
  }

  #offer(offer: Offer): Refusal | undefined {
    if (this.#joining !== "in") return NOT_JOINED;
    if (this.#openOffers >= MAX_OPEN_OFFERS)
      return { code: "rate_limited", detail: "earlier offers are not answered yet", retryAfterMs: 1_000 };
    this.#openOffers += 1;
    this.#port.offer(offer.id, offer);
    return undefined;
  }

  #inRoom(requestId: string | undefined, work: () => Refusal | undefined): Refusal | undefined {
    if (this.#joining !== "in") return NOT_JOINED;
    const refusal = work();
    if (refusal === undefined && requestId !== undefined) this.#send({ type: "ok", replyTo: requestId });
    return refusal;
  }

  #hidden(): void {
    this.#joining = "out";
    this.#held = [];
    this.#port.hide();
  }

  #left(roomId: string, reason: LeaveReason): void {
    this.#joining = "out";
    this.#held = [];
    this.#port.leaveRoom(roomId, reason, this.#leaveRequestId);
  }

  #hold(message: Unsequenced, nowMs: number): void {
    if (this.#held.length >= MAX_HELD) this.slow(nowMs);
    else this.#held.push(message);
  }

  #takeToken(type: ClientMessage["type"], nowMs: number): number {
    const bucket = this.#buckets.get(type) ?? new TokenBucket(RATES[type], nowMs);
    this.#buckets.set(type, bucket);
    return bucket.take(nowMs) ? 0 : bucket.waitMs();
  }

  #sendRefusal(requestId: string | undefined, refusal: Refusal): void {
    this.#send({ type: "error", ...(requestId === undefined ? {} : { replyTo: requestId }), ...refusal });
  }

  #close(reason: Closing["reason"] | undefined): void {
    if (reason !== undefined)
      this.#send({ type: "closing", reason, ...(this.#goTo === undefined ? {} : { goTo: this.#goTo }) });
    this.#port.closeSocket(reason);
  }

  #send(message: Unsequenced): void {
    this.#port.send(this.#outbox.push(message));
  }
}

const NOT_JOINED: Refusal = { code: "not_joined", detail: "join a room first" };
