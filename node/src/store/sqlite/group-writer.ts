// Group commit: everything that waits to be written becomes one transaction, so that one wait for the lock and one wait for
// the disk serve all of it. Each operation is all or nothing by itself; none is answered before the commit. Blocks its
// thread: runs where nothing else does.

import { isDriverError, isStoreUnavailable, type StateChanged } from "../errors.ts";
import type { SqliteDatabase } from "./database.ts";
import type { Flush, PlainError, WriteAnswer, WriteCall } from "./writer-messages.ts";
import { callWrite } from "./writes.ts";

/** How often a waiting transaction looks whether the lock is free; SQLite's own waiting would soon look every 100 ms. */
const LOOK_EVERY_MS = 0.5;
/** Between two transactions of one process: longer than a look, so that another process that waits comes in between. */
const COURTESY_MS = 1;
/** Changed rows after which the log is brought into the file. About as many pages, of 4 kB each. */
const CHECKPOINT_ROWS = 2_000;
/** A log of more pages is brought to its end while nobody writes, or writers who take turns would never let it end. */
const LONG_LOG_PAGES = 8_000;

export class GroupWriter {
  readonly #db: SqliteDatabase;
  readonly #lockWaitMs: number;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #lastMs = Number.NEGATIVE_INFINITY;
  #rowsAtCheckpoint = 0;

  /** The connection is this writer's alone. */
  constructor(db: SqliteDatabase, options: { readonly lockWaitMs: number }) {
    this.#db = db;
    this.#lockWaitMs = options.lockWaitMs;
    this.#db.leaveCheckpoints();
  }

  /** Waits out the courtesy towards other processes; what arrives meanwhile can come along. */
  pause(): void {
    const restMs = this.#lastMs + COURTESY_MS - performance.now();
    if (restMs > 0) this.#sleep(restMs);
  }

  /**
   * One transaction of `first` and of what `more` answers, which is asked once the lock is held, or given up: whoever came
   * meanwhile goes along, and need not wait for the next one. Never throws: what goes wrong is the answer to those whom it
   * concerns.
   */
  run(
    first: readonly WriteCall[],
    more: () => readonly WriteCall[] = () => [],
  ): { readonly answers: readonly WriteAnswer[]; readonly flush: Flush } {
    const startedMs = performance.now();
    let lockedMs = startedMs;
    let calls = first;
    let stateChanged: StateChanged = "no";
    try {
      try {
        this.#lock();
      } finally {
        calls = [...first, ...more()];
      }
      lockedMs = performance.now();
      const answers = calls.map((call) => this.#one(call));
      // A commit that fails may have reached the disk all the same.
      stateChanged = "unknown";
      this.#db.commit();
      return { answers, flush: this.#flushOf(calls, { startedMs, lockedMs, committed: true }) };
    } catch (error) {
      const undone = this.#undo(error);
      const answers = calls.map(
        ({ id, name }) => ({ id, ok: false, error: failed(undone, name, stateChanged) }) as const,
      );
      return { answers, flush: this.#flushOf(calls, { startedMs, lockedMs, committed: false }) };
    }
  }

  /** After the answers are out: brings the log into the file when it has grown. Its failing is no write's failing. */
  tidy(): void {
    const rows = this.#db.changedRows();
    if (rows - this.#rowsAtCheckpoint < CHECKPOINT_ROWS) return;
    this.#rowsAtCheckpoint = rows;
    if (this.#db.checkpoint("PASSIVE") > LONG_LOG_PAGES) this.#db.checkpoint("RESTART");
  }

  #one({ id, name, args }: WriteCall): WriteAnswer {
    const outcome = this.#db.apart(() => callWrite(this.#db, name, args));
    return outcome.ok ? { id, ok: true, value: outcome.value } : { id, ok: false, error: refused(outcome.error, name) };
  }

  #lock(): void {
    const giveUpMs = performance.now() + this.#lockWaitMs;
    while (!this.#db.tryBegin()) {
      if (performance.now() > giveUpMs) throw new Error("database is locked: another process writes for too long");
      this.#sleep(LOOK_EVERY_MS);
    }
  }

  /** The error that all calls of the transaction end with. */
  #undo(error: unknown): unknown {
    try {
      this.#db.rollback();
      return error;
    } catch (worse) {
      return worse;
    }
  }

  #flushOf(
    calls: readonly WriteCall[],
    at: { readonly startedMs: number; readonly lockedMs: number; readonly committed: boolean },
  ): Flush {
    this.#lastMs = performance.now();
    const waitedMs = at.lockedMs - at.startedMs;
    return { writes: calls.length, waitedMs, tookMs: this.#lastMs - at.lockedMs, committed: at.committed };
  }

  #sleep(ms: number): void {
    Atomics.wait(this.#sleeper, 0, 0, ms);
  }
}

/** What one operation threw, undone by itself. */
function refused(error: unknown, operation: string): PlainError {
  if (isStoreUnavailable(error)) return failed(error.cause, operation, "no");
  if (!isDriverError(error)) return { kind: "bug", name: "Error", message: String(error), stack: undefined };
  return {
    kind: "bug",
    name: error.name,
    message: error.message,
    stack: "stack" in error ? String(error.stack) : undefined,
  };
}

/** The whole transaction failed. */
function failed(error: unknown, operation: string, stateChanged: StateChanged): PlainError {
  const cause = isStoreUnavailable(error) ? error.cause : error;
  return { kind: "unavailable", operation, stateChanged, cause: isDriverError(cause) ? cause.message : String(cause) };
}
