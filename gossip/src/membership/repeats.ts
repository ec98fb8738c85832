// Messages that were heard lately, byte for byte. Gossip tells everybody everything a dozen times; knowing a repetition by
// its bytes is several times cheaper than decoding it, and most of what arrives in a large or busy cluster is one.

const SLOTS = 4096;
// A global is a slow look-up where modules run in a context of their own, as under test: once is enough.
const { imul } = Math;

/** One message per slot, the later one staying: bounded, and forgetting is harmless because it only costs a decoding. */
export class Repeats {
  readonly #slots: (DataView | undefined)[] = new Array<DataView | undefined>(SLOTS).fill(undefined);
  #isEmpty = true;
  #count = 0;

  /** Messages that were recognised. */
  get count(): number {
    return this.#count;
  }

  /** Whether exactly these bytes are remembered. */
  has(packet: DataView, start: number, end: number): boolean {
    const known = this.#slots[slotOf(packet, start, end)];
    if (known === undefined || known.byteLength !== end - start) return false;
    let at = start;
    for (let i = 0; at + 4 <= end; i += 4, at += 4) if (known.getInt32(i) !== packet.getInt32(at)) return false;
    for (; at < end; at += 1) if (known.getInt8(at - start) !== packet.getInt8(at)) return false;
    this.#count += 1;
    return true;
  }

  /** Keeps a copy. */
  remember(packet: DataView, start: number, end: number): void {
    const copy = packet.buffer.slice(packet.byteOffset + start, packet.byteOffset + end);
    this.#slots[slotOf(packet, start, end)] = new DataView(copy);
    this.#isEmpty = false;
  }

  clear(): void {
    if (this.#isEmpty) return;
    this.#slots.fill(undefined);
    this.#isEmpty = true;
  }
}

/** FNV-1a over words of four bytes, which is three times faster than over bytes, its high bits folded in. */
function slotOf(packet: DataView, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) hash = imul(hash ^ packet.getInt32(at), 0x01000193);
  for (; at < end; at += 1) hash = imul(hash ^ packet.getInt8(at), 0x01000193);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}
