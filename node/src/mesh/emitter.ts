/** The one safe emitter of these folders: a listener that throws is logged and cannot break the loop of its caller. */
import type { Log } from "./log.ts";

/** More listeners than this are a leak. */
const MAX_LISTENERS = 64;

export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #log: Log;
  readonly #name: string;

  constructor(name: string, log: Log) {
    this.#name = name;
    this.#log = log;
  }

  /** Answers the function that removes the listener again. */
  add(listener: (event: Event) => void): () => void {
    if (this.#listeners.size >= MAX_LISTENERS) throw new RangeError(`more than ${MAX_LISTENERS} listeners`);
    // A wrapper each, so that one function may listen twice and be removed once.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ emitter: this.#name, error: String(error) }, "a listener failed");
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
