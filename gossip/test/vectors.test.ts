// The captured bytes of a stock agent are the judge: what it wrote decodes to what it meant, and our encoding of that is
// the same bytes again, through every layer of framing.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { NodeAead } from "../io/node-aead.ts";
import { readCompressed, writeCompressed } from "../src/wire/compression.ts";
import { decodeMessage } from "../src/wire/decode-message.ts";
import { decodeSerf } from "../src/wire/decode-serf.ts";
import { encodeMessage } from "../src/wire/encode-message.ts";
import { encodeSerf } from "../src/wire/encode-serf.ts";
import { Keyring } from "../src/wire/keyring.ts";
import { lzwCompress } from "../src/wire/lzw.ts";
import { MessageType, SerfType } from "../src/wire/message-type.ts";
import type { SerfMessage, StreamMessage, WireMessage } from "../src/wire/messages.ts";
import { decodeCoordinatePayload, decodeTags, encodeCoordinatePayload, encodeTags } from "../src/wire/meta.ts";
import { assemblePacket, decodePacket, makeCompounds } from "../src/wire/packet.ts";
import { encodeStream, StreamDecoder } from "../src/wire/stream-framing.ts";

interface Vector {
  readonly id: string;
  readonly kind: "udp" | "tcp" | "message" | "udp-probe" | "tcp-probe";
  readonly source: "captured" | "accepted" | "rejected";
  readonly hex: string;
  readonly keyHex?: string;
  readonly decoded?: Layer;
  readonly reply?: readonly { readonly hex: string; readonly decoded: Layer | null }[];
}

type Fields = Readonly<Record<string, unknown>>;

interface Layer {
  readonly name?: string;
  readonly inner?: Layer;
  readonly parts?: readonly Layer[];
  readonly body?: Fields;
  readonly serfType?: number;
  readonly header?: Fields;
  readonly nodes?: readonly Fields[];
  readonly userState?: Layer;
  readonly plainSha256?: string;
  readonly coordinate?: Fields;
  readonly metaTags?: Fields;
}

const { vectors } = JSON.parse(readFileSync(new URL("vectors/wire.json", import.meta.url), "utf8")) as {
  readonly vectors: readonly Vector[];
};
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const pick = (...kinds: Vector["kind"][]): Vector[] => vectors.filter((vector) => kinds.includes(vector.kind));

/** A ring whose next nonce is that of a captured block. */
function ringOf(keyHex: string, nonce: Uint8Array): Keyring {
  return new Keyring(new NodeAead((into) => into.set(nonce)), [bytesOf(keyHex)]);
}

function must<T>(
  decoded: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string },
): T {
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.value;
}

/** Decodes one layer after the other and encodes them again. */
function rebuild(bytes: Uint8Array): Uint8Array {
  switch (bytes[0]) {
    case MessageType.hasCrc:
      return assemblePacket([rebuild(bytes.subarray(5))], { crc: true })[0]!;
    case MessageType.compress: {
      const inflated = readCompressed(bytes, 100_000);
      if (!inflated.ok) throw new Error(inflated.reason);
      return writeCompressed(rebuild(inflated.bytes));
    }
    case MessageType.compound:
      return makeCompounds(partsOf(bytes).map(rebuild))[0]!;
    default: {
      const message = must(decodeMessage(bytes));
      return encodeMessage(message.kind === "user" ? { ...message, payload: rebuildSerf(message.payload) } : message);
    }
  }
}

function partsOf(compound: Uint8Array): Uint8Array[] {
  const count = compound[1]!;
  let at = 2 + 2 * count;
  return Array.from({ length: count }, (_, i) => {
    const length = (compound[2 + 2 * i]! << 8) | compound[3 + 2 * i]!;
    at += length;
    return compound.subarray(at - length, at);
  });
}

function rebuildSerf(payload: Uint8Array): Uint8Array {
  const message = must(decodeSerf(payload));
  if (message.kind === "relay") return encodeSerf({ ...message, payload: rebuildSerf(message.payload) });
  const inner = "payload" in message ? message.payload : undefined;
  const isSerf = inner !== undefined && inner[0]! >= SerfType.conflictResponse && inner[0]! <= SerfType.keyResponse;
  return encodeSerf(isSerf ? ({ ...message, payload: rebuildSerf(inner) } as SerfMessage) : message);
}

function rebuildPacket(bytes: Uint8Array, keyHex: string | undefined): Uint8Array {
  if (keyHex === undefined) return rebuild(bytes);
  const ring = ringOf(keyHex, bytes.subarray(1, 13));
  const opened = ring.open(bytes, new Uint8Array(0));
  if (!opened.ok) throw new Error(opened.reason);
  return assemblePacket([rebuild(opened.plain)], { keyring: ring })[0]!;
}

