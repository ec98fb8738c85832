/** A track: its layers that are here, and who watches it. */
import type { Consumer } from "./consumer.ts";
import type { LayerState } from "./layer-selector.ts";
import type { Producer } from "./producer.ts";
import type { TrackInput } from "./types.ts";

const ABSENT: LayerState = { width: 0, height: 0, active: false };

export class Track {
  readonly input: TrackInput;
  /** By layer index; undefined: that layer's stream is not here. */
  readonly producers: (Producer | undefined)[];
  readonly consumers = new Set<Consumer>();
  muted = false;
  /** What `demand` last said, joined. */
  lastDemand = "";

  constructor(input: TrackInput) {
    this.input = input;
    this.producers = input.layers.map(() => undefined);
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
