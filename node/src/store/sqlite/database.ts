// One connection to the embedded store's file: settings, bounded waiting, transactions, prepared statements, errors.
//
// libsql is synchronous: a statement blocks the event loop while it runs, so every statement of the adapters is short and
// indexed. Two things about libsql 0.5 shape this file. A statement read with get() stays open, and when it wrote
// (RETURNING) it keeps the write lock, so rows are read with all() only. And the busy handler is not asked when the
// journal mode changes, so that step waits by itself.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Libsql from "libsql";
import type { StoreName } from "../errors.ts";
import { isDriverError, StoreUnavailableError } from "../errors.ts";
import { migrate } from "./migrations.ts";

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, SqlValue>>;

export interface SqliteOptions {
  /** The database file; its folder is made when missing. Several processes of one machine may share it. */
  readonly path: string;
  readonly store: StoreName;
  /**
   * How long a statement waits for another process's write before the store counts as unavailable. It blocks the event loop
   * meanwhile, so it is short. Default 1000 ms.
   */
  readonly busyTimeoutMs?: number;
  /** True: a commit survives a power cut (for the archive). False: it survives the end of the process only. */
  readonly durable: boolean;
  /** Told each statement once, before it runs first: for looking at how it is planned. */
  readonly onStatement?: (sql: string) => void;
}

/** Time that opening may wait for other processes that open, migrate or write at the same moment. */
const OPEN_TIMEOUT_MS = 5000;
const OPEN_RETRY_MS = 20;
export const DEFAULT_BUSY_TIMEOUT_MS = 1000;
const BUSY = 5;

/** SQLite's primary result codes that mean trouble of the environment, not a bug. sqlite.org/rescode.html */
const ENVIRONMENT_CODES: ReadonlySet<number> = new Set([
  BUSY,
  6, // LOCKED
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
]);

export class SqliteDatabase {
  readonly #db: Libsql.Database;
  readonly #store: StoreName;
  readonly #onStatement: (sql: string) => void;
  readonly #statements = new Map<string, Libsql.Statement>();
  /** Operations are parts of a transaction that tryBegin() began. */
  #grouping = false;

  private constructor(db: Libsql.Database, options: SqliteOptions) {
    this.#db = db;
    this.#store = options.store;
    this.#onStatement = options.onStatement ?? (() => undefined);
  }

  /** Opens the file and brings its schema up to date, once, whoever else opens it at the same time. */
  static open(options: SqliteOptions): SqliteDatabase {
    let db: Libsql.Database | undefined;
    try {
      mkdirSync(dirname(options.path), { recursive: true });
      db = new Libsql(options.path, { timeout: OPEN_TIMEOUT_MS });
      prepareFile(db, options);
      return new SqliteDatabase(db, options);
    } catch (error) {
      db?.close();
      throw asStoreError(error, { store: options.store, operation: "open" });
    }
  }

  /** Runs one operation of the store; trouble of the environment becomes StoreUnavailableError. */
  run<Result>(operation: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw asStoreError(error, { store: this.#store, operation });
    }
  }

  /**
   * The same in one write transaction: all of it or nothing. Within a group the group's own means see to that, within another
   * transaction that one. Every write belongs in one: a prepared statement that finds the file locked stays open in libsql, and
   * with it no later transaction of the connection can be committed; BEGIN, which waits for the lock here, is not prepared.
   */
  transact<Result>(operation: string, work: () => Result): Result {
    if (this.#grouping || this.#db.inTransaction) return this.run(operation, work);
    return this.run(operation, () => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite has rolled back by itself after some errors (a full disk).
        if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** Begins a group: operations until commit() or rollback() are one transaction. False: another process writes. */
  tryBegin(): boolean {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (primaryCode(error) === BUSY) return false;
      throw asStoreError(error, { store: this.#store, operation: "begin" });
    }
    this.#grouping = true;
    return true;
  }

  /** What `work` changed is undone when it throws; the rest of the group is not. Throws when the whole group is lost. */
  apart<Result>(
    work: () => Result,
  ): { readonly ok: true; readonly value: Result } | { readonly ok: false; readonly error: unknown } {
    this.#prepare("SAVEPOINT one").run();
    try {
      const value = work();
      this.#prepare("RELEASE one").run();
      return { ok: true, value };
    } catch (error) {
      // SQLite has rolled back all of it after some errors (a full disk).
      if (!this.#db.inTransaction) throw error;
      this.#prepare("ROLLBACK TO one").run();
      this.#prepare("RELEASE one").run();
      return { ok: false, error };
    }
  }

  commit(): void {
    this.#db.exec("COMMIT");
    this.#grouping = false;
  }

  rollback(): void {
    this.#grouping = false;
    if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
  }

  /** Commits of this connection will not bring the log into the file: who asked for them need not wait for that. */
  leaveCheckpoints(): void {
    pragma(this.#db, "wal_autocheckpoint = 0");
  }

  /** Pages in the log; 0 when it could not be done now. RESTART keeps other writers waiting for a moment. */
  checkpoint(mode: "PASSIVE" | "RESTART"): number {
    try {
      const row = this.first(`PRAGMA wal_checkpoint(${mode})`);
      return Number(row?.["log"] ?? 0);
    } catch {
      return 0; // Somebody else does it, or the disk is gone: then the next commit says so.
    }
  }

  /** Rows that this connection has changed so far. */
  changedRows(): number {
    return Number(this.first("SELECT total_changes() AS rows")?.["rows"] ?? 0);
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    // The driver's types do not know what a query selects; every reader converts by column.
    return this.#prepare(sql).all(...values) as Row[];
  }

  first(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.all(sql, ...values)[0];
  }

  /** Answers how many rows were changed. */
  change(sql: string, ...values: readonly SqlValue[]): number {
    return this.#prepare(sql).run(...values).changes;
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.open) this.#db.close();
  }

  /** The adapters' statements are constants, so this table is as long as their list. */
  #prepare(sql: string): Libsql.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      this.#onStatement(sql);
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function prepareFile(db: Libsql.Database, options: SqliteOptions): void {
  waitWhileBusy(() => pragma(db, "journal_mode = WAL"));
  pragma(db, `synchronous = ${options.durable ? "FULL" : "NORMAL"}`);
  migrate(db);
  pragma(db, `busy_timeout = ${options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS}`);
}

function pragma(db: Libsql.Database, text: string): void {
  db.prepare(`PRAGMA ${text}`).all();
}

function waitWhileBusy(work: () => void): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; ; waitedMs += OPEN_RETRY_MS) {
    try {
      work();
      return;
    } catch (error) {
      if (primaryCode(error) !== BUSY || waitedMs >= OPEN_TIMEOUT_MS) throw error;
      Atomics.wait(sleeper, 0, 0, OPEN_RETRY_MS);
    }
  }
}

function primaryCode(error: unknown): number | undefined {
  if (!isDriverError(error)) return undefined;
  // The lowest byte of an extended result code is the primary one.
  if (typeof error.rawCode === "number") return error.rawCode & 0xff;
  // Failing to open has its code in the message only.
  const opened = /^ConnectionFailed\(.*: (\d+)"\)$/.exec(error.message);
  return opened?.[1] === undefined ? undefined : Number(opened[1]) & 0xff;
}

function asStoreError(error: unknown, context: { readonly store: StoreName; readonly operation: string }): unknown {
  const code = primaryCode(error);
  const ofFileSystem = isDriverError(error) && error.syscall !== undefined;
  if (!ofFileSystem && (code === undefined || !ENVIRONMENT_CODES.has(code))) return error;
  return new StoreUnavailableError({ ...context, stateChanged: "no", cause: error });
}
