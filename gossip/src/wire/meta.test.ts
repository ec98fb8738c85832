import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WIRE_DROP_REASONS } from "../sink.ts";
import { decodeCoordinatePayload, decodeTags, encodeCoordinatePayload, encodeTags } from "./meta.ts";
import { encodeUtf8 } from "./utf8.ts";

describe("tags", () => {
  test("[W14] equal tags are equal bytes whatever the order, and come back", () => {
    expect(encodeTags({ b: "2", a: "1" })).toEqual(encodeTags({ a: "1", b: "2" }));
    expect(encodeTags({})).toEqual(Uint8Array.of(0xff, 0x80));
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ unit: "grapheme", maxLength: 10 })),
        (tags) => {
          const meta = encodeTags(tags);
          // A dictionary of fast-check has no prototype; ours has.
          if (meta !== undefined) expect(Object.entries(decodeTags(meta)).sort()).toEqual(Object.entries(tags).sort());
        },
      ),
      { seed: 17, numRuns: 200 },
    );
  });

  test("[W14] more than 512 bytes are refused", () => {
    expect(encodeTags({ t: "x".repeat(505) })).toHaveLength(512);
    expect(encodeTags({ t: "x".repeat(506) })).toBeUndefined();
  });

  test("[W14] meta without the magic byte is the role, as an old agent says it", () => {
    expect(decodeTags(encodeUtf8("web"))).toEqual({ role: "web" });
    expect(decodeTags(new Uint8Array(0))).toEqual({ role: "" });
  });

  test("[W14] a map that breaks off gives the tags before, and any bytes give some tags", () => {
    const meta = encodeTags({ a: "1", b: "2" })!;
    expect(decodeTags(meta.slice(0, -1))).toEqual({ a: "1" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const value of Object.values(decodeTags(Uint8Array.of(0xff, ...bytes))))
          expect(typeof value).toBe("string");
      }),
      { seed: 19, numRuns: 300 },
    );
  });

  test("[W14] a tag named like a prototype is only a tag", () => {
    const tags = decodeTags(Uint8Array.of(0xff, 0x81, 0xa9, ...encodeUtf8("__proto__"), 0xa1, 0x78));
    expect(Object.getPrototypeOf(tags)).toBe(Object.prototype);
    expect(Object.entries(tags)).toEqual([["__proto__", "x"]]);
  });
});

describe("coordinates", () => {
  const fresh = { vec: [0, 0, 0, 0, 0, 0, 0, 0], error: 1.5, adjustment: 0, height: 1e-5 };

  test("[W15] eight dimensions are 130 bytes and come back exactly", () => {
    const payload = encodeCoordinatePayload(fresh);
    expect(payload).toHaveLength(130);
    expect(payload[0]).toBe(1);
    expect(decodeCoordinatePayload(payload)).toEqual({ ok: true, coordinate: fresh });
  });

  test("[W15] another payload version, more dimensions than could be, or nothing is refused", () => {
    const payload = encodeCoordinatePayload(fresh);
    payload[0] = 2;
    expect(decodeCoordinatePayload(payload)).toEqual({ ok: false, reason: "unknown_type" });
    expect(decodeCoordinatePayload(new Uint8Array(0))).toEqual({ ok: false, reason: "empty" });
    const many = encodeCoordinatePayload({ ...fresh, vec: new Array(65).fill(0) });
    expect(decodeCoordinatePayload(many)).toEqual({ ok: false, reason: "too_many" });
  });

  test("[W15] any bytes are a coordinate or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const decoded = decodeCoordinatePayload(Uint8Array.of(1, ...bytes));
        if (!decoded.ok) expect(WIRE_DROP_REASONS).toContain(decoded.reason);
      }),
      { seed: 23, numRuns: 300 },
    );
  });
});
