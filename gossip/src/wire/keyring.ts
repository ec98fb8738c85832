// The ordered list of keys: the first seals, all are tried to open. And the encrypted block, which is the same in packets
// and streams.

import type { WireDropReason } from "../sink.ts";
import type { Aead } from "../types.ts";
import { ENCRYPTION_OVERHEAD_BYTES, ENCRYPTION_V0_OVERHEAD_BYTES } from "./limits.ts";

/** More keys than any rotation needs; a longer ring would make every stranger's packet expensive. */
export const MAX_KEYS = 16;
const BLOCK_BYTES = 16;

export type EncryptionVersion = 0 | 1;
export type Opened =
  | { readonly ok: true; readonly plain: Uint8Array }
  | { readonly ok: false; readonly reason: WireDropReason };

/** Texts as the reference says them, because operators see them through `keys`. */
export type KeyringError =
  | "key size must be 16, 24 or 32 bytes"
  | "Requested key is not in the keyring"
  | "Removing the primary key is not allowed"
  | "too many keys";

export class Keyring {
  readonly #aead: Aead;
  #keys: readonly Uint8Array[] = [];

  /** Keys of another size than 16, 24 or 32 bytes, or beyond the sixteenth, are not taken; ask `add` to learn why. */
  constructor(aead: Aead, keys: readonly Uint8Array[] = []) {
    this.#aead = aead;
    for (const key of keys) this.add(key);
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** Primary first. Another list whenever the keyring changed, and only then. */
  keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** A key that is there already changes nothing; the first one ever becomes the primary. */
  add(key: Uint8Array): KeyringError | undefined {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) return "key size must be 16, 24 or 32 bytes";
    if (this.#indexOf(key) >= 0) return undefined;
    if (this.#keys.length === MAX_KEYS) return "too many keys";
    this.#keys = [...this.#keys, key.slice()];
    return undefined;
  }

  /** Makes the key the primary; the others keep their order. */
  use(key: Uint8Array): KeyringError | undefined {
    const index = this.#indexOf(key);
    const found = this.#keys[index];
    if (found === undefined) return "Requested key is not in the keyring";
    if (index === 0) return undefined;
    this.#keys = [found, ...this.#keys.filter((other) => other !== found)];
    return undefined;
  }

  /** An unknown key is gone already. */
  remove(key: Uint8Array): KeyringError | undefined {
    const index = this.#indexOf(key);
    if (index === 0) return "Removing the primary key is not allowed";
    if (index < 0) return undefined;
    this.#keys = this.#keys.filter((_, at) => at !== index);
    return undefined;
  }

  /** version | nonce | ciphertext | tag. The keyring must not be empty. */
  seal(plain: Uint8Array, associated: Uint8Array, version: EncryptionVersion = 1): Uint8Array {
    const primary = this.#keys[0];
    if (primary === undefined) throw new Error("sealing needs a key");
    const sealed = this.#aead.seal(primary, version === 0 ? pad(plain) : plain, associated);
    const block = new Uint8Array(1 + sealed.length);
    block[0] = version;
    block.set(sealed, 1);
    return block;
  }

  /** Both versions, with every key in turn. */
  open(block: Uint8Array, associated: Uint8Array): Opened {
    if (block.length === 0) return { ok: false, reason: "empty" };
    const version = block[0] as number;
    if (version > 1) return { ok: false, reason: "bad_encryption_version" };
    const least = version === 0 ? ENCRYPTION_V0_OVERHEAD_BYTES : ENCRYPTION_OVERHEAD_BYTES;
    if (block.length < least) return { ok: false, reason: "truncated" };
    const sealed = block.subarray(1);
    for (const key of this.#keys) {
      const plain = this.#aead.open(key, sealed, associated);
      if (plain !== undefined) return version === 0 ? unpad(plain) : { ok: true, plain };
    }
    return { ok: false, reason: "bad_decrypt" };
  }

  #indexOf(key: Uint8Array): number {
    return this.#keys.findIndex((known) => isEqual(known, key));
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** PKCS#7 to 16 bytes, as encryption version 0 has it. */
function pad(plain: Uint8Array): Uint8Array {
  const padding = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  const padded = new Uint8Array(plain.length + padding).fill(padding);
  padded.set(plain);
  return padded;
}

function unpad(padded: Uint8Array): Opened {
  const padding = padded[padded.length - 1] ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES || padding > padded.length) return { ok: false, reason: "bad_decrypt" };
  return { ok: true, plain: padded.subarray(0, padded.length - padding) };
}
