/** The kernel in plain node:crypto: slow, short, and evidently the text of RFC 3711. */
import { createCipheriv, createHmac } from "node:crypto";
import { PacketArena } from "../../sfu/index.ts";
import { counterBase, type KernelKey, type Keystream, type KeystreamShape, type SrtpKernel } from "./kernel.ts";
import type { SessionKeys } from "./key-derivation.ts";
import { JOB, JOB_BUILD, RESERVED_BYTES, SINGLE_KEYSTREAM, TEMPLATE_BYTES } from "./wasm-layout.ts";

class PlainKey implements KernelKey {
  readonly handle: number;
  readonly keys: SessionKeys;
  readonly #close: () => void;

  constructor(handle: number, keys: SessionKeys, close: () => void) {
    this.handle = handle;
    this.keys = keys;
    this.#close = close;
  }

  close(): void {
    this.#close();
  }
}

export class PlainKernel implements SrtpKernel {
  readonly arena: PacketArena;
  readonly job: Int32Array;
  readonly #keys = new Map<number, PlainKey>();
  #nextHandle = 1;

  constructor(memoryBytes: number) {
    const buffer = new ArrayBuffer(memoryBytes);
    this.arena = new PacketArena(buffer, RESERVED_BYTES);
    this.job = new Int32Array(buffer, JOB, 32);
  }

  openKey(keys: SessionKeys): KernelKey {
    const handle = this.#nextHandle++;
    const key = new PlainKey(handle, keys, () => this.#keys.delete(handle));
    this.#keys.set(handle, key);
    return key;
  }

  openKeystream(key: KernelKey, shape: KeystreamShape): Keystream {
    if (!(key instanceof PlainKey)) throw new TypeError("the key is of another kernel");
    const { encryption, salt } = key.keys;
    const bytes = this.arena.bytes;
    return {
      at: (index, byteLength) => {
        const iv = counterBase(salt, shape.ssrc);
        const view = new DataView(iv.buffer);
        view.setUint32(8, (view.getUint32(8) ^ Math.floor(index / 65_536)) >>> 0);
        view.setUint16(12, view.getUint16(12) ^ (index & 0xffff));
        const length = ((byteLength + 15) >> 4) << 4;
        bytes.set(createCipheriv("aes-128-ctr", encryption, iv).update(new Uint8Array(length)), SINGLE_KEYSTREAM);
        return SINGLE_KEYSTREAM;
      },
      close: () => undefined,
    };
  }

  build(): number {
    const argument = (index: number): number => this.job[JOB_BUILD + index] ?? 0;
    const [destination, headerLength, length] = [argument(0), argument(2), argument(5)];
    const { bytes, view } = this.arena;
    bytes.copyWithin(destination, argument(1), argument(1) + TEMPLATE_BYTES);
    const payload = destination + headerLength;
    for (let i = 0; i < length; i++) {
      bytes[payload + i] = (bytes[argument(3) + i] ?? 0) ^ (bytes[argument(4) + i] ?? 0);
    }
    view.setUint32(payload + length, argument(6) >>> 0);
    return (headerLength + length + 4 + 9 + 63) >> 6;
  }

  xor(destination: number, a: number, b: number, pieces: number): void {
    const { bytes } = this.arena;
    for (let i = 0; i < pieces * 16; i++) bytes[destination + i] = (bytes[a + i] ?? 0) ^ (bytes[b + i] ?? 0);
  }

  /** The tag stands 4 bytes before the end of what is hashed: there the roll-over counter lies. */
  hmac(_blocks: number): void {
    for (let lane = 0; lane < 4; lane++) {
      const [offset, handle, tag] = [this.job[lane] ?? 0, this.job[4 + lane] ?? 0, this.job[8 + lane] ?? 0];
      // An idle lane repeats the first, whose tag has replaced its counter by now.
      if (lane > 0 && offset === this.job[0]) return;
      this.#sign(handle, { offset, byteLength: tag + 4 - offset }, tag);
    }
  }

  hmacOne(key: KernelKey, message: { readonly offset: number; readonly byteLength: number }, tag: number): void {
    this.#sign(key.handle, message, tag);
  }

  #sign(handle: number, { offset, byteLength }: { offset: number; byteLength: number }, tag: number): void {
    const key = this.#keys.get(handle);
    if (key === undefined) return;
    const digest = createHmac("sha1", key.keys.authentication)
      .update(this.arena.bytes.subarray(offset, offset + byteLength))
      .digest();
    this.arena.bytes.set(digest.subarray(0, 12), tag);
  }
}
