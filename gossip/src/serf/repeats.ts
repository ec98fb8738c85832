// Messages that were heard lately, byte for byte. Gossip tells everybody everything a dozen times; an intent that was
// heard before changes nothing, and seeing that from its bytes is several times cheaper than decoding it.

import { bytesEqual } from "../membership/member.ts";

const SLOTS = 2048;

/** One message per slot, the later one staying: bounded, and forgetting is harmless because it only costs a decoding. */
export class Repeats {
  readonly #slots: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(SLOTS).fill(undefined);
  #count = 0;

  /** Messages that were recognised. */
  get count(): number {
    return this.#count;
  }

  /** True when exactly these bytes were passed before and no other took their slot; remembers a copy otherwise. */
  isRepeated(bytes: Uint8Array): boolean {
    const slot = hash(bytes) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && bytesEqual(known, bytes)) {
      this.#count += 1;
      return true;
    }
    this.#slots[slot] = bytes.slice();
    return false;
  }
}

/** FNV-1a, its high bits folded in. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += 1) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return value ^ (value >>> 15);
}
