// Scripts that operators hang on events. Each handler runs one script at a time and in the order of the events; a few
// handlers run at once; what waits is bounded.

import type { Member } from "../../src/sink.ts";
import { type DurationMs, UsageError } from "../../src/types.ts";
import type { Logger } from "../log.ts";
import { type EventFilter, eventName, isWanted, type OperatorEvent, parseEventFilters } from "./events.ts";
import { type Environment, eventEnvironment, eventInput } from "./script-input.ts";
import type { ScriptResult, ScriptRunner } from "./script-runner.ts";

export interface EventHandlerOptions {
  /** `[filter[,filter…]=]script` each; filters as in RPC streams, none for every event. Default none. */
  readonly scripts?: readonly string[];
  /** Runs them; needed where there are any. */
  readonly run?: ScriptRunner;
  /** What scripts find in their environment besides the event. Default nothing. */
  readonly environment?: Environment;
  /** A script that runs longer is ended. Default 60 s. */
  readonly timeoutMs?: DurationMs;
  /** Scripts at once. Default 4. */
  readonly maxRunning?: number;
  /** Events that wait for their script; further ones are dropped and counted. Default 512. */
  readonly maxWaiting?: number;
}

type Settings = Required<Omit<EventHandlerOptions, "run">>;

export const HANDLER_DEFAULTS = Object.freeze({
  scripts: Object.freeze([]) as readonly string[],
  environment: Object.freeze({}) as Environment,
  timeoutMs: 60_000,
  maxRunning: 4,
  maxWaiting: 512,
}) satisfies Settings;

const SLOW_MS = 1_000;
/** Output shown in the log. */
const MAX_LOGGED_BYTES = 1024;
/** Scripts that still run, or wait, when the agent stops get this long. */
const STOP_GRACE_MS = 2_000;

export interface EventScript {
  readonly filters: readonly EventFilter[];
  readonly script: string;
}

/** Throws UsageError "bad_event_handler". */
export function parseEventScript(text: string): EventScript {
  const at = text.indexOf("=");
  const words = at < 0 ? "" : text.slice(0, at);
  const script = text.slice(at + 1);
  const filters = parseEventFilters(words);
  if (filters === undefined || script.trim() === "") {
    throw new UsageError("bad_event_handler", `Invalid event script: Event '${words}' invoking '${script}'`);
  }
  return { filters, script };
}

interface Handler extends EventScript {
  isRunning: boolean;
}

interface Job {
  readonly handler: Handler;
  readonly event: OperatorEvent;
  /** Ourselves when it happened. */
  readonly self: Member;
}

export class EventHandlers {
  readonly #options: Settings;
  readonly #runScript: ScriptRunner | undefined;
  readonly #handlers: readonly Handler[];
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #waiting: Job[] = [];
  readonly #running = new Set<Promise<void>>();
  #runs = 0;
  #failures = 0;
  #timeouts = 0;
  #drops = 0;

  /** Throws UsageError "bad_event_handler". */
  constructor(options: EventHandlerOptions, log: Logger) {
    this.#options = { ...HANDLER_DEFAULTS, ...options };
    this.#runScript = options.run;
    this.#handlers = this.#options.scripts.map((text) => ({ ...parseEventScript(text), isRunning: false }));
    this.#log = log;
    if (this.#handlers.length > 0 && options.run === undefined) {
      throw new UsageError("bad_event_handler", "event scripts need something that runs them");
    }
  }

  get isEmpty(): boolean {
    return this.#handlers.length === 0;
  }

  handle(event: OperatorEvent, self: Member): void {
    for (const handler of this.#handlers) if (isWanted(handler.filters, event)) this.#queue({ handler, event, self });
    this.#next();
  }

  /** "event:name" to script, as `info` shows them. */
  describe(): Record<string, string> {
    const pairs = this.#handlers.flatMap(({ filters, script }) =>
      filters.map(({ event, name }): [string, string] => [`${event}:${name}`, script]),
    );
    return Object.fromEntries(pairs);
  }

  /** Lets scripts finish for two seconds, then ends them. Idempotent. */
  async stop(): Promise<void> {
    const late = setTimeout(() => {
      this.#waiting.length = 0;
      this.#stopping.abort();
    }, STOP_GRACE_MS);
    while (this.#running.size > 0) await Promise.all(this.#running);
    clearTimeout(late);
    this.#waiting.length = 0;
    this.#stopping.abort();
  }

  stats(): Record<string, number> {
    return {
      handler_runs: this.#runs,
      handler_failures: this.#failures,
      handler_timeouts: this.#timeouts,
      handler_drops: this.#drops,
      handlers_waiting: this.#waiting.length,
      handlers_running: this.#running.size,
    };
  }

  #queue(job: Job): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#waiting.length < this.#options.maxWaiting) {
      this.#waiting.push(job);
      return;
    }
    // Once per flood: it would fill the log as well.
    if (this.#drops === 0) this.#log.warn({ event: eventName(job.event) }, "too many events wait for their scripts");
    this.#drops += 1;
  }

  #next(): void {
    while (this.#running.size < this.#options.maxRunning) {
      const index = this.#waiting.findIndex(({ handler }) => !handler.isRunning);
      const [job] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (job === undefined) return;
      job.handler.isRunning = true;
      const running = this.#run(job).finally(() => {
        job.handler.isRunning = false;
        this.#running.delete(running);
        this.#next();
      });
      this.#running.add(running);
    }
  }

  async #run({ handler, event, self }: Job): Promise<void> {
    this.#runs += 1;
    const { script } = handler;
    const about = { event: eventName(event), script };
    const slow = setTimeout(() => this.#log.warn(about, "a script takes more than a second"), SLOW_MS);
    const result = await this.#runScript?.({
      script,
      environment: { ...definedOf(this.#options.environment), ...eventEnvironment(event, self) },
      input: eventInput(event),
      timeoutMs: this.#options.timeoutMs,
      signal: this.#stopping.signal,
    });
    clearTimeout(slow);
    if (result === undefined) return;
    this.#report(about, result);
    if (event.kind !== "query" || result.exitCode !== 0 || result.outputBytes === 0) return;
    try {
      event.respond(result.output);
    } catch (error) {
      this.#log.warn({ ...about, error }, "the answer of a script could not be given");
    }
  }

  #report(about: { readonly event: string; readonly script: string }, result: ScriptResult): void {
    const { output, outputBytes, exitCode, timedOut, error } = result;
    const shown = new TextDecoder().decode(output.subarray(0, MAX_LOGGED_BYTES));
    this.#log.debug({ ...about, output: shown, outputBytes }, "a script wrote");
    if (outputBytes > output.length) {
      this.#log.warn({ ...about, outputBytes, keptBytes: output.length }, "a script wrote more than is kept");
    }
    if (timedOut) this.#timeouts += 1;
    if (exitCode === 0 && !timedOut) return;
    this.#failures += 1;
    const why = error === undefined ? { exitCode: exitCode ?? "killed", timedOut } : { error };
    this.#log.error({ ...about, ...why }, "a script failed");
  }
}

function definedOf(environment: Environment): Record<string, string> {
  const defined = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(defined);
}
