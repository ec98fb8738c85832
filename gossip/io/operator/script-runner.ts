// How a script is run, as whoever starts the agent provides it: gossip itself starts no processes.

import type { DurationMs } from "../../src/types.ts";

export interface ScriptRun {
  /** For `/bin/sh -c`. */
  readonly script: string;
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input: Uint8Array;
  /** Afterwards it is asked to end, with all it started, and two seconds later it is ended. */
  readonly timeoutMs: DurationMs;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

export interface ScriptResult {
  /** The last 8 KiB of standard output and error. */
  readonly output: Uint8Array;
  readonly outputBytes: number;
  /** Of the script; undefined when a signal ended it, or it could not start. */
  readonly exitCode: number | undefined;
  readonly timedOut: boolean;
  /** Why it could not start. */
  readonly error?: Error;
}

/** Resolves when the script has ended and its output is closed, or was cut off. Never rejects. */
export type ScriptRunner = (run: ScriptRun) => Promise<ScriptResult>;
