import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Deadlines } from "./deadlines.ts";

/** The obvious way: a list, searched from end to end. */
class SlowDeadlines {
  #entries: { key: number; atMs: number; order: number }[] = [];
  #order = 0;

  set(key: number, atMs: number): void {
    this.clear(key);
    this.#order += 1;
    this.#entries.push({ key, atMs, order: this.#order });
  }

  clear(key: number): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    return this.#entries.length < before;
  }

  nextMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#entries.map((entry) => entry.atMs));
  }

  takeDue(nowMs: number): number | undefined {
    const due = this.#entries.filter((entry) => entry.atMs <= nowMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const first = due[0];
    if (first !== undefined) this.clear(first.key);
    return first?.key;
  }
}

test("the heap behaves as the list does under any commands", () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), key: fc.nat(12), at: fc.nat(50) }),
    fc.record({ kind: fc.constant("clear" as const), key: fc.nat(12), at: fc.nat(50) }),
    fc.record({ kind: fc.constant("take" as const), key: fc.nat(12), at: fc.nat(60) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const heap = new Deadlines<number>();
      const list = new SlowDeadlines();
      for (const { kind, key, at } of commands) {
        if (kind === "set") {
          heap.set(key, at);
          list.set(key, at);
          expect(heap.get(key)).toBe(at);
        } else if (kind === "clear") expect(heap.clear(key)).toBe(list.clear(key));
        else expect(heap.takeDue(at)).toBe(list.takeDue(at));
        expect(heap.nextMs()).toBe(list.nextMs());
      }
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("equal deadlines are due in the order in which they were set, and setting again goes to the end", () => {
  const deadlines = new Deadlines<string>();
  for (const key of ["a", "b", "c"]) deadlines.set(key, 5);
  deadlines.set("a", 5);
  expect([deadlines.takeDue(5), deadlines.takeDue(5), deadlines.takeDue(5), deadlines.takeDue(5)]).toEqual([
    "b",
    "c",
    "a",
    undefined,
  ]);
  expect(deadlines.size).toBe(0);
  expect(deadlines.nextMs()).toBe(Number.POSITIVE_INFINITY);
});
