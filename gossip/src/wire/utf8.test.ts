// Property: our UTF-8 agrees with the platform's for any text and any bytes.

import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeUtf8, decodeUtf8Lossy, encodeUtf8, utf8Length } from "./utf8.ts";

const SEED = { seed: 7, numRuns: 500 };
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function strictly(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

test("any text encodes as TextEncoder does, lone surrogates as the replacement character", () => {
  const anyText = fc.array(fc.nat({ max: 0xffff }), { maxLength: 30 }).map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: "grapheme" })), (text) => {
      expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
      expect(utf8Length(text)).toBe(encodeUtf8(text).length);
    }),
    SEED,
  );
});

test("any bytes decode as a strict TextDecoder does, or not at all", () => {
  const nearlyText = fc
    .tuple(fc.string({ unit: "grapheme" }), fc.nat(), fc.nat({ max: 255 }))
    .map(([text, at, value]) => {
      const bytes = encodeUtf8(text);
      if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), nearlyText), (bytes) => {
      expect(decodeUtf8(bytes)).toBe(strictly(bytes));
    }),
    SEED,
  );
});

test.each([
  ["an overlong slash", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["beyond the last code point", [0xf4, 0x90, 0x80, 0x80]],
  ["a sequence that breaks off", [0xe2, 0x82]],
])("%s is no text, and shown as replacement characters", (_, bytes) => {
  expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
  expect(decodeUtf8Lossy(Uint8Array.of(0x61, ...bytes, 0x62))).toMatch(/^a\ufffd+b$/);
});
