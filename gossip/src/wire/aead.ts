// Cryptography as the cores see it. The shell's is AES-GCM from node:crypto with random nonces, the simulator's a seeded stand-in.

/** Authenticated encryption with a 12-byte nonce and a 16-byte tag after the ciphertext. */
export interface Aead {
  /** A nonce that was never used before with any of our keys, 12 bytes. */
  nonce(): Uint8Array;
  /** Ciphertext followed by the tag. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  /** The plaintext, or undefined when the tag does not match. Must not throw for any bytes. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
}

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
