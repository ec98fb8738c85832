/** What is interrupted now, and for how long it was: said once each way. */
export type Interrupted = "node" | "media";

export interface InterruptionEvents {
  /** The way to the node, or sound and picture, are interrupted; the room comes back by itself. */
  reconnecting: { readonly what: Interrupted };
  reconnected: { readonly what: Interrupted; readonly afterMs: number };
}
type Tell = <K extends keyof InterruptionEvents>(name: K, value: InterruptionEvents[K]) => void;

export class Interruptions {
  readonly #nowMs: () => number;
  readonly #tell: Tell;
  readonly #since = new Map<Interrupted, number>();

  constructor(nowMs: () => number, tell: Tell) {
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  begin(what: Interrupted): void {
    if (this.#since.has(what)) return;
    this.#since.set(what, this.#nowMs());
    this.#tell("reconnecting", { what });
  }

  over(what: Interrupted): void {
    const sinceMs = this.#since.get(what);
    if (sinceMs === undefined) return;
    this.#since.delete(what);
    this.#tell("reconnected", { what, afterMs: this.#nowMs() - sinceMs });
  }
}
