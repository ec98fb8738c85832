// Values of the agent's RPC: MessagePack with str8 and bin, maps for everything that has fields.

import { NEEDS_MORE, tokenBytes, ValueScanner } from "../../src/wire/scanner.ts";
import { decodeUtf8Lossy } from "../../src/wire/utf8.ts";
import { Writer } from "../../src/wire/writer.ts";

export type RpcMap = ReadonlyMap<string, RpcValue>;
export type RpcValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly RpcValue[]
  | RpcMap
  | { readonly [key: string]: RpcValue };

/** A float that must be written as one although it may be whole. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type RpcWritable =
  | RpcValue
  | Float
  | readonly RpcWritable[]
  | ReadonlyMap<string, RpcWritable>
  | { readonly [key: string]: RpcWritable };

/** One request or response may have this many bytes; a member list of 4,096 members with full tags fits. */
export const MAX_VALUE_BYTES = 8 * 1024 * 1024;
const MAX_DEPTH = 32;

/** Keys of plain objects are sorted, as the reference sorts the fields of a struct; a Map keeps its order. */
export function encodeValue(value: RpcWritable): Uint8Array {
  const out = new Writer("rpc");
  writeValue(out, value);
  return out.take();
}

function writeValue(out: Writer, value: RpcWritable): void {
  if (value === null) out.nil();
  else if (typeof value === "boolean") out.bool(value);
  else if (typeof value === "number") writeNumber(out, value);
  else if (typeof value === "bigint") out.bigint(value);
  else if (typeof value === "string") out.text(value);
  else if (value instanceof Float) out.float(value.value);
  else if (value instanceof Uint8Array) out.blob(value);
  else writeContainer(out, value);
}

function writeNumber(out: Writer, value: number): void {
  if (Number.isSafeInteger(value)) out.int(value);
  else out.float(value);
}

type Container = readonly RpcWritable[] | ReadonlyMap<string, RpcWritable> | { readonly [key: string]: RpcWritable };

function isList(value: Container): value is readonly RpcWritable[] {
  return Array.isArray(value);
}

function writeContainer(out: Writer, value: Container): void {
  if (isList(value)) {
    out.list(value.length);
    for (const item of value) writeValue(out, item);
    return;
  }
  const entries =
    value instanceof Map
      ? [...(value as ReadonlyMap<string, RpcWritable>)]
      : sortedEntries(value as { [key: string]: RpcWritable });
  out.map(entries.length);
  for (const [key, item] of entries) {
    out.text(key);
    writeValue(out, item);
  }
}

function sortedEntries(object: { readonly [key: string]: RpcWritable }): [string, RpcWritable][] {
  return Object.keys(object)
    .sort()
    .map((key) => [key, object[key] ?? null]);
}

export interface ValueFailure {
  readonly kind: "failed";
  readonly reason: "bad_msgpack" | "too_long" | "too_deep";
}
export type ValueStep =
  | { readonly kind: "needMore" }
  | { readonly kind: "value"; readonly value: RpcValue }
  | ValueFailure;

/** Cuts a byte stream into values; pieces may have any size. */
export class ValueStream {
  /** One value may have this many bytes; a server allows strangers less than friends. */
  maxBytes: number;
  #bytes: Uint8Array = new Uint8Array(1024);
  #length = 0;
  #start = 0;
  #scanner = new ValueScanner(0);
  #failure: ValueFailure | undefined = undefined;

  constructor(maxBytes = MAX_VALUE_BYTES) {
    this.maxBytes = maxBytes;
  }

