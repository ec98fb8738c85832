/** The kernel for machines with WebAssembly SIMD; what each part costs is in bench/micro. */
import { type Cipher, createCipheriv, hash } from "node:crypto";
import { PacketArena } from "../../sfu/index.ts";
import {
  counterBase,
  type KernelKey,
  type Keystream,
  type KeystreamShape,
  MAX_PACKET_BLOCKS,
  type SrtpKernel,
} from "./kernel.ts";
import type { SessionKeys } from "./key-derivation.ts";
import {
  COUNTER_BASE,
  COUNTER_BLOCKS,
  COUNTER_BLOCKS_BYTES,
  JOB,
  KEY_BYTES,
  KEY_INNER,
  KEY_OUTER,
  MAC_BLOCKS,
  RESERVED_BYTES,
  SINGLE_KEYSTREAM,
  STATE,
} from "./wasm-layout.ts";
import { instantiateKernel, type KernelExports } from "./wasm-module.ts";

const SHA1_INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
/** Up to here four lanes for one message are cheaper than a call into OpenSSL (measured: 0.16 µs a block against 0.9 µs). */
const MAX_ONE_LANE_BLOCKS = 5;
/** Keystream room grows in these steps, so that few sizes of piece exist. */
const BLOCK_STEPS = [10, 20, 40, 76, MAX_PACKET_BLOCKS];

export class FastKernel implements SrtpKernel {
  readonly arena: PacketArena;
  readonly job: Int32Array;
  readonly exports: KernelExports;
  readonly #memory: Buffer;

  private constructor(exports: KernelExports) {
    this.exports = exports;
    const buffer = exports.memory.buffer;
    this.arena = new PacketArena(buffer, RESERVED_BYTES);
    this.job = new Int32Array(buffer, JOB, 32);
    this.#memory = Buffer.from(buffer);
    // The outer hash is always over a padded key block and a 20-byte digest.
    for (let lane = 0; lane < 4; lane++) {
      this.arena.bytes[MAC_BLOCKS + lane * 64 + 20] = 0x80;
      this.arena.view.setUint32(MAC_BLOCKS + lane * 64 + 60, (64 + 20) * 8);
    }
  }

  /** Undefined where WebAssembly SIMD is missing. */
  static create(memoryBytes: number): FastKernel | undefined {
    const exports = instantiateKernel(memoryBytes);
    return exports === undefined ? undefined : new FastKernel(exports);
  }

  openKey(keys: SessionKeys): FastKey {
    return new FastKey(this, keys);
  }

  openKeystream(key: KernelKey, shape: KeystreamShape): Keystream {
    if (!(key instanceof FastKey)) throw new TypeError("the key is of another kernel");
    return new FastKeystream(this, key, shape);
  }

  build(): number {
    return this.exports.build();
  }

  xor(destination: number, a: number, b: number, pieces: number): void {
    this.exports.xor(destination, a, b, pieces);
  }

  hmac(blocks: number): void {
    this.exports.hmac(blocks);
  }

  hmacOne(key: KernelKey, { offset, byteLength }: { offset: number; byteLength: number }, tag: number): void {
    const blocks = (byteLength + 9 + 63) >> 6;
    if (blocks > MAX_ONE_LANE_BLOCKS && key instanceof FastKey) {
      this.#hmacByOpenssl(key, { offset, byteLength }, tag);
      return;
    }
    padMessage(this.arena, offset, byteLength);
    const job = this.job;
    for (let lane = 0; lane < 4; lane++) {
      job[lane] = offset;
      job[4 + lane] = key.handle;
      job[8 + lane] = tag;
    }
    this.exports.hmac(blocks);
  }

  /** The inner hash over the key block and a long message in one call; only the outer one needs our own block function. */
  #hmacByOpenssl(key: FastKey, { offset, byteLength }: { offset: number; byteLength: number }, tag: number): void {
    const { bytes, view } = this.arena;
    bytes.set(key.innerBlock, offset - 64);
    const inner = hash("sha1", this.#memory.subarray(offset - 64, offset + byteLength), "binary");
    for (let i = 0; i < 20; i++) bytes[MAC_BLOCKS + i] = inner.charCodeAt(i);
    for (let i = 0; i < 5; i++) {
      view.setUint32(STATE + i * 16, view.getUint32(key.handle + KEY_OUTER + i * 4, true), true);
    }
    this.exports.sha1(MAC_BLOCKS, MAC_BLOCKS, MAC_BLOCKS, MAC_BLOCKS, 1);
    for (let i = 0; i < 3; i++) view.setUint32(tag + i * 4, view.getUint32(STATE + i * 16, true));
  }
}

/** SHA-1 padding for a message behind a 64-byte key block. */
export function padMessage(arena: PacketArena, offset: number, byteLength: number): void {
  const end = offset + byteLength;
  const blocks = (byteLength + 9 + 63) >> 6;
  arena.bytes.fill(0, end, offset + blocks * 64);
  arena.bytes[end] = 0x80;
  arena.view.setUint32(offset + blocks * 64 - 4, (64 + byteLength) * 8);
}

class FastKey implements KernelKey {
  readonly handle: number;
  readonly salt: Uint8Array;
  readonly cipher: Cipher;
  /** The key block xor ipad (RFC 2104). */
  readonly innerBlock: Uint8Array;
  readonly #kernel: FastKernel;

