/**
 * Attempt → delay, and when to look for another node. Pure: chance is given.
 * Equal jitter (half fixed, half random) keeps a crowd that lost the same node from coming back in step,
 * and never retries faster than half the step.
 */
export type Random = () => number;

export interface ReconnectPolicy {
  /** Step before the first retry. Default 100 ms: a dropped socket is usually back at once. */
  readonly firstDelayMs: number;
  /** Steps double up to this. Default 8,000 ms. Must not be below firstDelayMs. */
  readonly maxDelayMs: number;
  /** Failed attempts on the same node before another one is asked for. Default 3. */
  readonly attemptsPerNode: number;
}

export const RECONNECT_DEFAULTS = {
  firstDelayMs: 100,
  maxDelayMs: 8_000,
  attemptsPerNode: 3,
} as const satisfies ReconnectPolicy;

/** Milliseconds before attempt number `attempt` (0 is the first after a loss). `random` gives [0, 1). */
export function reconnectDelayMs(
  attempt: number,
  random: Random,
  policy: ReconnectPolicy = RECONNECT_DEFAULTS,
): number {
  const exponent = Math.min(Math.max(attempt, 0), 20);
  const stepMs = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** exponent);
  return Math.round(stepMs / 2 + random() * (stepMs / 2));
}

/** Whether the next attempt should go to another node, after `failures` in a row on this one. */
export function shouldMove(failures: number, policy: ReconnectPolicy = RECONNECT_DEFAULTS): boolean {
  return failures >= policy.attemptsPerNode;
}
