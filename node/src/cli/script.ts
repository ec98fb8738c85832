// Runs one script of an operator in a process group of its own, so that all of it can be ended.

import { type ChildProcess, spawn } from "node:child_process";
import type { ScriptResult, ScriptRun } from "#gossip/io";

const MAX_OUTPUT_BYTES = 8 * 1024;
const TERM_GRACE_MS = 2_000;

/** Resolves when it has ended and its output is closed, or was cut off. Never rejects. */
export function runScript(run: ScriptRun): Promise<ScriptResult> {
  return new Promise((resolve) => {
    let output: Buffer = Buffer.alloc(0);
    let outputBytes = 0;
    let timedOut = false;
    const child = start(run);
    if (child instanceof Error) return resolve(notStarted(child));
    const limit = setTimeout(() => {
      timedOut = true;
      endChild(child);
    }, run.timeoutMs);
    const abort = (): void => cutOff(child);
    const settle = (result: ScriptResult): void => {
      clearTimeout(limit);
      run.signal.removeEventListener("abort", abort);
      resolve(result);
    };
    run.signal.addEventListener("abort", abort, { once: true });
    child.once("error", (error) => settle(notStarted(error)));
    child.once("close", (exitCode) =>
      settle({ output: new Uint8Array(output), outputBytes, exitCode: exitCode ?? undefined, timedOut }),
    );
    // Without file descriptors there are no streams; the error follows.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (piece: Buffer) => {
        outputBytes += piece.length;
        output = Buffer.concat([output, piece]).subarray(-MAX_OUTPUT_BYTES);
      });
    }
    // A script need not read what it is given.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(run.input);
    if (run.signal.aborted) abort();
  });
}

const notStarted = (error: Error): ScriptResult => ({
  output: new Uint8Array(0),
  outputBytes: 0,
  exitCode: undefined,
  timedOut: false,
  error,
});

function start({ script, environment }: ScriptRun): ChildProcess | Error {
  try {
    return spawn("/bin/sh", ["-c", script], {
      env: { ...environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function endChild(child: ChildProcess): void {
  signalGroup(child, "SIGTERM");
  const grace = setTimeout(() => cutOff(child), TERM_GRACE_MS);
  child.once("close", () => clearTimeout(grace));
}

/** Whatever still holds the output open, and has left the group, is no longer listened to. */
function cutOff(child: ChildProcess): void {
  signalGroup(child, "SIGKILL");
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The group is gone already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
