/**
 * The life of one session, from its first hello to its end. It has three doors of leaving (leave message, media gone,
 * socket lost for too long), and all of them end in #leaveRoom, which names this session and no other: a late goodbye
 * of an old session can never remove a newer one. Pure.
 */
import type { Closing, ParticipantLeft } from "#protocol";

export type LeaveReason = ParticipantLeft["reason"];

export interface SessionTimes {
  /** A socket that says nothing for so long is lost. Default 15,000. */
  readonly silenceMs: number;
  /** How long a session without a socket may come back. Default 20,000. */
  readonly resumeMs: number;
  /**
   * How long the others still see somebody whose page said that it goes: a refresh is back by then, a closed tab is not. The
   * place is kept for the whole resume time all the same. Default 5,000.
   */
  readonly pageGoneMs?: number;
}
export const SESSION_TIMES = { silenceMs: 15_000, resumeMs: 20_000, pageGoneMs: 5_000 } satisfies SessionTimes;

/** What the machine asks of its surroundings; it is never called back from there. */
export interface SessionSink {
  /** The others should see this person as reconnecting, or as active again. */
  reconnecting(isReconnecting: boolean): void;
  /** The others should see this person leave; the place in the room is kept until leaveRoom. */
  hide(roomId: string): void;
  leaveRoom(roomId: string, reason: LeaveReason): void;
  /** Tell the client why, if a reason is given, and close its socket. */
  closeSocket(reason: Closing["reason"] | undefined): void;
  /** The session is over: forget it, and remove its record if that still names this node and epoch. */
  end(): void;
}

type Phase = "attached" | "detached" | "superseded" | "ended";

export class SessionMachine {
  readonly #sink: SessionSink;
  readonly #times: SessionTimes;
  readonly #expiresAtMs: number;
  #phase: Phase = "attached";
  #roomId: string | undefined;
  #heardAtMs: number;
  #goneAtMs = 0;
  #hidesAtMs = Number.POSITIVE_INFINITY;
  #isHidden = false;

  /** `expiresAtMs` (end of the session token) and all `nowMs` are on one clock. */
  constructor(
    sink: SessionSink,
    start: { readonly nowMs: number; readonly expiresAtMs: number; readonly times: SessionTimes },
  ) {
    this.#sink = sink;
    this.#times = start.times;
    this.#expiresAtMs = start.expiresAtMs;
    this.#heardAtMs = start.nowMs;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get roomId(): string | undefined {
    return this.#roomId;
  }

  /** The others have seen it leave the room in which it still has its place: it must enter again. */
  get isHidden(): boolean {
    return this.#isHidden;
  }

  /** A socket said hello for this session (again). False when the session is over or history. */
  attach(nowMs: number): boolean {
    if (this.#phase === "ended" || this.#phase === "superseded") return false;
    const wasDetached = this.#phase === "detached";
    this.#phase = "attached";
    this.#heardAtMs = nowMs;
    this.#hidesAtMs = Number.POSITIVE_INFINITY;
    if (wasDetached && this.#roomId !== undefined && !this.#isHidden) this.#sink.reconnecting(false);
    return true;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  entered(roomId: string): void {
    if (this.#phase === "ended") return;
    this.#roomId = roomId;
    this.#isHidden = false;
  }

  /** First door: the person leaves the room. The session lives on and may enter another. */
  leave(): boolean {
    return this.#leaveRoom("left");
  }

  /** Second door: the media transport has been gone for too long. */
  mediaGone(): void {
    this.#finish("timeout", "expired");
  }

  /**
   * Third door: the socket is lost, by its own word or by silence. The session may resume. `isPageGone`: the browser said
   * that the page went away (RFC 6455 section 7.4.1, code 1001), so that a new page comes soon or nobody does.
   */
  socketLost(nowMs: number, isPageGone = false): void {
    if (this.#phase !== "attached") return;
    this.#phase = "detached";
    this.#goneAtMs = nowMs;
    if (isPageGone) this.#hidesAtMs = nowMs + (this.#times.pageGoneMs ?? SESSION_TIMES.pageGoneMs);
    if (this.#roomId !== undefined) this.#sink.reconnecting(true);
  }

  /**
   * A newer session of the device, or this session on another node, took over. Its client goes at once; its place in the
   * room is kept as reconnecting until the successor has entered (which replaces it) or the resume time is over.
   */
  superseded(nowMs: number): void {
    if (this.#phase === "ended" || this.#phase === "superseded") return;
    const wasAttached = this.#phase === "attached";
    this.#phase = "superseded";
    this.#goneAtMs = nowMs;
    if (wasAttached) this.#sink.closeSocket("superseded");
    if (this.#roomId === undefined) this.#end();
    else if (wasAttached) this.#sink.reconnecting(true);
  }

  /** A moderator removed the person. */
  removed(): void {
    this.#finish("removed", "removed");
  }

  /** The person signed out everywhere, or is no more: the session's token is worth nothing. */
  revoked(): void {
    this.#finish("left", "expired");
  }

  /** A later life of the same session began here: this one does nothing any more. */
  abandoned(): void {
    this.#phase = "ended";
    this.#roomId = undefined;
  }

  /** The node goes away: the client moves to another node, so the others are told nothing. */
  drained(): void {
    if (this.#phase === "ended") return;
    if (this.#phase === "attached") this.#sink.closeSocket("draining");
    this.#end();
  }

  /** When handleTimeout is wanted next. */
  deadlineMs(): number {
    switch (this.#phase) {
      case "attached":
        return Math.min(this.#heardAtMs + this.#times.silenceMs, this.#expiresAtMs);
      case "detached":
        return Math.min(this.#hidesAtMs, this.#goneAtMs + this.#times.resumeMs, this.#expiresAtMs);
      case "superseded":
        return Math.min(this.#goneAtMs + this.#times.resumeMs, this.#expiresAtMs);
      case "ended":
        return Number.POSITIVE_INFINITY;
    }
  }

  /** Early and repeated calls do nothing. */
  handleTimeout(nowMs: number): void {
    if (this.#phase === "ended") return;
    if (nowMs >= this.#expiresAtMs) {
      this.#finish("timeout", "expired");
    } else if (this.#phase === "attached") {
      if (nowMs - this.#heardAtMs < this.#times.silenceMs) return;
      this.#sink.closeSocket(undefined);
      this.socketLost(nowMs);
    } else if (nowMs - this.#goneAtMs >= this.#times.resumeMs) {
      this.#finish(this.#phase === "superseded" ? "superseded" : "timeout", undefined);
    } else if (this.#phase === "detached" && nowMs >= this.#hidesAtMs) this.#hide();
  }

  #hide(): void {
    this.#hidesAtMs = Number.POSITIVE_INFINITY;
    if (this.#roomId === undefined || this.#isHidden) return;
    this.#isHidden = true;
    this.#sink.hide(this.#roomId);
  }

  #finish(reason: LeaveReason, closing: Closing["reason"] | undefined): void {
    if (this.#phase === "ended") return;
    if (this.#phase === "attached") this.#sink.closeSocket(closing);
    this.#leaveRoom(reason);
    this.#end();
  }

  /** The one way out of a room. */
  #leaveRoom(reason: LeaveReason): boolean {
    const roomId = this.#roomId;
    if (roomId === undefined) return false;
    this.#roomId = undefined;
    this.#isHidden = false;
    this.#sink.leaveRoom(roomId, reason);
    return true;
  }

  #end(): void {
    this.#phase = "ended";
    this.#roomId = undefined;
    this.#sink.end();
  }
}
