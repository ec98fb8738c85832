/** Keeps one cause from filling the log: so often at most, and the next line says how many were left out. Pure. */
export class LogLimit {
  readonly #everyMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** How many lines were left out since the last one; undefined: leave this one out too. */
  take(nowMs: number): number | undefined {
    if (nowMs < this.#nextMs) {
      this.#leftOut++;
      return undefined;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#nextMs = nowMs + this.#everyMs;
    return leftOut;
  }
}
