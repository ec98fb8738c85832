/**
 * The latest packets of one incoming stream in the clear, shared by all its receivers: a byte ring in packet memory with
 * an index by extended sequence number. It starts small, grows while packets would fall out before their time, and at
 * its bound forgets the oldest.
 */
import type { PacketArena } from "./arena.ts";
import type { RtpView } from "./rtp-view.ts";

/** Index entries; at 1,100 bytes a packet they cover the largest ring. */
const ENTRIES = 1024;
const FIRST_RING_BYTES = 32 * 1024;

export interface CacheLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export class RetransmissionCache {
  readonly #arena: PacketArena;
  readonly #limits: CacheLimits;
  readonly #extSeqs = new Float64Array(ENTRIES).fill(-1);
  readonly #offsets = new Uint32Array(ENTRIES);
  readonly #lengths = new Uint16Array(ENTRIES);
  readonly #headerLengths = new Uint16Array(ENTRIES);
  readonly #payloadLengths = new Uint16Array(ENTRIES);
  /** Of the dependency descriptor, from the packet's start. */
  readonly #dependencyStarts = new Uint16Array(ENTRIES);
  readonly #dependencyLengths = new Uint8Array(ENTRIES);
  readonly #times = new Float64Array(ENTRIES);
  /** Bytes ever written when the packet was stored; tells whether the ring has run over it. */
  readonly #positions = new Float64Array(ENTRIES);
  #ring = 0;
  #ringBytes = 0;
  #written = 0;
  /** When the ring was last empty or enlarged: before one lap nothing is known of its age. */
  #lapStartMs = 0;

  constructor(arena: PacketArena, limits: CacheLimits) {
    this.#arena = arena;
    this.#limits = limits;
  }

  get memoryBytes(): number {
    return this.#ringBytes;
  }

  /** Copies the view's packet. Without memory it does nothing: the packet is then not repairable. */
  store(extSeq: number, view: RtpView, nowMs: number): void {
    const length = view.length;
    if (this.#ring === 0 && !this.#allocate(FIRST_RING_BYTES, nowMs)) return;
    if (length > this.#ringBytes) return;
    let start = this.#written % this.#ringBytes;
    if (start + length > this.#ringBytes) {
      // No packet wraps around; the rest of the lap stays unused.
      this.#written += this.#ringBytes - start;
      this.#growAfterLap(nowMs);
      start = this.#written % this.#ringBytes;
    }
    const at = this.#ring + start;
    if (view.bytes === this.#arena.bytes) view.bytes.copyWithin(at, view.offset, view.offset + length);
    else this.#arena.bytes.set(view.bytes.subarray(view.offset, view.offset + length), at);
    const entry = extSeq % ENTRIES;
    this.#extSeqs[entry] = extSeq;
    this.#offsets[entry] = at;
    this.#lengths[entry] = length;
    this.#headerLengths[entry] = view.headerLength;
    this.#payloadLengths[entry] = view.payloadLength;
    this.#dependencyStarts[entry] = view.dependencyStart - view.offset;
    this.#dependencyLengths[entry] = view.dependencyLength;
    this.#times[entry] = nowMs;
    this.#positions[entry] = this.#written;
    this.#written += length;
  }

  has(extSeq: number): boolean {
    return this.#extSeqs[extSeq % ENTRIES] === extSeq;
  }

  /** Puts the view on a stored packet that is still whole and young enough; false when there is none. */
  load(extSeq: number, into: RtpView, nowMs: number): boolean {
    if (extSeq < 0) return false;
    const entry = extSeq % ENTRIES;
    if (this.#extSeqs[entry] !== extSeq || this.#ring === 0) return false;
    if (this.#written - (this.#positions[entry] as number) > this.#ringBytes) return false;
    if (nowMs - (this.#times[entry] as number) > this.#limits.maxAgeMs) return false;
    const { bytes } = this.#arena;
    const at = this.#offsets[entry] as number;
    into.bytes = bytes;
    into.offset = at;
    into.length = this.#lengths[entry] as number;
    into.headerLength = this.#headerLengths[entry] as number;
    into.payloadLength = this.#payloadLengths[entry] as number;
    into.marker = ((bytes[at + 1] as number) & 0x80) !== 0;
    into.payloadType = (bytes[at + 1] as number) & 0x7f;
    into.seq = extSeq & 0xffff;
    into.timestamp = this.#arena.view.getUint32(at + 4);
    into.transportSeq = -1;
    into.audioLevel = -1;
    into.dependencyStart = at + (this.#dependencyStarts[entry] as number);
    into.dependencyLength = this.#dependencyLengths[entry] as number;
    return true;
  }

  /** Forgets everything and gives the memory back. */
  close(): void {
    this.#extSeqs.fill(-1);
    this.#arena.release(this.#ring, this.#ringBytes);
    this.#ring = 0;
    this.#ringBytes = 0;
    this.#written = 0;
  }

  /** A lap shorter than the wanted age means that packets fall out too young: double the ring. */
  #growAfterLap(nowMs: number): void {
    const lapMs = nowMs - this.#lapStartMs;
    this.#lapStartMs = nowMs;
    const doubled = this.#ringBytes * 2;
    if (lapMs >= this.#limits.maxAgeMs || doubled > this.#limits.maxBytes) return;
    const { bytes } = this.#arena;
    const larger = this.#arena.allocate(doubled);
    if (larger === 0) return;
    // What the old ring holds stays in front, so that growing loses nothing.
    bytes.copyWithin(larger, this.#ring, this.#ring + this.#ringBytes);
    for (let entry = 0; entry < ENTRIES; entry++) {
      if (this.#written - (this.#positions[entry] as number) > this.#ringBytes) this.#extSeqs[entry] = -1;
      this.#offsets[entry] = (this.#offsets[entry] as number) - this.#ring + larger;
      this.#positions[entry] = (this.#offsets[entry] as number) - larger;
    }
    this.#arena.release(this.#ring, this.#ringBytes);
    this.#written = this.#ringBytes;
    this.#ring = larger;
    this.#ringBytes = doubled;
  }

  #allocate(byteLength: number, nowMs: number): boolean {
    const size = Math.min(byteLength, this.#limits.maxBytes);
    this.#ring = this.#arena.allocate(size);
    if (this.#ring === 0) return false;
    this.#ringBytes = size;
    this.#written = 0;
    this.#lapStartMs = nowMs;
    return true;
  }
}