  constructor(kernel: FastKernel, keys: SessionKeys) {
    this.#kernel = kernel;
    this.salt = keys.salt;
    this.cipher = createCipheriv("aes-128-ecb", keys.encryption, null);
    this.cipher.setAutoPadding(false);
    this.innerBlock = keyBlock(keys.authentication, 0x36);
    this.handle = kernel.arena.allocate(KEY_BYTES);
    if (this.handle === 0) throw new RangeError("packet memory is full");
    this.#storeState(KEY_INNER, this.innerBlock);
    this.#storeState(KEY_OUTER, keyBlock(keys.authentication, 0x5c));
  }

  close(): void {
    this.#kernel.arena.release(this.handle, KEY_BYTES);
  }

  #storeState(at: number, block: Uint8Array): void {
    const { bytes, view } = this.#kernel.arena;
    bytes.set(block, COUNTER_BLOCKS);
    for (const [i, word] of SHA1_INITIAL.entries()) view.setUint32(STATE + i * 16, word, true);
    this.#kernel.exports.sha1(COUNTER_BLOCKS, COUNTER_BLOCKS, COUNTER_BLOCKS, COUNTER_BLOCKS, 1);
    for (let i = 0; i < 5; i++) {
      view.setUint32(this.handle + at + i * 4, view.getUint32(STATE + i * 16, true), true);
    }
  }
}

function keyBlock(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(64).fill(pad);
  for (const [i, byte] of key.entries()) block[i] = byte ^ pad;
  return block;
}

/**
 * Keystream for coming packets, made many at once: the sender chooses its sequence numbers, and a receiver can expect
 * them, so one call into OpenSSL serves a batch. A packet outside the batch costs a call of its own.
 */
class FastKeystream implements Keystream {
  readonly #kernel: FastKernel;
  readonly #key: FastKey;
  readonly #base: Uint8Array;
  readonly #batchPackets: number;
  #batch = 0;
  #stride: number;
  #pointer = 0;
  #pointerBytes = 0;
  /** First index of the batch, -1: none made. */
  #first = -1;

  constructor(kernel: FastKernel, key: FastKey, shape: KeystreamShape) {
    this.#kernel = kernel;
    this.#key = key;
    this.#base = counterBase(key.salt, shape.ssrc);
    this.#batchPackets = shape.batchPackets;
    this.#stride = stepFor(shape.blocks) * 16;
  }

  at(index: number, byteLength: number): number {
    const ahead = index - this.#first;
    if (byteLength <= this.#stride && this.#first >= 0 && ahead >= 0 && ahead < this.#batch) {
      return this.#pointer + ahead * this.#stride;
    }
    return this.#make(index, byteLength);
  }

  close(): void {
    this.#kernel.arena.release(this.#pointer, this.#pointerBytes);
    this.#pointer = 0;
    this.#pointerBytes = 0;
    this.#first = -1;
    this.#batch = 0;
  }

  /** An index before the batch, a batch of one, and full memory are served singly. */
  #make(index: number, byteLength: number): number {
    const late = this.#first >= 0 && index < this.#first;
    if (this.#batchPackets <= 1 || late || !this.#reserve(byteLength)) {
      const blocks = (byteLength + 15) >> 4;
      this.#fillCounters(COUNTER_BLOCKS, index, Math.max(1, blocks));
      this.#encrypt(Math.max(1, blocks) * 16, SINGLE_KEYSTREAM);
      return SINGLE_KEYSTREAM;
    }
    for (let i = 0; i < this.#batch; i++) {
      this.#fillCounters(COUNTER_BLOCKS + i * this.#stride, index + i, this.#stride >> 4);
    }
    this.#encrypt(this.#stride * this.#batch, this.#pointer);
    this.#first = index;
    return this.#pointer;
  }

  /** Makes the batch's memory large enough; false when the arena is full. */
  #reserve(byteLength: number): boolean {
    if (this.#pointer !== 0 && byteLength <= this.#stride) return true;
    const stride = Math.max(this.#stride, stepFor((byteLength + 15) >> 4) * 16);
    const batch = Math.max(2, Math.min(this.#batchPackets, Math.floor(COUNTER_BLOCKS_BYTES / stride)));
    this.close();
    this.#pointer = this.#kernel.arena.allocate(stride * batch);
    if (this.#pointer === 0) return false;
    this.#pointerBytes = stride * batch;
    this.#stride = stride;
    this.#batch = batch;
    return true;
  }

  #fillCounters(at: number, index: number, blocks: number): void {
    const { bytes, view } = this.#kernel.arena;
    bytes.set(this.#base, COUNTER_BASE);
    // The 48-bit index stands 16 bits above the block count.
    const high = Math.floor(index / 65_536);
    view.setUint32(COUNTER_BASE + 8, (view.getUint32(COUNTER_BASE + 8) ^ high) >>> 0);
    view.setUint16(COUNTER_BASE + 12, view.getUint16(COUNTER_BASE + 12) ^ (index & 0xffff));
    this.#kernel.exports.counters(at, blocks);
  }

  #encrypt(byteLength: number, to: number): void {
    const { bytes } = this.#kernel.arena;
    bytes.set(this.#key.cipher.update(bytes.subarray(COUNTER_BLOCKS, COUNTER_BLOCKS + byteLength)), to);
  }
}

function stepFor(blocks: number): number {
  for (const step of BLOCK_STEPS) if (blocks <= step) return step;
  return MAX_PACKET_BLOCKS;
}
