// Chance as an argument. Every component forks its own generator by label, so that one more draw in one place does not
// shift the draws of another, and a simulated cluster repeats from its seed.

// A global is a slow look-up where modules run in a context of their own, as under test: once is enough.
const { imul } = Math;

export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound); bound 1..2^32. */
  below(bound: number): number;
  /** An independent generator that depends on this one's seed and the label only, not on draws made so far. */
  fork(label: string): Random;
}

/** FNV-1a over UTF-16 units, finished by a murmur avalanche: close labels get far seeds. */
export function hashText(text: string, seed: number): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < text.length; i += 1) hash = imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Small Fast Counter 32 (Doty-Humphrey, PractRand): 128 bits of state, passes the usual batteries. */
class Sfc32 implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#seed = seed;
    this.#a = seed | 0;
    this.#b = imul(seed, 0x9e3779b1) | 0;
    this.#c = (seed ^ 0xdeadbeef) | 0;
    for (let i = 0; i < 12; i += 1) this.#step();
  }

  #step(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  next(): number {
    return this.#step() / 4294967296;
  }

  below(bound: number): number {
    return Math.floor((this.#step() / 4294967296) * bound);
  }

  fork(label: string): Random {
    return new Sfc32(hashText(label, this.#seed));
  }
}

/** A generator that repeats itself for the same seed; any finite number will do. */
export function seededRandom(seed: number): Random {
  return new Sfc32(seed >>> 0);
}

/** Fisher-Yates, in place. */
export function shuffle<T>(items: T[], random: Random): void {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
}

/**
 * Up to `count` distinct items that pass `eligible`, each subset equally likely; `items` itself is left alone.
 * Draws at random first, which is cheap in a large set, and falls back to a full shuffle so that it never returns fewer
 * than there are (the older reference may: memberlist util.go kRandomNodes).
 */
export function pickDistinct<T>(
  items: readonly T[],
  count: number,
  random: Random,
  eligible: (item: T) => boolean,
): T[] {
  const picked: T[] = [];
  const attempts = items.length > 3 * count ? 3 * count : 0;
  for (let i = 0; i < attempts && picked.length < count; i += 1) {
    const item = items[random.below(items.length)] as T;
    if (!picked.includes(item) && eligible(item)) picked.push(item);
  }
  if (picked.length === count) return picked;
  const rest = items.filter((item) => !picked.includes(item) && eligible(item));
  shuffle(rest, random);
  return picked.concat(rest.slice(0, count - picked.length));
}
