import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, pushPull, seq } from "../../test/harness.ts";
import { type Aead, type GossipOptions, UsageError } from "../index.ts";
import { incarnation, nodeName } from "../types.ts";
import { writeCompressed } from "../wire/compression.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { Keyring } from "../wire/keyring.ts";
import { MessageType } from "../wire/message-type.ts";
import { assemblePacket, type PacketOptions } from "../wire/packet.ts";
import { encodeStream } from "../wire/stream-framing.ts";

/** Seals by leaving everything as it is between a nonce and a tag of the key and the associated data. */
const aead: Aead = {
  seal: (key, plain, aad) => Uint8Array.of(...new Uint8Array(12), ...plain, ...tag(key, aad)),
  open: (key, block, aad) =>
    block.slice(-16).every((byte, at) => byte === tag(key, aad)[at]) ? block.slice(12, -16) : undefined,
};
const tag = (key: Uint8Array, aad: Uint8Array): Uint8Array =>
  new Uint8Array(16).fill((key[0] ?? 0) + aad.reduce((sum, byte) => sum + byte, 0));
const KEY = new Uint8Array(16).fill(1);
const ring = new Keyring(aead, [KEY]);
const many = Array.from({ length: 20 }, (_, index) => aliveOf(index + 2));
const ping = encodeMessage({ kind: "ping", seqNo: seq(7), node: nodeName("self") });
const secret = (options: Partial<GossipOptions> = {}): Harness => new Harness({ keys: [KEY], ...options }, 7, aead);

/** One packet from p2, framed as said. */
function send(h: Harness, options: PacketOptions & { readonly crc?: boolean; readonly compress?: boolean }): void {
  const [packet] = assemblePacket([ping], options);
  if (packet !== undefined) h.core.handlePacket(peer(2), packet, h.nowMs);
}

describe("[M34] compression", () => {
  test("of packets is used where it makes them smaller, beneath the checksum", () => {
    const h = new Harness({ compress: true });
    for (const alive of many) h.feed(alive);
    h.clear();
    h.advance(400);
    const gossip = h.sent.filter(({ bytes }) => bytes[0] === MessageType.hasCrc);
    expect(gossip.length).toBeGreaterThan(0);
    expect(new Set(gossip.map(({ bytes }) => bytes[5]))).toEqual(new Set([MessageType.compress]));
    expect(gossip.flatMap(({ messages }) => messages).length).toBeGreaterThan(20);
    h.clear();
    h.feed({ kind: "nack", seqNo: seq(1) });
    h.core.handlePacket(peer(2), ping, h.nowMs);
    expect(h.of("ack")).toHaveLength(1);
  });

  test("of streams is always used, and of others always understood", () => {
    for (const compress of [true, false]) {
      const h = new Harness({ compress });
      const record = { ...aliveOf(2), incarnation: incarnation(1), state: "alive" } as const;
      expect(h.dialled(pushPull([record]))?.kind).toBe("pushPull");
      const [written] = [...h.written.values()].at(-1) ?? [];
      expect(written?.[0]).toBe(compress ? MessageType.compress : MessageType.pushPull);
      expect(h.status("p2")).toBe("alive");
      h.core.handlePacket(peer(2), writeCompressed(ping), h.nowMs);
      expect(h.of("ack")).toHaveLength(1);
    }
  });

  test("by streams of others is understood whether we compress or not", () => {
    const h = new Harness();
    h.core.handleStream(h.nextAccepted(), { kind: "opened", from: peer(2) }, h.nowMs);
    const bytes = encodeStream(pushPull([]), { compress: true, isDialled: true });
    h.core.handleStream(h.lastAccepted(), { kind: "data", bytes }, h.nowMs);
    expect(h.reply(h.lastAccepted())?.kind).toBe("pushPull");
  });
});

describe("[M34] a label", () => {
  test("stands before every packet and every stream that we open", () => {
    const h = new Harness({ label: "blue" });
    h.meet(2, 3);
    h.core.join([peer(4)], h.nowMs);
    h.advance(1_000);
    expect(h.sent.length).toBeGreaterThan(0);
    for (const { bytes } of h.sent) expect(Array.from(bytes.slice(0, 6))).toEqual([244, 4, 98, 108, 117, 101]);
    const [dialled] = h.written.get(h.opened[0]!.id) ?? [];
    expect(dialled?.[0]).toBe(MessageType.hasLabel);
  });

  test("is not repeated in the reply to a stream", () => {
    const h = new Harness({ label: "blue" });
    expect(h.dialled(pushPull([]))?.kind).toBe("pushPull");
    expect([...h.written.values()].at(-1)?.[0]?.[0]).toBe(MessageType.pushPull);
  });

  test.each<[string, string, PacketOptions]>([
    ["none where one is wanted", "blue", {}],
    ["another", "blue", { label: "green" }],
    ["one where none is wanted", "", { label: "blue" }],
  ])("that does not fit is dropped and counted: %s", (_what, label, options) => {
    const h = new Harness({ label });
    send(h, options);
    send(h, { ...options, crc: true });
    expect(h.drops).toEqual(["bad_label", "bad_label"]);
    expect(h.sent).toEqual([]);
    h.core.handleStream(h.nextAccepted(), { kind: "opened", from: peer(2) }, h.nowMs);
    const record = { ...aliveOf(2), incarnation: incarnation(1), state: "alive" } as const;
    const bytes = encodeStream(pushPull([record]), { ...options, isDialled: true });
    h.core.handleStream(h.lastAccepted(), { kind: "data", bytes }, h.nowMs);
    expect(h.drops).toEqual(["bad_label", "bad_label", "bad_label"]);
    expect(h.core.members()).toHaveLength(1);
  });

  test("is authenticated together with what it stands before", () => {
    const h = secret({ label: "blue" });
    send(h, { keyring: ring, label: "blue" });
    expect(h.of("ack")).toHaveLength(1);
    const [other] = assemblePacket([ping], { keyring: ring, label: "glue" });
    other?.set([98], 2);
    if (other !== undefined) h.core.handlePacket(peer(2), other, h.nowMs);
    expect(h.drops).toEqual(["bad_decrypt"]);
    expect(h.dialled(pushPull([]))?.kind).toBe("pushPull");
  });

  test("costs its room in a packet", () => {
    const h = new Harness({ label: "x".repeat(255) });
    for (const alive of many) h.feed(alive);
    h.advance(2_000);
    expect(Math.max(...h.sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_405);
  });

  test("has at most 255 bytes", () => {
    expect(() => new Harness({ label: "ü".repeat(127) })).not.toThrow();
    expect(() => new Harness({ label: "ü".repeat(128) })).toThrow(UsageError);
  });
});

describe("[M34] with keys", () => {
  test("nothing leaves in plain text, and plain text changes nothing", () => {
    const h = secret();
    h.meet(2);
    h.advance(1_000);
    expect(h.sent.length).toBeGreaterThan(0);
    for (const { bytes } of h.sent) expect(bytes[0]).toBe(1);
    h.clear();
    send(h, {});
    send(h, { crc: true });
    expect(h.drops).toEqual(["truncated", "bad_encryption_version"]);
    expect(h.sent).toEqual([]);
  });
});
