/** Joins the seeds, for ever: at start until one answers, and again whenever the node finds itself alone. */
import { type Clock, pause } from "./mesh/clock.ts";
import type { Log } from "./mesh/log.ts";

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;
const LOOK_EVERY_MS = 5_000;

export interface SeedJoinOptions {
  readonly seeds: readonly string[];
  /** Resolves with how many were contacted; rejects when none was. */
  readonly join: (seeds: readonly string[], signal: AbortSignal) => Promise<number>;
  readonly isAlone: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export class SeedJoiner {
  readonly #options: SeedJoinOptions;
  readonly #abort = new AbortController();
  #joined: boolean;
  #work: Promise<void> = Promise.resolve();

  constructor(options: SeedJoinOptions) {
    this.#options = options;
    this.#joined = options.seeds.length === 0;
  }

  /** Has a seed answered (or is there none to ask)? */
  get joined(): boolean {
    return this.#joined;
  }

  start(): void {
    if (this.#options.seeds.length > 0) this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      if (this.#joined && !this.#options.isAlone()) {
        await pause(clock, LOOK_EVERY_MS, signal);
        continue;
      }
      const isIn = await this.#try(signal);
      this.#joined = this.#joined || isIn;
      waitMs = isIn ? LOOK_EVERY_MS : Math.min(waitMs * 2, MAX_WAIT_MS);
      await pause(clock, waitMs, signal);
    }
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { seeds, log } = this.#options;
    try {
      const contacted = await this.#options.join(seeds, signal);
      if (!this.#joined) log.info({ contacted }, "joined the mesh");
      return true;
    } catch (error) {
      if (!signal.aborted) log.debug({ seeds, error: String(error) }, "no seed answers yet");
      return false;
    }
  }
}
