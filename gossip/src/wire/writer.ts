// MessagePack as the reference writes it: structs are maps with sorted keys, integers as short as possible, floats always
// 64 bits. Two dialects: gossip knows only the old "raw" family, RPC uses str8 and bin.

import { utf8Length, writeUtf8 } from "./utf8.ts";

export type Dialect = "gossip" | "rpc";

const MAX_KEPT_BYTES = 64 * 1024;

/** A buffer that grows and is reused; take what was written with `take()`. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;
  readonly #isGossip: boolean;

  constructor(dialect: Dialect = "gossip", capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#isGossip = dialect === "gossip";
  }

  get length(): number {
    return this.#at;
  }

  /** A copy of everything written since the last call; the writer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    // One large push/pull must not hold its buffer for ever.
    if (this.#bytes.length > MAX_KEPT_BYTES) {
      this.#bytes = new Uint8Array(MAX_KEPT_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return taken;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  /** Bytes as they are, without a header. */
  bytes(value: Uint8Array): void {
    const length = value.length;
    this.#reserve(length);
    if (length > 32) this.#bytes.set(value, this.#at);
    else for (let i = 0; i < length; i += 1) this.#bytes[this.#at + i] = value[i] as number;
    this.#at += length;
  }

  nil(): void {
    this.byte(0xc0);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** A safe integer, negative ones included. */
  int(value: number): void {
    if (value < 0) this.#negative(value);
    else if (value < 0x80) this.byte(value);
    else if (value < 0x100) {
      this.byte(0xcc);
      this.byte(value);
    } else if (value < 0x10000) {
      this.byte(0xcd);
      this.uint16(value);
    } else if (value < 0x1_0000_0000) {
      this.byte(0xce);
      this.uint32(value);
    } else {
      this.byte(0xcf);
      this.uint32(Math.floor(value / 0x1_0000_0000));
      this.uint32(value % 0x1_0000_0000);
    }
  }

  /** An integer of up to 64 bits. */
  bigint(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.int(Number(value));
      return;
    }
    this.byte(value < 0n ? 0xd3 : 0xcf);
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value));
    this.#at += 8;
  }

  float(value: number): void {
    this.byte(0xcb);
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  text(value: string): void {
    const length = value.length;
    if (length < 32 && isAscii(value)) {
      this.#reserve(length + 1);
      this.#bytes[this.#at++] = 0xa0 | length;
      for (let i = 0; i < length; i += 1) this.#bytes[this.#at++] = value.charCodeAt(i);
      return;
    }
    const byteLength = utf8Length(value);
    this.#rawHeader(byteLength, !this.#isGossip);
    this.#reserve(byteLength);
    this.#at = writeUtf8(value, this.#bytes, this.#at);
  }

  /** A byte string: raw in gossip, bin in RPC. */
  blob(value: Uint8Array): void {
    this.blobHeader(value.length);
    this.bytes(value);
  }

  /** The header of a byte string whose bytes the caller writes next. */
  blobHeader(length: number): void {
    if (this.#isGossip) this.#rawHeader(length, false);
    else this.#sized(length, 0xc4);
  }

  list(length: number): void {
    if (length < 16) this.byte(0x90 | length);
    else this.#sized16(length, 0xdc);
  }

  map(length: number): void {
    if (length < 16) this.byte(0x80 | length);
    else this.#sized16(length, 0xde);
  }

  #rawHeader(length: number, hasStr8: boolean): void {
    if (length < 32) this.byte(0xa0 | length);
    else if (hasStr8 && length < 0x100) {
      this.byte(0xd9);
      this.byte(length);
    } else this.#sized16(length, 0xda);
  }

  /** Types in a row of 8-, 16- and 32-bit lengths. */
  #sized(length: number, type8: number): void {
    if (length < 0x100) {
      this.byte(type8);
      this.byte(length);
    } else this.#sized16(length, type8 + 1);
  }

  #sized16(length: number, type16: number): void {
    if (length < 0x10000) {
      this.byte(type16);
      this.uint16(length);
    } else {
      this.byte(type16 + 1);
      this.uint32(length);
    }
  }

  #negative(value: number): void {
    if (value >= -32) this.byte(value & 0xff);
    else if (value >= -0x80) {
      this.byte(0xd0);
      this.byte(value & 0xff);
    } else if (value >= -0x8000) {
      this.byte(0xd1);
      this.uint16(value & 0xffff);
    } else if (value >= -0x8000_0000) {
      this.byte(0xd2);
      this.uint32(value >>> 0);
    } else {
      this.byte(0xd3);
      this.uint32(Math.floor(value / 0x1_0000_0000) >>> 0);
      this.uint32(((value % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000);
    }
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
