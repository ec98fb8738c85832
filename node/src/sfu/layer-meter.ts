/** Bitrate of one incoming stream by layer, as an egress would have to carry it. */
import { PACKET_OVERHEAD_BYTES } from "./congestion/peer-sender.ts";
import type { InstantMs } from "./types.ts";

const SPATIAL = 4;
const TEMPORAL = 4;
const WINDOW_MS = 1000;
/** A stream that pauses for longer starts a new measurement. */
const MAX_WINDOW_MS = 3000;
const SMOOTHING = 0.5;

export class LayerMeter {
  maxSpatialId = 0;
  maxTemporalId = 0;
  readonly #bytes = new Float64Array(SPATIAL * TEMPORAL);
  readonly #bps = new Float64Array(SPATIAL * TEMPORAL);
  #windowStartMs: InstantMs = Number.NEGATIVE_INFINITY;
  #known = false;

  /** One window was measured. */
  get isKnown(): boolean {
    return this.#known;
  }

  add(
    layer: { readonly spatialId: number; readonly temporalId: number },
    payloadBytes: number,
    nowMs: InstantMs,
  ): void {
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs >= WINDOW_MS) this.#close(elapsedMs, nowMs);
    const spatial = Math.min(layer.spatialId, SPATIAL - 1);
    const temporal = Math.min(layer.temporalId, TEMPORAL - 1);
    if (spatial > this.maxSpatialId) this.maxSpatialId = spatial;
    if (temporal > this.maxTemporalId) this.maxTemporalId = temporal;
    const at = spatial * TEMPORAL + temporal;
    this.#bytes[at] = (this.#bytes[at] as number) + payloadBytes + PACKET_OVERHEAD_BYTES;
  }

  /** Of all layers up to these; 0 before it is known. */
  bps(spatialId: number, temporalId: number): number {
    let sum = 0;
    for (let spatial = 0; spatial <= Math.min(spatialId, SPATIAL - 1); spatial++) {
      for (let temporal = 0; temporal <= Math.min(temporalId, TEMPORAL - 1); temporal++) {
        sum += this.#bps[spatial * TEMPORAL + temporal] as number;
      }
    }
    return sum;
  }

  #close(elapsedMs: number, nowMs: InstantMs): void {
    this.#windowStartMs = nowMs;
    const usable = elapsedMs <= MAX_WINDOW_MS;
    for (let i = 0; i < this.#bytes.length; i++) {
      const sample = ((this.#bytes[i] as number) * 8000) / elapsedMs;
      const former = this.#bps[i] as number;
      if (usable) this.#bps[i] = this.#known ? former + (sample - former) * SMOOTHING : sample;
      this.#bytes[i] = 0;
    }
    if (usable) this.#known = true;
  }
}
