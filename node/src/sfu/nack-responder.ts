/**
 * Which retransmission requests of one receiver are served: each packet at most once per round trip, all of them within
 * a rate. Whether the packet still exists is the cache's affair.
 */
import type { InstantMs } from "./types.ts";

/** Remembered answers; a request for a packet this far back is not in any cache. */
const MEMORY = 256;
const BURST_MS = 500;
const MIN_DISTANCE_MS = 10;

export class NackResponder {
  #bytesPerMs: number;
  #tokens: number;
  #filledAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  // Only receivers that lose packets pay for the memory.
  #servedSeqs: Float64Array | undefined;
  #servedAtMs: Float64Array | undefined;

  constructor(rateBps: number) {
    this.#bytesPerMs = rateBps / 8000;
    this.#tokens = this.#bytesPerMs * BURST_MS;
  }

  setRate(rateBps: number): void {
    this.#bytesPerMs = rateBps / 8000;
  }

  /** Whether to send that packet again now; true counts it as sent. */
  admit(
    request: { readonly extSeq: number; readonly byteLength: number; readonly rttMs: number },
    nowMs: InstantMs,
  ): boolean {
    this.#servedSeqs ??= new Float64Array(MEMORY).fill(-1);
    this.#servedAtMs ??= new Float64Array(MEMORY);
    const entry = request.extSeq % MEMORY;
    const distanceMs = nowMs - (this.#servedAtMs[entry] as number);
    const again = this.#servedSeqs[entry] === request.extSeq;
    if (again && distanceMs < Math.max(MIN_DISTANCE_MS, request.rttMs * 0.9)) return false;
    if (!this.#spend(request.byteLength, nowMs)) return false;
    this.#servedSeqs[entry] = request.extSeq;
    this.#servedAtMs[entry] = nowMs;
    return true;
  }

  #spend(byteLength: number, nowMs: InstantMs): boolean {
    const burst = this.#bytesPerMs * BURST_MS;
    const elapsedMs = nowMs - this.#filledAtMs;
    this.#tokens = elapsedMs >= BURST_MS ? burst : Math.min(burst, this.#tokens + elapsedMs * this.#bytesPerMs);
    this.#filledAtMs = nowMs;
    if (this.#tokens < byteLength) return false;
    this.#tokens -= byteLength;
    return true;
  }
}
