/**
 * Which retransmissions to one receiver are made, asked for or found missing: each packet at most once per round trip, all of
 * them within a rate. Whether the packet still exists is the cache's affair.
 */
import type { InstantMs } from "./types.ts";

/** Remembered answers; a request for a packet this far back is not in any cache. */
const MEMORY = 256;
const BURST_MS = 500;
const MIN_DISTANCE_MS = 10;

export class NackResponder {
  #bytesPerMs: number;
  /** Different packets served, as far as it remembers. */
  servedCount = 0;
  #isLossy = false;
  #tokens: number;
  #filledAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  // Only receivers that lose packets pay for the memory.
  #servedSeqs: Float64Array | undefined;
  #servedAtMs: Float64Array | undefined;
  /** Copies of each that may still arrive. */
  #copies: Uint8Array | undefined;

  constructor(rateBps: number) {
    this.#bytesPerMs = rateBps / 8000;
    this.#tokens = this.#bytesPerMs * BURST_MS;
  }

  /** `isLossy`: of what is sent again, so much is lost again that a second copy saves more time than it costs. */
  limit({ rateBps, isLossy }: { readonly rateBps: number; readonly isLossy: boolean }): void {
    this.#bytesPerMs = rateBps / 8000;
    this.#isLossy = isLossy;
  }

  /** How many copies of that packet to send now; they count as sent. What was lost twice goes twice. */
  admit(
    request: { readonly extSeq: number; readonly byteLength: number; readonly rttMs: number },
    nowMs: InstantMs,
  ): 0 | 1 | 2 {
    this.#servedSeqs ??= new Float64Array(MEMORY).fill(-1);
    this.#servedAtMs ??= new Float64Array(MEMORY);
    this.#copies ??= new Uint8Array(MEMORY);
    const entry = request.extSeq % MEMORY;
    const distanceMs = nowMs - (this.#servedAtMs[entry] as number);
    const again = this.#servedSeqs[entry] === request.extSeq;
    if (again && distanceMs < Math.max(MIN_DISTANCE_MS, request.rttMs * 0.9)) return 0;
    if (!this.#spend(request.byteLength, nowMs)) return 0;
    if (!again) this.servedCount++;
    this.#servedSeqs[entry] = request.extSeq;
    this.#servedAtMs[entry] = nowMs;
    const copies = (again || this.#isLossy) && this.#spend(request.byteLength, nowMs) ? 2 : 1;
    this.#copies[entry] = copies;
    return copies;
  }

  /** Is a packet missing, of which what was sent at that time is told lost? Not while a later copy, or a twin, is under way. */
  isMissing(extSeq: number, sentMs: InstantMs): boolean {
    const entry = extSeq % MEMORY;
    if (this.#copies === undefined || this.#servedSeqs?.[entry] !== extSeq) return true;
    if (sentMs < (this.#servedAtMs?.[entry] as number)) return false;
    const left = Math.max(0, (this.#copies[entry] as number) - 1);
    this.#copies[entry] = left;
    return left === 0;
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
