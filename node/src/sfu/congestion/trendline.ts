/**
 * Whether a queue is growing somewhere on the path: the slope of the smoothed one-way delay over the last groups against a
 * threshold that adapts, so that a competing loss-based flow does not starve ours (draft-ietf-rmcat-gcc-02 sections 5.3 to
 * 5.5; the least-squares "trendline" in place of the draft's Kalman filter, as libwebrtc's trendline_estimator.cc).
 */
import type { InstantMs } from "../types.ts";

export type PathUsage = "normal" | "over" | "under";

const WINDOW = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
const MAX_DELTAS = 60;
const FIRST_THRESHOLD = 12.5;
const THRESHOLD_MIN = 6;
const THRESHOLD_MAX = 600;
/** Beyond the threshold by so much it is a jump, not a drift to adapt to. */
const MAX_ADAPT_OFFSET = 15;
const ADAPT_UP = 0.0087;
const ADAPT_DOWN = 0.039;
const MAX_ADAPT_STEP_MS = 100;
/** The trend must hold for so long, and over more than one group, to be over-use. */
const OVERUSE_MS = 10;

export class Trendline {
  usage: PathUsage = "normal";
  readonly #arrivals = new Float64Array(WINDOW);
  readonly #delays = new Float64Array(WINDOW);
  #count = 0;
  #next = 0;
  #deltas = 0;
  #firstArrivalMs = 0;
  #accumulated = 0;
  #smoothed = 0;
  #previousTrend = 0;
  #threshold = FIRST_THRESHOLD;
  #adaptedAtMs = -1;
  #overMs = -1;
  #overCount = 0;

  /** How far the smoothed delay of the path lies above that of the group at which counting began. */
  get queueDelayMs(): number {
    return this.#smoothed;
  }

  /** Two groups: how far apart they left and came, and when the later one came (any one clock). */
  update(delta: { readonly sendMs: number; readonly arrivalMs: number }, arrivalMs: number, nowMs: InstantMs): void {
    const variationMs = delta.arrivalMs - delta.sendMs;
    if (this.#deltas === 0) this.#firstArrivalMs = arrivalMs;
    this.#deltas = Math.min(this.#deltas + 1, 1000);
    this.#accumulated += variationMs;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    this.#arrivals[this.#next] = arrivalMs - this.#firstArrivalMs;
    this.#delays[this.#next] = this.#smoothed;
    this.#next = (this.#next + 1) % WINDOW;
    this.#count = Math.min(this.#count + 1, WINDOW);
    const trend = this.#count === WINDOW ? this.#slope() : this.#previousTrend;
    this.#detect(trend, delta.sendMs, nowMs);
  }

  reset(): void {
    this.#count = 0;
    this.#next = 0;
    this.#deltas = 0;
    this.#accumulated = 0;
    this.#smoothed = 0;
    this.#previousTrend = 0;
    this.#overMs = -1;
    this.#overCount = 0;
    this.usage = "normal";
  }

  /** Least squares over the window. */
  #slope(): number {
    let [sumX, sumY] = [0, 0];
    for (let i = 0; i < WINDOW; i++) {
      sumX += this.#arrivals[i] as number;
      sumY += this.#delays[i] as number;
    }
    const [meanX, meanY] = [sumX / WINDOW, sumY / WINDOW];
    let [numerator, denominator] = [0, 0];
    for (let i = 0; i < WINDOW; i++) {
      const x = (this.#arrivals[i] as number) - meanX;
      numerator += x * ((this.#delays[i] as number) - meanY);
      denominator += x * x;
    }
    return denominator === 0 ? this.#previousTrend : numerator / denominator;
  }

  #detect(trend: number, sendDeltaMs: number, nowMs: InstantMs): void {
    if (this.#deltas < 2) return;
    const modified = Math.min(this.#deltas, MAX_DELTAS) * trend * GAIN;
    if (modified > this.#threshold) {
      this.#overMs = this.#overMs < 0 ? sendDeltaMs / 2 : this.#overMs + sendDeltaMs;
      this.#overCount++;
      if (this.#overMs > OVERUSE_MS && this.#overCount > 1 && trend >= this.#previousTrend) {
        this.#overMs = 0;
        this.#overCount = 0;
        this.usage = "over";
      }
    } else {
      this.#overMs = -1;
      this.#overCount = 0;
      this.usage = modified < -this.#threshold ? "under" : "normal";
    }
    this.#previousTrend = trend;
    this.#adapt(modified, nowMs);
  }

  #adapt(modified: number, nowMs: InstantMs): void {
    if (this.#adaptedAtMs < 0) this.#adaptedAtMs = nowMs;
    const magnitude = Math.abs(modified);
    const elapsedMs = Math.min(nowMs - this.#adaptedAtMs, MAX_ADAPT_STEP_MS);
    this.#adaptedAtMs = nowMs;
    if (magnitude > this.#threshold + MAX_ADAPT_OFFSET) return;
    const rate = magnitude < this.#threshold ? ADAPT_DOWN : ADAPT_UP;
    const moved = this.#threshold + rate * (magnitude - this.#threshold) * elapsedMs;
    this.#threshold = Math.min(THRESHOLD_MAX, Math.max(THRESHOLD_MIN, moved));
  }
}
