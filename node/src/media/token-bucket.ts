/** A rate with room for bursts. Pure. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  /** Full at first. `burst` is what may be taken at once. */
  constructor(options: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#tokens = options.burst;
  }

  /** False: too much, and nothing was taken. */
  take(amount: number, nowMs: number): boolean {
    if (nowMs > this.#filledAtMs) {
      const elapsedMs = nowMs - this.#filledAtMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#perSecond) / 1_000);
      this.#filledAtMs = nowMs;
    }
    if (amount > this.#tokens) return false;
    this.#tokens -= amount;
    return true;
  }
}