  push(piece: Uint8Array): void {
    if (this.#length + piece.length > this.#bytes.length) this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** Bytes of a value that is not complete yet. */
  get pendingBytes(): number {
    return this.#length - this.#start;
  }

  /** Drops what was read, and doubles the buffer when the rest needs it. */
  #makeRoom(count: number): void {
    const rest = this.#bytes.subarray(this.#start, this.#length);
    const needed = rest.length + count;
    const target = needed > this.#bytes.length / 2 ? new Uint8Array(2 * needed) : this.#bytes;
    target.set(rest);
    this.#bytes = target;
    this.#length = rest.length;
    this.#scanner.moveBack(this.#start);
    this.#start = 0;
  }

  /** The next whole value. After a failure the stream is of no more use. */
  next(): ValueStep {
    if (this.#failure !== undefined) return this.#failure;
    const end = this.#scanner.advance(this.#bytes, this.#length);
    if ((end < 0 ? this.#length : end) - this.#start > this.maxBytes) return this.#fail("too_long");
    if (end === NEEDS_MORE) return { kind: "needMore" };
    if (end < 0) return this.#fail("bad_msgpack");
    const parser = new Parser(this.#bytes, this.#start);
    const value = parser.value(0);
    if (parser.failure !== undefined) return this.#fail(parser.failure);
    this.#start = end;
    this.#scanner = new ValueScanner(end);
    return { kind: "value", value };
  }

  #fail(reason: ValueFailure["reason"]): ValueFailure {
    this.#failure = { kind: "failed", reason };
    return this.#failure;
  }
}

/** Reads a value whose bytes are known to be all there. */
class Parser {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  failure: ValueFailure["reason"] | undefined = undefined;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
  }

  value(depth: number): RpcValue {
    if (depth > MAX_DEPTH) {
      this.failure = "too_deep";
      return null;
    }
    const start = this.#at;
    const type = this.#bytes[start] as number;
    this.#at += tokenBytes(this.#bytes, start, this.#bytes.length);
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type < 0x90) return this.#map(type & 15, depth);
    if (type < 0xa0) return this.#list(type & 15, depth);
    if (type < 0xc0) return this.#text(start + 1);
    return this.#long(type, start, depth);
  }

  #long(type: number, start: number, depth: number): RpcValue {
    const view = this.#view;
    switch (type) {
      case 0xc2:
      case 0xc3:
        return type === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bytes.slice(start + 1 + (1 << (type - 0xc4)), this.#at);
      case 0xca:
        return view.getFloat32(start + 1);
      case 0xcb:
        return view.getFloat64(start + 1);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(start + 1 + (1 << (type - 0xd9)));
      case 0xdc:
        return this.#list(view.getUint16(start + 1), depth);
      case 0xdd:
        return this.#list(view.getUint32(start + 1), depth);
      case 0xde:
        return this.#map(view.getUint16(start + 1), depth);
      case 0xdf:
        return this.#map(view.getUint32(start + 1), depth);
      default:
        return this.#integer(type, start + 1);
    }
  }

  #integer(type: number, at: number): RpcValue {
    const view = this.#view;
    switch (type) {
      case 0xcc:
        return view.getUint8(at);
      case 0xcd:
        return view.getUint16(at);
      case 0xce:
        return view.getUint32(at);
      case 0xcf:
        return exact(view.getBigUint64(at));
      case 0xd0:
        return view.getInt8(at);
      case 0xd1:
        return view.getInt16(at);
      case 0xd2:
        return view.getInt32(at);
      case 0xd3:
        return exact(view.getBigInt64(at));
      default:
        // Null, and extensions, which no message of this protocol uses.
        return null;
    }
  }

  #text(start: number): string {
    return decodeUtf8Lossy(this.#bytes, start, this.#at);
  }

  #list(count: number, depth: number): RpcValue[] {
    const items: RpcValue[] = [];
    for (let i = 0; i < count && this.failure === undefined; i += 1) items.push(this.value(depth + 1));
    return items;
  }

  #map(count: number, depth: number): Map<string, RpcValue> {
    const map = new Map<string, RpcValue>();
    for (let i = 0; i < count && this.failure === undefined; i += 1) {
      const key = this.value(depth + 1);
      map.set(keyText(key), this.value(depth + 1));
    }
    return map;
  }
}

/** A number where it is exact, else a bigint. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function keyText(key: RpcValue): string {
  if (key instanceof Uint8Array) return decodeUtf8Lossy(key);
  return typeof key === "string" || typeof key === "number" ? String(key) : "";
}
