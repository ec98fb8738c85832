// One node's coordinate, moved by every round-trip time it measures. Spec section 7.3 and 7.4; Serf coordinate/client.go.

import type { Random } from "../random.ts";
import {
  type Coordinate,
  distance,
  isValidCoordinate,
  originCoordinate,
  rawDistance,
  SERF_VIVALDI,
  type VivaldiSettings,
  vectorDistance,
  ZERO_THRESHOLD,
} from "./coordinate.ts";
import { MedianFilter } from "./latency-filter.ts";

/** Seconds; a longer round trip is a stopped clock or a lie. */
const MAX_RTT = 10;

export type UpdateResult = "updated" | "bad_coordinate" | "bad_rtt";

export class Vivaldi {
  readonly #settings: VivaldiSettings;
  readonly #random: Random;
  readonly #origin: Coordinate;
  readonly #filter: MedianFilter;
  readonly #adjustmentSamples: number[];
  #adjustmentIndex = 0;
  #own: Coordinate;
  #resets = 0;

  constructor(random: Random, settings: VivaldiSettings = SERF_VIVALDI) {
    this.#settings = settings;
    this.#random = random;
    this.#origin = originCoordinate(settings);
    this.#own = this.#origin;
    this.#filter = new MedianFilter(settings.latencyFilterSize);
    this.#adjustmentSamples = new Array<number>(settings.adjustmentWindow).fill(0);
  }

  get own(): Coordinate {
    return this.#own;
  }

  /** Times the coordinate became unusable and started again from the origin. */
  get resets(): number {
    return this.#resets;
  }

  /** Puts the coordinate elsewhere, for tests and replays. False when it is not valid. */
  place(coordinate: Coordinate): boolean {
    if (!isValidCoordinate(coordinate, this.#settings.dimensions)) return false;
    this.#own = coordinate;
    return true;
  }

  isValid(coordinate: Coordinate): boolean {
    return isValidCoordinate(coordinate, this.#settings.dimensions);
  }

  /** Takes one measurement in seconds; the state changes only when the answer is "updated". */
  update(name: string, other: Coordinate, rttSeconds: number): UpdateResult {
    if (!this.isValid(other)) return "bad_coordinate";
    if (!(rttSeconds >= 0 && rttSeconds <= MAX_RTT)) return "bad_rtt";
    const filtered = this.#filter.push(name, rttSeconds);
    let next = moved(this.#own, other, { rtt: filtered, settings: this.#settings, random: this.#random });
    next = this.#adjusted(next, other, filtered);
    next = this.#pulledBack(next);
    this.#own = next;
    if (!this.isValid(next)) {
      this.#own = this.#origin;
      this.#resets += 1;
    }
    return "updated";
  }

  forget(name: string): void {
    this.#filter.forget(name);
  }

  #adjusted(own: Coordinate, other: Coordinate, rtt: number): Coordinate {
    const window = this.#settings.adjustmentWindow;
    if (window === 0) return own;
    this.#adjustmentSamples[this.#adjustmentIndex] = rtt - rawDistance(own, other);
    this.#adjustmentIndex = (this.#adjustmentIndex + 1) % window;
    let sum = 0;
    for (const sample of this.#adjustmentSamples) sum += sample;
    return { ...own, adjustment: sum / (2 * window) };
  }

  /** Keeps the whole cloud from drifting away (Ledlie et al., NSDI 2007). */
  #pulledBack(own: Coordinate): Coordinate {
    const ratio = distance(this.#origin, own) / this.#settings.gravityRho;
    const force = -1 * ratio * ratio;
    return applyForce(own, this.#origin, { force, settings: this.#settings, random: this.#random });
  }
}

interface Sample {
  readonly rtt: number;
  readonly settings: VivaldiSettings;
  readonly random: Random;
}

/** The Vivaldi step: the less certain of the two moves the more. */
function moved(own: Coordinate, other: Coordinate, sample: Sample): Coordinate {
  const { settings, random } = sample;
  const predicted = distance(own, other);
  const rtt = Math.max(sample.rtt, ZERO_THRESHOLD);
  const wrongness = Math.abs(predicted - rtt) / rtt;
  const weight = own.error / Math.max(own.error + other.error, ZERO_THRESHOLD);
  const gain = settings.errorGain * weight;
  const error = Math.min(settings.errorMax, gain * wrongness + own.error * (1 - gain));
  const force = settings.forceGain * weight * (rtt - predicted);
  return applyForce({ ...own, error }, other, { force, settings, random });
}

interface Push {
  /** Seconds; positive pushes apart. */
  readonly force: number;
  readonly settings: VivaldiSettings;
  readonly random: Random;
}

/** Exported for tests: moves `own` away from `other` by the force. */
export function applyForce(own: Coordinate, other: Coordinate, push: Push): Coordinate {
  const { force, settings, random } = push;
  const apart = vectorDistance(own.vec, other.vec);
  const unit =
    apart > ZERO_THRESHOLD ? unitVector(own.vec, other.vec, apart) : randomUnitVector(own.vec.length, random);
  const vec = own.vec.map((component, i) => component + (unit[i] as number) * force);
  if (apart <= ZERO_THRESHOLD) return { ...own, vec };
  const height = Math.max(((own.height + other.height) * force) / apart + own.height, settings.heightMin);
  return { ...own, vec, height };
}

/** Exported for tests: the direction from `b` to `a`, whose distance is `length`. */
export function unitVector(a: readonly number[], b: readonly number[], length: number): number[] {
  return a.map((component, i) => (component - (b[i] as number)) * (1 / length));
}

/** Two nodes at one spot leave it in a direction of chance. */
function randomUnitVector(dimensions: number, random: Random): number[] {
  const vec = Array.from({ length: dimensions }, () => random.next() - 0.5);
  const length = Math.sqrt(vec.reduce((sum, component) => sum + component * component, 0));
  if (length > ZERO_THRESHOLD) return vec.map((component) => component / length);
  return vec.map((_, i) => (i === 0 ? 1 : 0));
}
