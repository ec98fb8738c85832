// What a member does with what nobody should send: each is one counted drop, and who is in the cluster stays as it was.

import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, pushPull, seq } from "../test/harness.ts";
import { type Aead, type DropReason, streamId } from "./index.ts";
import { incarnation, lamportTime, nodeName } from "./types.ts";
import { encodeMessage } from "./wire/encode-message.ts";
import { encodeSerf } from "./wire/encode-serf.ts";
import { Keyring } from "./wire/keyring.ts";
import { assemblePacket } from "./wire/packet.ts";
import { encodeStream } from "./wire/stream-framing.ts";

/** Seals by leaving everything as it is between a nonce and a tag of the key. */
const aead: Aead = {
  seal: (key, plain) => Uint8Array.of(...new Uint8Array(12), ...plain, ...new Uint8Array(16).fill(key[0] ?? 0)),
  open: (key, block) => (block.at(-1) === key[0] ? block.slice(12, -16) : undefined),
};
const ringOf = (fill: number): Keyring => new Keyring(aead, [new Uint8Array(16).fill(fill)]);
const died = { kind: "dead", node: nodeName("p2"), from: nodeName("p3"), incarnation: incarnation(1) } as const;

/** Two other members, everything told, nothing counted yet. */
function settled(options: ConstructorParameters<typeof Harness>[0] = {}, withKeys = false): Harness {
  const keys = withKeys ? [new Uint8Array(16).fill(1)] : [];
  const h = new Harness({ keys, ...options }, 7, withKeys ? aead : undefined);
  h.meet(2, 3);
  h.advanceAnswering(5_000);
  h.clear();
  return h;
}

/** The reasons that an input is dropped with; membership must be exactly as before. */
function dropsOf(h: Harness, input: () => void): DropReason[] {
  const before = JSON.stringify(h.core.members());
  h.clear();
  input();
  expect(JSON.stringify(h.core.members())).toBe(before);
  expect(h.kinds()).toEqual([]);
  return h.drops.slice();
}

/** A stream from p2 with these bytes. */
function dial(h: Harness, bytes: Uint8Array): void {
  const id = h.nextAccepted();
  h.core.handleStream(id, { kind: "opened", from: peer(2) }, h.nowMs);
  h.core.handleStream(id, { kind: "data", bytes }, h.nowMs);
  h.core.handleStream(id, { kind: "ended" }, h.nowMs);
}