// ---- meaning ----

/** Key on the wire to the name of our field. */
const OUR_NAMES: Readonly<Record<string, string>> = {
  SeqNo: "seqNo",
  Node: "node",
  Name: "name",
  From: "from",
  Incarnation: "incarnation",
  Addr: "addr",
  Port: "port",
  Meta: "meta",
  Vsn: "vsn",
  Payload: "payload",
  Target: "target",
  Nack: "nack",
  LTime: "lamportTime",
  Prune: "prune",
  CC: "coalesce",
  ID: "id",
  Flags: "flags",
  RelayFactor: "relayFactor",
  Timeout: "timeoutNs",
  SourceNode: "sourceNode",
  Result: "result",
  Message: "message",
  PrimaryKey: "primaryKey",
  EventLTime: "eventTime",
  QueryLTime: "queryTime",
  LeftMembers: "leftMembers",
};

function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexOf(value);
  return value;
}

function expectFields(ours: object, wire: Fields): void {
  const view: Record<string, unknown> = { ...ours };
  const source = view["source"] as Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(wire)) {
    if (key.startsWith("Source") && source !== undefined) {
      const named = { SourceAddr: "addr", SourcePort: "port", SourceNode: "node" }[key] ?? key;
      expect(plainValue(source[named])).toEqual(wireValue(value));
    } else if (OUR_NAMES[key] !== undefined) {
      expect({ [key]: plainValue(view[OUR_NAMES[key]!]) }).toEqual({ [key]: wireValue(value) ?? "" });
    }
  }
}

function wireValue(value: unknown): unknown {
  if (typeof value === "object" && value !== null && "hex" in value) return value.hex;
  return value;
}

/** The innermost layers of a decoded vector: one per message. */
function leaves(layer: Layer): Layer[] {
  if (layer.parts !== undefined) return layer.parts.flatMap(leaves);
  if (layer.inner !== undefined && layer.name !== "user") return leaves(layer.inner);
  return [layer];
}

function expectMeaning(message: WireMessage, layer: Layer): void {
  if (layer.name === "user") {
    expect(message.kind).toBe("user");
    if (message.kind === "user" && layer.inner?.body !== undefined) {
      expectFields(must(decodeSerf(message.payload)), layer.inner.body);
    }
    return;
  }
  const kinds: Readonly<Record<string, string>> = { ackResp: "ack", nackResp: "nack" };
  expect(message.kind).toBe(kinds[layer.name ?? ""] ?? layer.name);
  if (layer.body !== undefined) expectFields(message, layer.body);
  if (message.kind === "alive" && layer.metaTags !== undefined) {
    expect(decodeTags(message.meta)).toEqual(layer.metaTags);
  }
  if (message.kind === "ack" && layer.coordinate !== undefined) {
    const decoded = decodeCoordinatePayload(message.payload);
    expect(decoded.ok && decoded.coordinate.vec).toEqual(layer.coordinate["Vec"]);
    expect(decoded.ok && hexOf(encodeCoordinatePayload(decoded.coordinate))).toBe(hexOf(message.payload));
  }
}

describe("packets", () => {
  test.each(pick("udp"))("[W1] [W2] $id decodes to its meaning and encodes to the same bytes", (vector) => {
    const bytes = bytesOf(vector.hex);
    const keyring = vector.keyHex === undefined ? undefined : ringOf(vector.keyHex, bytes.subarray(1, 13));
    const packet = decodePacket(bytes, keyring === undefined ? {} : { keyring });

    if (!packet.ok) throw new Error(packet.reason);
    expect(packet.dropped).toEqual([]);
    const layers = leaves(vector.decoded!);
    expect(packet.messages).toHaveLength(layers.length);
    for (const [i, message] of packet.messages.entries()) expectMeaning(message, layers[i]!);
    expect(hexOf(rebuildPacket(bytes, vector.keyHex))).toBe(vector.hex);
  });

  test.each(pick("message"))("[W2] $id, a message out of its packet, encodes to the same bytes", (vector) => {
    const message = must(decodeMessage(bytesOf(vector.hex)));
    expectMeaning(message, leaves(vector.decoded!)[0]!);
    expect(hexOf(rebuild(bytesOf(vector.hex)))).toBe(vector.hex);
  });

  test("[W2] tags that the agent sent encode to the same bytes", () => {
    for (const vector of pick("udp", "message")) {
      for (const layer of leaves(vector.decoded!)) {
        const meta = layer.body?.["Meta"] as { hex: string } | undefined;
        const tags = layer.metaTags as Record<string, string> | undefined;
        if (meta === undefined || tags === undefined || Object.keys(tags).length > 1) continue;
        expect(hexOf(encodeTags(tags)!)).toBe(meta.hex);
      }
    }
  });
});

