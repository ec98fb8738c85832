import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../test/fakes/manual-clock.ts";
import { SeedJoiner } from "./join-seeds.ts";
import { silentLog } from "./mesh/log.ts";

function make(answers: (attempt: number) => number, seeds = ["127.0.0.1:1"]) {
  const clock = new ManualClock();
  const atMs: number[] = [];
  const state = { alone: true };
  const joiner = new SeedJoiner({
    seeds,
    clock,
    log: silentLog,
    isAlone: () => state.alone,
    join: async () => {
      atMs.push(Math.round(clock.nowMs()));
      const contacted = answers(atMs.length);
      if (contacted === 0) throw new Error("nobody answers");
      return contacted;
    },
  });
  return { clock, joiner, atMs, state };
}

describe("joining seeds", () => {
  test("[A32] tries for ever with growing, bounded waits until one answers", async () => {
    const { clock, joiner, atMs, state } = make((attempt) => (attempt < 9 ? 0 : 1));
    joiner.start();
    await clock.advance(40_000);
    expect([joiner.joined, atMs.slice(0, 6)]).toEqual([false, [0, 500, 1_500, 3_500, 7_500, 15_500]]);
    await clock.advance(20_000);
    expect(joiner.joined).toBe(true);
    state.alone = false;
    const count = atMs.length;
    await clock.advance(60_000);
    expect(atMs.length).toBe(count);
    // Everybody else has vanished: it asks again.
    state.alone = true;
    await clock.advance(20_000);
    expect(atMs.length).toBeGreaterThan(count);
    const stopped = joiner.stop();
    await clock.advance(1);
    await stopped;
    expect(clock.pendingTimers).toBe(0);
  });

  test("[A32] a node without seeds has joined as soon as it is there", async () => {
    const { joiner, atMs } = make(() => 1, []);
    joiner.start();
    await joiner.stop();
    expect([joiner.joined, atMs]).toEqual([true, []]);
  });
});
