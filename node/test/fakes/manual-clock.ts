/** A clock that tests move by hand. Between two timers everything that is ready in promises runs to its end. */
import type { Clock } from "../../src/mesh/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets everything that is ready run, then timer after timer until `ms` have passed. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Moves on until the promise has settled; throws when `withinMs` pass first. */
  async resolve<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    const endMs = this.#nowMs + withinMs;
    await settle();
    while (!done && this.#nowMs < endMs) await this.advance(Math.min(10, endMs - this.#nowMs));
    if (!done) throw new Error(`nothing settled within ${withinMs} ms`);
    return promise;
  }

  #earliest(): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#timers) {
      if (best === undefined || timer.atMs < best.atMs || (timer.atMs === best.atMs && timer.order < best.order))
        best = timer;
    }
    return best;
  }
}

/** A macrotask turn: every promise chain that needs no timer has ended by then. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
