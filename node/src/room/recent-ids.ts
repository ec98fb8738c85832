/** The ids that were seen of late, to drop repetitions; at the bound the oldest is forgotten, and each after its time. Pure. */
export class RecentIds {
  /** When each was seen first, oldest first. */
  readonly #seenAtMs = new Map<string, number>();
  readonly #max: number;
  readonly #keptMs: number;

  constructor({ max, keptMs }: { readonly max: number; readonly keptMs: number }) {
    this.#max = max;
    this.#keptMs = keptMs;
  }

  get size(): number {
    return this.#seenAtMs.size;
  }

  /** True when the id is new. */
  add(id: string, nowMs: number): boolean {
    if (this.#seenAtMs.has(id)) return false;
    this.#seenAtMs.set(id, nowMs);
    for (const [oldest, seenAtMs] of this.#seenAtMs) {
      if (this.#seenAtMs.size <= this.#max && nowMs - seenAtMs < this.#keptMs) break;
      this.#seenAtMs.delete(oldest);
    }
    return true;
  }
}
