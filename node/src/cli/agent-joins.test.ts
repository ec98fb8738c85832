import { describe, expect, test } from "@jest/globals";
import { agentJoins, JOIN_FLAGS, joinUntilAnswered } from "./agent-joins.ts";
import { parseFlags } from "./flags.ts";

const read = (...argv: readonly string[]): ReturnType<typeof agentJoins> => agentJoins(parseFlags(argv, JOIN_FLAGS));
const fast = { intervalMs: 1, maxTries: 3 };
const never = new AbortController().signal;

test("the flags of serf agent say whom to join", () => {
  expect(read()).toEqual({ once: [], retry: [], intervalMs: 30_000, maxTries: 0, ignoreOld: true });
  expect(read("-join=a", "-retry-join=b", "-retry-interval=2s", "-retry-max=5", "-replay")).toEqual({
    once: ["a"],
    retry: ["b"],
    intervalMs: 2_000,
    maxTries: 5,
    ignoreOld: false,
  });
  expect(() => read("-retry-interval=10ms")).toThrow("at least 1s");
  expect(() => read("-retry-max=-1")).toThrow("whole number");
});

describe("joining until somebody answers", () => {
  const failing = (failures: number): { tries: number; join: () => Promise<number> } => {
    const counted = {
      tries: 0,
      join: async () => {
        counted.tries += 1;
        if (counted.tries <= failures) throw new Error("refused");
        return 1;
      },
    };
    return counted;
  };

  test("ends with the first answer", async () => {
    const counted = failing(2);
    expect(await joinUntilAnswered(counted.join, fast, never)).toBe(true);
    expect(counted.tries).toBe(3);
  });

  test("ends without one after so many tries", async () => {
    const counted = failing(9);
    expect(await joinUntilAnswered(counted.join, fast, never)).toBe(false);
    expect(counted.tries).toBe(3);
  });

  test("ends at once when the agent stops", async () => {
    const stopping = new AbortController();
    const waiting = joinUntilAnswered(failing(9).join, { intervalMs: 60_000, maxTries: 0 }, stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toThrow("abort");
  });
});
