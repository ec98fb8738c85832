// What fuzzers feed: captured bytes, the same with damage, values of MessagePack whose lengths may lie, and noise.

import { readFileSync } from "node:fs";
import fc from "fast-check";

interface Capture {
  readonly kind: string;
  readonly hex: string;
  readonly keyHex?: string;
}

interface Found {
  readonly decoder: string;
  readonly hex: string;
}

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

const captures = (read("../corpus/captured.json") as { readonly captures: readonly Capture[] }).captures;
const vectors = (read("../vectors/wire.json") as { readonly vectors: readonly Capture[] }).vectors;
const sessions = (
  read("../vectors/rpc.json") as {
    readonly vectors: readonly { readonly clientHex?: string; readonly serverHex?: string }[];
  }
).vectors;

export const FOUND: readonly Found[] = (read("../corpus/found.json") as { readonly found: readonly Found[] }).found;

/** Everything captured of this kind ("udp", "tcp", "message"), plain or sealed. */
export function corpus(kind: string, isSealed = false): readonly Uint8Array[] {
  return [...captures, ...vectors]
    .filter((entry) => entry.kind.startsWith(kind) && (entry.keyHex !== undefined) === isSealed)
    .map(({ hex }) => bytesOf(hex));
}

/** The keys that sealed entries were sealed with. */
export const CORPUS_KEYS: readonly Uint8Array[] = [
  ...new Set([...captures, ...vectors].flatMap(({ keyHex }) => (keyHex === undefined ? [] : [keyHex]))),
].map(bytesOf);

export const RPC_CORPUS: readonly Uint8Array[] = sessions
  .flatMap(({ clientHex, serverHex }) => [clientHex, serverHex])
  .filter((hex): hex is string => hex !== undefined && hex.length > 0)
  .map(bytesOf);

type Edit =
  | { readonly kind: "set" | "flip"; readonly at: number; readonly value: number }
  | { readonly kind: "cut" | "double"; readonly at: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array };

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constantFrom("set" as const, "flip" as const), at: fc.nat(), value: fc.nat(255) }),
  // Bytes that begin or measure something.
  fc.record({
    kind: fc.constant("set" as const),
    at: fc.nat(),
    value: fc.constantFrom(0, 0x7f, 0x80, 0x8f, 0x9f, 0xc0, 0xc1, 0xc6, 0xcf, 0xd3, 0xdb, 0xdd, 0xdf, 0xff),
  }),
  fc.record({ kind: fc.constantFrom("cut" as const, "double" as const), at: fc.nat(), length: fc.nat(64) }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 12 }) }),
);

function damage(from: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes: Uint8Array = from.slice();
  for (const it of edits) bytes = applyEdit(bytes, it);
  return bytes;
}

function applyEdit(bytes: Uint8Array, it: Edit): Uint8Array {
  const at = bytes.length === 0 ? 0 : it.at % bytes.length;
  switch (it.kind) {
    case "set":
    case "flip":
      if (bytes.length > 0) bytes[at] = it.kind === "set" ? it.value : (bytes[at] as number) ^ (1 << (it.value & 7));
      return bytes;
    case "cut":
      return concat(bytes.subarray(0, at), bytes.subarray(at + it.length));
    case "double":
      return concat(bytes.subarray(0, at + it.length), bytes.subarray(at));
    case "insert":
      return concat(bytes.subarray(0, at), it.bytes, bytes.subarray(at));
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** Tokens of MessagePack in a row: lists and maps promise more or less than follows, texts may be longer than the input. */
const token: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.nat(255).map((first) => Uint8Array.of(first)),
  fc
    .constantFrom(...["Node", "SeqNo", "Payload", "Addr", "Meta", "Vsn", "LTime", "Filters", "Events", "Nodes", "Buf"])
    .map((key) => concat(Uint8Array.of(0xa0 | key.length), Buffer.from(key))),
  fc
    .tuple(
      fc.constantFrom(0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf),
      fc.uint8Array({ minLength: 4, maxLength: 8 }),
    )
    .map(([type, rest]) => concat(Uint8Array.of(type), rest)),
  fc
    .tuple(fc.constantFrom(0xdd, 0xdf, 0xc6, 0xdb), fc.constantFrom(0xff, 0x7f, 0))
    .map(([type, high]) => Uint8Array.of(type, high, 0xff, 0xff, 0xff)),
  fc.uint8Array({ minLength: 1, maxLength: 9 }).map((rest) => concat(Uint8Array.of(0xcf), rest)),
);

/** A first byte of the decoder's own, then tokens. */
const shaped = (firstBytes: readonly number[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.constantFrom(...firstBytes), fc.array(token, { maxLength: 30 }))
    .map(([first, tokens]) => concat(Uint8Array.of(first), ...tokens));

/** Any bytes, most of them near to something real. */
export function fuzzed(real: readonly Uint8Array[], firstBytes: readonly number[]): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .tuple(fc.constantFrom(...real), fc.array(edit, { maxLength: 6 }))
    .map(([from, edits]) => damage(from, edits));
  return fc.oneof(
    { arbitrary: damaged, weight: 6 },
    { arbitrary: shaped(firstBytes), weight: 3 },
    { arbitrary: fc.uint8Array({ maxLength: 600 }), weight: 1 },
  );
}
