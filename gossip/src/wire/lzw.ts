// LZW in the GIF variant that Go's compress/lzw writes with order LSB and 8 literal bits: codes start 9 bits wide, least
// significant bit first, 256 clears, 257 ends. Our streams equal the reference's bit for bit.

import type { WireDropReason } from "../sink.ts";

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;
const TABLE_MASK = 8191;

class BitWriter {
  #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  code(value: number, width: number): void {
    this.#held |= value << this.#heldBits;
    this.#heldBits += width;
    while (this.#heldBits >= 8) {
      this.#push(this.#held & 0xff);
      this.#held >>>= 8;
      this.#heldBits -= 8;
    }
  }

  finish(): Uint8Array {
    if (this.#heldBits > 0) this.#push(this.#held & 0xff);
    return this.#bytes.subarray(0, this.#at);
  }

  #push(byte: number): void {
    if (this.#at === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#at++] = byte;
  }
}

/** Pairs (code, byte) to codes, in open addressing; cleared with the code table. */
class PairTable {
  readonly #keys = new Int32Array(TABLE_MASK + 1).fill(-1);
  readonly #codes = new Uint16Array(TABLE_MASK + 1);

  clear(): void {
    this.#keys.fill(-1);
  }

  /** The code of the pair, or -1. */
  find(pair: number): number {
    let slot = slotOf(pair);
    for (;;) {
      const key = this.#keys[slot] as number;
      if (key === pair) return this.#codes[slot] as number;
      if (key === -1) return -1;
      slot = (slot + 1) & TABLE_MASK;
    }
  }

  add(pair: number, code: number): void {
    let slot = slotOf(pair);
    while (this.#keys[slot] !== -1) slot = (slot + 1) & TABLE_MASK;
    this.#keys[slot] = pair;
    this.#codes[slot] = code;
  }
}

const PAIRS = new PairTable();

const slotOf = (pair: number): number => (pair ^ (pair >>> 7) ^ (pair << 3)) & TABLE_MASK;

class LzwEncoder {
  readonly #out: BitWriter;
  readonly #pairs = PAIRS;
  #width = FIRST_WIDTH;
  #high = END;

  constructor(plainBytes: number) {
    this.#out = new BitWriter(plainBytes + 16);
    this.#out.code(CLEAR, FIRST_WIDTH);
    this.#pairs.clear();
  }

  run(plain: Uint8Array): Uint8Array {
    if (plain.length > 0) this.#emit(this.#longestPrefixes(plain));
    this.#out.code(END, this.#width);
    return this.#out.finish();
  }

  /** Emits a code for all but the last string, which is the answer. */
  #longestPrefixes(plain: Uint8Array): number {
    let current = plain[0] as number;
    for (let i = 1; i < plain.length; i += 1) {
      const byte = plain[i] as number;
      const pair = (current << 8) | byte;
      const known = this.#pairs.find(pair);
      if (known >= 0) {
        current = known;
        continue;
      }
      const wasCleared = this.#emit(current);
      if (!wasCleared) this.#pairs.add(pair, this.#high);
      current = byte;
    }
    return current;
  }

  /** True when the table had to be cleared after the code. */
  #emit(code: number): boolean {
    this.#out.code(code, this.#width);
    this.#high += 1;
    if (this.#high === 1 << this.#width) this.#width += 1;
    if (this.#high < MAX_CODE) return false;
    this.#out.code(CLEAR, this.#width);
    this.#pairs.clear();
    this.#width = FIRST_WIDTH;
    this.#high = END;
    return true;
  }
}

export function lzwCompress(plain: Uint8Array): Uint8Array {
  return new LzwEncoder(plain.length).run(plain);
}

export type Inflated =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: WireDropReason };

/** Inflates to at most `maxBytes`. A stream without its initial clear, as older writers leave it out, is read too. */
export function lzwDecompress(packed: Uint8Array, maxBytes: number): Inflated {
  const decoder = new LzwDecoder(packed, maxBytes);
  const reason = decoder.run();
  return reason === undefined ? { ok: true, bytes: decoder.inflated() } : { ok: false, reason };
}

// Tables are shared by all runs, one of which is at work at a time: 32 KiB each are dear for a packet of 200 bytes. What an
// earlier run left is never read, because an entry counts only once its own run has defined it.
const STARTS = new Int32Array(MAX_CODE + 1);
const LENGTHS = new Int32Array(MAX_CODE + 1);

/**
 * Strings of the table are places in the output itself: an entry is the previous string and the first byte of the current
 * one, and those two lie side by side there.
 */
class LzwDecoder {
  readonly #packed: Uint8Array;
  readonly #maxBytes: number;
  #out: Uint8Array;
  #length = 0;
  #at = 0;
  #held = 0;
  #heldBits = 0;
  #width = FIRST_WIDTH;
  /** The entry that the next code defines. */
  #high = END;
  #lastStart = 0;
  /** 0 right after a clear and once the table is full: the next code defines nothing. */
  #lastLength = 0;

  constructor(packed: Uint8Array, maxBytes: number) {
    this.#packed = packed;
    this.#maxBytes = maxBytes;
    this.#out = new Uint8Array(Math.min(maxBytes, 4 * packed.length + 64));
  }

  inflated(): Uint8Array {
    return this.#out.subarray(0, this.#length);
  }

  run(): WireDropReason | undefined {
    for (;;) {
      const code = this.#next();
      if (code === END) return undefined;
      if (code < 0) return "bad_compression";
      if (code === CLEAR) this.#clear();
      else {
        const problem = this.#expand(code);
        if (problem !== undefined) return problem;
      }
    }
  }

  #clear(): void {
    this.#width = FIRST_WIDTH;
    this.#high = END;
    this.#lastLength = 0;
  }

  #next(): number {
    while (this.#heldBits < this.#width) {
      if (this.#at === this.#packed.length) return -1;
      this.#held |= (this.#packed[this.#at++] as number) << this.#heldBits;
      this.#heldBits += 8;
    }
    const code = this.#held & ((1 << this.#width) - 1);
    this.#held >>>= this.#width;
    this.#heldBits -= this.#width;
    return code;
  }

  #expand(code: number): WireDropReason | undefined {
    if (code > this.#high) return "bad_compression";
    if (this.#lastLength > 0) {
      STARTS[this.#high] = this.#lastStart;
      LENGTHS[this.#high] = this.#lastLength + 1;
    }
    const start = this.#length;
    const length = code < CLEAR ? 1 : (LENGTHS[code] as number);
    if (start + length > this.#maxBytes) return "inflate_limit";
    this.#reserve(start + length);
    if (code < CLEAR) this.#out[start] = code;
    else this.#repeat(STARTS[code] as number, length);
    this.#length = start + length;
    this.#lastStart = start;
    this.#lastLength = length;
    this.#count();
    return undefined;
  }

  /** Byte by byte: the entry that is just being defined overlaps what is written. */
  #repeat(from: number, length: number): void {
    const out = this.#out;
    const to = this.#length;
    for (let i = 0; i < length; i += 1) out[to + i] = out[from + i] as number;
  }

  #count(): void {
    this.#high += 1;
    if (this.#high < 1 << this.#width) return;
    if (this.#width < MAX_WIDTH) {
      this.#width += 1;
    } else {
      this.#high -= 1;
      this.#lastLength = 0;
    }
  }

  #reserve(needed: number): void {
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, 2 * this.#out.length)));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
  }
}
