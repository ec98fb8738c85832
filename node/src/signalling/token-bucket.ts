/** How much a client may ask: a bucket a kind of request. Pure: time is an argument. */

export interface Rate {
  /** Requests that may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one token; false when there is none. Time that goes back fills nothing. */
  take(nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#filledAtMs = Math.max(nowMs, this.#filledAtMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Until the next token is there. */
  waitMs(): number {
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000);
  }

  /** A full bucket remembers nothing: it may be forgotten. */
  isFull(nowMs: number): boolean {
    return this.#tokens + (Math.max(0, nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond >= this.#rate.burst;
  }
}

/** Full buckets that make place for one new key, from the one that was used longest ago: more go than come. */
const FORGOTTEN_PER_KEY = 2;

/**
 * Buckets by key (an address, a handle). Full ones go as new keys come; at the limit all of them, then the one that was
 * used longest ago, so a flood of new keys costs the flooders their memory and nobody else's.
 */
export class KeyedBuckets {
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #rate: Rate;
  readonly #limit: number;

  constructor(rate: Rate, limit = 10_000) {
    this.#rate = rate;
    this.#limit = limit;
  }

  /** 0 when the request may go on, else the milliseconds to wait. */
  take(key: string, nowMs: number): number {
    const known = this.#buckets.get(key);
    const bucket = known ?? new TokenBucket(this.#rate, nowMs);
    if (known === undefined) this.#makeRoom(nowMs);
    else this.#buckets.delete(key);
    // Last in the map: used most recently.
    this.#buckets.set(key, bucket);
    return bucket.take(nowMs) ? 0 : bucket.waitMs();
  }

  get size(): number {
    return this.#buckets.size;
  }

  #makeRoom(nowMs: number): void {
    const isAtLimit = this.#buckets.size >= this.#limit;
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      if (!isAtLimit && looked === FORGOTTEN_PER_KEY) return;
      looked += 1;
      if (bucket.isFull(nowMs)) this.#buckets.delete(key);
    }
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= this.#limit && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
