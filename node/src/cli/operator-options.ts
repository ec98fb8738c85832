// What `hearsay agent` and `hearsay node` are told about scripts and coalescing, by the same names.

import type { CoalesceOptions, EventHandlerOptions } from "#gossip/io";
import { runScript } from "./script.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names of the options, with the defaults of the stock agent. */
export const COALESCE_NAMES = {
  memberPeriodMs: "coalesce-period",
  memberQuiescentMs: "quiescent-period",
  userPeriodMs: "user-coalesce-period",
  userQuiescentMs: "user-quiescent-period",
} as const satisfies Record<keyof Required<CoalesceOptions>, string>;

/** `read` answers the milliseconds of an option, when it was given. */
export function coalesceOptions(read: (name: string) => number | undefined): CoalesceOptions {
  const given = Object.entries(COALESCE_NAMES).map(([field, name]) => [field, read(name)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

export function handlerOptions(
  scripts: readonly string[],
  timeoutMs: number | undefined,
  environment: Environment,
): EventHandlerOptions {
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  return { scripts, run: runScript, environment: withoutSecrets(environment), ...limit };
}

/** Scripts find our environment, as those of the stock agent do, but none of our keys and passwords. */
function withoutSecrets(environment: Environment): Environment {
  const kept = Object.entries(environment).filter(([name]) => !(name.startsWith("HEARSAY_") || SECRET_NAMES.has(name)));
  return Object.fromEntries(kept);
}

const SECRET_NAMES: ReadonlySet<string> = new Set(["MONGODB_URL", "REDIS_URL", "SERF_RPC_AUTH"]);
