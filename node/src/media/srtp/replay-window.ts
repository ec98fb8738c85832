/** Which packet indexes were already accepted: RFC 3711 section 3.3.2, over a window wide enough for late repairs. */

export const REPLAY_WINDOW_PACKETS = 1024;

export class ReplayWindow {
  /** Largest accepted index, -1 before the first. */
  highest = -1;
  /** Bit i of the ring is index i modulo the window. */
  readonly #bits = new Uint32Array(REPLAY_WINDOW_PACKETS / 32);

  /** Undefined when that index may still be accepted. Changes nothing. */
  check(index: number): "replayed" | "too_old" | undefined {
    if (index > this.highest) return undefined;
    if (index <= this.highest - REPLAY_WINDOW_PACKETS || index < 0) return "too_old";
    const bit = index % REPLAY_WINDOW_PACKETS;
    return ((this.#bits[bit >> 5] as number) & (1 << (bit & 31))) === 0 ? undefined : "replayed";
  }

  /** To be called for an authentic packet that `check` let pass. */
  accept(index: number): void {
    if (index > this.highest) this.#advance(index);
    const bit = index % REPLAY_WINDOW_PACKETS;
    this.#bits[bit >> 5] = (this.#bits[bit >> 5] as number) | (1 << (bit & 31));
  }

  #advance(index: number): void {
    if (this.highest < 0 || index - this.highest >= REPLAY_WINDOW_PACKETS) {
      this.#bits.fill(0);
    } else {
      for (let skipped = this.highest + 1; skipped <= index; skipped++) {
        const bit = skipped % REPLAY_WINDOW_PACKETS;
        this.#bits[bit >> 5] = (this.#bits[bit >> 5] as number) & ~(1 << (bit & 31));
      }
    }
    this.highest = index;
  }
}

/**
 * The 48-bit index that a 16-bit sequence number most likely stands for: the one nearest to the highest seen
 * (RFC 3711 section 3.3.1 and appendix A). Negative: it would lie before the first packet of the stream.
 */
export function estimateIndex(seq: number, highest: number): number {
  if (highest < 0) return seq;
  let ahead = (seq - highest) & 0xffff;
  if (ahead >= 0x8000) ahead -= 0x10000;
  return highest + ahead;
}
