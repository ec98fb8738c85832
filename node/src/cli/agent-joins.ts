// Whom `hearsay agent` joins: once at start, and again and again until somebody answers.

import { setTimeout as sleep } from "node:timers/promises";
import { parseDuration } from "./duration.ts";
import { FlagError, type FlagTable, type ParsedFlags } from "./flags.ts";

export const JOIN_FLAGS = {
  join: { kind: "list", value: "address", help: "an agent to join at start; may repeat; ends when none answers" },
  "retry-join": { kind: "list", value: "address", help: "an agent to join until one answers; may repeat" },
  "retry-interval": { kind: "text", value: "30s", help: "pause between the tries, at least 1s" },
  "retry-max": { kind: "text", value: "0", help: "tries after which the agent ends; 0: it goes on trying" },
  replay: { kind: "boolean", help: "also deliver user events from before the join" },
} satisfies FlagTable;

export interface AgentJoins {
  readonly once: readonly string[];
  readonly retry: readonly string[];
  readonly intervalMs: number;
  /** 0: without end. */
  readonly maxTries: number;
  readonly ignoreOld: boolean;
}

/** Throws FlagError. */
export function agentJoins(flags: ParsedFlags): AgentJoins {
  const maxTries = Number(flags.text("retry-max") ?? "0");
  if (!Number.isInteger(maxTries) || maxTries < 0) throw new FlagError("retry-max must be a whole number");
  const intervalMs = parseDuration(flags.text("retry-interval") ?? "30s");
  if (intervalMs < 1_000) throw new FlagError("retry-interval must be at least 1s");
  const ignoreOld = !flags.has("replay");
  return { once: flags.list("join"), retry: flags.list("retry-join"), intervalMs, maxTries, ignoreOld };
}

/** False when the tries are used up. Rejects when aborted. */
export async function joinUntilAnswered(
  join: (signal: AbortSignal) => Promise<unknown>,
  { intervalMs, maxTries }: Pick<AgentJoins, "intervalMs" | "maxTries">,
  signal: AbortSignal,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      await join(signal);
      return true;
    } catch {
      // Nobody answered, which the agent's log tells; a stop is told by the next line.
      signal.throwIfAborted();
    }
    if (tries === maxTries) return false;
    await sleep(intervalMs, undefined, { signal });
  }
}
