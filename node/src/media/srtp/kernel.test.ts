import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { FastKernel, padMessage } from "./fast-kernel.ts";
import type { SrtpKernel } from "./kernel.ts";
import { PlainKernel } from "./plain-kernel.ts";

const MEMORY_BYTES = 1 << 20;
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const pattern = (length: number, start: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (start + i * 31) & 0xff);

function fast(memoryBytes = MEMORY_BYTES): FastKernel {
  const kernel = FastKernel.create(memoryBytes);
  if (kernel === undefined) throw new Error("this machine has no WebAssembly SIMD");
  return kernel;
}

const KERNELS: readonly (readonly [string, () => SrtpKernel])[] = [
  ["fast", fast],
  ["plain", () => new PlainKernel(MEMORY_BYTES)],
];

describe.each(KERNELS)("the %s kernel", (_name, create) => {
  test("makes the keystream of RFC 3711 appendix B.2", () => {
    const kernel = create();
    const key = kernel.openKey({
      encryption: hex("2B7E151628AED2A6ABF7158809CF4F3C"),
      salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
      authentication: pattern(20, 1),
    });
    const keystream = kernel.openKeystream(key, { ssrc: 0, batchPackets: 4, blocks: 10 });

    const at = keystream.at(0, 48);

    expect(
      Buffer.from(kernel.arena.bytes.subarray(at, at + 48))
        .toString("hex")
        .toUpperCase(),
    ).toBe("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0");
  });

  test("signs a message of any length as HMAC-SHA1 does", () => {
    const kernel = create();
    const authentication = pattern(20, 77);
    const key = kernel.openKey({ encryption: pattern(16, 3), salt: pattern(14, 5), authentication });
    const room = kernel.arena.allocate(2048) + 64;
    const tag = kernel.arena.allocate(64);
    for (let length = 1; length < 1400; length += length < 200 ? 1 : 37) {
      const message = pattern(length, length);
      kernel.arena.bytes.set(message, room);

      kernel.hmacOne(key, { offset: room, byteLength: length }, tag);

      const expected = createHmac("sha1", authentication).update(message).digest();
      expect(Buffer.from(kernel.arena.bytes.subarray(tag, tag + 12))).toEqual(expected.subarray(0, 12));
    }
  });
});

test("four lanes sign four messages under four keys", () => {
  const kernel = fast();
  const secrets = [1, 2, 3, 4].map((start) => pattern(20, start));
  const messages = [9, 8, 7, 6].map((start) => pattern(300, start));
  const tags: number[] = [];
  for (let lane = 0; lane < 4; lane++) {
    const key = kernel.openKey({
      encryption: pattern(16, 3),
      salt: pattern(14, 5),
      authentication: secrets[lane]!,
    });
    const at = kernel.arena.allocate(512);
    const tag = kernel.arena.allocate(64);
    kernel.arena.bytes.set(messages[lane]!, at);
    padMessage(kernel.arena, at, 300);
    kernel.job[lane] = at;
    kernel.job[4 + lane] = key.handle;
    kernel.job[8 + lane] = tag;
    tags.push(tag);
  }

  kernel.hmac((300 + 9 + 63) >> 6);

  for (let lane = 0; lane < 4; lane++) {
    const expected = createHmac("sha1", secrets[lane]!).update(messages[lane]!).digest();
    expect(Buffer.from(kernel.arena.bytes.subarray(tags[lane]!, tags[lane]! + 12))).toEqual(expected.subarray(0, 12));
  }
});

test("keystream is the same in any order of packets, in and out of a batch, over a roll-over, and without memory", () => {
  const keys = { encryption: pattern(16, 3), salt: pattern(14, 5), authentication: pattern(20, 9) };
  const plain = new PlainKernel(MEMORY_BYTES);
  const oracle = plain.openKeystream(plain.openKey(keys), { ssrc: 0xdeadbeef, batchPackets: 16, blocks: 10 });
  const order = [65_530, 65_531, 65_533, 65_532, 65_540, 65_529, 65_541, 131_072 * 40_000, 65_600, 65_610, 65_500];
  for (const shape of [
    { batchPackets: 16, memoryBytes: MEMORY_BYTES },
    { batchPackets: 1, memoryBytes: MEMORY_BYTES },
    { batchPackets: 16, memoryBytes: 65_536 },
  ]) {
    const kernel = fast(shape.memoryBytes);
    const key = kernel.openKey(keys);
    if (shape.memoryBytes === 65_536) while (kernel.arena.allocate(64) !== 0);
    const keystream = kernel.openKeystream(key, { ssrc: 0xdeadbeef, batchPackets: shape.batchPackets, blocks: 10 });
    for (const [turn, index] of order.entries()) {
      const length = 40 + ((turn * 331) % 1460);

      const at = keystream.at(index, length);

      const expected = oracle.at(index, length);
      expect(
        Buffer.compare(
          kernel.arena.bytes.subarray(at, at + length),
          plain.arena.bytes.subarray(expected, expected + length),
        ),
      ).toBe(0);
    }
  }
});

test("a keystream gives its memory back when it closes", () => {
  const kernel = fast();
  const key = kernel.openKey({ encryption: pattern(16, 3), salt: pattern(14, 5), authentication: pattern(20, 9) });
  const before = kernel.arena.usedBytes;
  const keystream = kernel.openKeystream(key, { ssrc: 1, batchPackets: 16, blocks: 76 });
  keystream.at(5, 1200);
  expect(kernel.arena.usedBytes).toBeGreaterThan(before);

  keystream.close();

  expect(kernel.arena.usedBytes).toBe(before);
});

test("a key of another kernel is refused", () => {
  const plain = new PlainKernel(MEMORY_BYTES);
  const key = plain.openKey({ encryption: pattern(16, 3), salt: pattern(14, 5), authentication: pattern(20, 9) });

  expect(() => fast().openKeystream(key, { ssrc: 1, batchPackets: 1, blocks: 1 })).toThrow(TypeError);
});
