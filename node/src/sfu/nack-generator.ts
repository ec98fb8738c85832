/**
 * Which packets of one incoming stream are missing, and when to ask for them again. A hole is asked for once it is old
 * or deep enough not to be mere reordering, then at the pace of the round trip, and given up in the end.
 */
import type { ResolvedRouterOptions } from "./options.ts";
import type { InstantMs } from "./types.ts";

interface Hole {
  readonly sinceMs: InstantMs;
  /** -Infinity: never asked. */
  askedAtMs: InstantMs;
  attempts: number;
}

export interface NackOutcome {
  /** Sequence numbers (extended, ascending) to ask for now. */
  readonly ask: readonly number[];
  /** Holes given up since the last call: repair failed, a video viewer will need a keyframe. */
  readonly givenUp: number;
}

const NOTHING: NackOutcome = { ask: [], givenUp: 0 };
const FIRST_RTT_MS = 100;
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 400;

export class NackGenerator {
  readonly #options: ResolvedRouterOptions;
  readonly #holes = new Map<number, Hole>();
  #highest = -1;
  #rttMs = FIRST_RTT_MS;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #givenUp = 0;

  constructor(options: ResolvedRouterOptions) {
    this.#options = options;
  }

  /** Infinity while nothing is missing. */
  get deadlineMs(): InstantMs {
    return this.#deadlineMs;
  }

  get missingCount(): number {
    return this.#holes.size;
  }

  /** Time from a request to its answer, smoothed. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** Notes an arrival (original or repaired). Returns false when a gap was too large to be asked for. */
  receive(extSeq: number, nowMs: InstantMs): boolean {
    const highest = this.#highest;
    if (highest < 0) {
      this.#highest = extSeq;
      return true;
    }
    if (extSeq <= highest) {
      if (this.#holes.size > 0) this.#fill(extSeq, nowMs);
      return true;
    }
    this.#highest = extSeq;
    if (extSeq === highest + 1) return true;
    if (extSeq - highest - 1 + this.#holes.size > this.#options.nackMaxGap) {
      this.#givenUp += extSeq - highest - 1 + this.#holes.size;
      this.#holes.clear();
      this.#deadlineMs = Number.POSITIVE_INFINITY;
      return false;
    }
    for (let missing = highest + 1; missing < extSeq; missing++) {
      this.#holes.set(missing, { sinceMs: nowMs, askedAtMs: Number.NEGATIVE_INFINITY, attempts: 0 });
    }
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + this.#options.reorderMs);
    return true;
  }

  /** What to ask for at this moment; remembers it as asked. */
  takeDue(nowMs: InstantMs): NackOutcome {
    if (this.#holes.size === 0 && this.#givenUp === 0) return NOTHING;
    const ask: number[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [extSeq, hole] of this.#holes) {
      if (nowMs - hole.sinceMs >= this.#options.nackLifetimeMs || this.#isExhausted(hole, nowMs)) {
        this.#holes.delete(extSeq);
        this.#givenUp++;
        continue;
      }
      const dueMs = this.#dueMs(extSeq, hole);
      if (dueMs > nowMs) {
        next = Math.min(next, dueMs);
        continue;
      }
      hole.askedAtMs = nowMs;
      hole.attempts++;
      ask.push(extSeq);
      next = Math.min(next, nowMs + this.#retryMs(hole.attempts));
    }
    this.#deadlineMs = next;
    const givenUp = this.#givenUp;
    this.#givenUp = 0;
    return { ask, givenUp };
  }

  /** Forgets all holes: the stream stopped, or a fresh keyframe made them worthless. */
  clear(): void {
    this.#holes.clear();
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  #isExhausted(hole: Hole, nowMs: InstantMs): boolean {
    return hole.attempts >= this.#options.nackAttempts && nowMs >= hole.askedAtMs + this.#retryMs(hole.attempts);
  }

  #dueMs(extSeq: number, hole: Hole): InstantMs {
    if (hole.attempts > 0) return hole.askedAtMs + this.#retryMs(hole.attempts);
    const deep = this.#highest - extSeq >= this.#options.reorderPackets;
    return deep ? hole.sinceMs : hole.sinceMs + this.#options.reorderMs;
  }

  /** A little above the round trip, longer with each attempt that failed. */
  #retryMs(attempts: number): number {
    const pacedMs = Math.max(MIN_RETRY_MS, this.#rttMs * 1.25 + 5);
    return Math.min(MAX_RETRY_MS, pacedMs * (attempts > 2 ? attempts - 1 : 1));
  }

  #fill(extSeq: number, nowMs: InstantMs): void {
    const hole = this.#holes.get(extSeq);
    if (hole === undefined) return;
    this.#holes.delete(extSeq);
    // Only the answer to a single request says how long a request takes (Karn's rule).
    if (hole.attempts === 1) this.#rttMs += (nowMs - hole.askedAtMs - this.#rttMs) / 8;
    if (this.#holes.size === 0) this.#deadlineMs = Number.POSITIVE_INFINITY;
  }
}
