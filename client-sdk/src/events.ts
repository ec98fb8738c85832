/**
 * Typed emitter. A listener that throws cannot break the caller nor the other listeners: what it threw is
 * reported the way the platform reports uncaught errors (`reportError`), or dropped where there is none.
 */
export type Listener<T> = (value: T) => void;

/** At this many listeners of one event a leak is certain; `on` then throws RangeError. */
export const MAX_LISTENERS = 1_000;

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls `listener` at every `name` until the returned function is called. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    if (set.size >= MAX_LISTENERS) throw new RangeError(`More than ${MAX_LISTENERS} listeners of ${String(name)}`);
    this.#listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  once<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const off = this.on(name, (value) => {
      off();
      listener(value);
    });
    return off;
  }

  protected emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Events[K]>)(value);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    }
  }

  protected removeAllListeners(): void {
    this.#listeners.clear();
  }
}
