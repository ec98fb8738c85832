import { createRequire } from "node:module";
import { expect, test } from "@jest/globals";
import { type CurveFunctions, useNativeCurve } from "./dtls-curve.ts";

const own = createRequire(import.meta.url);
const ofWerift = createRequire(own.resolve("werift"))("tweetnacl") as CurveFunctions;

/** The functions in JavaScript, with the native ones put in a copy. */
function both(): { readonly plain: CurveFunctions; readonly native: CurveFunctions } {
  const plain = { box: { keyPair: ofWerift.box.keyPair }, scalarMult: ofWerift.scalarMult };
  const native = { box: { ...plain.box }, scalarMult: plain.scalarMult };
  useNativeCurve(native);
  return { plain, native };
}

test("native and JavaScript's X25519 agree on secrets and public keys", () => {
  const { plain, native } = both();
  for (let i = 0; i < 20; i++) {
    const a = native.box.keyPair();
    const b = plain.box.keyPair();
    const secret = native.scalarMult(a.secretKey, b.publicKey);
    expect(secret).toEqual(plain.scalarMult(b.secretKey, a.publicKey));
    expect([secret.length, a.publicKey.length, a.secretKey.length]).toEqual([32, 32, 32]);
  }
});

test("a key pair is memory of its own, as werift takes all of it", () => {
  const { native } = both();
  const { publicKey, secretKey } = native.box.keyPair();
  expect([publicKey.buffer.byteLength, secretKey.buffer.byteLength]).toEqual([32, 32]);
  const view = Buffer.from(secretKey.buffer);
  const other = native.box.keyPair();
  expect(native.scalarMult(view, other.publicKey)).toEqual(native.scalarMult(other.secretKey, publicKey));
});

test("a key that was made elsewhere gives what RFC 7748 section 5.2 says", () => {
  const { native } = both();
  const nine = new Uint8Array(32);
  nine[0] = 9;
  expect(native.scalarMult(nine, nine)).toEqual(
    new Uint8Array(Buffer.from("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", "hex")),
  );
});

test("a point of low order gives no secret", () => {
  const { native } = both();
  const { secretKey } = native.box.keyPair();
  expect(() => native.scalarMult(secretKey, new Uint8Array(32))).toThrow();
});

test("a module without a curve is left alone, and one that has it is changed once", () => {
  expect(() => useNativeCurve(undefined)).not.toThrow();
  const { native } = both();
  const { scalarMult } = native;
  useNativeCurve(native);
  expect(native.scalarMult).toBe(scalarMult);
});
