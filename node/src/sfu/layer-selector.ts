/**
 * Which simulcast layer a slot should show: the smallest that covers the slot's pixels. What is wanted by size and what
 * can be had now differ when a sender has switched layers off.
 */
import type { TargetSize } from "./types.ts";

export interface LayerState {
  /** From the last keyframe, 0 while unknown. */
  readonly width: number;
  readonly height: number;
  /** Packets came lately. */
  readonly active: boolean;
}

/** A slot may be this much larger than the layer it shows: scaling up a little is not seen, bits are. */
const TOLERANCE = 1.15;
/** Assumed until a keyframe tells: the highest layer is 720p, each lower one half of it. */
const ASSUMED = { width: 1280, height: 720 };

/** Index of the layer that fits best if all are sent; layers are ordered lowest first. */
export function wantedLayer(layers: readonly LayerState[], target: TargetSize): number {
  const highest = layers.length - 1;
  for (let index = 0; index < highest; index++) {
    const state = layers[index];
    if (state === undefined) continue;
    const scale = 2 ** (highest - index);
    const known = state.width > 0;
    const width = known ? state.width : ASSUMED.width / scale;
    const height = known ? state.height : ASSUMED.height / scale;
    // Video fits into the slot with its own shape, so one side that covers is enough.
    if (width * TOLERANCE >= target.width || height * TOLERANCE >= target.height) return index;
  }
  return Math.max(0, highest);
}

/** The nearest layer to the wanted one that has packets, a lower one first; -1 when none has. */
export function availableLayer(layers: readonly LayerState[], wanted: number): number {
  for (let index = wanted; index >= 0; index--) if (layers[index]?.active === true) return index;
  for (let index = wanted + 1; index < layers.length; index++) if (layers[index]?.active === true) return index;
  return -1;
}
