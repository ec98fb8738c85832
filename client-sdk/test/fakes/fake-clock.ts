/** Virtual time for the SDK: `schedule` and `nowMs` of the options, moved by hand. */
import type { Schedule } from "../../src/options.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

const TURNS = 4;

/** Lets everything that waits for a resolved promise go on; response bodies take a few turns of the loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock {
  #nowMs = 1_000;
  #order = 0;
  readonly #timers = new Set<Timer>();

  readonly nowMs = (): number => this.#nowMs;
  readonly schedule: Schedule = (work, delayMs) => {
    this.#order += 1;
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order, work };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Moves time, running what falls due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.work();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Timer | undefined {
    return [...this.#timers]
      .filter(({ atMs }) => atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
