/**
 * Networks by name. The two from Vietnam are those of the measured scenarios (one way of home to Singapore in the evening,
 * on a normal day and with a sea cable cut); the others are usual figures of their kind.
 */
import type { SeededRandom } from "./core-harness.ts";
import type { Scheduler } from "./sim-link.ts";

export interface PathShape {
  readonly rateBps: number;
  readonly delayMs: number;
  /** What waits for longer than this before the narrow place is dropped. */
  readonly queueMs?: number;
  /** Standard deviation of a slow wander of the delay. */
  readonly jitterMs?: number;
  /** Independent loss. */
  readonly loss?: number;
  /** Times of bad reception: everything in them is lost but for one packet in ten. */
  readonly bad?: { readonly everyMs: number; readonly forMs: number };
  /** Times of more delay. */
  readonly spikes?: { readonly everyMs: number; readonly forMs: number; readonly addMs: number };
}

export const WIFI: PathShape = { rateBps: 20e6, delayMs: 6, jitterMs: 3, queueMs: 150, loss: 0.002 };
export const LOSSY_WIFI: PathShape = { rateBps: 8e6, delayMs: 30, jitterMs: 4, queueMs: 150, loss: 0.05 };
export const LTE: PathShape = { rateBps: 6e6, delayMs: 35, jitterMs: 8, queueMs: 400, loss: 0.001 };
export const SATELLITE: PathShape = { rateBps: 4e6, delayMs: 300, jitterMs: 4, queueMs: 300, loss: 0.005 };
export const EVENING_VIETNAM: PathShape = {
  rateBps: 20e6,
  delayMs: 38,
  jitterMs: 8,
  queueMs: 200,
  bad: { everyMs: 5400, forMs: 60 },
  spikes: { everyMs: 30_000, forMs: 1500, addMs: 80 },
};
export const CABLE_CUT: PathShape = {
  rateBps: 4e6,
  delayMs: 55,
  jitterMs: 15,
  queueMs: 250,
  bad: { everyMs: 2700, forMs: 80 },
  spikes: { everyMs: 15_000, forMs: 1500, addMs: 150 },
};

export const PRESETS = { WIFI, LOSSY_WIFI, LTE, SATELLITE, EVENING_VIETNAM, CABLE_CUT } as const;

const WANDER_MS = 1000;

/** A narrow place with a queue, then a way. Whatever shares the path goes through the same one. */
export class Path {
  shape: PathShape;
  lost = 0;
  overflowed = 0;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  #freeAtMs = 0;
  #lastMs = 0;
  #wanderMs = 0;
  #wanderedAtMs = 0;

  constructor({ scheduler, random }: { scheduler: Scheduler; random: SeededRandom }, shape: PathShape) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.shape = shape;
  }

  /** The shape from some times on. */
  plan(steps: readonly (readonly [atMs: number, shape: PathShape])[]): void {
    for (const [atMs, shape] of steps) {
      this.#scheduler.after(atMs - this.#scheduler.nowMs, () => {
        this.shape = shape;
      });
    }
  }

  send(byteLength: number, deliver: () => void): void {
    const { rateBps, delayMs, queueMs = 100, jitterMs = 0, loss = 0, spikes } = this.shape;
    const { nowMs } = this.#scheduler;
    const startMs = Math.max(nowMs, this.#freeAtMs);
    if (startMs - nowMs > queueMs) {
      this.overflowed++;
      return;
    }
    this.#freeAtMs = startMs + (byteLength * 8000) / rateBps;
    if (this.#random.chance(loss) || this.#isBad(nowMs)) {
      this.lost++;
      return;
    }
    this.#wander(jitterMs, nowMs);
    const spikeMs = spikes !== undefined && nowMs % spikes.everyMs < spikes.forMs ? spikes.addMs : 0;
    const atMs = Math.max(this.#lastMs, this.#freeAtMs + delayMs + Math.abs(this.#wanderMs) + spikeMs);
    this.#lastMs = atMs;
    this.#scheduler.after(atMs - nowMs, deliver);
  }

  /** First-order autoregression that forgets in a second, as the measured paths do. */
  #wander(jitterMs: number, nowMs: number): void {
    const keep = Math.exp(-(nowMs - this.#wanderedAtMs) / WANDER_MS);
    this.#wanderedAtMs = nowMs;
    // Two uniform draws have a standard deviation of 0.408.
    const noise = (this.#random.uint32() / 2 ** 32 + this.#random.uint32() / 2 ** 32 - 1) / 0.408;
    this.#wanderMs = this.#wanderMs * keep + noise * jitterMs * Math.sqrt(1 - keep * keep);
  }

  #isBad(nowMs: number): boolean {
    const { bad } = this.shape;
    if (bad === undefined || nowMs % bad.everyMs < bad.everyMs - bad.forMs) return false;
    return !this.#random.chance(0.1);
  }
}
