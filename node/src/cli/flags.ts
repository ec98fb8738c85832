// Flags as Go's flag package takes them, because that is what `serf` users type: one dash or two, `-flag=value` or
// `-flag value`, a boolean alone or with `=false`, `--` ends them.

/** The command was used wrongly: exit code 2. */
export class FlagError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FlagError";
  }
}

export interface Flag {
  /** `text` keeps the last value, `list` all of them; `refused` is not in the help, and its own help says why. */
  readonly kind: "text" | "list" | "boolean" | "refused";
  readonly help: string;
  /** What stands for the value in the help. */
  readonly value?: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

export interface ParsedFlags {
  /** The last value of a text flag. */
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  has(name: string): boolean;
  /** What is no flag, in order. */
  readonly rest: readonly string[];
}

/** Throws FlagError for unknown and refused flags and for missing values. Flags and other arguments may be mixed. */
export function parseFlags(argv: readonly string[], table: FlagTable): ParsedFlags {
  const values = new Map<string, string[]>();
  const rest: string[] = [];
  let at = 0;
  while (at < argv.length) {
    const argument = argv[at] as string;
    at += 1;
    if (argument === "--") {
      rest.push(...argv.slice(at));
      break;
    }
    if (argument === "-" || !argument.startsWith("-")) {
      rest.push(argument);
      continue;
    }
    const { name, flag, attached } = splitFlag(argument, table);
    const value = attached ?? (flag.kind === "boolean" ? "true" : argv[at]);
    if (value === undefined) throw new FlagError(`flag needs an argument: -${name}`);
    if (attached === undefined && flag.kind !== "boolean") at += 1;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return resultOf(values, rest);
}

interface SplitFlag {
  readonly name: string;
  readonly flag: Flag;
  /** What stands behind an equals sign. */
  readonly attached: string | undefined;
}

function splitFlag(argument: string, table: FlagTable): SplitFlag {
  const [, name, attached] = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=([\s\S]*))?$/.exec(argument) ?? [];
  if (name === undefined) throw new FlagError(`bad flag syntax: ${argument}`);
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (flag === undefined) throw new FlagError(`flag provided but not defined: -${name}`);
  if (flag.kind === "refused") throw new FlagError(`-${name} is not supported: ${flag.help}`);
  return { name, flag, attached };
}

function resultOf(values: ReadonlyMap<string, readonly string[]>, rest: readonly string[]): ParsedFlags {
  return {
    text: (name) => values.get(name)?.at(-1),
    list: (name) => values.get(name) ?? [],
    has: (name) => (values.get(name)?.at(-1) ?? "false") === "true",
    rest,
  };
}

/** The options part of a help text. */
export function describeFlags(table: FlagTable): string {
  const described = Object.entries(table).filter(([, flag]) => flag.kind !== "refused");
  const lefts = described.map(([name, flag]) => `  -${name}${flag.value === undefined ? "" : `=${flag.value}`}`);
  const width = Math.max(...lefts.map((left) => left.length)) + 2;
  return described.map(([, flag], i) => `${(lefts[i] as string).padEnd(width)}${flag.help}\n`).join("");
}
