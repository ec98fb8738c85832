/**
 * Idempotency-Key on creation: the same person, key and request get the same answer again, also while the first is under way.
 * Remembered by this node only, for ten minutes: a retry goes to the node that did not answer.
 */
import type { Clock } from "../mesh/clock.ts";
import { ApiError } from "./problems.ts";
import type { Answer } from "./route.ts";

const REMEMBER_MS = 600_000;
/**
 * What is too old goes as others come. At the bound the oldest is forgotten; a retry of it then meets what it made the
 * first time, as a conflict.
 */
const MAX_ENTRIES = 5_000;

interface Entry {
  readonly request: string;
  readonly answer: Promise<Answer>;
  readonly untilMs: number;
}

export class IdempotencyTable {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Refusals are not remembered: the reason may be gone at the next try. */
  async once(
    call: { readonly owner: string; readonly key: string | undefined; readonly request: object },
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    if (call.key === undefined) return work();
    const name = `${call.owner}\n${call.key}`;
    const request = JSON.stringify(call.request);
    const known = this.#entries.get(name);
    if (known !== undefined && known.untilMs > this.#clock.nowMs()) {
      if (known.request !== request) throw new ApiError("idempotency_mismatch");
      return known.answer;
    }
    const answer = work();
    this.#entries.delete(name);
    this.#entries.set(name, { request, answer, untilMs: this.#clock.nowMs() + REMEMBER_MS });
    this.#forgetOld();
    try {
      return await answer;
    } catch (error) {
      this.#entries.delete(name);
      throw error;
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Oldest first. */
  #forgetOld(): void {
    const nowMs = this.#clock.nowMs();
    for (const [name, { untilMs }] of this.#entries) {
      if (untilMs > nowMs && this.#entries.size <= MAX_ENTRIES) return;
      this.#entries.delete(name);
    }
  }
}
