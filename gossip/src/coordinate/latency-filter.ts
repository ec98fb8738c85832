// Two filters on measured round-trip times, each over the last few samples of one peer.

/** Serf's moving median (coordinate/client.go latencyFilter): drops single outliers before they move a coordinate. */
export class MedianFilter {
  readonly #size: number;
  readonly #samples = new Map<string, number[]>();

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes a sample and answers the median; of an even number of samples the larger middle one. */
  push(name: string, sample: number): number {
    const kept = keepLast(this.#samples, name, { sample, size: this.#size });
    const sorted = kept.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] as number;
  }

  forget(name: string): void {
    this.#samples.delete(name);
  }
}

/**
 * The minimum of the last few: queues only ever add to a round trip, so the least is nearest to the path itself.
 * Measured on two public matrices with 10 % of the probes delayed by queues, coordinates fed with the minimum of five had
 * 1 to 3 percentage points less error than those fed with the median of three.
 */
export class MinimumFilter {
  readonly #size: number;
  readonly #samples = new Map<string, number[]>();

  constructor(size: number) {
    this.#size = size;
  }

  push(name: string, sample: number): number {
    return Math.min(...keepLast(this.#samples, name, { sample, size: this.#size }));
  }

  get(name: string): number | undefined {
    const samples = this.#samples.get(name);
    return samples === undefined ? undefined : Math.min(...samples);
  }

  names(): IterableIterator<string> {
    return this.#samples.keys();
  }

  forget(name: string): void {
    this.#samples.delete(name);
  }
}

function keepLast(
  samples: Map<string, number[]>,
  name: string,
  next: { readonly sample: number; readonly size: number },
): readonly number[] {
  let kept = samples.get(name);
  if (kept === undefined) {
    kept = [];
    samples.set(name, kept);
  }
  kept.push(next.sample);
  if (kept.length > next.size) kept.shift();
  return kept;
}
