/** Virtual time and links that lose, delay, reorder and double, all from one seed. */
import type { SeededRandom } from "./core-harness.ts";

export interface LinkShape {
  readonly delayMs: number;
  /** Added at random; beyond the packet spacing it reorders. */
  readonly jitterMs?: number;
  readonly loss?: number;
  /** Chance that a loss takes the next packets too. */
  readonly burst?: number;
  readonly duplicates?: number;
}

export class Scheduler {
  nowMs = 0;
  readonly #queue: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  after(delayMs: number, run: () => void): void {
    const entry = { atMs: this.nowMs + delayMs, order: this.#order++, run };
    let at = this.#queue.length;
    while (at > 0 && this.#queue[at - 1]!.atMs > entry.atMs) at--;
    this.#queue.splice(at, 0, entry);
  }

  /** Runs what is due before the core's own deadline, or up to `untilMs`. */
  step(untilMs: number): boolean {
    const next = this.#queue[0];
    if (next === undefined || next.atMs > untilMs) return false;
    this.#queue.shift();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }

  get nextMs(): number {
    return this.#queue[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }
}

export class Link {
  lost = 0;
  reordered = 0;
  duplicated = 0;
  shape: LinkShape;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  #latestMs = 0;
  #inBurst = false;

  constructor({ scheduler, random }: { scheduler: Scheduler; random: SeededRandom }, shape: LinkShape) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.shape = shape;
  }

  send(deliver: () => void): void {
    const { loss = 0, burst = 0, duplicates = 0 } = this.shape;
    this.#inBurst = this.#random.chance(this.#inBurst ? burst : loss);
    if (this.#inBurst) {
      this.lost++;
      return;
    }
    this.#deliver(deliver);
    if (!this.#random.chance(duplicates)) return;
    this.duplicated++;
    this.#deliver(deliver);
  }

  #deliver(deliver: () => void): void {
    const { delayMs, jitterMs = 0 } = this.shape;
    const delay = delayMs + (jitterMs * this.#random.uint32()) / 2 ** 32;
    const atMs = this.#scheduler.nowMs + delay;
    if (atMs < this.#latestMs) this.reordered++;
    this.#latestMs = Math.max(this.#latestMs, atMs);
    this.#scheduler.after(delay, deliver);
  }
}
