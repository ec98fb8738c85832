import { describe, expect, test } from "@jest/globals";
import { NodeAead } from "./node-aead.ts";

const key = new Uint8Array(32).fill(7);
const plain = Uint8Array.from(Buffer.from("push and pull"));
const data = Uint8Array.of(10, 0, 0, 0, 42);

describe("AES-GCM", () => {
  test.each([16, 24, 32])("a key of %d bytes opens what it sealed, with the same associated data only", (length) => {
    const aead = new NodeAead();
    const block = aead.seal(key.subarray(0, length), plain, data);
    expect(block).toHaveLength(12 + plain.length + 16);
    expect(Buffer.from(aead.open(key.subarray(0, length), block, data)!)).toEqual(Buffer.from(plain));
    expect(aead.open(key.subarray(0, length), block, new Uint8Array(0))).toBeUndefined();
  });

  test("a changed bit anywhere, a foreign key and any short block are refused without throwing", () => {
    const aead = new NodeAead();
    const block = aead.seal(key, plain, data);
    for (let i = 0; i < block.length; i += 1) {
      const changed = block.slice();
      changed[i]! ^= 1;
      expect(aead.open(key, changed, data)).toBeUndefined();
    }
    expect(aead.open(new Uint8Array(32), block, data)).toBeUndefined();
    for (let length = 0; length < 28; length += 1)
      expect(aead.open(key, block.subarray(0, length), data)).toBeUndefined();
  });

  test("nonces are drawn anew each time", () => {
    const aead = new NodeAead();
    const nonces = Array.from({ length: 50 }, () =>
      Buffer.from(aead.seal(key, plain, data).subarray(0, 12)).toString("hex"),
    );
    expect(new Set(nonces).size).toBe(50);
  });

  test("a known case of the GCM specification: AES-128, all zero", () => {
    const aead = new NodeAead((nonce) => nonce.fill(0));
    const block = aead.seal(new Uint8Array(16), new Uint8Array(16), new Uint8Array(0));
    expect(Buffer.from(block.subarray(12)).toString("hex")).toBe(
      "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
    );
  });

  test("a key of another length is the caller's mistake", () => {
    expect(() => new NodeAead().seal(new Uint8Array(15), plain, data)).toThrow("15 bytes");
  });
});
