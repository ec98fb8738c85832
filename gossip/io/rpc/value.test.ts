// Values of the RPC: captured sessions of the stock command line and agent read and write back to the same bytes.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeValue, Float, type RpcValue, type RpcWritable, ValueStream } from "./value.ts";

interface Session {
  readonly id: string;
  readonly clientHex: string;
  readonly serverHex: string;
  readonly client: readonly { readonly hex: string }[];
  readonly server: readonly { readonly hex: string }[];
}

const { vectors } = JSON.parse(readFileSync(new URL("../../test/vectors/rpc.json", import.meta.url), "utf8")) as {
  readonly vectors: readonly Session[];
};
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** All values in the bytes, which come in pieces of this size. */
function readAll(bytes: Uint8Array, pieceBytes: number): RpcValue[] {
  const stream = new ValueStream();
  const values: RpcValue[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    stream.push(bytes.subarray(at, at + pieceBytes));
    for (let step = stream.next(); step.kind !== "needMore"; step = stream.next()) {
      if (step.kind === "failed") throw new Error(step.reason);
      values.push(step.value);
    }
  }
  return values;
}

/** Floats of coordinates are floats also when they are whole; JSON of the wire does not say which those are. */
function rewritable(value: RpcValue, key = ""): RpcWritable {
  if (typeof value === "number" && /^(Adjustment|Error|Height|Vec)$/.test(key)) return new Float(value);
  if (Array.isArray(value)) return value.map((item: RpcValue) => rewritable(item, key));
  if (value instanceof Map) {
    return new Map([...value].map(([name, item]) => [name, rewritable(item, name)])) as unknown as RpcWritable;
  }
  return value;
}

describe("captured sessions", () => {
  test.each(vectors)("$id reads and writes back to the same bytes in pieces of any size", (session) => {
    for (const [hex, values] of [
      [session.clientHex, session.client],
      [session.serverHex, session.server],
    ] as const) {
      const bytes = bytesOf(hex);
      const read = readAll(bytes, bytes.length || 1);
      expect(read).toHaveLength(values.length);
      for (const pieceBytes of [1, 13]) expect(readAll(bytes, pieceBytes)).toEqual(read);
      const written = read.map((value) => Buffer.from(encodeValue(rewritable(value))).toString("hex"));
      expect(written).toEqual(values.map((value) => value.hex));
    }
  });
});

describe("bounds", () => {
  test("any bytes are values, need more, or fail with a reason; nothing throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const stream = new ValueStream();
        stream.push(bytes);
        let steps = 0;
        for (let step = stream.next(); step.kind === "value"; step = stream.next()) steps += 1;
        expect(steps).toBeLessThanOrEqual(bytes.length);
      }),
      { seed: 41, numRuns: 1000 },
    );
  });

  test("a value beyond the bound fails before it is complete, and the stream stays failed", () => {
    const stream = new ValueStream(100);
    stream.push(Uint8Array.of(0xc5, 0x10, 0x00));
    expect(stream.next()).toEqual({ kind: "needMore" });
    stream.push(new Uint8Array(98));
    expect(stream.next()).toEqual({ kind: "failed", reason: "too_long" });
    stream.push(Uint8Array.of(1));
    expect(stream.next()).toEqual({ kind: "failed", reason: "too_long" });
  });

  test("nesting beyond the bound fails", () => {
    const stream = new ValueStream();
    stream.push(Uint8Array.of(...new Array(40).fill(0x91), 1));
    expect(stream.next()).toEqual({ kind: "failed", reason: "too_deep" });
  });

  test("a prototype as a key is only a key", () => {
    const [value] = readAll(encodeValue({ ["__proto__"]: 1 }), 100);
    expect(value instanceof Map && value.get("__proto__")).toBe(1);
  });
});

test("values of every kind come back, integers of 64 bits as bigints", () => {
  const leaf: fc.Arbitrary<RpcValue> = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.uint8Array({ maxLength: 300 }),
  );
  const tree = fc.letrec<{ value: RpcValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("value"), { maxLength: 20 }),
      fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 20 }).map((entries) => new Map(entries)),
    ),
  })).value;
  fc.assert(
    fc.property(tree, (value) => {
      const [read] = readAll(encodeValue(value), 7);
      expect(read).toEqual(value);
    }),
    { seed: 43, numRuns: 300 },
  );
});
