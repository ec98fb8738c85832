// Keyed deadlines in a heap. A deadline cannot be lost, doubled or leaked: setting a key again moves it, and the owner
// asks for what is due instead of being called back.

import type { InstantMs } from "./types.ts";

const NEVER = Number.POSITIVE_INFINITY;

interface Entry<Key> {
  readonly key: Key;
  atMs: InstantMs;
  /** Breaks ties: of two equal deadlines the one set first is due first. */
  order: number;
  index: number;
}

export class Deadlines<Key> {
  readonly #heap: Entry<Key>[] = [];
  readonly #byKey = new Map<Key, Entry<Key>>();
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest deadline is due, Infinity when there is none. */
  nextMs(): InstantMs {
    return this.#heap[0]?.atMs ?? NEVER;
  }

  get(key: Key): InstantMs | undefined {
    return this.#byKey.get(key)?.atMs;
  }

  set(key: Key, atMs: InstantMs): void {
    this.#order += 1;
    const known = this.#byKey.get(key);
    if (known === undefined) {
      const entry = { key, atMs, order: this.#order, index: this.#heap.length };
      this.#byKey.set(key, entry);
      this.#heap.push(entry);
      this.#rise(entry);
      return;
    }
    known.atMs = atMs;
    known.order = this.#order;
    this.#rise(known);
    this.#sink(known);
  }

  /** False when the key had no deadline. */
  clear(key: Key): boolean {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return false;
    this.#byKey.delete(key);
    const last = this.#heap.pop() as Entry<Key>;
    if (last !== entry) {
      this.#place(last, entry.index);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  /** Removes and answers the earliest key that is due, or undefined. Call until undefined. */
  takeDue(nowMs: InstantMs): Key | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.clear(first.key);
    return first.key;
  }

  #place(entry: Entry<Key>, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #rise(entry: Entry<Key>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1] as Entry<Key>;
      if (!isBefore(entry, parent)) return;
      const index = parent.index;
      this.#place(parent, entry.index);
      this.#place(entry, index);
    }
  }

  #sink(entry: Entry<Key>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      if (left === undefined) return;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, entry)) return;
      const index = child.index;
      this.#place(child, entry.index);
      this.#place(entry, index);
    }
  }
}

function isBefore<Key>(a: Entry<Key>, b: Entry<Key>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
