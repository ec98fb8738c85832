// The table of subcommands, in the order in which help lists them.

import { agent } from "./agent.ts";
import { type Command, type CommandIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";
import { event } from "./event.ts";
import { forceLeave } from "./force-leave.ts";
import { info } from "./info.ts";
import { join } from "./join.ts";
import { keygen } from "./keygen.ts";
import { leave } from "./leave.ts";
import { members } from "./members.ts";
import { monitor } from "./monitor.ts";
import { node } from "./node.ts";
import { query } from "./query.ts";
import { reachability } from "./reachability.ts";
import { rtt } from "./rtt.ts";
import { tags } from "./tags.ts";

export const COMMANDS: readonly Command[] = [
  node,
  agent,
  members,
  join,
  leave,
  forceLeave,
  info,
  tags,
  event,
  query,
  monitor,
  reachability,
  rtt,
  keygen,
];

const HELP_WORDS = new Set(["help", "-h", "-help", "--help"]);

/** Runs `hearsay <argv>` and answers the exit code. */
export async function runCommandLine(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    io.err(overview());
    return EXIT_USAGE;
  }
  if (HELP_WORDS.has(name)) {
    const about = COMMANDS.find((command) => command.name === rest[0]);
    io.out(about?.usage ?? overview());
    return EXIT_OK;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    io.err(`hearsay: there is no command ${JSON.stringify(name)}\n\n${overview()}`);
    return EXIT_USAGE;
  }
  if (rest.some((word) => HELP_WORDS.has(word) && word !== "help")) {
    io.out(command.usage);
    return EXIT_OK;
  }
  return runGuarded(command, rest, io);
}

async function runGuarded(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await command.run(argv, io);
  } catch (error) {
    io.err(`hearsay ${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_FAILED;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}\n`);
  return `Usage: hearsay <command> [options]\n\n${lines.join("")}\nhearsay <command> --help says more.\n`;
}
