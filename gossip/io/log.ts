// The agent's log: to whoever was given, and kept for a while for operators who look in through the RPC.

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface LogLine {
  readonly level: LogLevel;
  /** One line as the reference writes them: date, time, level, text. */
  readonly text: string;
}

/** From the least to the most urgent. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** The reference's words for levels. */
export const LEVEL_WORDS: Readonly<Record<LogLevel, string>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERR",
};

const KEPT_LINES = 512;

/** Passes lines on and keeps the last 512. Listeners cannot break it. */
export class LogTee implements Logger {
  readonly #target: Logger | undefined;
  readonly #now: () => Date;
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();

  constructor(target?: Logger, now: () => Date = () => new Date()) {
    this.#target = target;
    this.#now = now;
  }

  debug(fields: object, text: string): void {
    this.#target?.debug(fields, text);
    this.#keep("debug", fields, text);
  }

  info(fields: object, text: string): void {
    this.#target?.info(fields, text);
    this.#keep("info", fields, text);
  }

  warn(fields: object, text: string): void {
    this.#target?.warn(fields, text);
    this.#keep("warn", fields, text);
  }

  error(fields: object, text: string): void {
    this.#target?.error(fields, text);
    this.#keep("error", fields, text);
  }

  recent(): readonly LogLine[] {
    return [...this.#lines];
  }

  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #keep(level: LogLevel, fields: object, text: string): void {
    const line = { level, text: formatLine({ at: this.#now(), level, fields, text }) };
    if (this.#lines.length === KEPT_LINES) this.#lines.shift();
    this.#lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }
}

export interface LogEntry {
  readonly at: Date;
  readonly level: LogLevel;
  readonly fields: object;
  readonly text: string;
}

/** `2026/11/22 10:38:48 [INFO] text name=value …` in local time, as the reference. */
export function formatLine(entry: LogEntry): string {
  const at = entry.at;
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const fields = Object.entries(entry.fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${day} ${time} [${LEVEL_WORDS[entry.level]}] ${entry.text}${fields.join("")}`;
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}
