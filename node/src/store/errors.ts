// The two errors a store can throw. Everything that is expected (a taken name, a full room) is a value, not an error.

/** Which server an operation needed. */
export type StoreName = "archive" | "presence";

/**
 * Did the refused operation change anything? "no": it never reached the server. "unknown": the connection was lost or the
 * time ran out while it was under way. Every operation of both stores may be repeated safely, so the answer to either is to
 * try again later with the same arguments (same ids, same clientId).
 */
export type StateChanged = "no" | "unknown";

/** The server behind a store could not be reached, or did not answer within the bounded time. Answer 503 with Retry-After. */
export class StoreUnavailableError extends Error {
  readonly code = "store_unavailable";
  readonly store: StoreName;
  /** What was being done, as an operation name of the interface, for example "appendMessage". */
  readonly operation: string;
  readonly stateChanged: StateChanged;

  constructor(details: {
    readonly store: StoreName;
    readonly operation: string;
    readonly stateChanged: StateChanged;
    readonly cause: unknown;
  }) {
    const effect =
      details.stateChanged === "no" ? "nothing was changed" : "it is not known whether anything was changed";
    super(`${details.store} store is unavailable during ${details.operation}: ${effect}`, { cause: details.cause });
    this.name = "StoreUnavailableError";
    this.store = details.store;
    this.operation = details.operation;
    this.stateChanged = details.stateChanged;
  }
}

/** Stable codes of wrong calls. A code is never reused for another meaning. */
export type StoreUsageCode = "bad_argument" | "store_closed" | "schema_too_new";

/** The caller broke the contract of a store (a bug, not bad luck). State did not change. */
export class StoreUsageError extends Error {
  readonly code: StoreUsageCode;

  constructor(code: StoreUsageCode, message: string) {
    super(`${message}; nothing was changed`);
    this.name = "StoreUsageError";
    this.code = code;
  }
}

export function isStoreUnavailable(error: unknown): error is StoreUnavailableError {
  return error instanceof StoreUnavailableError;
}

/** What adapters look at in an error of a driver. */
export interface DriverError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly rawCode?: unknown;
}

/** By shape, not by class: drivers hand through errors of Node and of native code, which need not be of this realm's Error. */
export function isDriverError(error: unknown): error is DriverError {
  return (
    typeof error === "object" &&
    error !== null &&
    "name" in error &&
    "message" in error &&
    typeof error.message === "string"
  );
}
