/**
 * From single packets to how much the path's delay changed between bursts: draft-ietf-rmcat-gcc-02 section 5.2
 * ("pre-filtering") and 5.3 (inter-group delay variation). Packets that leave within 5 ms are one group, and so are those
 * that arrive in a burst after the path was blocked for a while.
 */
import type { InstantMs } from "../types.ts";

const BURST_MS = 5;
const MAX_BURST_MS = 100;
/** A path that reorders this often is another path: what was known of the groups is worth nothing. */
const MAX_REORDERED = 3;
/** The receiver's clock jumped (or its reference time wrapped unseen). */
const CLOCK_JUMP_MS = 3000;

interface Group {
  firstSentMs: InstantMs;
  lastSentMs: InstantMs;
  firstArrivalMs: number;
  lastArrivalMs: number;
  /** False: no group yet. */
  known: boolean;
}

const NO_GROUP = { firstSentMs: 0, lastSentMs: 0, firstArrivalMs: 0, lastArrivalMs: 0, known: false };

export class ArrivalGroups {
  #current: Group = { ...NO_GROUP };
  #previous: Group = { ...NO_GROUP };
  #reordered = 0;
  /** After `add` returned true: what lies between the last two complete groups. */
  sendDeltaMs = 0;
  arrivalDeltaMs = 0;

  /** One packet by when it left and when it came, each on its own clock. True: two groups can be compared. */
  add(sentMs: InstantMs, arrivalMs: number): boolean {
    const current = this.#current;
    if (!current.known) {
      this.#start(sentMs, arrivalMs);
      return false;
    }
    // A packet from before the group says nothing of the order of groups.
    if (sentMs < current.firstSentMs) return false;
    if (!this.#startsGroup(sentMs, arrivalMs)) {
      current.lastSentMs = Math.max(current.lastSentMs, sentMs);
      current.lastArrivalMs = Math.max(current.lastArrivalMs, arrivalMs);
      return false;
    }
    const comparable = this.#previous.known && this.#compare();
    const recycled = this.#previous;
    this.#previous = current;
    this.#current = recycled;
    this.#start(sentMs, arrivalMs);
    return comparable;
  }

  reset(): void {
    this.#current.known = false;
    this.#previous.known = false;
    this.#reordered = 0;
  }

  #compare(): boolean {
    this.sendDeltaMs = this.#current.lastSentMs - this.#previous.lastSentMs;
    this.arrivalDeltaMs = this.#current.lastArrivalMs - this.#previous.lastArrivalMs;
    if (this.arrivalDeltaMs - this.sendDeltaMs > CLOCK_JUMP_MS) {
      this.reset();
      return false;
    }
    if (this.arrivalDeltaMs >= 0) {
      this.#reordered = 0;
      return true;
    }
    if (++this.#reordered >= MAX_REORDERED) this.reset();
    return false;
  }

  #startsGroup(sentMs: InstantMs, arrivalMs: number): boolean {
    const { firstSentMs, firstArrivalMs, lastSentMs, lastArrivalMs } = this.#current;
    // Came at once with the last one although it left later: the path had been blocked.
    const sinceLastMs = arrivalMs - lastArrivalMs;
    const blocked = sinceLastMs - (sentMs - lastSentMs) < 0 && sinceLastMs <= BURST_MS;
    if (blocked && arrivalMs - firstArrivalMs < MAX_BURST_MS) return false;
    return sentMs - firstSentMs > BURST_MS;
  }

  #start(sentMs: InstantMs, arrivalMs: number): void {
    const group = this.#current;
    group.firstSentMs = sentMs;
    group.lastSentMs = sentMs;
    group.firstArrivalMs = arrivalMs;
    group.lastArrivalMs = arrivalMs;
    group.known = true;
  }
}
