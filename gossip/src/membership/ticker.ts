// A schedule of equal intervals that keeps its phase. Missed turns are dropped, never made up for in a burst.

import type { DurationMs, InstantMs } from "../types.ts";

export class Ticker {
  #intervalMs: DurationMs;
  #dueMs: InstantMs = Number.POSITIVE_INFINITY;

  constructor(intervalMs: DurationMs) {
    this.#intervalMs = intervalMs;
  }

  start(firstMs: InstantMs): void {
    this.#dueMs = firstMs;
  }

  stop(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  deadlineMs(): InstantMs {
    return this.#dueMs;
  }

  /** True once per turn. */
  take(nowMs: InstantMs): boolean {
    if (this.#dueMs > nowMs) return false;
    const turns = Math.floor((nowMs - this.#dueMs) / this.#intervalMs) + 1;
    this.#dueMs += turns * this.#intervalMs;
    return true;
  }

  /** From the next turn on. */
  setInterval(intervalMs: DurationMs): void {
    this.#intervalMs = intervalMs;
  }
}