describe("probes", () => {
  const REASONS: Readonly<Record<string, string>> = {
    "probe-ping-big": "bad_field",
    "probe-ping-float": "bad_field",
    "probe-ping-binname": "bad_field",
    "probe-lzw-algo1": "bad_compression",
    "probe-compress-crc": "unknown_type",
    "probe-label": "bad_label",
  };

  test.each(pick("udp-probe"))("[W3] $id is $source, as by the agent", (vector) => {
    const packet = decodePacket(bytesOf(vector.hex));

    const reason = REASONS[vector.id];
    if (reason !== undefined) return expect(packet).toEqual({ ok: false, reason });
    // A ping for another name is well-formed: refusing it is the prober's work.
    expect(packet.ok && packet.messages.length).toBeGreaterThan(0);
  });

  test.each(pick("udp-probe"))("[W2] the agent's reply to $id encodes to the same bytes", (vector) => {
    for (const reply of vector.reply ?? []) expect(hexOf(rebuild(bytesOf(reply.hex)))).toBe(reply.hex);
  });

  test("[W3] keys in the wrong case are unknown keys, so the field stays zero", () => {
    const vector = vectors.find(({ id }) => id === "probe-ping-lowercase")!;
    const packet = decodePacket(bytesOf(vector.hex));
    expect(packet.ok && packet.messages[0]).toMatchObject({ kind: "ping", seqNo: 0 });
  });

  test("[W7] of a compound that breaks off, the whole parts are kept and the rest is one drop", () => {
    const vector = vectors.find(({ id }) => id === "probe-compound-trunc")!;
    const packet = decodePacket(bytesOf(vector.hex));
    expect(packet).toMatchObject({ ok: true, messages: [{ kind: "ping", seqNo: 60 }], dropped: ["truncated"] });
  });
});

describe("streams", () => {
  function decodeStream(bytes: Uint8Array, keyring: Keyring | undefined, pieceBytes: number): StreamMessage {
    const decoder = new StreamDecoder(keyring === undefined ? {} : { keyring });
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const step = decoder.push(bytes.subarray(at, at + pieceBytes));
      if (step.kind === "failed") throw new Error(step.reason);
      if (step.kind === "message") {
        expect(at + pieceBytes).toBeGreaterThanOrEqual(bytes.length);
        return step.message;
      }
    }
    throw new Error("the message did not end with its bytes");
  }

  function expectStream(vector: Vector): void {
    const bytes = bytesOf(vector.hex);
    const keyring = vector.keyHex === undefined ? undefined : ringOf(vector.keyHex, bytes.subarray(6, 18));
    const ring = keyring === undefined ? {} : { keyring };
    const message = decodeStream(bytes, keyring, bytes.length);

    for (const pieceBytes of [1, 7, 1000]) expect(decodeStream(bytes, keyring, pieceBytes)).toEqual(message);
    const compress = keyring !== undefined || bytes[0] === MessageType.compress;
    expect(hexOf(encodeStream(message, { ...ring, compress }))).toBe(vector.hex);
    if (message.kind === "pushPull") expectState(message);
  }

  /** Serf's part of a push/pull: maps keep the order that they came in. */
  function expectState(message: StreamMessage & { readonly kind: "pushPull" }): void {
    const state = must(decodeSerf(message.userState));
    expect(state.kind).toBe("serfPushPull");
    expect(hexOf(encodeSerf(state))).toBe(hexOf(message.userState));
  }

  test.each(pick("tcp"))("[W2] [W10] $id decodes from pieces of any size and encodes to the same bytes", expectStream);

  test.each(pick("tcp-probe"))("[W10] $id is accepted", (vector) => {
    decodeStream(bytesOf(vector.hex), undefined, 5);
    // A reply that was not captured to its end has no decoding.
    for (const reply of vector.reply ?? []) if (reply.decoded !== null) expectStream({ ...vector, hex: reply.hex });
  });

  test("[W8] the long stream with a clear code inside inflates to the known plain text and back", () => {
    const vector = vectors.find(({ id }) => id === "tcp-lzw-long")!;
    const inflated = readCompressed(bytesOf(vector.hex), 100_000);
    if (!inflated.ok) throw new Error(inflated.reason);
    expect(inflated.bytes).toHaveLength(20_558);
    const sum = (vector as unknown as { plainSha256?: string }).plainSha256;
    expect(createHash("sha256").update(inflated.bytes).digest("hex")).toBe(sum);
    expect(lzwCompress(inflated.bytes)).toHaveLength(7321);
  });
});
