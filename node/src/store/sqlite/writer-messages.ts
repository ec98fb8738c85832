// What the main thread and the thread that writes say to each other.

import type { StateChanged } from "../errors.ts";
import type { WriteName } from "./writes.ts";

export interface WriterData {
  readonly hearsayWriter: {
    readonly path: string;
    /** How long a transaction waits for another process's. */
    readonly lockWaitMs: number;
  };
}

export interface WriteCall {
  readonly id: number;
  readonly name: WriteName;
  readonly args: readonly unknown[];
}

export type ToWriter = WriteCall | "close";

/** An error's class does not travel between threads. */
export type PlainError =
  | {
      readonly kind: "unavailable";
      readonly operation: string;
      readonly stateChanged: StateChanged;
      readonly cause: string;
    }
  | { readonly kind: "bug"; readonly name: string; readonly message: string; readonly stack: string | undefined };

export type WriteAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: PlainError };

/** One transaction of the writer thread. */
export interface Flush {
  /** Operations in it. */
  readonly writes: number;
  /** Until no other process wrote. */
  readonly waitedMs: number;
  /** From then until it was durable. */
  readonly tookMs: number;
  readonly committed: boolean;
}

export interface FromWriter {
  readonly answers: readonly WriteAnswer[];
  readonly flush: Flush;
}
