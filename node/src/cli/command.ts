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
  /** Answers the exit code: 0 done, 1 failed, 2 used wrongly. */
  run(argv: readonly string[], io: CommandIo): Promise<number>;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
