/**
 * Packet memory: one flat buffer from which caches, keystream and packet slots take pieces by offset, so that a packet is
 * a number and not an object. The buffer may be WebAssembly memory; nothing here knows.
 */

/** Offsets below this are never handed out, so 0 can mean "none". */
const FIRST_OFFSET = 4096;
/** Pieces start and end on cache lines. */
const GRAIN = 64;

/**
 * Pieces of one size are reused by later pieces of that size only: the plane needs few sizes, and they recur. At the bound
 * `allocate` returns 0 and the caller goes on without (a slower path, or no retransmissions); nothing is evicted here.
 */
export class PacketArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly limitBytes: number;
  #next = FIRST_OFFSET;
  #usedBytes = 0;
  #refusals = 0;
  readonly #free = new Map<number, number[]>();

  /** `reservedBytes` at the start are left to the owner of the buffer (at least 4096). */
  constructor(buffer: ArrayBuffer, reservedBytes = FIRST_OFFSET) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.limitBytes = buffer.byteLength;
    this.#next = roundUp(Math.max(FIRST_OFFSET, reservedBytes));
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** How often the bound was hit. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The offset of at least `byteLength` bytes with undefined content, or 0 when the arena is full. */
  allocate(byteLength: number): number {
    const size = roundUp(byteLength);
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) {
      this.#usedBytes += size;
      return reused;
    }
    // The last grains stay free, so that vector reads past the end of a piece never leave the buffer.
    if (this.#next + size > this.limitBytes - 2 * GRAIN) {
      this.#refusals++;
      return 0;
    }
    const offset = this.#next;
    this.#next += size;
    this.#usedBytes += size;
    return offset;
  }

  /** Gives back what `allocate(byteLength)` returned; 0 is ignored. */
  release(offset: number, byteLength: number): void {
    if (offset === 0) return;
    const size = roundUp(byteLength);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [offset]);
    else list.push(offset);
    this.#usedBytes -= size;
  }
}

function roundUp(byteLength: number): number {
  return (byteLength + GRAIN - 1) & ~(GRAIN - 1);
}
