/**
 * How much really arrives, from acknowledged bytes: short windows joined by a Bayesian estimate, so that one quiet window
 * hardly moves it and a lasting change moves it fast (libwebrtc's bitrate_estimator.cc).
 */
const FIRST_WINDOW_MS = 500;
const WINDOW_MS = 150;
/** Without arrivals for this long, what was known is of another time. */
const MAX_GAP_MS = 2000;
const UNCERTAINTY_SCALE = 10;
const RECENT_PACKETS = 64;
const FIRST_VARIANCE = 50;
const VARIANCE_GROWTH = 5;

export class AckedRate {
  /** -1: not known yet. */
  bps = -1;
  #variance = FIRST_VARIANCE;
  #windowBytes = 0;
  #windowStartMs = -1;
  #lastArrivalMs = -1;
  readonly #recentMs = new Float64Array(RECENT_PACKETS);
  readonly #recentBytes = new Float64Array(RECENT_PACKETS);
  #recentCount = 0;

  /** Packets by the time when they arrived, roughly in order. */
  add(arrivalMs: number, byteLength: number): void {
    if (this.#lastArrivalMs >= 0 && arrivalMs - this.#lastArrivalMs > MAX_GAP_MS) this.#windowStartMs = -1;
    if (this.#windowStartMs < 0) {
      this.#windowStartMs = arrivalMs;
      this.#windowBytes = 0;
    }
    this.#lastArrivalMs = Math.max(arrivalMs, this.#lastArrivalMs);
    const windowMs = this.bps < 0 ? FIRST_WINDOW_MS : WINDOW_MS;
    const elapsedMs = arrivalMs - this.#windowStartMs;
    if (elapsedMs >= windowMs) {
      this.#update((this.#windowBytes * 8) / elapsedMs);
      this.#windowStartMs = arrivalMs;
      this.#windowBytes = 0;
    }
    this.#windowBytes += byteLength;
    const entry = this.#recentCount++ % RECENT_PACKETS;
    this.#recentMs[entry] = arrivalMs;
    this.#recentBytes[entry] = byteLength;
  }

  /** Over the last packets only, -1: too few. What came while a queue stood is what the narrowest place carries. */
  recentBps(spanWantedMs: number): number {
    const reach = Math.min(this.#recentCount, RECENT_PACKETS);
    let bytes = 0;
    for (let back = 1; back <= reach; back++) {
      const entry = (this.#recentCount - back) % RECENT_PACKETS;
      const spanMs = this.#lastArrivalMs - (this.#recentMs[entry] as number);
      // The first packet of the span came before it began.
      if (spanMs >= spanWantedMs || (back === RECENT_PACKETS && spanMs > 0)) return (bytes * 8000) / spanMs;
      bytes += this.#recentBytes[entry] as number;
    }
    return -1;
  }

  /** In kbit/s, as the variances are. */
  #update(sampleKbps: number): void {
    if (this.bps < 0) {
      this.bps = sampleKbps * 1000;
      return;
    }
    const estimate = this.bps / 1000;
    const uncertainty = (UNCERTAINTY_SCALE * Math.abs(estimate - sampleKbps)) / Math.max(1, estimate + sampleKbps);
    const sampleVariance = uncertainty * uncertainty;
    const predicted = this.#variance + VARIANCE_GROWTH;
    const total = sampleVariance + predicted;
    this.bps = ((sampleVariance * estimate + predicted * sampleKbps) / total) * 1000;
    this.#variance = (sampleVariance * predicted) / total;
  }
}
