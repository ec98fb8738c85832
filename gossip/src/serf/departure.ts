// A graceful leave in its stages: tell that we are leaving, wait; say farewell, wait; linger so that late probes are still
// answered; done. Spec section 6.5.

import type { DurationMs, InstantMs } from "../types.ts";

export interface DepartureSettings {
  /** Longest wait for each of the two broadcasts. */
  readonly broadcastTimeoutMs: DurationMs;
  readonly leavePropagateMs: DurationMs;
}

export type DepartureStage = "intent" | "farewell" | "linger" | "done";

const NEXT: Readonly<Record<DepartureStage, DepartureStage>> = {
  intent: "farewell",
  farewell: "linger",
  linger: "done",
  done: "done",
};

export class Departure {
  readonly #settings: DepartureSettings;
  #stage: DepartureStage = "intent";
  #dueMs: InstantMs;
  #told = false;
  #complete = true;

  constructor(settings: DepartureSettings, nowMs: InstantMs) {
    this.#settings = settings;
    this.#dueMs = nowMs + settings.broadcastTimeoutMs;
  }

  get stage(): DepartureStage {
    return this.#stage;
  }

  /** Both broadcasts were told as often as they should. */
  get isComplete(): boolean {
    return this.#complete;
  }

  deadlineMs(): InstantMs {
    return this.#stage === "done" ? Number.POSITIVE_INFINITY : this.#dueMs;
  }

  /** The broadcast of this stage has been told often enough, or there is nobody to tell. */
  told(stage: DepartureStage): void {
    if (this.#stage === stage) this.#told = true;
  }

  /** The stage that begins now, or undefined while the present one goes on. */
  advance(nowMs: InstantMs): DepartureStage | undefined {
    if (this.#stage === "done" || (!this.#told && nowMs < this.#dueMs)) return undefined;
    if (!this.#told && this.#stage !== "linger") this.#complete = false;
    this.#stage = NEXT[this.#stage];
    this.#told = false;
    const { broadcastTimeoutMs, leavePropagateMs } = this.#settings;
    this.#dueMs = nowMs + (this.#stage === "linger" ? leavePropagateMs : broadcastTimeoutMs);
    return this.#stage;
  }
}
