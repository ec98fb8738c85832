// One connection pool to a server speaking MongoDB's protocol: bounded waiting, recovery, errors.

import type { Connection, ConnectOptions } from "mongoose";
import { createConnection, STATES } from "mongoose";
import type { StateChanged } from "../errors.ts";
import { isDriverError, StoreUnavailableError } from "../errors.ts";
import { migrate } from "./migrations.ts";
import type { ArchiveModels } from "./schemas.ts";
import { modelsOn } from "./schemas.ts";

export interface MongoConnectionOptions {
  /** mongodb:// or mongodb+srv://; its path names the database. */
  readonly url: string;
  /** Longest wait for a server and for an answer. Default 2000 ms. */
  readonly timeoutMs?: number;
  /** Told once when the server goes away and once when it is back. */
  readonly log?: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

const DEFAULT_TIMEOUT_MS = 2000;
/** How often an absent server is looked for; the driver allows no less than 500. */
const HEARTBEAT_MS = 500;

/** Errors of the driver after which nothing can have reached the server. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "MongoServerSelectionError",
  "MongooseServerSelectionError",
  "MongoWaitQueueTimeoutError",
  "MongoNotConnectedError",
  "MongoTopologyClosedError",
]);

/** Errors of the driver that leave it open. */
const MAYBE_SENT: ReadonlySet<string> = new Set([
  "MongoNetworkError",
  "MongoNetworkTimeoutError",
  "MongoPoolClearedError",
  // Its class is called MongoPoolClearedOnNetworkError.
  "PoolClearedOnNetworkError",
  "MongoOperationTimeoutError",
]);

/** What a server answers that is stopping, starting or no longer primary. mongodb/specifications, "retryable writes". */
const NOT_NOW: ReadonlySet<unknown> = new Set([91, 189, 10_107, 11_600, 11_602, 13_435, 13_436]);

export class MongoConnection {
  readonly #options: MongoConnectionOptions;
  readonly #timeoutMs: number;
  readonly #connection: Connection;
  readonly #models: ArchiveModels;
  #opening: Promise<void> | undefined;
  #migrated = false;
  #away = false;
  #closed = false;

  private constructor(options: MongoConnectionOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#connection = createConnection();
    this.#models = modelsOn(this.#connection);
    // mongoose repeats on this emitter what its promises reject with; unheard it would end the process.
    this.#connection.on("error", () => {});
  }

  /** Connects and migrates; when the server is away, answers after the timeout all the same and tries again when asked. */
  static async open(options: MongoConnectionOptions): Promise<MongoConnection> {
    const opened = new MongoConnection(options);
    try {
      await opened.run("open", async () => {});
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) {
        await opened.close();
        throw error;
      }
      opened.#noteAway(true);
    }
    return opened;
  }

  /** Runs one operation; trouble with the server becomes StoreUnavailableError. */
  async run<Result>(
    operation: string,
    work: (models: ArchiveModels, connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    let sent = false;
    try {
      await this.#ready();
      sent = true;
      return await work(this.#models, this.#connection);
    } catch (error) {
      const effect = effectOf(error);
      if (effect === undefined) throw error;
      throw unavailable({ operation, stateChanged: sent ? effect : "no", cause: error });
    }
  }

  async ping(): Promise<void> {
    await this.run("ping", async () => await this.#connection.db?.command({ ping: 1 }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    await this.#connection.close();
  }

  /** Bounded: a caller does not wait for another node's long migration, but finds the store unavailable until it is done. */
  async #ready(): Promise<void> {
    if (this.#migrated) {
      if (this.#connection.readyState === STATES.connected) return;
      throw new NotReadyError("the server is away");
    }
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    await withinTime(this.#opening, this.#timeoutMs + HEARTBEAT_MS);
  }

  async #connect(): Promise<void> {
    if (this.#connection.readyState !== STATES.connected) {
      await this.#connection.openUri(this.#options.url, clientOptions(this.#timeoutMs));
    }
    await migrate(this.#connection, this.#models);
    this.#noteAway(false);
    if (this.#migrated) return;
    this.#migrated = true;
    this.#connection.on("disconnected", () => this.#noteAway(true));
    this.#connection.on("connected", () => this.#noteAway(false));
  }

  /** One line per change. */
  #noteAway(away: boolean): void {
    if (this.#away === away || this.#closed) return;
    this.#away = away;
    const { log } = this.#options;
    if (away) log?.warn({ store: "archive" }, "the archive's server is away");
    else log?.info({ store: "archive" }, "the archive's server is back");
  }
}

class NotReadyError extends Error {
  override readonly name = "NotReadyError";
}

function clientOptions(timeoutMs: number): ConnectOptions {
  return {
    appName: "hearsay",
    autoCreate: false,
    autoIndex: false,
    bufferCommands: false,
    connectTimeoutMS: timeoutMs,
    heartbeatFrequencyMS: HEARTBEAT_MS,
    // The callers repeat, with the same ids; a driver that repeats as well only makes waiting longer.
    retryReads: false,
    retryWrites: false,
    maxAdaptiveRetries: 0,
    serverSelectionTimeoutMS: timeoutMs,
    socketTimeoutMS: timeoutMs,
    waitQueueTimeoutMS: timeoutMs,
    // What was answered must survive the loss of a machine.
    writeConcern: { w: "majority", journal: true },
  };
}

async function withinTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NotReadyError("connecting or migrating takes longer")), timeoutMs);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(details: {
  readonly operation: string;
  readonly stateChanged: StateChanged;
  readonly cause: unknown;
}): StoreUnavailableError {
  return new StoreUnavailableError({ store: "archive", ...details });
}

/** What a failed operation may have changed; undefined when the failure is not about the server's availability. */
function effectOf(error: unknown): StateChanged | undefined {
  if (!isDriverError(error)) return undefined;
  if (error instanceof NotReadyError || NEVER_SENT.has(error.name)) return "no";
  // The driver lets some errors of the socket through as they are.
  if (MAYBE_SENT.has(error.name) || error.syscall !== undefined) return "unknown";
  return NOT_NOW.has(error.code) ? "unknown" : undefined;
}
