/**
 * At most one offer is under way and one waits; wishes in between are merged. Pure: part of the session
 * machine, which says when offers may go at all.
 */
import { type Random, type ReconnectPolicy, reconnectDelayMs } from "./reconnect-policy.ts";

/** Offers that fail in a row before the queue waits for a new wish instead of trying again. */
const MAX_OFFER_RETRIES = 8;
/** Missed messages follow the welcome of a resumed socket at once. */
const REPLAY_MS = 400;

export interface OfferQueueOptions {
  readonly policy: ReconnectPolicy;
  readonly random: Random;
  readonly offerTimeoutMs: number;
  /** Whether an offer may be made now. */
  readonly ready: () => boolean;
  /** Make offer number `attempt`, on a new connection when fresh. */
  readonly make: (attempt: number, fresh: boolean) => void;
}

export class OfferQueue {
  readonly #options: OfferQueueOptions;
  #state: "none" | "making" | "sent" | "answered" = "none";
  #attempt = 0;
  #fresh = false;
  #wanted: { readonly fresh: boolean } | undefined;
  #retries = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: OfferQueueOptions) {
    this.#options = options;
  }

  get fresh(): boolean {
    return this.#fresh;
  }
  deadlineMs(): number {
    return this.#deadlineMs;
  }

  want(fresh: boolean): void {
    this.#merge(fresh);
    this.pump();
  }

  /** Makes the waiting offer if it may go. */
  pump(): void {
    if (this.#state !== "none" || this.#wanted === undefined || !this.#options.ready()) return;
    if (this.#deadlineMs !== Number.POSITIVE_INFINITY) return;
    this.#fresh = this.#wanted.fresh;
    this.#wanted = undefined;
    this.#state = "making";
    this.#attempt += 1;
    this.#options.make(this.#attempt, this.#fresh);
  }

  /** The browser made it: true when it may be sent. */
  made(attempt: number, nowMs: number): boolean {
    if (attempt !== this.#attempt || this.#state !== "making") return false;
    if (!this.#options.ready()) {
      this.interrupt();
      return false;
    }
    this.#state = "sent";
    this.#deadlineMs = nowMs + this.#options.offerTimeoutMs;
    return true;
  }

  /** The node answered: true when this was expected. */
  answered(): boolean {
    if (this.#state !== "sent") return false;
    this.#state = "answered";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    return true;
  }

  /** The answer is in use: the next may go. */
  done(attempt: number): void {
    if (attempt !== this.#attempt || this.#state === "none") return;
    this.#retries = 0;
    this.#state = "none";
    this.pump();
  }

  /** The browser could not make it or use its answer: only a new connection can help. True when this was expected. */
  failed(attempt: number, nowMs: number): boolean {
    if (attempt !== this.#attempt || this.#state === "none") return false;
    this.#fresh = true;
    this.refused({ transient: true, delayMs: 0 }, nowMs);
    return true;
  }

  refused(how: { readonly transient: boolean; readonly delayMs: number }, nowMs: number): void {
    if (this.#state === "none") return;
    const fresh = this.#fresh;
    this.#state = "none";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (!how.transient || this.#retries >= MAX_OFFER_RETRIES) {
      this.pump();
      return;
    }
    const backOffMs = reconnectDelayMs(this.#retries, this.#options.random, this.#options.policy);
    this.#retries += 1;
    this.#merge(fresh);
    this.#deadlineMs = nowMs + Math.max(backOffMs, how.delayMs);
  }

  handleTimeout(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#state === "sent") this.interrupt();
    this.pump();
  }

  /** The socket came back: an answer that was missed comes with it, or never. */
  resumed(nowMs: number): void {
    if (this.#state === "sent") this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + REPLAY_MS);
    this.pump();
  }

  /** What was under way is in vain; it is wanted again. */
  interrupt(): void {
    if (this.#state === "none") return;
    this.#merge(this.#fresh);
    this.#state = "none";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** A new life: nothing is under way, nothing wanted. */
  reset(): void {
    this.#state = "none";
    this.#wanted = undefined;
    this.#retries = 0;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  #merge(fresh: boolean): void {
    this.#wanted = { fresh: fresh || this.#wanted?.fresh === true };
  }
}
