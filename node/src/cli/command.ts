// What a subcommand is, and what it may touch: text in, text out, an exit code. Tests give it their own ends.

export interface CommandIo {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves when the operator wants the command to end (SIGINT, SIGTERM); a second wish ends the process. */
  interrupted(): Promise<void>;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly usage: string;
  /** Answers the exit code, one of those below. */
  run(argv: readonly string[], io: CommandIo): Promise<number>;
}

/** What was asked for is done. */
export const EXIT_OK = 0;
/** The agent, or a member, refused or failed; nothing else is meant by it. */
export const EXIT_FAILED = 1;
/** The command line makes no sense; nothing was tried. */
export const EXIT_USAGE = 2;
/** No agent answers at the address, or it went away before it had answered. */
export const EXIT_UNREACHABLE = 3;

/** For the end of help texts. */
export const EXIT_CODES = "Exit codes: 0 done, 1 refused or failed, 2 used wrongly, 3 no agent reached.\n";
