import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BroadcastQueue, retransmitLimit } from "./broadcast-queue.ts";

const message = (length: number, first = 0): Uint8Array => new Uint8Array(length).fill(first);

/** The obvious way: one array, sorted anew for every choice. */
class SlowQueue {
  #entries: { bytes: Uint8Array; subject: string | undefined; told: number; id: number }[] = [];
  #id = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.length;
  }

  queue(bytes: Uint8Array, subject: string | undefined): void {
    this.#entries = this.#entries.filter((entry) => subject === undefined || entry.subject !== subject);
    this.#id += 1;
    this.#entries.push({ bytes, subject, told: 0, id: this.#id });
    while (this.#entries.length > this.#max) {
      this.#entries.sort((a, b) => b.told - a.told || a.id - b.id);
      this.#entries.shift();
    }
  }

  fetch(overhead: number, limit: number, transmitLimit: number): Uint8Array[] {
    const order = this.#entries.toSorted((a, b) => a.told - b.told || b.bytes.length - a.bytes.length || b.id - a.id);
    const chosen: typeof order = [];
    let used = 0;
    // Tier by tier, and in each the first in order that still fits.
    for (const entry of order) {
      if (used + overhead + entry.bytes.length > limit) continue;
      used += overhead + entry.bytes.length;
      chosen.push(entry);
    }
    for (const entry of chosen) entry.told += 1;
    this.#entries = this.#entries.filter((entry) => entry.told < transmitLimit);
    return chosen.map((entry) => entry.bytes);
  }
}

interface Command {
  readonly kind: "queue" | "fetch";
  readonly length: number;
  readonly subject: number | null;
}

function compare(commands: readonly Command[], limit: number): void {
  const fast = new BroadcastQueue(12);
  const slow = new SlowQueue(12);
  for (const [mark, { kind, length, subject }] of commands.entries()) {
    if (kind === "queue") {
      const bytes = message(length, mark & 255);
      const name = subject === null ? undefined : `s${subject}`;
      fast.queue({ bytes, subject: name });
      slow.queue(bytes, name);
    } else {
      const fetched = fast.fetch(2, length, limit);
      expect(fetched).toEqual(slow.fetch(2, length, limit));
      expect(new Set(fetched).size).toBe(fetched.length);
    }
    expect(fast.size).toBe(slow.size);
  }
}

describe("order", () => {
  test("[B1] least told first, then longest, then newest", () => {
    const queue = new BroadcastQueue(100);
    const told = message(50, 1);
    queue.queue({ bytes: told });
    queue.fetch(2, 1_400, 10);
    const [short, long, older, newer] = [message(10, 2), message(40, 3), message(20, 4), message(20, 5)];
    for (const bytes of [short, long, older, newer]) queue.queue({ bytes });
    expect(queue.fetch(2, 1_400, 10)).toEqual([long, newer, older, short, told]);
  });

  test("[B1] what does not fit lets smaller messages pass", () => {
    const queue = new BroadcastQueue(100);
    for (const length of [100, 60, 30]) queue.queue({ bytes: message(length) });
    expect(queue.fetch(2, 93, 10).map((bytes) => bytes.length)).toEqual([60]);
    expect(queue.fetch(2, 94, 10).map((bytes) => bytes.length)).toEqual([30, 60]);
  });

  test("[B1, B4, B5] any run of commands gives what a sorted array gives", () => {
    const command = fc.oneof(
      fc.record({
        kind: fc.constant("queue" as const),
        length: fc.integer({ min: 1, max: 40 }),
        subject: fc.option(fc.nat(5)),
      }),
      fc.record({
        kind: fc.constant("fetch" as const),
        length: fc.integer({ min: 0, max: 150 }),
        subject: fc.constant(null),
      }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), fc.integer({ min: 1, max: 5 }), (commands, limit) => {
        compare(commands, limit);
      }),
      { seed: 6, numRuns: 400 },
    );
  });
});

describe("how often", () => {
  test.each([
    [3, 0, 0],
    [3, 1, 3],
    [3, 99, 6],
    [4, 9, 4],
    [4, 10, 8],
    [4, 100, 12],
  ])("[B2] with multiplier %i among %i members a message is told %i times", (mult, members, times) => {
    expect(retransmitLimit(mult, members)).toBe(times);
  });

  test("[B2] four messages of 18 bytes fill packets as the reference's do", () => {
    const queue = new BroadcastQueue(100);
    for (let i = 0; i < 4; i += 1) queue.queue({ bytes: message(18, i) });
    expect(queue.fetch(2, 80, retransmitLimit(3, 10))).toHaveLength(4);
    expect(queue.fetch(3, 80, retransmitLimit(3, 10))).toHaveLength(3);
  });

  test("[B2] told twice each, three to a packet, four messages take three packets", () => {
    const queue = new BroadcastQueue(100);
    for (let i = 0; i < 4; i += 1) queue.queue({ bytes: message(18, i) });
    const limit = retransmitLimit(1, 10);
    expect(limit).toBe(2);
    expect([1, 2, 3, 4].map(() => queue.fetch(3, 80, limit).length)).toEqual([3, 3, 2, 0]);
    expect(queue.size).toBe(0);
  });
});

test("[B2] a look at what there is to tell does not count, and changes no order", () => {
  const queue = new BroadcastQueue(100);
  const [told, long, short] = [message(50, 1), message(40, 2), message(10, 3)];
  queue.queue({ bytes: told });
  queue.fetch(2, 1_400, 2);
  for (const bytes of [short, long]) queue.queue({ bytes });
  for (let turn = 0; turn < 5; turn += 1) expect(queue.peek(2, 1_400)).toEqual([long, short, told]);
  expect(queue.peek(2, 12)).toEqual([short]);
  expect(queue.fetch(2, 1_400, 2)).toEqual([long, short, told]);
  expect(queue.fetch(2, 1_400, 2)).toEqual([long, short]);
  expect(queue.size).toBe(0);
});

describe("giving way", () => {
  test("[B3] a newer message about a subject replaces the older and counts as new", () => {
    const queue = new BroadcastQueue(100);
    for (const subject of ["test", "foo", "bar"]) queue.queue({ bytes: message(5), subject });
    queue.fetch(2, 7, 10);
    const replacement = message(5, 9);
    queue.queue({ bytes: replacement, subject: "test" });
    expect(queue.size).toBe(3);
    expect(queue.fetch(2, 7, 10)).toEqual([replacement]);
  });

  test("[B5] pruning to two of four keeps the newest", () => {
    const queue = new BroadcastQueue(100);
    const finished: number[] = [];
    for (let i = 0; i < 4; i += 1) queue.queue({ bytes: message(5, i), finished: () => finished.push(i) });
    queue.prune(2);
    expect(finished).toEqual([0, 1]);
    expect(queue.fetch(2, 1_400, 10).map((bytes) => bytes[0])).toEqual([3, 2]);
  });

  test("[B6] whoever waits is told once: replaced, invalidated, told enough or pruned", () => {
    const queue = new BroadcastQueue(3);
    const finished: string[] = [];
    const add = (name: string, subject?: string): void =>
      queue.queue({ bytes: message(5), subject, finished: () => finished.push(name) });
    add("replaced", "s");
    add("invalidated", "s");
    queue.invalidate("s");
    queue.invalidate("s");
    add("told");
    queue.fetch(2, 1_400, 1);
    for (const name of ["pruned", "x", "y", "z"]) add(name);
    expect(finished).toEqual(["replaced", "invalidated", "told", "pruned"]);
    expect(queue.size).toBe(3);
  });
});
