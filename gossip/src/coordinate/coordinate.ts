// A point of the latency space: where a node would be if round-trip times were distances.
// Spec section 7.2; Serf coordinate.go; Dabek et al., "Vivaldi", SIGCOMM 2004 (heights: section 5.4).

/** Seconds, except the error, which is relative and has no unit. A value: never changed in place. */
export interface Coordinate {
  readonly vec: readonly number[];
  /** How far off predictions from here are, 0 to 1.5. */
  readonly error: number;
  /** Correction for what the geometry cannot express; may be negative. */
  readonly adjustment: number;
  /** Time spent on the access link, which every path pays. */
  readonly height: number;
}

export interface VivaldiSettings {
  readonly dimensions: number;
  /** Largest and first error. */
  readonly errorMax: number;
  /** Weight of one sample on the error (c_e). */
  readonly errorGain: number;
  /** Weight of one sample on the position (c_c). */
  readonly forceGain: number;
  /** Samples averaged into the adjustment; 0 turns it off. */
  readonly adjustmentWindow: number;
  /** Smallest and first height in seconds. */
  readonly heightMin: number;
  /** Samples of the moving median per peer. */
  readonly latencyFilterSize: number;
  /** Distance in seconds from the origin at which the pull back to it is 1 s. */
  readonly gravityRho: number;
}

/** Serf's, which everybody in a cluster must share. */
export const SERF_VIVALDI: VivaldiSettings = Object.freeze({
  dimensions: 8,
  errorMax: 1.5,
  errorGain: 0.25,
  forceGain: 0.25,
  adjustmentWindow: 20,
  heightMin: 10e-6,
  latencyFilterSize: 3,
  gravityRho: 150,
});

/** Below this, in seconds, lengths count as zero. */
export const ZERO_THRESHOLD = 1e-6;

export function originCoordinate(settings: VivaldiSettings): Coordinate {
  return {
    vec: new Array<number>(settings.dimensions).fill(0),
    error: settings.errorMax,
    adjustment: 0,
    height: settings.heightMin,
  };
}

/** Fit to be used in a formula: the right number of dimensions and no NaN or infinity anywhere. */
export function isValidCoordinate(coordinate: Coordinate, dimensions: number): boolean {
  return (
    coordinate.vec.length === dimensions &&
    coordinate.vec.every(Number.isFinite) &&
    Number.isFinite(coordinate.error) &&
    Number.isFinite(coordinate.adjustment) &&
    Number.isFinite(coordinate.height)
  );
}

export function vectorDistance(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] as number) - (b[i] as number);
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/** Without adjustments. Seconds; both must have the same number of dimensions. */
export function rawDistance(a: Coordinate, b: Coordinate): number {
  return vectorDistance(a.vec, b.vec) + a.height + b.height;
}

/** The predicted round-trip time in seconds, in whole nanoseconds as the reference truncates it. */
export function distance(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9) / 1e9;
}
