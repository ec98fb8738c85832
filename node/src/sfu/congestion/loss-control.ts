/**
 * What the losses allow (draft-ietf-rmcat-gcc-02 section 6), judged by what is lost beyond the path's usual share: a radio
 * link that loses one packet in twenty at any rate would otherwise never be used beyond the start.
 */
import type { InstantMs } from "../types.ts";

const WINDOW_MS = 500;
const MIN_PACKETS = 20;
/** Windows over which the least loss counts as the path's own, about ten seconds. */
const MEMORY = 20;
/** A path that loses more than this by itself is taken for congested. */
const MAX_USUAL = 0.06;
const SMOOTHING = 0.3;
const LOW = 0.02;
const HIGH = 0.1;
const INCREASE_PER_SECOND = 1.08;
const MIN_DECREASE_DISTANCE_MS = 300;

export class LossControl {
  /** Infinity until losses have ever mattered. */
  bps = Number.POSITIVE_INFINITY;
  /** Over the last windows, about two seconds. */
  lossRatio = 0;
  readonly #recent = new Float64Array(MEMORY).fill(-1);
  #next = 0;
  #lost = 0;
  #total = 0;
  #windowStartMs: InstantMs = Number.NEGATIVE_INFINITY;
  #decreasedAtMs: InstantMs = Number.NEGATIVE_INFINITY;

  /** Fates told by one feedback. `currentBps`: the estimate at present; `minBps`: never below. */
  update(
    told: { readonly lost: number; readonly acked: number },
    rate: { readonly currentBps: number; readonly minBps: number; readonly rttMs: number },
    nowMs: InstantMs,
  ): void {
    if (this.#total === 0) this.#windowStartMs = nowMs;
    this.#lost += told.lost;
    this.#total += told.lost + told.acked;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (this.#total < MIN_PACKETS || elapsedMs < WINDOW_MS) return;
    const ratio = this.#lost / this.#total;
    this.lossRatio += (ratio - this.lossRatio) * SMOOTHING;
    this.#lost = 0;
    this.#total = 0;
    this.#recent[this.#next] = ratio;
    this.#next = (this.#next + 1) % MEMORY;
    this.#apply(ratio, { ...rate, elapsedMs }, nowMs);
  }

  /** Somebody measured that this much gets through. */
  raise(bps: number): void {
    if (this.bps < bps) this.bps = bps;
  }

  #apply(
    ratio: number,
    rate: { readonly currentBps: number; readonly minBps: number; readonly rttMs: number; readonly elapsedMs: number },
    nowMs: InstantMs,
  ): void {
    const excess = ratio - this.#usual();
    if (excess > HIGH) {
      if (nowMs - this.#decreasedAtMs < MIN_DECREASE_DISTANCE_MS + rate.rttMs) return;
      this.#decreasedAtMs = nowMs;
      this.bps = Math.max(rate.minBps, Math.min(this.bps, rate.currentBps) * (1 - excess / 2));
    } else if (excess < LOW && this.bps !== Number.POSITIVE_INFINITY) {
      this.bps *= INCREASE_PER_SECOND ** (Math.min(rate.elapsedMs, 1000) / 1000);
      // Far above what is used it limits nothing any more.
      if (this.bps > rate.currentBps * 4) this.bps = Number.POSITIVE_INFINITY;
    }
  }

  #usual(): number {
    let least = 1;
    for (const ratio of this.#recent) if (ratio >= 0 && ratio < least) least = ratio;
    return Math.min(least, MAX_USUAL);
  }
}
