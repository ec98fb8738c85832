// Writes in a thread of their own, seen from the main thread. Waiting for another process's transaction and for the disk
// blocks that thread alone. It begins with the first write, and begins anew after it has failed.

import { Worker } from "node:worker_threads";
import { StoreUnavailableError } from "../errors.ts";
import { DEFAULT_BUSY_TIMEOUT_MS } from "./database.ts";
import type { Flush, FromWriter, PlainError, ToWriter, WriteAnswer, WriterData } from "./writer-messages.ts";
import type { WriteArgs, WriteName, WriteResult, Writer } from "./writes.ts";

/** Writes that may await their answer; more are refused at once. */
const MAX_WAITING = 5_000;
/** A write that is not answered by then fails, whatever the disk does. Longer than two waits for the lock and the thread's start. */
const PATIENCE_MS = 10_000;
/** A thread that does not end by itself in this time is ended. */
const CLOSE_LIMIT_MS = 2_000;

export interface ThreadWriterOptions {
  /** The script of the thread. */
  readonly entry: URL;
  readonly path: string;
  readonly lockWaitMs?: number;
  readonly onFlush?: (flush: Flush) => void;
}

interface Waiting {
  readonly operation: WriteName;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class ThreadWriter implements Writer {
  readonly #options: ThreadWriterOptions;
  readonly #lockWaitMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;

  constructor(options: ThreadWriterOptions) {
    this.#options = options;
    this.#lockWaitMs = options.lockWaitMs ?? DEFAULT_BUSY_TIMEOUT_MS;
  }

  write<Name extends WriteName>(operation: Name, ...args: WriteArgs<Name>): Promise<WriteResult<Name>> {
    if (this.#waiting.size >= MAX_WAITING)
      return Promise.reject(unavailable(operation, "no", new Error("too many writes wait")));
    return new Promise((resolve, reject) => {
      const id = this.#nextId;
      this.#nextId += 1;
      const timer = setTimeout(() => this.#giveUp(id), PATIENCE_MS);
      this.#waiting.set(id, { operation, resolve: resolve as Waiting["resolve"], reject, timer });
      const worker = this.#started();
      worker.ref();
      worker.postMessage({ id, name: operation, args } satisfies ToWriter);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_LIMIT_MS);
    });
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.ref();
    // After everything that was asked before it.
    worker.postMessage("close" satisfies ToWriter);
    await Promise.race([ended, patience]);
    clearTimeout(timer);
    await worker.terminate();
    this.#failAll(new Error("the store was closed"));
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const { entry, path } = this.#options;
    const workerData: WriterData = { hearsayWriter: { path, lockWaitMs: this.#lockWaitMs } };
    const worker = new Worker(entry, { workerData, name: "hearsay-writer" });
    worker.on("message", (message: FromWriter) => this.#handle(message));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", (code) => this.#lost(worker, new Error(`the writer ended with code ${code}`)));
    this.#worker = worker;
    return worker;
  }

  #handle({ answers, flush }: FromWriter): void {
    for (const answer of answers) this.#settle(answer);
    this.#options.onFlush?.(flush);
    // An idle writer keeps no process alive.
    if (this.#waiting.size === 0) this.#worker?.unref();
  }

  #settle(answer: WriteAnswer): void {
    const waiting = this.#take(answer.id);
    if (waiting === undefined) return;
    if (answer.ok) waiting.resolve(answer.value);
    else waiting.reject(errorOf(answer.error));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #giveUp(id: number): void {
    const waiting = this.#take(id);
    waiting?.reject(unavailable(waiting.operation, "unknown", new Error("the disk did not answer in time")));
  }

  #lost(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#failAll(cause);
  }

  #failAll(cause: Error): void {
    for (const id of [...this.#waiting.keys()]) {
      const waiting = this.#take(id);
      waiting?.reject(unavailable(waiting.operation, "unknown", cause));
    }
  }
}

function unavailable(operation: string, stateChanged: "no" | "unknown", cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError({ store: "archive", operation, stateChanged, cause });
}

function errorOf(error: PlainError): Error {
  if (error.kind === "unavailable") return unavailable(error.operation, error.stateChanged, new Error(error.cause));
  const rebuilt = new Error(error.message);
  rebuilt.name = error.name;
  if (error.stack !== undefined) rebuilt.stack = error.stack;
  return rebuilt;
}
