/**
 * From the source's sequence numbers to the receiver's. Packets that are left out (padding, other layers' time) leave no
 * hole; a packet that was truly lost keeps its hole, so that the receiver asks for it. The way back serves NACK.
 */

/** Left-out packets that can be told apart later; older ones merge, and only very late packets suffer. */
const MAX_SEGMENTS = 64;

/** Above every number that occurs in days, and still a small integer to the engine, which boxes others. */
const NO_START = 0x7fffffff;

export class SequenceMap {
  /** Segment i covers source numbers from starts[i] on, which map by adding offsets[i]. A ring, oldest at `#first`. */
  readonly #starts = new Float64Array(MAX_SEGMENTS);
  readonly #offsets = new Float64Array(MAX_SEGMENTS);
  #first = 0;
  #count = 0;
  /** Offset of the newest segment: nearly every packet needs only this. */
  #offset = 0;
  #start = NO_START;

  /** From source number `sourceStart` on, numbers continue at `egressStart`. Forgets everything before. */
  reset(sourceStart: number, egressStart: number): void {
    this.#first = 0;
    this.#count = 0;
    this.#push(sourceStart, egressStart - sourceStart);
  }

  /** Source numbers from here on map by the newest step; what is skipped must not lie before it. */
  get newestStart(): number {
    return this.#start;
  }

  /** The receiver's number, or -1: it lies before everything remembered, or was left out. */
  map(source: number): number {
    if (source >= this.#start) return source + this.#offset;
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = (this.#first + i) % MAX_SEGMENTS;
      if (source < (this.#starts[at] as number)) continue;
      const egress = source + (this.#offsets[at] as number);
      // The packet left out is the last before the next segment: it would collide with that segment's first.
      const next = (this.#first + i + 1) % MAX_SEGMENTS;
      return egress < (this.#starts[next] as number) + (this.#offsets[next] as number) ? egress : -1;
    }
    return -1;
  }

  /** The source's number for one that the receiver names, or -1. */
  reverse(egress: number): number {
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = (this.#first + i) % MAX_SEGMENTS;
      const start = this.#starts[at] as number;
      const source = egress - (this.#offsets[at] as number);
      if (source >= start) return source;
    }
    return -1;
  }

  /** Leaves `source` out. It must be newer than every number mapped so far; an older one has its hole already. */
  skip(source: number): void {
    this.#push(source + 1, this.#offset - 1);
  }

  #push(start: number, offset: number): void {
    if (this.#count > 1 && start === this.#start + 1) {
      // The newest segment's first packet is left out as well: a run is one boundary, not many.
      const at = (this.#first + this.#count - 1) % MAX_SEGMENTS;
      this.#starts[at] = start;
      this.#offsets[at] = offset;
    } else {
      if (this.#count === MAX_SEGMENTS) this.#first = (this.#first + 1) % MAX_SEGMENTS;
      else this.#count++;
      const at = (this.#first + this.#count - 1) % MAX_SEGMENTS;
      this.#starts[at] = start;
      this.#offsets[at] = offset;
    }
    this.#start = start;
    this.#offset = offset;
  }
}
