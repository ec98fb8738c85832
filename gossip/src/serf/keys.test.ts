import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeSerf } from "../wire/encode-serf.ts";
import { Keyring } from "../wire/keyring.ts";
import { answerKeyQuery, isKeyQuery, shortened } from "./keys.ts";

/** Nothing is sealed here. */
const aead = { seal: (_: Uint8Array, plain: Uint8Array) => plain, open: () => undefined };
const key = (fill: number, length = 16): Uint8Array => new Uint8Array(length).fill(fill);
const request = (bytes: Uint8Array): Uint8Array => encodeSerf({ kind: "keyRequest", key: bytes });
const keyringOf = (...keys: readonly Uint8Array[]): Keyring => new Keyring(aead, keys);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("[Q12] keys", () => {
  test("a rotation: install, use, remove the old one", () => {
    const keyring = keyringOf(key(1));
    expect(answerKeyQuery("_serf_install-key", request(key(2, 32)), keyring)).toMatchObject({ result: true });
    expect(keyring.keys()).toEqual([key(1), key(2, 32)]);
    expect(answerKeyQuery("_serf_use-key", request(key(2, 32)), keyring)).toMatchObject({ result: true });
    expect(answerKeyQuery("_serf_list-keys", new Uint8Array(0), keyring)).toEqual({
      kind: "keyResponse",
      result: true,
      message: "",
      keys: [text(key(2, 32)), text(key(1))],
      primaryKey: text(key(2, 32)),
    });
    expect(answerKeyQuery("_serf_remove-key", request(key(1)), keyring)).toMatchObject({ result: true });
    expect(keyring.keys()).toEqual([key(2, 32)]);
  });

  test.each([
    ["_serf_use-key", request(key(9)), "Requested key is not in the keyring"],
    ["_serf_remove-key", request(key(1)), "Removing the primary key is not allowed"],
    ["_serf_install-key", request(key(1, 17)), "key size must be 16, 24 or 32 bytes"],
    ["_serf_install-key", request(key(1, 0)), "key size must be 16, 24 or 32 bytes"],
    ["_serf_install-key", new Uint8Array(0), "the key request cannot be read"],
    ["_serf_use-key", Uint8Array.of(7, 1, 2), "the key request cannot be read"],
    ["_serf_remove-key", encodeSerf({ kind: "conflictResponse", member: null }), "the key request cannot be read"],
  ])("%s of something bad is refused and changes nothing", (name, payload, message) => {
    const keyring = keyringOf(key(1), key(2));
    expect(answerKeyQuery(name, payload, keyring)).toMatchObject({ result: false, message });
    expect(keyring.keys()).toEqual([key(1), key(2)]);
  });

  test("without encryption there is nothing to change or list", () => {
    expect(answerKeyQuery("_serf_install-key", request(key(1)), undefined).message).toBe(
      "No keyring to modify (encryption not enabled)",
    );
    expect(answerKeyQuery("_serf_list-keys", new Uint8Array(0), undefined).message).toBe(
      "Keyring is empty (encryption not enabled)",
    );
    expect(["_serf_use-key", "_serf_ping", "use-key"].map(isKeyQuery)).toEqual([true, false, false]);
  });

  test("a list that does not fit is shortened and says so", () => {
    const list = answerKeyQuery("_serf_list-keys", new Uint8Array(0), keyringOf(key(1), key(2), key(3)));
    expect(shortened(list, () => true)).toBe(list);
    const short = shortened(list, ({ keys }) => keys.length <= 1);
    expect(short).toMatchObject({
      keys: [text(key(1))],
      message: "truncated key list response, showing first 1 of 3 keys",
    });
    expect(shortened(list, () => false).keys).toEqual([]);
  });

  test("keys are shown in base64", () => {
    const bytes = fc
      .constantFrom(16, 24, 32)
      .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    fc.assert(
      fc.property(bytes, (one) => {
        expect(answerKeyQuery("_serf_list-keys", one, keyringOf(one)).keys).toEqual([text(one)]);
      }),
      { seed: 43, numRuns: 100 },
    );
  });
});
