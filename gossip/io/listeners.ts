// Who wants to hear of something.

import type { Logger } from "./log.ts";

export class Listeners<T> {
  readonly #listeners = new Set<(event: T) => void>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Answers what ends it. */
  add(listener: (event: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A listener that throws is logged and keeps nobody from hearing the event. */
  emit(event: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ error }, "a listener of the gossip agent failed");
      }
    }
  }
}
