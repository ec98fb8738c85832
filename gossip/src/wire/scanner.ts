// Finding where a MessagePack value ends, without reading it: for values that are passed over, and for values that arrive
// piece by piece. A value is a tree of tokens; a token is a type byte with its length field and inline bytes.

/** Answers of `tokenBytes` and `ValueScanner.advance` besides a count. */
export const NEEDS_MORE = -1;
export const MALFORMED = -2;

/** Inline bytes of 0xca to 0xd8 behind the type byte: floats, integers, fixed extensions. */
const FIXED_SIZES: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17];

/** Bytes of the token at `at`: NEEDS_MORE while its length is not there yet, MALFORMED for 0xc1. Its body may be missing. */
export function tokenBytes(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return NEEDS_MORE;
  const type = bytes[at] as number;
  if (type < 0xa0 || type >= 0xe0) return 1;
  if (type < 0xc0) return 1 + (type & 31);
  if (type >= 0xca && type <= 0xd8) return 1 + (FIXED_SIZES[type - 0xca] as number);
  if (type === 0xc1) return MALFORMED;
  if (type < 0xc4) return 1;
  const lengthBytes = lengthFieldBytes(type);
  if (at + 1 + lengthBytes > end) return NEEDS_MORE;
  // Lists and maps hold their elements as further tokens.
  if (type >= 0xdc) return 1 + lengthBytes;
  const isExtension = type >= 0xc7 && type <= 0xc9;
  return 1 + lengthBytes + readLength(bytes, at + 1, lengthBytes) + (isExtension ? 1 : 0);
}

/** Values that belong to the token at `at`, which must be whole. */
export function tokenChildren(bytes: Uint8Array, at: number): number {
  const type = bytes[at] as number;
  if (type < 0x80 || type >= 0xe0) return 0;
  if (type < 0x90) return 2 * (type & 15);
  if (type < 0xa0) return type & 15;
  if (type < 0xdc) return 0;
  const count = readLength(bytes, at + 1, lengthFieldBytes(type));
  return type < 0xde ? count : 2 * count;
}

function lengthFieldBytes(type: number): number {
  if (type >= 0xdc) return type === 0xdc || type === 0xde ? 2 : 4;
  if (type >= 0xd9) return 1 << (type - 0xd9);
  return 1 << (type < 0xc7 ? type - 0xc4 : type - 0xc7);
}

function readLength(bytes: Uint8Array, at: number, size: number): number {
  let length = 0;
  for (let i = 0; i < size; i += 1) length = length * 256 + (bytes[at + i] as number);
  return length;
}

/** Follows one value through a buffer that grows; every token is looked at once, however small the pieces. */
export class ValueScanner {
  #at: number;
  #pending = 1;

  constructor(start: number) {
    this.#at = start;
  }

  /** Everything now lies this much further to the front, because what came before was dropped. */
  moveBack(bytes: number): void {
    this.#at -= bytes;
  }

  /** The offset after the value, NEEDS_MORE, or MALFORMED. `bytes` may be another buffer than last time with the same content. */
  advance(bytes: Uint8Array, end: number): number {
    while (this.#pending > 0) {
      const size = tokenBytes(bytes, this.#at, end);
      if (size < 0) return size;
      if (this.#at + size > end) return NEEDS_MORE;
      this.#pending += tokenChildren(bytes, this.#at) - 1;
      this.#at += size;
    }
    return this.#at;
  }
}
