// The two dialects, number by number, and the scanner that finds where values end.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Reader } from "./reader.ts";
import { MALFORMED, NEEDS_MORE, ValueScanner } from "./scanner.ts";
import { Writer } from "./writer.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function written(write: (out: Writer) => void, dialect: "gossip" | "rpc" = "gossip"): string {
  const out = new Writer(dialect);
  write(out);
  return hex(out.take());
}

describe("integers", () => {
  test.each([
    [0, "00"],
    [127, "7f"],
    [128, "cc80"],
    [255, "ccff"],
    [256, "cd0100"],
    [65_535, "cdffff"],
    [65_536, "ce00010000"],
    [0xffff_ffff, "ceffffffff"],
    [0x1_0000_0000, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0df"],
    [-128, "d080"],
    [-129, "d1ff7f"],
    [-32_769, "d2ffff7fff"],
    [-2_147_483_649, "d3ffffffff7fffffff"],
  ])("[W2] %d is written as short as possible", (value, bytes) => {
    expect(written((out) => out.int(value))).toBe(bytes);
    expect(written((out) => out.bigint(BigInt(value)))).toBe(bytes);
  });

  test("[W2] all 64 bits can be written", () => {
    expect(written((out) => out.bigint(2n ** 64n - 1n))).toBe("cfffffffffffffffff");
    expect(written((out) => out.bigint(-(2n ** 63n)))).toBe("d38000000000000000");
  });
});

describe("texts and bytes", () => {
  test("[W4] gossip knows only the raw family, whatever the length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.uint8Array({ maxLength: 400 }), (text, bytes) => {
        const allowed = (first: number): boolean =>
          (first >= 0xa0 && first <= 0xbf) || first === 0xda || first === 0xdb;
        expect(allowed(Number.parseInt(written((out) => out.text(text)).slice(0, 2), 16))).toBe(true);
        expect(allowed(Number.parseInt(written((out) => out.blob(bytes)).slice(0, 2), 16))).toBe(true);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test.each([
    [31, "bf", "bf", "c41f"],
    [32, "da0020", "d920", "c420"],
    [255, "da00ff", "d9ff", "c4ff"],
    [256, "da0100", "da0100", "c50100"],
    [65_536, "db00010000", "db00010000", "c600010000"],
  ])("[W4] %d bytes have the headers of their dialects", (length, gossip, rpcText, rpcBytes) => {
    const text = "x".repeat(length);
    const bytes = new Uint8Array(length);
    const head = (all: string): string => all.slice(0, all.length - 2 * length);
    expect(head(written((out) => out.text(text)))).toBe(gossip);
    expect(head(written((out) => out.blob(bytes)))).toBe(gossip);
    expect(head(written((out) => out.text(text), "rpc"))).toBe(rpcText);
    expect(head(written((out) => out.blob(bytes), "rpc"))).toBe(rpcBytes);
  });

  test("[W2] lists and maps change their header at 16 and 65536 elements", () => {
    expect(written((out) => out.list(15))).toBe("9f");
    expect(written((out) => out.list(16))).toBe("dc0010");
    expect(written((out) => out.map(15))).toBe("8f");
    expect(written((out) => out.map(16))).toBe("de0010");
    expect(written((out) => out.map(65_536))).toBe("df00010000");
  });

  test("a writer that once was large is usable and small again", () => {
    const out = new Writer();
    out.blob(new Uint8Array(200_000));
    expect(out.take()).toHaveLength(200_005);
    out.int(5);
    expect(hex(out.take())).toBe("05");
  });
});

describe("finding the end of a value", () => {
  const value = fc
    .oneof(
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc.json().map((text) => Uint8Array.from(Buffer.from(text))),
    )
    .map((noise) => noise);

  test("[W1] any bytes end somewhere, are too short, or are malformed, alike in one piece and byte by byte", () => {
    fc.assert(
      fc.property(value, (bytes) => {
        const whole = new ValueScanner(0).advance(bytes, bytes.length);
        const scanner = new ValueScanner(0);
        let end = NEEDS_MORE;
        for (let length = 1; length <= bytes.length && end === NEEDS_MORE; length += 1) {
          end = scanner.advance(bytes.subarray(0, length), length);
        }
        expect(end).toBe(whole);
        const reader = new Reader(bytes);
        reader.skip();
        if (whole >= 0) expect(reader.offset).toBe(whole);
        else expect(reader.problem).toBe(whole === MALFORMED ? "bad_msgpack" : "truncated");
      }),
      { seed: 5, numRuns: 800 },
    );
  });

  test("[W1] a list that claims four billion elements costs nothing", () => {
    expect(new ValueScanner(0).advance(Uint8Array.of(0xdd, 255, 255, 255, 255, 1), 6)).toBe(NEEDS_MORE);
    const reader = new Reader(Uint8Array.of(0xdd, 255, 255, 255, 255, 1));
    expect(reader.list()).toBe(0);
    expect(reader.problem).toBe("truncated");
  });

  test("[W1] a hundred thousand nested lists are passed over without recursion", () => {
    const deep = new Uint8Array(100_000).fill(0x91);
    deep[deep.length - 1] = 0x90;
    expect(new ValueScanner(0).advance(deep, deep.length)).toBe(deep.length);
  });
});
