// The table of subcommands, in the order in which help lists them.

import { agent } from "./agent.ts";
import { type Command, type CommandIo, EXIT_CODES, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";
import { event } from "./event.ts";
import { FlagError } from "./flags.ts";
import { forceLeave } from "./force-leave.ts";
import { info } from "./info.ts";
import { join } from "./join.ts";
import { keygen } from "./keygen.ts";
import { keys } from "./keys.ts";
import { leave } from "./leave.ts";
import { members } from "./members.ts";
import { monitor } from "./monitor.ts";
import { node } from "./node.ts";
import { query } from "./query.ts";
import { reachability } from "./reachability.ts";
import { rtt } from "./rtt.ts";
import { tags } from "./tags.ts";
import { version } from "./version.ts";

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
  keys,
  keygen,
  version,
];

const VERSION_WORDS = new Set(["-v", "-version", "--version"]);
const HELP_WORDS = new Set(["help", "-h", "-help", "--help"]);

/** Runs `hearsay <argv>` and answers the exit code. */
export async function runCommandLine(argv: readonly string[], io: CommandIo): Promise<number> {
  const [first, ...rest] = argv;
  const name = first !== undefined && VERSION_WORDS.has(first) ? version.name : first;
  if (name === undefined) {
    io.err(overview());
    return EXIT_USAGE;
  }
  if (HELP_WORDS.has(name)) {
    const about = COMMANDS.find((command) => command.name === rest[0]);
    if (about === undefined && rest[0] !== undefined) return unknown(rest[0], io);
    io.out(about === undefined ? overview() : usageOf(about));
    return EXIT_OK;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) return unknown(name, io);
  if (rest.some((word) => HELP_WORDS.has(word) && word !== "help")) {
    io.out(usageOf(command));
    return EXIT_OK;
  }
  return runGuarded(command, rest, io);
}

function unknown(name: string, io: CommandIo): number {
  io.err(`hearsay: there is no command ${JSON.stringify(name)}\n\n${overview()}`);
  return EXIT_USAGE;
}

const usageOf = ({ usage }: Command): string =>
  usage.includes("Exit codes") ? usage : `${usage.trimEnd()}\n\n  ${EXIT_CODES}`;

async function runGuarded(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await command.run(argv, io);
  } catch (error) {
    io.err(`hearsay ${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof FlagError ? EXIT_USAGE : EXIT_FAILED;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}\n`);
  return `Usage: hearsay <command> [options]\n\n${lines.join("")}\nhearsay <command> --help says more.\n\n${EXIT_CODES}`;
}
