// A stand-in for AES-GCM: a keyed stream and a keyed checksum, so that encrypted clusters can be simulated, repeated and
// damaged. It protects nothing from anybody.

import { hashText, type Random } from "../src/random.ts";
import type { Aead } from "../src/types.ts";

const NONCE_BYTES = 12;
// A global is a slow look-up where modules run in a context of their own, as under test: once is enough.
const { imul } = Math;
const TAG_BYTES = 16;

export function simulatedAead(random: Random): Aead {
  return {
    seal(key, plaintext, aad) {
      const block = new Uint8Array(NONCE_BYTES + plaintext.length + TAG_BYTES);
      for (let i = 0; i < NONCE_BYTES; i += 1) block[i] = random.below(256);
      block.set(plaintext, NONCE_BYTES);
      scramble(block, key, plaintext.length);
      block.set(tag(key, block.subarray(0, NONCE_BYTES + plaintext.length), aad), NONCE_BYTES + plaintext.length);
      return block;
    },
    open(key, block, aad) {
      if (block.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const end = block.length - TAG_BYTES;
      const expected = tag(key, block.subarray(0, end), aad);
      for (let i = 0; i < TAG_BYTES; i += 1) if (expected[i] !== block[end + i]) return undefined;
      const copy = block.slice(0, end);
      scramble(copy, key, end - NONCE_BYTES);
      return copy.subarray(NONCE_BYTES);
    },
  };
}

function scramble(block: Uint8Array, key: Uint8Array, length: number): void {
  // Marsaglia's xorshift, one byte of each word: enough to make plain text unreadable to decoders.
  let word = hashBytes(key, hashBytes(block.subarray(0, NONCE_BYTES), 1)) | 1;
  for (let i = NONCE_BYTES; i < NONCE_BYTES + length; i += 1) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    block[i] = (block[i] as number) ^ (word & 0xff);
  }
}

function tag(key: Uint8Array, bytes: Uint8Array, aad: Uint8Array): Uint8Array {
  const result = new Uint8Array(TAG_BYTES);
  const view = new DataView(result.buffer);
  for (let word = 0; word < TAG_BYTES / 4; word += 1) {
    const seed = hashBytes(aad, hashBytes(key, word + 1));
    view.setUint32(4 * word, hashText(String(hashBytes(bytes, seed)), seed));
  }
  return result;
}

/** FNV-1a. */
export function hashBytes(bytes: Uint8Array, seed: number): number {
  let hash = (0x811c9dc5 ^ imul(seed, 0x9e3779b1)) >>> 0;
  for (let i = 0; i < bytes.length; i += 1) hash = imul(hash ^ (bytes[i] as number), 0x01000193) >>> 0;
  return hash;
}