describe("[M25] bad input is counted and changes nothing:", () => {
  test("a packet and a stream under a wrong key", () => {
    const h = settled({}, true);
    const keyring = ringOf(2);
    const [packet] = assemblePacket([encodeMessage(died)], { keyring });
    const record = { ...aliveOf(9), state: "alive" } as const;
    const stream = encodeStream(pushPull([record]), { keyring, isDialled: true });
    expect(dropsOf(h, () => h.core.handlePacket(peer(2), packet!, h.nowMs))).toEqual(["bad_decrypt"]);
    expect(dropsOf(h, () => dial(h, stream))).toEqual(["bad_decrypt"]);
  });

  test("plain text where keys are wanted, cipher text where there are none", () => {
    const keyed = settled({}, true);
    expect(dropsOf(keyed, () => keyed.core.handlePacket(peer(2), encodeMessage(died), keyed.nowMs))).toEqual([
      "bad_encryption_version",
    ]);
    expect(dropsOf(keyed, () => dial(keyed, encodeStream(pushPull([]))))).toEqual(["not_encrypted"]);
    const plain = settled();
    const [sealed] = assemblePacket([encodeMessage(died)], { keyring: ringOf(1) });
    expect(dropsOf(plain, () => plain.core.handlePacket(peer(2), sealed!, plain.nowMs))).toHaveLength(1);
    expect(dropsOf(plain, () => dial(plain, encodeStream(pushPull([]), { keyring: ringOf(1) })))).toEqual([
      "encrypted",
    ]);
  });

  test("packets that are sent again", () => {
    const h = new Harness();
    const recorded = [
      encodeMessage(aliveOf(2)),
      encodeMessage(aliveOf(3)),
      encodeMessage({
        kind: "user",
        payload: encodeSerf({ kind: "join", lamportTime: lamportTime(3), node: nodeName("p2") }),
      }),
      encodeMessage({ kind: "suspect", node: nodeName("p2"), from: nodeName("p3"), incarnation: incarnation(1) }),
      encodeMessage(aliveOf(2, 2)),
    ];
    for (const bytes of recorded) h.core.handlePacket(peer(2), bytes, h.nowMs);
    h.advanceAnswering(2_000);
    const stale = h.core.stats()["stale_claims"] ?? 0;
    const drops = dropsOf(h, () => {
      for (const bytes of recorded) h.core.handlePacket(peer(2), bytes, h.nowMs);
    });
    expect(drops).toEqual([]);
    expect((h.core.stats()["stale_claims"] ?? 0) - stale).toBe(4);
    h.advance(1_000);
    expect(h.of("suspect")).toEqual([]);
  });

  test("a user event and a query that are sent again are told once", () => {
    const h = settled();
    const event = {
      kind: "userEvent",
      lamportTime: lamportTime(4),
      name: "deploy",
      payload: Uint8Array.of(1),
      coalesce: false,
    } as const;
    const query = {
      kind: "query",
      lamportTime: lamportTime(4),
      id: 9,
      addr: Uint8Array.of(10, 0, 0, 2),
      port: 7946,
      sourceNode: nodeName("p2"),
      filters: [],
      flags: 0,
      relayFactor: 0,
      timeoutNs: 1e9,
      name: "uptime",
      payload: new Uint8Array(0),
    } as const;
    h.feedSerf(event);
    h.feedSerf(query);
    expect(h.kinds()).toEqual(["userEvent", "query"]);
    expect(
      dropsOf(h, () => {
        h.feedSerf(event);
        h.feedSerf(query);
      }),
    ).toEqual([]);
  });

  test("an ack of a number that nobody waits for, and one that is used twice", () => {
    const h = settled();
    const ack = { kind: "ack", seqNo: seq(0xffff), payload: new Uint8Array(0) } as const;
    expect(dropsOf(h, () => h.feed(ack))).toEqual(["unknown_ack"]);
    expect(dropsOf(h, () => h.feed({ kind: "nack", seqNo: seq(0xffff) }))).toEqual(["unknown_nack"]);
    while (h.of("ping").length === 0) h.advance(50);
    const [ping] = h.of("ping");
    const answer = { kind: "ack", seqNo: ping!.seqNo, payload: new Uint8Array(0) } as const;
    h.feed(answer, ping!.to);
    const measured = h.core.measuredRtts();
    expect(dropsOf(h, () => h.feed(answer, ping!.to))).toEqual(["unknown_ack"]);
    expect(h.core.measuredRtts()).toEqual(measured);
  });

  test("tags beyond 512 bytes, in a packet and in an exchange", () => {
    const h = settled();
    const huge = { ...aliveOf(2, 2), meta: new Uint8Array(513).fill(0xff) };
    expect(dropsOf(h, () => h.feed(huge))).toEqual(["meta_too_long"]);
    expect(dropsOf(h, () => dial(h, encodeStream(pushPull([{ ...huge, state: "alive" }]))))).toEqual(["meta_too_long"]);
    const before = h.core.localMember().tags;
    expect(() => h.core.setTags({ big: "x".repeat(512) }, h.nowMs)).toThrow("512 bytes");
    expect(h.core.localMember().tags).toEqual(before);
  });

  test.each<[string, readonly number[], DropReason]>([
    ["nothing", [], "empty"],
    ["a type without a body", [4], "truncated"],
    ["a body that is no map", [4, 0x01], "bad_msgpack"],
    ["a map that ends too soon", [4, 0x86, 0xa4], "truncated"],
    ["a value that no value begins with", [3, 0x81, 0xa4, 0x4e, 0x6f, 0x64, 0x65, 0xc1], "bad_field"],
    ["a number that does not fit", [2, 0x81, 0xa5, ...Buffer.from("SeqNo"), 0xcf, 1, 0, 0, 0, 0, 0, 0, 0], "bad_field"],
    ["text that is no text", [3, 0x81, 0xa4, ...Buffer.from("Node"), 0xa2, 0xff, 0xfe], "bad_field"],
    ["a type that nobody knows", [99, 0x80], "unknown_type"],
    ["a Serf message of a type that nobody knows", [8, 77, 0x80], "unknown_type"],
    ["a Serf message that breaks off", [8, 1, 0x82, 0xa5], "truncated"],
  ])("malformed msgpack: %s", (_what, bytes, reason) => {
    const h = settled();
    expect(dropsOf(h, () => h.core.handlePacket(peer(2), Uint8Array.from(bytes), h.nowMs))).toEqual([reason]);
  });

  test("a stream of nonsense, and one under an id of ours or that is in use", () => {
    const h = settled();
    expect(dropsOf(h, () => dial(h, Uint8Array.of(6, 0xc1)))).toEqual(["bad_msgpack"]);
    expect(dropsOf(h, () => dial(h, new Uint8Array(0)))).toEqual(["empty"]);
    const used = h.nextAccepted();
    h.core.handleStream(used, { kind: "opened", from: peer(2) }, h.nowMs);
    for (const id of [used, streamId(1)]) {
      const again = () => h.core.handleStream(id, { kind: "opened", from: peer(3) }, h.nowMs);
      expect(dropsOf(h, again)).toEqual(["unknown_stream"]);
    }
  });

  test("an incarnation or a Lamport time at the end of its range", () => {
    const h = settled();
    expect(dropsOf(h, () => h.feed({ ...died, incarnation: incarnation(0xffff_ffff) }))).toEqual(["bad_incarnation"]);
    const leave = { kind: "leave", lamportTime: lamportTime(2 ** 52), node: nodeName("p2"), prune: true } as const;
    expect(dropsOf(h, () => h.feedSerf(leave))).toEqual(["bad_lamport_time"]);
  });
});
