// Virtual time: what happens next, ordered by time and, at equal times, by the order of scheduling.

import { assert, type InstantMs } from "../src/types.ts";

interface Slot<Item> {
  readonly atMs: InstantMs;
  readonly order: number;
  readonly item: Item;
}

export class Scheduler<Item> {
  readonly #heap: Slot<Item>[] = [];
  #order = 0;
  #nowMs: InstantMs = 0;

  get nowMs(): InstantMs {
    return this.#nowMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** A time in the past means now. */
  at(atMs: InstantMs, item: Item): void {
    this.#order += 1;
    const slot = { atMs: Math.max(atMs, this.#nowMs), order: this.#order, item };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(slot);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Slot<Item>;
      if (!isBefore(slot, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = slot;
  }

  /** The next item that happens at `untilMs` or before, time being moved to it; otherwise time moves to `untilMs`. */
  take(untilMs: InstantMs): Item | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > untilMs) {
      if (untilMs > this.#nowMs) this.#nowMs = untilMs;
      return undefined;
    }
    assert(first.atMs >= this.#nowMs, "virtual time never goes back");
    this.#nowMs = first.atMs;
    const last = this.#heap.pop() as Slot<Item>;
    if (this.#heap.length > 0) this.#settle(last);
    return first.item;
  }

  #settle(slot: Slot<Item>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const least = right < heap.length && isBefore(heap[right] as Slot<Item>, heap[left] as Slot<Item>) ? right : left;
      if (!isBefore(heap[least] as Slot<Item>, slot)) break;
      heap[index] = heap[least] as Slot<Item>;
      index = least;
    }
    heap[index] = slot;
  }
}

function isBefore<Item>(a: Slot<Item>, b: Slot<Item>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
