// Lifeguard's local health: a node that misses acks may itself be the slow one, so it gives others more time.
// memberlist awareness.go; spec section 4.9.

import type { DurationMs } from "../types.ts";

export class LocalHealth {
  readonly #max: number;
  #score = 0;

  /** `maxMultiplier` is one more than the worst score. */
  constructor(maxMultiplier: number) {
    this.#max = maxMultiplier - 1;
  }

  /** 0 is healthy. */
  get score(): number {
    return this.#score;
  }

  apply(delta: number): void {
    this.#score = Math.min(this.#max, Math.max(0, this.#score + delta));
  }

  scale(durationMs: DurationMs): DurationMs {
    return durationMs * (this.#score + 1);
  }
}
