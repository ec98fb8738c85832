/**
 * Requests for a keyframe from one source: those of all receivers merge into one, spaced, and repeated while the
 * keyframe has not come.
 */
import type { ResolvedRouterOptions } from "./options.ts";
import type { InstantMs } from "./types.ts";

export class KeyframeRequester {
  readonly #options: ResolvedRouterOptions;
  #sentAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  #attempts = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: ResolvedRouterOptions) {
    this.#options = options;
  }

  /** When `takeDue` will say yes; Infinity while no keyframe is awaited. */
  get deadlineMs(): InstantMs {
    return this.#deadlineMs;
  }

  /** A keyframe is wanted at that time, or later when the spacing asks for it. */
  request(atMs: InstantMs): void {
    this.#attempts = 0;
    const allowedMs = this.#sentAtMs + this.#options.keyframeSpacingMs;
    this.#deadlineMs = Math.min(this.#deadlineMs, Math.max(atMs, allowedMs));
  }

  /** A keyframe started: whatever was wanted is here, or will be asked for anew. */
  satisfy(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#attempts = 0;
  }

  /** True: send a request now. */
  takeDue(nowMs: InstantMs): boolean {
    if (nowMs < this.#deadlineMs) return false;
    if (this.#attempts >= this.#options.keyframeAttempts) {
      this.#deadlineMs = Number.POSITIVE_INFINITY;
      return false;
    }
    this.#attempts++;
    this.#sentAtMs = nowMs;
    this.#deadlineMs = nowMs + this.#options.keyframeRetryMs;
    return true;
  }
}
