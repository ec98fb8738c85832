/**
 * What the publisher of one track is told of the layers that anybody watches: more at once, because somebody waits for it;
 * less only SHRINK_MS after the last word, so that slots that come and go do not make encoders stop and start. Pure.
 * Rules: SPEC.md [P80…P82].
 */
import type { InstantMs } from "#gossip";

export const SHRINK_MS = 3_000;

export class LayerNews {
  readonly #all: readonly string[];
  #told: readonly string[];
  #wanted: readonly string[];
  #shrinkAtMs: InstantMs = Number.POSITIVE_INFINITY;

  /** @param all the track's layers; a publisher that was told nothing sends all of them */
  constructor(all: readonly string[]) {
    this.#all = all;
    this.#told = all;
    this.#wanted = all;
  }

  /** The layers to tell now; undefined when there is nothing to tell (yet). Unknown layers are left out. */
  want(layers: readonly string[], nowMs: InstantMs): readonly string[] | undefined {
    this.#wanted = this.#all.filter((layer) => layers.includes(layer));
    const both = this.#all.filter((layer) => this.#wanted.includes(layer) || this.#told.includes(layer));
    const grows = both.length > this.#told.length;
    this.#told = both;
    if (this.#wanted.length === both.length) this.#shrinkAtMs = Number.POSITIVE_INFINITY;
    else if (grows || this.#shrinkAtMs === Number.POSITIVE_INFINITY) this.#shrinkAtMs = nowMs + SHRINK_MS;
    return grows ? both : undefined;
  }

  deadlineMs(): InstantMs {
    return this.#shrinkAtMs;
  }

  handleTimeout(nowMs: InstantMs): readonly string[] | undefined {
    if (this.#shrinkAtMs > nowMs) return undefined;
    this.#shrinkAtMs = Number.POSITIVE_INFINITY;
    this.#told = this.#wanted;
    return this.#told;
  }
}
