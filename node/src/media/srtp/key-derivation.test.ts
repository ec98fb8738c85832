import { expect, test } from "@jest/globals";
import { deriveSessionKeys } from "./key-derivation.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const MASTER = { key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"), salt: hex("0EC675AD498AFEEBB6960B3AABE6") };

test("the session keys are those of RFC 3711 appendix B.3", () => {
  const keys = deriveSessionKeys(MASTER, "rtp");

  expect(Buffer.from(keys.encryption).toString("hex").toUpperCase()).toBe("C61E7A93744F39EE10734AFE3FF7A087");
  expect(Buffer.from(keys.salt).toString("hex").toUpperCase()).toBe("30CBBC08863D8C85D49DB34A9AE1");
  expect(Buffer.from(keys.authentication).toString("hex").toUpperCase()).toBe(
    "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
  );
});

test("SRTCP has keys of its own", () => {
  const rtp = deriveSessionKeys(MASTER, "rtp");
  const rtcp = deriveSessionKeys(MASTER, "rtcp");

  expect(rtcp.encryption).not.toEqual(rtp.encryption);
  expect(rtcp.authentication).not.toEqual(rtp.authentication);
  expect(rtcp.salt).not.toEqual(rtp.salt);
});

test("a master key of another length is the caller's error", () => {
  expect(() => deriveSessionKeys({ key: new Uint8Array(32), salt: MASTER.salt }, "rtp")).toThrow(RangeError);
  expect(() => deriveSessionKeys({ key: MASTER.key, salt: new Uint8Array(12) }, "rtp")).toThrow(RangeError);
});
