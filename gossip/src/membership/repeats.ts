// Messages that were heard lately, known by a hash of their bytes. Gossip tells everybody everything a dozen times; knowing
// a repetition without decoding it is several times cheaper, and most of what arrives in a large or busy cluster is one.
//
// The hash has 64 bits and two seeds of chance: that another message is taken for a known one happens once in 10^19, and
// nobody outside can bring it about. Keeping hashes and not bytes keeps the table small enough for the processor's cache.

import type { Random } from "../random.ts";

const SLOTS = 4096;
/** A global is a slow look-up where modules run in a context of their own, as under test: once is enough. */
const { imul } = Math;

/** One message per slot, the later one staying: bounded, and forgetting is harmless because it only costs a decoding. */
export class Repeats {
  readonly #high = new Int32Array(SLOTS);
  readonly #low = new Int32Array(SLOTS);
  readonly #highSeed: number;
  readonly #lowSeed: number;
  /** Of the message looked at last. */
  #highHash = 0;
  #lowHash = 0;
  #isEmpty = true;
  #count = 0;

  constructor(random: Random) {
    this.#highSeed = random.below(2 ** 32) | 0;
    this.#lowSeed = random.below(2 ** 32) | 0;
  }

  /** Messages that were recognised. */
  get count(): number {
    return this.#count;
  }

  /** Whether these bytes are remembered. */
  has(packet: DataView, start: number, end: number): boolean {
    this.#hash(packet, start, end);
    const slot = this.#lowHash & (SLOTS - 1);
    if (this.#low[slot] !== this.#lowHash || this.#high[slot] !== this.#highHash) return false;
    this.#count += 1;
    return true;
  }

  remember(packet: DataView, start: number, end: number): void {
    this.#hash(packet, start, end);
    const slot = this.#lowHash & (SLOTS - 1);
    this.#low[slot] = this.#lowHash;
    this.#high[slot] = this.#highHash;
    this.#isEmpty = false;
  }

  clear(): void {
    if (this.#isEmpty) return;
    this.#low.fill(0);
    this.#high.fill(0);
    this.#isEmpty = true;
  }

  /** Two multiplicative hashes side by side over words of four bytes, each finished as murmur does. */
  #hash(packet: DataView, start: number, end: number): void {
    let high = this.#highSeed ^ (end - start);
    let low = this.#lowSeed;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = packet.getInt32(at);
      high = imul(high ^ word, 0x85ebca6b);
      high ^= high >>> 15;
      low = imul(low ^ word, 0x01000193);
      low ^= low >>> 13;
    }
    for (; at < end; at += 1) {
      const byte = packet.getUint8(at);
      high = imul(high ^ byte, 0x85ebca6b);
      low = imul(low ^ byte, 0x01000193);
    }
    high = imul(high ^ (high >>> 16), 0xc2b2ae35);
    low = imul(low ^ (low >>> 16), 0x85ebca6b);
    // 0 means an empty slot.
    this.#highHash = (high ^ (high >>> 13)) | 1;
    this.#lowHash = low ^ (low >>> 13);
  }
}
