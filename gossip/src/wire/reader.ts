// MessagePack as the reference accepts it, without exceptions: the first problem is kept and everything after it reads as
// zero, so a decoder checks once at its end. What is accepted for which field was tried on the stock agent
// (gossip/WIRE.md, "Accepted").

import type { WireDropReason } from "../sink.ts";
import { readUint32 } from "./integers.ts";
import { knownKey } from "./keys.ts";
import { MALFORMED, ValueScanner } from "./scanner.ts";
import { decodeUtf8 } from "./utf8.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const MAX_UINT32 = 0xffff_ffff;
/** Floats are rare, and a view of each packet would cost more than copying eight bytes. */
const floatBytes = new Uint8Array(8);
const floatView = new DataView(floatBytes.buffer);

export class Reader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #problem: WireDropReason | undefined = undefined;
  #isPositional = false;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get offset(): number {
    return this.#at;
  }

  /** The first thing that went wrong; undefined while all is well. */
  get problem(): WireDropReason | undefined {
    return this.#problem;
  }

  get isFailed(): boolean {
    return this.#problem !== undefined;
  }

  fail(reason: WireDropReason): void {
    this.#problem ??= reason;
    this.#at = this.#end;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    const left = this.bytes.subarray(this.#at, this.#end);
    this.#at = this.#end;
    return left;
  }

  /**
   * Starts a struct and answers its number of fields. A struct is a map or, as the reference allows too, a list of the
   * fields in their declaration order: read `isPositional` before anything else then. Null is a struct without fields.
   */
  struct(): number {
    const type = this.#type();
    this.#isPositional = false;
    if (type >= 0x80 && type <= 0x8f) return type & 15;
    if (type === 0xde || type === 0xdf) return this.#count(type === 0xde ? 2 : 4, 2);
    if (type === 0xc0) return 0;
    this.#isPositional = true;
    if (type >= 0x90 && type <= 0x9f) return type & 15;
    if (type === 0xdc || type === 0xdd) return this.#count(type === 0xdc ? 2 : 4, 1);
    this.fail("bad_msgpack");
    return 0;
  }

  /** The struct just started is a list without names. */
  get isPositional(): boolean {
    return this.#isPositional;
  }

  isNil(): boolean {
    return this.#at < this.#end && this.bytes[this.#at] === 0xc0;
  }

  /** A map key: the name if we know it, else "". */
  key(): string {
    const length = this.#rawLength(this.#type(), false);
    const start = this.#take(length);
    return start < 0 ? "" : knownKey(this.bytes, start, length);
  }

  /** Elements of a list; null is an empty one. */
  list(): number {
    const type = this.#type();
    if (type >= 0x90 && type <= 0x9f) return type & 15;
    if (type === 0xdc || type === 0xdd) return this.#count(type === 0xdc ? 2 : 4, 1);
    if (type !== 0xc0) this.fail("bad_field");
    return 0;
  }

  /** Entries of a free-form map; null is an empty one. */
  map(): number {
    const type = this.#type();
    if (type >= 0x80 && type <= 0x8f) return type & 15;
    if (type === 0xde || type === 0xdf) return this.#count(type === 0xde ? 2 : 4, 2);
    if (type !== 0xc0) this.fail("bad_field");
    return 0;
  }

  /** A non-negative integer of any width, at most `max`; null is 0. */
  uint(max: number): number {
    const type = this.#type();
    if (type < 0x80) return type <= max ? type : this.#outOfRange();
    if (type === 0xc0) return 0;
    const value = this.#integer(type);
    return value >= 0 && value <= max ? value : this.#outOfRange();
  }

  uint32(): number {
    return this.uint(MAX_UINT32);
  }

  /** A number of 64 bits that JavaScript can hold exactly. */
  uint53(): number {
    return this.uint(Number.MAX_SAFE_INTEGER);
  }

  bool(): boolean {
    const type = this.#type();
    if (type !== 0xc2 && type !== 0xc3 && type !== 0xc0) this.fail("bad_field");
    return type === 0xc3;
  }

  /** A float of either size, or an integer; null is 0. */
  float(): number {
    const type = this.#type();
    if (type === 0xc0) return 0;
    if (type !== 0xca && type !== 0xcb) return type < 0x80 ? type : this.#integer(type);
    const size = type === 0xca ? 4 : 8;
    const start = this.#take(size);
    if (start < 0) return 0;
    for (let i = 0; i < size; i += 1) floatBytes[i] = this.bytes[start + i] as number;
    return size === 4 ? floatView.getFloat32(0) : floatView.getFloat64(0);
  }

  /** Text of the raw family (str8 included, bin not); null is "". Refuses what is no UTF-8. */
  text(): string {
    const type = this.#type();
    if (type === 0xc0) return "";
    const length = this.#rawLength(type, false);
    const start = this.#take(length);
    if (start < 0) return "";
    const text = decodeUtf8(this.bytes, start, start + length);
    if (text === undefined) this.fail("bad_field");
    return text ?? "";
  }

  /** Bytes as raw, bin, or a list of small integers; null is empty. A view into the input, except for lists. */
  blob(): Uint8Array {
    const type = this.#type();
    if (type === 0xc0) return EMPTY;
    if ((type >= 0x90 && type <= 0x9f) || type === 0xdc || type === 0xdd) return this.#listedBytes();
    const length = this.#rawLength(type, true);
    const start = this.#take(length);
    return start < 0 ? EMPTY : this.bytes.subarray(start, start + length);
  }

  /** Passes over one value of any kind, in time linear in its bytes whatever its nesting. */
  skip(): void {
    if (this.isFailed) return;
    const end = new ValueScanner(this.#at).advance(this.bytes, this.#end);
    if (end >= 0) this.#at = end;
    else this.fail(end === MALFORMED ? "bad_msgpack" : "truncated");
  }

  #listedBytes(): Uint8Array {
    this.#at -= 1;
    const length = this.list();
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length && !this.isFailed; i += 1) bytes[i] = this.uint(255);
    return bytes;
  }

  /** The next byte; 0xc1, which no value begins with, when there is none. */
  #type(): number {
    if (this.#at < this.#end) return this.bytes[this.#at++] as number;
    this.fail("truncated");
    return 0xc1;
  }

  /** Passes over bytes and answers where they begin, or -1. */
  #take(length: number): number {
    const start = this.#at;
    if (this.isFailed) return -1;
    if (length > this.#end - start) {
      this.fail("truncated");
      return -1;
    }
    this.#at = start + length;
    return start;
  }

  /** A count of elements that cannot be larger than what the remaining bytes can hold. */
  #count(size: number, bytesEach: number): number {
    const count = this.#unsigned(size);
    if (count * bytesEach <= this.#end - this.#at) return count;
    this.fail("truncated");
    return 0;
  }

  #rawLength(type: number, allowsBin: boolean): number {
    if (type >= 0xa0 && type <= 0xbf) return type & 31;
    if (type >= 0xd9 && type <= 0xdb) return this.#unsigned(1 << (type - 0xd9));
    if (allowsBin && type >= 0xc4 && type <= 0xc6) return this.#unsigned(1 << (type - 0xc4));
    this.fail("bad_field");
    return 0;
  }

  #unsigned(size: number): number {
    const start = this.#take(size);
    if (start < 0) return 0;
    if (size === 1) return this.bytes[start] as number;
    return size === 2 ? this.#uint16At(start) : this.#uint32At(start);
  }

  /** NaN for what is no integer, or one beyond 2^53 (which fails every range check). */
  #integer(type: number): number {
    if (type >= 0xe0) return type - 0x100;
    if (type < 0xcc || type > 0xd3) {
      this.fail("bad_field");
      return Number.NaN;
    }
    const start = this.#take(1 << ((type - 0xcc) & 3));
    if (start < 0) return Number.NaN;
    return this.#integerAt(type, start);
  }

  #integerAt(type: number, at: number): number {
    switch (type) {
      case 0xcc:
        return this.bytes[at] as number;
      case 0xcd:
        return this.#uint16At(at);
      case 0xce:
        return this.#uint32At(at);
      case 0xd0:
        return ((this.bytes[at] as number) << 24) >> 24;
      case 0xd1:
        return (this.#uint16At(at) << 16) >> 16;
      case 0xd2:
        return this.#uint32At(at) | 0;
      default: {
        const high = type === 0xcf ? this.#uint32At(at) : this.#uint32At(at) | 0;
        return high * 0x1_0000_0000 + this.#uint32At(at + 4);
      }
    }
  }

  #uint16At(at: number): number {
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  #uint32At(at: number): number {
    return readUint32(this.bytes, at);
  }

  #outOfRange(): number {
    this.fail("bad_field");
    return 0;
  }
}
