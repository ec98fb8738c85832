// Property: whatever we compress inflates to itself; whatever arrives inflates within the limit or is refused.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lzwCompress, lzwDecompress } from "./lzw.ts";
import { encodeUtf8 } from "./utf8.ts";

const SEED = { seed: 11, numRuns: 200 };
const repetitive = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 4000 }))
  .map(([unit, times]) => Uint8Array.from({ length: unit.length * times }, (_, i) => unit[i % unit.length]!));

describe("[W8] LZW", () => {
  test("[W8] the stream of a known text is the reference's, code for code", () => {
    // 256, 9-bit literals, 261 for the second "No", 257: a ping of the reference.
    const plain = Uint8Array.of(0, 0x82, 0xa4, ...encodeUtf8("Node"), 0xa1, 0x61, 0xa5, ...encodeUtf8("SeqNo"), 0x3f);
    const packed = "000108" + "22e5e40d9932a1c2949a52264ec11f0101";
    expect(Buffer.from(lzwCompress(plain)).toString("hex")).toBe(packed);
  });

  test("[W8] nothing compresses to clear and end", () => {
    expect(lzwDecompress(lzwCompress(new Uint8Array(0)), 10)).toEqual({ ok: true, bytes: new Uint8Array(0) });
  });

  test("[W8] any bytes come back, through every width and the clear in the middle", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3000 }), repetitive), (plain) => {
        const inflated = lzwDecompress(lzwCompress(plain), plain.length);
        expect(inflated.ok && Buffer.from(inflated.bytes).equals(plain)).toBe(true);
      }),
      SEED,
    );
    // Bytes without repetition fill the table: more than one clear.
    let state = 1;
    const noise = Uint8Array.from({ length: 40_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
    const inflated = lzwDecompress(lzwCompress(noise), noise.length);
    expect(inflated.ok && Buffer.from(inflated.bytes).equals(noise)).toBe(true);
  });

  test("[W8] a bomb stops at the limit", () => {
    const bomb = lzwCompress(new Uint8Array(2_000_000));
    expect(bomb.length).toBeLessThan(10_000);
    expect(lzwDecompress(bomb, 100_000)).toEqual({ ok: false, reason: "inflate_limit" });
  });

  test("[W8] any bytes inflate within the limit or are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (packed) => {
        const inflated = lzwDecompress(packed, 5_000);
        if (inflated.ok) expect(inflated.bytes.length).toBeLessThanOrEqual(5_000);
        else expect(["bad_compression", "inflate_limit"]).toContain(inflated.reason);
      }),
      { ...SEED, numRuns: 1000 },
    );
  });
});
