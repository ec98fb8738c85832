/**
 * The controlling end of ICE for the offerer of a trunk: a checker of the smallest kind, against a lite
 * agent. It sends a binding request to each candidate, nominates the first that answers, and then checks
 * it every 500 ms, which is consent (RFC 7675), keep-alive of the trunk and measurement of its round trip in one.
 * Three checks without an answer are silence: all candidates are tried again until one answers. Pure: time
 * and datagrams come in, datagrams and state go out through the sink.
 */

import type { IceCredentials } from "./ice-lite.ts";
import { sameAddress, type UdpAddress } from "./ip-address.ts";
import { buildBindingRequest, parseStun, verifyIntegrity } from "./stun.ts";

export type ControllingState = "checking" | "connected" | "silent" | "gone";
export type ControllingRejection = "stun_unknown_transaction" | "stun_bad_integrity" | "stun_refused";

export interface ControllingSink {
  send(bytes: Buffer, to: UdpAddress): void;
  /** The pair was nominated, or moved to another candidate. */
  selected(address: UdpAddress): void;
  state(state: ControllingState): void;
}
export interface ControllingOptions {
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  readonly candidates: readonly UdpAddress[];
  readonly tieBreaker: bigint;
  /** 12 fresh random bytes for each call. */
  readonly transactionId: () => Uint8Array;
}

export const MAX_TRUNK_CANDIDATES = 16;
/** Between two requests while searching; RFC 8445 section 14.2 asks for at least 5 ms, and a repetition after 100 ms is soon enough. */
const SEARCH_INTERVAL_MS = 100;
export const CONSENT_INTERVAL_MS = 500;
export const MISSED_CHECKS_UNTIL_SILENT = 3;
/** RFC 7675 section 5.1: consent expires after 30 s. */
const GONE_AFTER_MS = 30_000;
/** Requests that may await their answer: one second of searching all candidates. */
const MAX_PENDING = 10 * MAX_TRUNK_CANDIDATES;
/** Host candidate, full local preference, component 1 (RFC 8445 section 5.1.2.1). */
const PRIORITY = ((126 << 24) | (65_535 << 8) | 255) >>> 0;

interface PendingCheck {
  readonly to: UdpAddress;
  readonly sentAtMs: number;
}

export class IceControlling {
  readonly #options: ControllingOptions;
  readonly #sink: ControllingSink;
  readonly #pending = new Map<string, PendingCheck>();
  #state: ControllingState = "checking";
  #selected: UdpAddress | undefined = undefined;
  #nextCheckAtMs: number;
  #lastAnswerAtMs: number;
  #missedChecks = 0;
  #rttMs: number | undefined = undefined;

  constructor(options: ControllingOptions, sink: ControllingSink, nowMs: number) {
    this.#options = { ...options, candidates: options.candidates.slice(0, MAX_TRUNK_CANDIDATES) };
    this.#sink = sink;
    this.#nextCheckAtMs = nowMs;
    this.#lastAnswerAtMs = nowMs;
  }

  get state(): ControllingState {
    return this.#state;
  }
  get selected(): UdpAddress | undefined {
    return this.#selected;
  }
  /** Of the last answered check. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  deadlineMs(): number {
    return this.#state === "gone" ? Number.POSITIVE_INFINITY : this.#nextCheckAtMs;
  }

  handleTimeout(nowMs: number): void {
    if (this.#state === "gone" || nowMs < this.#nextCheckAtMs) return;
    if (nowMs - this.#lastAnswerAtMs >= GONE_AFTER_MS) {
      this.#pending.clear();
      this.#become("gone");
      return;
    }
    if (this.#state === "connected" && this.#missedChecks >= MISSED_CHECKS_UNTIL_SILENT) this.#become("silent");
    const selected = this.#selected;
    if (this.#state === "connected" && selected !== undefined) {
      this.#check(selected, nowMs);
      this.#missedChecks++;
      this.#nextCheckAtMs = nowMs + CONSENT_INTERVAL_MS;
    } else {
      for (const candidate of this.#options.candidates) this.#check(candidate, nowMs);
      this.#nextCheckAtMs = nowMs + SEARCH_INTERVAL_MS;
    }
  }

  /** A STUN datagram for this agent; undefined when it was a valid answer. */
  handleStun(bytes: Uint8Array, nowMs: number): ControllingRejection | undefined {
    const parsed = parseStun(bytes);
    if (!parsed.ok) return "stun_refused";
    const { message } = parsed;
    const id = Buffer.from(message.transactionId).toString("latin1");
    const check = this.#pending.get(id);
    if (check === undefined) return "stun_unknown_transaction";
    if (!verifyIntegrity(bytes, message, this.#options.remote.pwd)) return "stun_bad_integrity";
    this.#pending.delete(id);
    if (message.class !== "success") return "stun_refused";
    this.#answered(check, nowMs);
    return undefined;
  }

  /** Whether this agent sent the request that a datagram answers. */
  awaits(transactionId: Uint8Array): boolean {
    return this.#pending.has(Buffer.from(transactionId).toString("latin1"));
  }

  #answered(check: PendingCheck, nowMs: number): void {
    const current = this.#state === "connected" ? this.#selected : undefined;
    if (this.#state === "gone" || (current !== undefined && !sameAddress(current, check.to))) return;
    this.#lastAnswerAtMs = nowMs;
    this.#missedChecks = 0;
    this.#rttMs = nowMs - check.sentAtMs;
    if (this.#state === "connected") return;
    const moved = !sameAddress(this.#selected, check.to);
    this.#selected = check.to;
    // The request that was answered did not nominate yet; the first consent check does, at once.
    this.#nextCheckAtMs = nowMs;
    if (moved) this.#sink.selected(check.to);
    this.#become("connected");
  }

  #check(to: UdpAddress, nowMs: number): void {
    const { local, remote } = this.#options;
    const transactionId = this.#options.transactionId();
    if (this.#pending.size >= MAX_PENDING) {
      const oldest = this.#pending.keys().next();
      if (oldest.done !== true) this.#pending.delete(oldest.value);
    }
    this.#pending.set(Buffer.from(transactionId).toString("latin1"), { to, sentAtMs: nowMs });
    const bytes = buildBindingRequest({
      transactionId,
      username: `${remote.ufrag}:${local.ufrag}`,
      password: remote.pwd,
      priority: PRIORITY,
      tieBreaker: this.#options.tieBreaker,
      // A lite agent selects where the nomination comes from, so every check of the chosen pair nominates.
      useCandidate: this.#state === "connected",
    });
    this.#sink.send(bytes, to);
  }

  #become(state: ControllingState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#sink.state(state);
  }
}
