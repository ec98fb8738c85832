// Who is probed next: round-robin over a shuffled list, so that every member is probed once per cycle and the time to
// detect a failure is bounded. SWIM section 4.3; memberlist state.go probe and resetNodes.

import { type Random, shuffle } from "../random.ts";

export class ProbeSchedule<T> {
  readonly #random: Random;
  #order: T[] = [];
  #index = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** In probe order. Do not keep it: the next cycle replaces it. */
  get order(): readonly T[] {
    return this.#order;
  }

  get size(): number {
    return this.#order.length;
  }

  /** At a random position: a newcomer at the end would always wait for a whole cycle. */
  insert(item: T): void {
    this.#order.push(item);
    const last = this.#order.length - 1;
    const position = this.#random.below(this.#order.length);
    this.#order[last] = this.#order[position] as T;
    this.#order[position] = item;
  }

  /** Forgets what `keep` refuses and shuffles the rest; a new cycle starts. Answers what was forgotten. */
  reset(keep: (item: T) => boolean): T[] {
    const forgotten = this.#order.filter((item) => !keep(item));
    this.#order = this.#order.filter(keep);
    shuffle(this.#order, this.#random);
    this.#index = 0;
    return forgotten;
  }

  /**
   * The next item that `eligible` accepts. At the end of a cycle `wrap` is called, which must `reset`. Gives up after as
   * many skips and wraps as there are items, as the reference does: in a very small cluster a turn may be lost.
   */
  next(eligible: (item: T) => boolean, wrap: () => void): T | undefined {
    for (let skipped = 0; skipped < this.#order.length; skipped += 1) {
      if (this.#index >= this.#order.length) {
        this.#index = 0;
        wrap();
        continue;
      }
      const item = this.#order[this.#index] as T;
      this.#index += 1;
      if (eligible(item)) return item;
    }
    return undefined;
  }
}
