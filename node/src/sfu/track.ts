/** A track: its layers that are here, and who watches it. */
import { buildLadder, type LayerLevel } from "./congestion/layer-ladder.ts";
import type { Consumer } from "./consumer.ts";
import type { LayerState } from "./layer-selector.ts";
import type { Producer } from "./producer.ts";
import type { ConsumerCodec, InstantMs, TrackInput } from "./types.ts";

/** Bitrates move slowly; all viewers of a track share one reckoning. */
const LADDER_MS = 200;
const ABSENT: LayerState = { width: 0, height: 0, active: false };

export class Track {
  readonly input: TrackInput;
  /** By layer index; undefined: that layer's stream is not here. */
  readonly producers: (Producer | undefined)[];
  readonly consumers = new Set<Consumer>();
  muted = false;
  /** What `demand` last said, joined. */
  lastDemand = "";
  /** Of a local track: the layers that were last said to be wanted; at first all that there are. */
  localDemand: readonly string[];
  /** Since when fewer would do; Infinity: they would not. */
  fewerSinceMs: InstantMs = Number.POSITIVE_INFINITY;
  #ladder: readonly LayerLevel[] = [];
  #ladderAtMs: InstantMs = Number.NEGATIVE_INFINITY;

  constructor(input: TrackInput) {
    this.input = input;
    this.localDemand = input.layers;
    this.producers = input.layers.map(() => undefined);
  }

  /** Of a line's codecs the one that carries this track. */
  codecAmong(codecs: readonly ConsumerCodec[]): ConsumerCodec | undefined {
    const { codec, profile = "" } = this.input;
    return codecs.find((it) => it.name === codec && (it.profile ?? profile) === profile);
  }

  /** Some layer was measured: its cost is known. */
  get isMeasured(): boolean {
    return this.producers.some((producer) => producer?.meter?.isKnown === true);
  }

  ladder(nowMs: InstantMs): readonly LayerLevel[] {
    if (nowMs - this.#ladderAtMs >= LADDER_MS) {
      this.#ladderAtMs = nowMs;
      this.#ladder = buildLadder(this.producers, this.input.prefersDetail === true);
    }
    return this.#ladder;
  }

  layerStates(): readonly LayerState[] {
    return this.producers.map((producer) => producer ?? ABSENT);
  }

  get hasProducers(): boolean {
    return this.producers.some((producer) => producer !== undefined);
  }

  /**
   * Layers that this node's consumers want or still show, lowest first. Who sees nothing now also wants the lowest: a
   * publisher whose link is narrow, or still being probed, sends no other, and a small picture beats none.
   */
  demand(): string[] {
    const wanted = new Set<number>();
    for (const consumer of this.consumers) {
      if (consumer.wantedIndex < 0 && consumer.currentIndex < 0) continue;
      for (const index of [consumer.wantedIndex, consumer.currentIndex]) if (index >= 0) wanted.add(index);
      if (this.producers[consumer.currentIndex]?.active !== true) wanted.add(0);
    }
    return this.input.layers.filter((_, index) => wanted.has(index));
  }
}
