import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { addressBytes, addressText, endpointOf, unmapped } from "./address.ts";

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["2001:DB8::1", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["fe80:0:0:1::", "fe80:0:0:1::"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["64:ff9b::10.1.2.3", "64:ff9b::a01:203"],
])("%s is read and written as %s", (text, canonical) => {
  const bytes = addressBytes(text);
  expect(bytes).toBeDefined();
  expect(addressText(bytes ?? new Uint8Array(0))).toBe(canonical);
});

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.5",
  "::1::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "12345::",
  "fe80::1%eth0",
  "host.example",
])("%j is no address", (text) => {
  expect(addressBytes(text)).toBeUndefined();
});

test("any 4 or 16 bytes survive as text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 16 }), (bytes) => {
      const text = addressText(bytes);
      if (bytes.length !== 4 && bytes.length !== 16) expect(text).toBeUndefined();
      else expect([...(addressBytes(text ?? "") ?? [])]).toEqual([...unmapped(bytes)]);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("an endpoint needs an address and a port", () => {
  expect(endpointOf(Uint8Array.of(10, 0, 0, 1), 7946)).toEqual({ host: "10.0.0.1", port: 7946 });
  expect(endpointOf(Uint8Array.of(10, 0, 0, 1), 0)).toBeUndefined();
  expect(endpointOf(new Uint8Array(5), 7946)).toBeUndefined();
});
