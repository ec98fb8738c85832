import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { lamportTime, nodeName } from "../types.ts";
import { AskedQueries } from "./asked-queries.ts";

interface Answer {
  readonly time: number;
  readonly id: number;
  readonly from: string;
  readonly flags: number;
}

/** The slow twin: every query ever, and everything it took. */
class AllQueries {
  readonly told: string[] = [];
  readonly #all: { time: number; capacity: number; endMs: number; taken: string[] }[] = [];

  open(time: number, capacity: number, endMs: number): void {
    this.#all.push({ time, capacity, endMs, taken: [] });
  }

  isOpen(time: number, nowMs: number): boolean {
    return this.#find(time, nowMs) !== undefined;
  }

  answer({ time, id, from, flags }: Answer, nowMs: number): void {
    const what = `${time} ${from} ${flags}`;
    const query = this.#find(time, nowMs);
    const alike = query?.taken.filter((known) => known.endsWith(` ${flags}`)) ?? [];
    if (query === undefined || id !== 1 || alike.includes(what) || alike.length >= query.capacity) return;
    query.taken.push(what);
    this.told.push(what);
  }

  wait(fromMs: number, toMs: number): void {
    const over = this.#all.filter(({ endMs }) => endMs > fromMs && endMs <= toMs);
    for (const { time } of over) this.told.push(`done ${time}`);
  }

  #find(time: number, nowMs: number) {
    return this.#all.find((query) => query.time === time && nowMs < query.endMs);
  }
}

test("[Q6] what is collected is what a list of all answers, sifted, holds", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("open" as const), time: fc.nat(4), capacity: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      kind: fc.constant("answer" as const),
      time: fc.nat(4),
      id: fc.nat(1),
      from: fc.constantFrom("a", "b", "c", "d"),
      flags: fc.constantFrom(0, 1),
    }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(60) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const asked = new AskedQueries();
      const twin = new AllQueries();
      const told: string[] = [];
      let nowMs = 0;
      const open = (time: number, capacity: number): void => {
        if (twin.isOpen(time, nowMs)) return;
        const listener = {
          ack: (from: string) => void told.push(`${time} ${from} 1`),
          response: (from: string) => void told.push(`${time} ${from} 0`),
          done: () => void told.push(`done ${time}`),
        };
        const deadlineMs = nowMs + 100;
        asked.open({ lamportTime: lamportTime(time), id: 1, wantsAck: true, capacity, deadlineMs, listener });
        twin.open(time, capacity, deadlineMs);
      };
      const answer = (one: Answer): void => {
        const { id, flags } = one;
        const payload = new Uint8Array(0);
        const [time, from] = [lamportTime(one.time), nodeName(one.from)];
        asked.take({ kind: "queryResponse", lamportTime: time, id, from, flags, payload }, nowMs);
        twin.answer(one, nowMs);
      };
      const wait = (ms: number): void => {
        asked.handleTimeout(nowMs + ms);
        twin.wait(nowMs, nowMs + ms);
        nowMs += ms;
      };
      for (const one of steps) {
        if (one.kind === "wait") wait(one.ms);
        else if (one.kind === "open") open(one.time, one.capacity);
        else answer(one);
      }
      wait(200);
      expect(told).toEqual(twin.told);
      expect([asked.size, asked.deadlineMs()]).toEqual([0, Number.POSITIVE_INFINITY]);
    }),
    { seed: 41, numRuns: 300 },
  );
});
