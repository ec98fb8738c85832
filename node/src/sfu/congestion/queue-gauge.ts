/**
 * A path that chokes at once: the trendline needs a few hundred milliseconds to be sure, and by then a short queue has
 * overflowed and takes voices with it. Whole feedbacks that tell of a queue growing fast, or of a long queue with many
 * losses, are over-use by themselves.
 */
import type { InstantMs } from "../types.ts";

/** The least delay of so long a time is the path without its queue; longer, and the clocks drift apart. */
const WINDOW_MS = 10_000;
const LONG_MS = 50;
/** Growth from one feedback to the next, twice in a row. */
const FAST_MS = 25;
const HEAVY_LOSS = 0.15;
const MIN_PACKETS = 8;

export class QueueGauge {
  /** How far the delay lies above the path's least. */
  queueMs = 0;
  #leastMs = Number.POSITIVE_INFINITY;
  #formerLeastMs = Number.POSITIVE_INFINITY;
  #windowStartMs: InstantMs = Number.NEGATIVE_INFINITY;
  #feedbackLeastMs = Number.POSITIVE_INFINITY;
  #growths = 0;
  #lost = 0;
  #total = 0;

  /** One packet's way, by two clocks. */
  add(wayMs: number): void {
    if (wayMs < this.#feedbackLeastMs) this.#feedbackLeastMs = wayMs;
  }

  /** A feedback is complete. True: the path is choked. */
  conclude(told: { readonly lost: number; readonly acked: number }, nowMs: InstantMs): boolean {
    // The last two feedbacks count, halved each time.
    this.#lost = this.#lost / 2 + told.lost;
    this.#total = this.#total / 2 + told.lost + told.acked;
    if (this.#feedbackLeastMs === Number.POSITIVE_INFINITY) return false;
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#formerLeastMs = this.#leastMs;
      this.#leastMs = this.#feedbackLeastMs;
      this.#windowStartMs = nowMs;
    }
    this.#leastMs = Math.min(this.#leastMs, this.#feedbackLeastMs);
    const queueMs = this.#feedbackLeastMs - Math.min(this.#leastMs, this.#formerLeastMs);
    this.#feedbackLeastMs = Number.POSITIVE_INFINITY;
    this.#growths = queueMs - this.queueMs > FAST_MS ? this.#growths + 1 : 0;
    this.queueMs = queueMs;
    if (queueMs < LONG_MS) return false;
    return this.#growths >= 2 || (this.#total >= MIN_PACKETS && this.#lost > this.#total * HEAVY_LOSS);
  }
}
