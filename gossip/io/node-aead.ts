// AES-GCM from node:crypto for the gossip layer: 128, 192 or 256 bits by the length of the key.

import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";
import type { Aead } from "../src/types.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

type GcmName = "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm";

const CIPHERS: Readonly<Record<number, GcmName>> = { 16: "aes-128-gcm", 24: "aes-192-gcm", 32: "aes-256-gcm" };

/** Nonces are 96 random bits, as the reference draws them (NIST SP 800-38D section 8.2.2). */
export class NodeAead implements Aead {
  readonly #drawNonce: (into: Uint8Array) => void;

  /** `drawNonce` fills 12 bytes; only a test has a reason to give one. */
  constructor(drawNonce: (into: Uint8Array) => void = randomFillSync) {
    this.#drawNonce = drawNonce;
  }

  /** nonce | ciphertext | tag. Throws on a key of another length than 16, 24 or 32 bytes. */
  seal(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    const block = new Uint8Array(NONCE_BYTES + plaintext.length + TAG_BYTES);
    const nonce = block.subarray(0, NONCE_BYTES);
    this.#drawNonce(nonce);
    const cipher = createCipheriv(cipherOf(key), key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    block.set(cipher.update(plaintext), NONCE_BYTES);
    cipher.final();
    block.set(cipher.getAuthTag(), NONCE_BYTES + plaintext.length);
    return block;
  }

  /** Undefined when the block is too short or the tag does not match. */
  open(key: Uint8Array, block: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
    if (block.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const tagAt = block.length - TAG_BYTES;
    const decipher = createDecipheriv(cipherOf(key), key, block.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(aad);
    decipher.setAuthTag(block.subarray(tagAt));
    const plain = decipher.update(block.subarray(NONCE_BYTES, tagAt));
    try {
      decipher.final();
    } catch {
      // The only way node:crypto has to say that the tag does not match.
      return undefined;
    }
    return plain;
  }
}

function cipherOf(key: Uint8Array): GcmName {
  const name = CIPHERS[key.length];
  if (name === undefined) throw new Error(`a key of ${key.length} bytes is no AES key`);
  return name;
}
