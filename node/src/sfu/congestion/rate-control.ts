/**
 * What the delay allows: additive increase, multiplicative decrease, by the signal of the over-use detector
 * (draft-ietf-rmcat-gcc-02 section 5.5).
 */
import type { InstantMs } from "../types.ts";
import type { PathUsage } from "./trendline.ts";

const DECREASE = 0.85;
/** Multiplicative increase in a second, while nobody knows where the ceiling is. */
const INCREASE_PER_SECOND = 1.08;
const MIN_ADDITIVE_BPS = 4000;
const MAX_STEP_MS = 1000;
/** An estimate may exceed what was seen to arrive only so far; probes may go further. */
const HEADROOM = 1.5;
const HEADROOM_BPS = 10_000;
/**
 * When so little is sent, a growing delay is others' doing or the path's own; what arrives says nothing of what would, and
 * a step down from it would end at nothing.
 */
const LIMITED_SHARE = 0.35;
const LIMITED_DECREASE = 0.7;
const CAPACITY_SMOOTHING = 0.05;

/** Where the path was found full, with how widely that scatters: near it, steps are small. */
class LinkCapacity {
  #kbps = -1;
  #deviation = 0.4;

  get isKnown(): boolean {
    return this.#kbps >= 0;
  }

  get bps(): number {
    return this.#kbps * 1000;
  }

  get upperBps(): number {
    return this.isKnown ? (this.#kbps + 3 * this.#spread()) * 1000 : Number.POSITIVE_INFINITY;
  }

  get lowerBps(): number {
    return this.isKnown ? Math.max(0, this.#kbps - 3 * this.#spread()) * 1000 : 0;
  }

  forget(): void {
    this.#kbps = -1;
  }

  note(bps: number): void {
    const sample = bps / 1000;
    this.#kbps = this.isKnown ? this.#kbps + (sample - this.#kbps) * CAPACITY_SMOOTHING : sample;
    const error = this.#kbps - sample;
    const normalized = (error * error) / Math.max(this.#kbps, 1);
    const deviation = (1 - CAPACITY_SMOOTHING) * this.#deviation + CAPACITY_SMOOTHING * normalized;
    this.#deviation = Math.min(2.5, Math.max(0.4, deviation));
  }

  #spread(): number {
    return Math.sqrt(this.#deviation * this.#kbps);
  }
}

export class RateControl {
  bps: number;
  readonly #bounds: { readonly minBps: number; readonly maxBps: number };
  readonly #capacity = new LinkCapacity();
  #increasing = false;
  #changedAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  #decreasedAtMs: InstantMs = Number.NEGATIVE_INFINITY;

  constructor(startBps: number, bounds: { readonly minBps: number; readonly maxBps: number }) {
    this.bps = startBps;
    this.#bounds = bounds;
  }

  get decreasedAtMs(): InstantMs {
    return this.#decreasedAtMs;
  }

  /** One signal. `ackedBps`: -1 unknown. */
  update(
    signal: {
      readonly usage: PathUsage;
      readonly ackedBps: number;
      readonly sentBps: number;
      readonly rttMs: number;
    },
    nowMs: InstantMs,
  ): void {
    if (signal.usage === "over") {
      // Further down only when the path had time to show what the last step did, or if it was far too little.
      const tooSoon = nowMs - this.#decreasedAtMs < Math.min(200, Math.max(10, signal.rttMs));
      const isFarOff = signal.ackedBps >= 0 && signal.ackedBps < this.bps / 2 && !this.#isLimited(signal.sentBps);
      if (!tooSoon || isFarOff) this.#decrease(signal, nowMs);
      this.#increasing = false;
      return;
    }
    // After over-use the queue must drain first: an "under" signal holds.
    if (signal.usage === "under") {
      this.#increasing = false;
      return;
    }
    if (!this.#increasing) {
      this.#increasing = true;
      this.#changedAtMs = nowMs;
      return;
    }
    this.#increase(signal.ackedBps, signal.rttMs, nowMs);
  }

  /** A probe or a better informed part knows. */
  set(bps: number, nowMs: InstantMs): void {
    this.bps = this.#bounded(bps);
    this.#changedAtMs = nowMs;
    if (this.bps > this.#capacity.upperBps) this.#capacity.forget();
  }

  #isLimited(sentBps: number): boolean {
    return sentBps < this.bps * LIMITED_SHARE;
  }

  #increase(ackedBps: number, rttMs: number, nowMs: InstantMs): void {
    const elapsedMs = Math.min(Math.max(0, nowMs - this.#changedAtMs), MAX_STEP_MS);
    this.#changedAtMs = nowMs;
    if (ackedBps > this.#capacity.upperBps) this.#capacity.forget();
    const next = this.#capacity.isKnown
      ? this.bps + (this.#additiveBps(rttMs) * elapsedMs) / 1000
      : this.bps * INCREASE_PER_SECOND ** (elapsedMs / 1000) + 1;
    const limit = ackedBps < 0 ? this.bps : ackedBps * HEADROOM + HEADROOM_BPS;
    // Above the limit already (a probe's result): stay, neither up nor down.
    if (this.bps < limit) this.bps = this.#bounded(Math.min(next, limit));
  }

  #decrease({ ackedBps, sentBps }: { readonly ackedBps: number; readonly sentBps: number }, nowMs: InstantMs): void {
    const arrived = ackedBps < 0 ? this.bps : ackedBps;
    if (arrived < this.#capacity.lowerBps) this.#capacity.forget();
    this.#changedAtMs = nowMs;
    this.#decreasedAtMs = nowMs;
    if (this.#isLimited(sentBps)) {
      this.bps = this.#bounded(Math.max(this.bps * LIMITED_DECREASE, arrived));
      return;
    }
    let next = arrived * DECREASE;
    if (next > this.bps && this.#capacity.isKnown) next = this.#capacity.bps * DECREASE;
    this.#capacity.note(arrived);
    this.bps = this.#bounded(Math.min(next, this.bps));
  }

  /** Half a packet of a usual frame in each response time. */
  #additiveBps(rttMs: number): number {
    const frameBits = this.bps / 30;
    const packets = Math.max(1, Math.ceil(frameBits / 9600));
    const responseMs = rttMs + 100;
    return Math.max(MIN_ADDITIVE_BPS, ((frameBits / packets) * 1000) / responseMs);
  }

  #bounded(bps: number): number {
    return Math.min(this.#bounds.maxBps, Math.max(this.#bounds.minBps, bps));
  }
}
