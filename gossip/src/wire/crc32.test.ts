import { expect, test } from "@jest/globals";
import { crc32 } from "./crc32.ts";
import { encodeUtf8 } from "./utf8.ts";

test("[W9] the checksum is CRC-32/IEEE: its check value is cbf43926", () => {
  expect(crc32(encodeUtf8("123456789"))).toBe(0xcbf43926);
});

test("[W9] a part of a buffer sums as if it stood alone", () => {
  const bytes = encodeUtf8("__123456789__");
  expect(crc32(bytes, 2, bytes.length - 2)).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});
