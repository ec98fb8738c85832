/** Waits that an event can cut short: a back-off is over at once when the connection is back. */
export class Wakeups {
  readonly #schedule: (run: () => void, delayMs: number) => () => void;
  readonly #waiting = new Set<() => void>();

  /** `schedule` runs something later and returns how to cancel it. */
  constructor(schedule: (run: () => void, delayMs: number) => () => void) {
    this.#schedule = schedule;
  }

  /** Until the delay is over, or wake() is called. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const cancel = this.#schedule(done, delayMs);
      this.#waiting.add(done);
    });
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
