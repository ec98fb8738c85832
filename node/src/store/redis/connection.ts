// One connection to Redis: bounded waiting, reconnecting for ever, scripts, errors.
//
// A command is never queued while the connection is away and never sent a second time: a refused change must not happen
// later behind the caller's back.

import type { RedisOptions } from "ioredis";
import { Redis } from "ioredis";
import type { StateChanged } from "../errors.ts";
import { isDriverError, StoreUnavailableError } from "../errors.ts";
import { JOIN_ROOM, LIST_PLACES, REMOVE_PLACE, RENEW_PLACE } from "./scripts/room-scripts.ts";
import {
  ENTER_ROOM,
  NEXT_GENERATION,
  PUT_SESSION,
  READ_SESSION,
  REFRESH_SESSION,
  REMOVE_SESSION,
  RESTORE_ROOM,
} from "./scripts/session-scripts.ts";

const SCRIPTS = {
  nextGeneration: NEXT_GENERATION,
  putSession: PUT_SESSION,
  readSession: READ_SESSION,
  refreshSession: REFRESH_SESSION,
  removeSession: REMOVE_SESSION,
  enterRoom: ENTER_ROOM,
  restoreRoom: RESTORE_ROOM,
  joinRoom: JOIN_ROOM,
  renewPlace: RENEW_PLACE,
  removePlace: REMOVE_PLACE,
  listPlaces: LIST_PLACES,
} as const;

export type ScriptName = keyof typeof SCRIPTS;

export interface RedisConnectionOptions {
  /** redis:// or rediss:// (TLS), with user, password and database as the URL says. */
  readonly url: string;
  /** Longest wait for an answer, and for a connection. Default 2000 ms. */
  readonly timeoutMs?: number;
  /** Told once when the server goes away and once when it is back. */
  readonly log?: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

const DEFAULT_TIMEOUT_MS = 2000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

/** What a server answers that is up but cannot serve now; nothing was changed. */
const NOT_NOW =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|BUSY|NOAUTH|WRONGPASS|NOPERM)\b/;

/** The commands of one operation; how many were answered tells what a failure has left behind. */
export interface RedisCalls {
  script(name: ScriptName, key: string, ...args: readonly (string | number)[]): Promise<unknown>;
  command(name: string, ...args: readonly (string | number)[]): Promise<unknown>;
}

export class RedisConnection {
  readonly #redis: Redis;

  private constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Connects; when the server is away, answers after the timeout all the same and goes on trying. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const redis = new Redis(options.url, clientOptions(timeoutMs));
    reportOutages(redis, options.log);
    await firstOf(redis, ["ready", "close"], timeoutMs);
    return new RedisConnection(redis);
  }

  /** Runs one operation; trouble with the server becomes StoreUnavailableError. */
  async run<Result>(operation: string, work: (calls: RedisCalls) => Promise<Result>): Promise<Result> {
    let answered = 0;
    const counted = async (reply: Promise<unknown>) => {
      const value = await reply;
      answered += 1;
      return value;
    };
    try {
      return await work({
        script: async (name, key, ...args) => await counted(this.#script(name, key, args)),
        command: async (name, ...args) => await counted(this.#redis.call(name, args.map(String))),
      });
    } catch (error) {
      throw asStoreError(error, operation, answered);
    }
  }

  async close(): Promise<void> {
    const { status } = this.#redis;
    this.#redis.disconnect();
    // Between two attempts there is no socket whose end could be waited for; disconnect() has stopped the next attempt.
    if (["wait", "reconnecting", "close", "end"].includes(status)) return;
    await firstOf(this.#redis, ["end"], DEFAULT_TIMEOUT_MS);
  }

  async #script(name: ScriptName, key: string, args: readonly (string | number)[]): Promise<unknown> {
    // The client's types do not know commands that are defined at run time.
    const scripts = this.#redis as unknown as Record<ScriptName, (...args: (string | number)[]) => Promise<unknown>>;
    return await scripts[name](key, ...args);
  }
}

function clientOptions(timeoutMs: number) {
  return {
    scripts: Object.fromEntries(Object.entries(SCRIPTS).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }])),
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A server that keeps the connection but answers nothing for this long is left, and tried again.
    socketTimeout: timeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt, 10), LONGEST_RETRY_MS),
    // After a failover the old primary answers READONLY until its address points to the new one.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
}

/** Resolves at the first of the events, or when the time is up. */
async function firstOf(redis: Redis, events: readonly string[], timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const event of events) redis.off(event, done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    for (const event of events) redis.once(event, done);
  });
}

function reportOutages(redis: Redis, log: RedisConnectionOptions["log"]): void {
  let away = false;
  redis.on("error", (error) => {
    if (!away) log?.warn({ err: error, store: "presence" }, "redis is away");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log?.info({ store: "presence" }, "redis is back");
    away = false;
  });
}

function asStoreError(cause: unknown, operation: string, answeredCount: number): unknown {
  const effect = effectOf(cause);
  if (effect === undefined) return cause;
  const stateChanged = answeredCount > 0 ? "unknown" : effect;
  return new StoreUnavailableError({ store: "presence", operation, stateChanged, cause });
}

/** What a failed command may have changed; undefined when the failure is not about the server's availability. */
function effectOf(error: unknown): StateChanged | undefined {
  if (!isDriverError(error)) return undefined;
  if (error.message.startsWith("Stream isn't writeable") || error.message === "Connection is closed.") return "no";
  if (error.name === "ReplyError") return NOT_NOW.test(error.message) ? "no" : undefined;
  const ofConnection = ["MaxRetriesPerRequestError", "AbortError", "ClusterAllFailedError"].includes(error.name);
  if (ofConnection || error.message === "Command timed out" || error.syscall !== undefined) return "unknown";
  return error.message.startsWith("Socket timeout") ? "unknown" : undefined;
}
