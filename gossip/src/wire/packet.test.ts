import { describe, expect, test } from "@jest/globals";
import type { Aead } from "../types.ts";
import { nodeName, seqNo } from "../types.ts";
import { writeCompressed } from "./compression.ts";
import { encodeMessage } from "./encode-message.ts";
import { Keyring } from "./keyring.ts";
import { DEFAULT_LIMITS, PACKET_BUDGET_BYTES } from "./limits.ts";
import { assemblePacket, decodePacket, makeCompounds, packetRoom } from "./packet.ts";

/** Flips bits, and remembers the associated data in the tag. */
const fakeAead: Aead = {
  seal: (key, plain, aad) => {
    const tag = new Uint8Array(16).fill(aad.length + key[0]!);
    return Uint8Array.of(...new Uint8Array(12), ...plain.map((byte) => byte ^ 0x5a), ...tag);
  },
  open: (key, block, aad) => {
    if (block[block.length - 1] !== aad.length + key[0]!) return undefined;
    return block.subarray(12, block.length - 16).map((byte) => byte ^ 0x5a);
  },
};
const keyring = new Keyring(fakeAead, [new Uint8Array(16).fill(1)]);
const otherRing = new Keyring(fakeAead, [new Uint8Array(16).fill(2)]);

const nack = (n: number): Uint8Array => encodeMessage({ kind: "nack", seqNo: seqNo(n) });
const one = { ok: true, messages: [{ kind: "nack", seqNo: 1 }], dropped: [] };

/** `depth` compounds of one part around a message. */
function nested(depth: number, inner: Uint8Array): Uint8Array {
  if (depth === 0) return inner;
  const part = nested(depth - 1, inner);
  return Uint8Array.of(7, 1, part.length >> 8, part.length & 255, ...part);
}

