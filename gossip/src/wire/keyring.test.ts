import { describe, expect, test } from "@jest/globals";
import type { Aead } from "../types.ts";
import { Keyring, MAX_KEYS } from "./keyring.ts";

/** Looks like encryption, and tells which key and data it was made with. */
const fakeAead: Aead = {
  seal: (key, plain, aad) => {
    const block = new Uint8Array(12 + plain.length + 16);
    block.set(plain, 12);
    block.set(tagOf(key, aad), 12 + plain.length);
    return block;
  },
  open: (key, block, aad) => {
    const tag = block.subarray(block.length - 16);
    return tagOf(key, aad).every((byte, i) => byte === tag[i]) ? block.subarray(12, block.length - 16) : undefined;
  },
};

function tagOf(key: Uint8Array, aad: Uint8Array): Uint8Array {
  const tag = new Uint8Array(16).fill(key[0]!);
  tag[1] = aad.length;
  return tag;
}

const keyOf = (fill: number, length = 16): Uint8Array => new Uint8Array(length).fill(fill);
const NO_DATA = new Uint8Array(0);
const plain = Uint8Array.of(1, 2, 3, 4, 5);

describe("keys", () => {
  test("[W18] sizes other than 16, 24 and 32 bytes are refused with the reference's words", () => {
    const ring = new Keyring(fakeAead);
    expect(ring.add(keyOf(1, 15))).toBe("key size must be 16, 24 or 32 bytes");
    for (const length of [16, 24, 32]) expect(ring.add(keyOf(length, length))).toBeUndefined();
    expect(ring.keys().map((key) => key.length)).toEqual([16, 24, 32]);
  });

  test("[W18] the first key is the primary, using another moves it to the front, and the primary stays", () => {
    const ring = new Keyring(fakeAead, [keyOf(1), keyOf(2), keyOf(3)]);
    expect(ring.use(keyOf(9))).toBe("Requested key is not in the keyring");
    expect(ring.use(keyOf(3))).toBeUndefined();
    expect(ring.keys().map(([first]) => first)).toEqual([3, 1, 2]);
    expect(ring.remove(keyOf(3))).toBe("Removing the primary key is not allowed");
    expect(ring.remove(keyOf(9))).toBeUndefined();
    expect(ring.remove(keyOf(1))).toBeUndefined();
    expect(ring.keys().map(([first]) => first)).toEqual([3, 2]);
  });

  test("[W18] a known key is not added again, and a seventeenth not at all", () => {
    const ring = new Keyring(fakeAead);
    for (let i = 0; i < MAX_KEYS; i += 1) expect(ring.add(keyOf(i))).toBeUndefined();
    expect(ring.add(keyOf(0))).toBeUndefined();
    expect(ring.add(keyOf(200))).toBe("too many keys");
    expect(ring.keys()).toHaveLength(MAX_KEYS);
  });
});

describe("blocks", () => {
  test("[W11] the primary seals, any key opens", () => {
    const block = new Keyring(fakeAead, [keyOf(2), keyOf(1)]).seal(plain, NO_DATA);
    expect(block[0]).toBe(1);
    expect(block).toHaveLength(plain.length + 29);
    expect(new Keyring(fakeAead, [keyOf(1), keyOf(2)]).open(block, NO_DATA)).toEqual({ ok: true, plain });
    expect(new Keyring(fakeAead, [keyOf(1)]).open(block, NO_DATA)).toEqual({ ok: false, reason: "bad_decrypt" });
  });

  test("[W11] version 0 pads to sixteen bytes and comes back without padding", () => {
    const ring = new Keyring(fakeAead, [keyOf(1)]);
    for (const length of [0, 1, 15, 16, 17]) {
      const whole = new Uint8Array(length).fill(7);
      const block = ring.seal(whole, NO_DATA, 0);
      expect((block.length - 29) % 16).toBe(0);
      expect(ring.open(block, NO_DATA)).toEqual({ ok: true, plain: whole });
    }
  });

  test("[W11] a padding that cannot be is refused", () => {
    const sealed = fakeAead.seal(keyOf(1), new Uint8Array(16).fill(17), NO_DATA);
    const block = Uint8Array.of(0, ...sealed);
    expect(new Keyring(fakeAead, [keyOf(1)]).open(block, NO_DATA)).toEqual({ ok: false, reason: "bad_decrypt" });
  });

  test.each([
    ["empty", [], "empty"],
    ["of version 2", [2, ...new Array(60).fill(0)], "bad_encryption_version"],
    ["shorter than its overhead", [1, ...new Array(27).fill(0)], "truncated"],
    ["of version 0 and shorter than its overhead", [0, ...new Array(43).fill(0)], "truncated"],
  ])("[W11] a block that is %s is refused", (_, bytes, reason) => {
    const ring = new Keyring(fakeAead, [keyOf(1)]);
    expect(ring.open(Uint8Array.from(bytes), NO_DATA)).toEqual({ ok: false, reason });
  });

  test("[W11] sealing without a key is a mistake of the caller", () => {
    expect(() => new Keyring(fakeAead).seal(plain, NO_DATA)).toThrow("sealing needs a key");
  });
});
