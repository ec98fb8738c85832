// The `hearsay` command: connects the process to its subcommands.

import type { CommandIo } from "./cli/command.ts";
import { runCommandLine } from "./cli/commands.ts";

function processIo(): CommandIo {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    env: process.env,
    interrupted: () =>
      new Promise((resolve) => {
        const onSignal = (): void => {
          // Whoever asks twice does not want to wait.
          for (const signal of ["SIGINT", "SIGTERM"] as const) {
            process.off(signal, onSignal);
            process.once(signal, () => process.exit(1));
          }
          resolve();
        };
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
      }),
  };
}

async function main(): Promise<void> {
  // A reader that closes its end early (`hearsay members | head`) is no failure.
  process.stdout.on("error", () => process.exit(0));
  process.exitCode = await runCommandLine(process.argv.slice(2), processIo());
}

void main();
