// What the shell remembers across restarts: who was alive, and that we left. The file is Serf's own format, so that a stock
// agent and this one can take over from each other: one record per line, later lines win.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import type { Endpoint } from "../src/types.ts";
import type { Logger } from "./log.ts";

export interface SnapshotState {
  /** Name to address of those alive, ourselves included. */
  readonly alive: ReadonlyMap<string, Endpoint>;
  readonly clocks: SnapshotClocks;
}

/** Lamport times last seen; they are written for others that read the file. */
export interface SnapshotClocks {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

interface Draft {
  readonly alive: Map<string, Endpoint>;
  clocks: SnapshotClocks;
}

const NO_CLOCKS: SnapshotClocks = { member: 0, event: 0, query: 0 };
/** Rewritten from scratch when it grew beyond this and beyond twice its usual size. */
const COMPACT_BYTES = 128 * 1024;
const USUAL_LINE_BYTES = 128;

export interface SnapshotOptions {
  /** A leave does not make us forget whom we knew. Default false. */
  readonly rejoinAfterLeave?: boolean;
}

/** Reads records in order; lines that nobody understands are passed over. */
export function parseSnapshot(text: string, { rejoinAfterLeave = false }: SnapshotOptions = {}): SnapshotState {
  const state: Draft = { alive: new Map(), clocks: NO_CLOCKS };
  for (const line of text.split("\n")) if (line !== "leave" || !rejoinAfterLeave) applyLine(state, line);
  return state;
}

function applyLine(state: Draft, line: string): void {
  const [, word, rest] = /^([a-z-]+)(?:: (.*))?$/.exec(line) ?? [];
  switch (word) {
    case "alive": {
      const at = rest?.lastIndexOf(" ") ?? -1;
      const endpoint = at > 0 ? parseEndpoint((rest as string).slice(at + 1)) : undefined;
      if (endpoint !== undefined) state.alive.set((rest as string).slice(0, at), endpoint);
      break;
    }
    case "not-alive":
      state.alive.delete(rest ?? "");
      break;
    case "clock":
      state.clocks = { ...state.clocks, member: parseClock(rest) };
      break;
    case "event-clock":
      state.clocks = { ...state.clocks, event: parseClock(rest) };
      break;
    case "query-clock":
      state.clocks = { ...state.clocks, query: parseClock(rest) };
      break;
    case "leave":
      state.alive.clear();
      state.clocks = NO_CLOCKS;
      break;
    default:
  }
}

function parseClock(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The file, kept open for appending. Writing goes wrong quietly: a node must not stop because its memory is full; the log
 * says so once per failure.
 */
export class SnapshotFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #options: SnapshotOptions;
  readonly #alive = new Map<string, Endpoint>();
  #clocks: SnapshotClocks = NO_CLOCKS;
  #descriptor: number | undefined = undefined;
  #bytes = 0;
  #hasLeft = false;

  constructor(path: string, log: Logger, options: SnapshotOptions = {}) {
    this.#path = path;
    this.#log = log;
    this.#options = options;
  }

  /** What an earlier run left; an unreadable file is an empty one. Opens the file for what comes. */
  open(): SnapshotState {
    let text = "";
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#log.warn({ error }, "snapshot is not readable");
    }
    const state = parseSnapshot(text, this.#options);
    this.#clocks = state.clocks;
    for (const [name, endpoint] of state.alive) this.#alive.set(name, endpoint);
    this.#bytes = text.length;
    this.#compact();
    return state;
  }

  alive(name: string, endpoint: Endpoint): void {
    if (this.#hasLeft) return;
    const known = this.#alive.get(name);
    if (known?.host === endpoint.host && known.port === endpoint.port) return;
    this.#alive.set(name, endpoint);
    this.#append(`alive: ${name} ${formatEndpoint(endpoint)}\n`);
  }

  notAlive(name: string): void {
    if (this.#hasLeft || !this.#alive.delete(name)) return;
    this.#append(`not-alive: ${name}\n`);
  }

  clocks(now: SnapshotClocks): void {
    if (now.member > this.#clocks.member) this.#append(`clock: ${now.member}\n`);
    if (now.event > this.#clocks.event) this.#append(`event-clock: ${now.event}\n`);
    if (now.query > this.#clocks.query) this.#append(`query-clock: ${now.query}\n`);
    this.#clocks = now;
  }

  /** After this nothing but clocks is recorded: the next start finds nobody to rejoin, unless it shall all the same. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#append("leave\n");
    if (this.#options.rejoinAfterLeave !== true) this.#alive.clear();
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor === undefined) return;
    this.#guard("closed", () => {
      fsyncSync(descriptor);
      closeSync(descriptor);
    });
  }

  #append(line: string): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#guard("written", () => {
      this.#bytes += writeSync(descriptor, line);
    });
    if (this.#bytes > Math.max(COMPACT_BYTES, 2 * USUAL_LINE_BYTES * this.#alive.size)) this.#compact();
  }

  /** Writes what is true now beside the file and puts it in its place, so that a crash leaves one or the other. */
  #compact(): void {
    this.close();
    this.#guard("compacted", () => {
      const lines = Array.from(this.#alive, ([name, endpoint]) => `alive: ${name} ${formatEndpoint(endpoint)}\n`);
      const { member, event, query } = this.#clocks;
      lines.push(`clock: ${member}\n`, `event-clock: ${event}\n`, `query-clock: ${query}\n`);
      const text = lines.join("");
      writeFileSync(`${this.#path}.compact`, text, { mode: 0o600, flush: true });
      renameSync(`${this.#path}.compact`, this.#path);
      this.#bytes = text.length;
      this.#descriptor = openSync(this.#path, "a", 0o600);
    });
  }

  #guard(done: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log.warn({ error, path: this.#path }, `snapshot could not be ${done}`);
    }
  }
}
