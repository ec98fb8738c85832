// What a contract suite needs to know of an adapter, and the small tools that all suites share.

import { randomBytes } from "node:crypto";

export interface StoreHarness<Store> {
  /** One more connection to the same data, as another node would have it. The suite closes it. */
  open(): Promise<Store>;
  /** Makes the server unreachable for every connection that is open or opened from now on. */
  break(): Promise<void>;
  /** Undoes break() and stall(); harmless when there is nothing to undo. */
  heal(): Promise<void>;
  /** Makes the server accept and read, and answer nothing. Absent where there is no such state. */
  stall?(): Promise<void>;
  /** Lets the store's clock run on. Where the clock cannot be moved, waits. */
  elapse(durationMs: number): Promise<void>;
  /** Removes data, ends processes. */
  dispose(): Promise<void>;
}

/** Suites share a server's data with other suites, so every test works under names of its own. */
export class Names {
  readonly #run = randomBytes(5).toString("hex");
  #count = 0;

  /** An id nobody has had; later ids are greater, as ULIDs are. */
  id(label: string): string {
    this.#count += 1;
    return `${this.#run}${this.#count.toString().padStart(8, "0")}-${label}`;
  }
}

/** Runs every task at once and answers what each came to. */
export async function race<Result>(count: number, task: (index: number) => Promise<Result>): Promise<Result[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => task(index)));
}

/** Calls until it answers instead of throwing; the contract gives a returned server 5 s. */
export async function untilAnswered<Result>(operation: () => Promise<Result>, withinMs: number): Promise<Result> {
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (performance.now() > giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