describe("compounds", () => {
  test("[W7] a single message stays bare, several become one compound", () => {
    expect(makeCompounds([nack(1)])).toEqual([nack(1)]);
    expect(makeCompounds([nack(1), nack(2)])[0]!.slice(0, 6)).toEqual(Uint8Array.of(7, 2, 0, 9, 0, 9));
  });

  test("[W7] more than 127 messages become several packets, nothing is lost", () => {
    const packets = assemblePacket(Array.from({ length: 300 }, (_, i) => nack(i)));
    expect(packets.map((packet) => packet[1])).toEqual([127, 127, 46]);
    const decoded = packets.flatMap((packet) => {
      const result = decodePacket(packet);
      return result.ok ? result.messages : [];
    });
    expect(decoded.map((message) => message.kind === "nack" && message.seqNo)).toEqual(
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  test("[W7] a bad part is one drop, the others count", () => {
    const packet = makeCompounds([nack(1), Uint8Array.of(99), nack(2)])[0]!;
    expect(decodePacket(packet)).toEqual({
      ok: true,
      messages: [
        { kind: "nack", seqNo: 1 },
        { kind: "nack", seqNo: 2 },
      ],
      dropped: ["unknown_type"],
    });
  });

  test.each([
    ["has no count", [7], "bad_compound"],
    ["lacks its lengths", [7, 200, 0, 1], "bad_compound"],
    ["has only an empty part", [7, 1, 0, 0], "empty"],
    ["has a part that is cut", [7, 1, 0, 9, 0], "truncated"],
  ])("[W7] a compound that %s gives its reason", (_, bytes, reason) => {
    expect(decodePacket(Uint8Array.from(bytes))).toEqual({ ok: false, reason });
  });
});

describe("checksum", () => {
  test("[W9] a packet with a checksum decodes, and a flipped bit drops it", () => {
    const [packet] = assemblePacket([nack(1)], { crc: true });
    expect(packet![0]).toBe(12);
    expect(decodePacket(packet!)).toEqual(one);
    packet![7]! ^= 1;
    expect(decodePacket(packet!)).toEqual({ ok: false, reason: "bad_crc" });
    expect(decodePacket(packet!.slice(0, 5))).toEqual({ ok: false, reason: "truncated" });
  });

  test("[W9] inside a compound it is an unknown type", () => {
    const [inner] = assemblePacket([nack(1)], { crc: true });
    expect(decodePacket(nested(1, inner!))).toEqual({ ok: false, reason: "unknown_type" });
  });
});

describe("compression", () => {
  test("[W8] is used only when it makes the packet smaller", () => {
    expect(assemblePacket([nack(1)], { compress: true })[0]).toEqual(nack(1));
    const parts = Array.from({ length: 20 }, (_, i) => nack(i));
    const [packed] = assemblePacket(parts, { compress: true });
    expect(packed![0]).toBe(9);
    expect(packed!.length).toBeLessThan(assemblePacket(parts)[0]!.length);
  });

  test("[W8] of nothing is refused, because no message is empty", () => {
    expect(decodePacket(writeCompressed(new Uint8Array(0)))).toEqual({ ok: false, reason: "empty" });
  });

  test("[W13] parts that inflate too far together stop at the limit of the packet, and nothing more is inflated", () => {
    const bomb = writeCompressed(encodeMessage({ kind: "user", payload: new Uint8Array(400_000) }));
    const [packet] = assemblePacket([bomb, bomb, bomb, bomb, bomb, bomb]);
    expect(decodePacket(packet!)).toMatchObject({
      ok: true,
      messages: [{ kind: "user" }, { kind: "user" }],
      dropped: ["inflate_limit", "inflate_limit", "inflate_limit", "inflate_limit"],
    });
  });
});

describe("bounds", () => {
  test("[W13] compounds nest to the bound and no further", () => {
    expect(decodePacket(nested(DEFAULT_LIMITS.packetDepth, nack(1)))).toEqual(one);
    expect(decodePacket(nested(DEFAULT_LIMITS.packetDepth + 1, nack(1)))).toEqual({
      ok: false,
      reason: "nested_too_deep",
    });
  });

  test("[W13] a packet gives a bounded number of messages", () => {
    const limits = { ...DEFAULT_LIMITS, packetMessages: 3 };
    const [packet] = assemblePacket([nack(1), nack(2), nack(3), nack(4), nack(5)]);
    const decoded = decodePacket(packet!, { limits });
    expect(decoded).toMatchObject({ ok: true, dropped: ["too_many"] });
    expect(decoded.ok && decoded.messages).toHaveLength(3);
  });
});

describe("encryption and label", () => {
  test("[W11] with keys a packet is sealed, opened, and refused when plain or foreign", () => {
    const [packet] = assemblePacket([nack(1)], { keyring, crc: true });
    expect(decodePacket(packet!, { keyring })).toEqual(one);
    expect(decodePacket(packet!, { keyring: otherRing })).toEqual({ ok: false, reason: "bad_decrypt" });
    expect(decodePacket(encodeMessage({ kind: "user", payload: new Uint8Array(60) }), { keyring })).toEqual({
      ok: false,
      reason: "bad_encryption_version",
    });
    const ping = encodeMessage({ kind: "ping", seqNo: seqNo(1), node: nodeName("n".repeat(60)) });
    expect(decodePacket(ping, { keyring })).toEqual({ ok: false, reason: "bad_decrypt" });
  });

  test("[W11] without keys a sealed packet dies in decoding", () => {
    const [packet] = assemblePacket([nack(1)], { keyring });
    expect(decodePacket(packet!).ok).toBe(false);
  });

  test("[W11] what decrypts to nothing is refused", () => {
    expect(decodePacket(keyring.seal(new Uint8Array(0), new Uint8Array(0)), { keyring })).toEqual({
      ok: false,
      reason: "empty",
    });
  });

  test("[W12] a label must be the one expected, and is authenticated", () => {
    const [packet] = assemblePacket([nack(1)], { keyring, label: "blue" });
    expect(packet!.slice(0, 6)).toEqual(Uint8Array.of(244, 4, 98, 108, 117, 101));
    expect(decodePacket(packet!, { keyring, label: "blue" })).toEqual(one);
    for (const label of ["green", "blu", undefined]) {
      const options = label === undefined ? { keyring } : { keyring, label };
      expect(decodePacket(packet!, options)).toEqual({ ok: false, reason: "bad_label" });
    }
    expect(decodePacket(packet!.slice(6), { keyring })).toEqual({ ok: false, reason: "bad_decrypt" });
    expect(decodePacket(nack(1), { label: "blue" })).toEqual({ ok: false, reason: "bad_label" });
    expect(decodePacket(Uint8Array.of(244), { label: "blue" })).toEqual({ ok: false, reason: "bad_label" });
  });
});

test("the room beside a message leaves place for every layer but the checksum", () => {
  const first = nack(1);
  const options = { keyring, label: "blue" };
  const part = encodeMessage({ kind: "user", payload: new Uint8Array(packetRoom(first.length, options) - 3) });
  const [packet] = assemblePacket([first, part], options);
  expect(packet).toHaveLength(PACKET_BUDGET_BYTES);
});
