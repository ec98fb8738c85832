import { describe, expect, test } from "@jest/globals";
import { type Aead, incarnation, nodeName, seqNo } from "../types.ts";
import { writeCompressed } from "./compression.ts";
import { encodeStreamMessage } from "./encode-message.ts";
import { Keyring } from "./keyring.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { PushPullMessage, PushPullNode, StreamMessage } from "./messages.ts";
import { encodeStream, StreamDecoder, type StreamStep } from "./stream-framing.ts";
import { Writer } from "./writer.ts";

const fakeAead: Aead = {
  seal: (key, plain, aad) => Uint8Array.of(...new Uint8Array(12), ...plain, ...tagOf(key, aad)),
  open: (key, block, aad) => {
    const tag = block.subarray(block.length - 16);
    return tagOf(key, aad).every((byte, i) => byte === tag[i]) ? block.subarray(12, block.length - 16) : undefined;
  },
};

/** The tag is the end of the associated data, so that tests see whether it was all there. */
function tagOf(key: Uint8Array, aad: Uint8Array): Uint8Array {
  const tag = new Uint8Array(16).fill(key[0]!);
  tag.set(aad.subarray(0, 12), 1);
  return tag;
}

const keyring = new Keyring(fakeAead, [new Uint8Array(16).fill(1)]);
const ping: StreamMessage = { kind: "ping", seqNo: seqNo(5), node: nodeName("a") };

const record = (i: number): PushPullNode => ({
  node: nodeName(`node-${i}`),
  addr: Uint8Array.of(10, 0, i >> 8, i & 255),
  port: 7946,
  meta: Uint8Array.of(0xff, 0x80),
  incarnation: incarnation(i),
  state: "alive",
  vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
});
const state = (count: number): PushPullMessage => ({
  kind: "pushPull",
  join: true,
  nodes: Array.from({ length: count }, (_, i) => record(i)),
  userState: new Uint8Array(100).fill(9),
});

function decode(bytes: Uint8Array, options: ConstructorParameters<typeof StreamDecoder>[0] = {}): StreamStep {
  return new StreamDecoder(options).push(bytes);
}

/** A stream type byte and a map of small integers. */
function header(type: number, fields: Readonly<Record<string, number>>): Uint8Array {
  const out = new Writer();
  out.byte(type);
  out.map(Object.keys(fields).length);
  for (const [key, value] of Object.entries(fields)) {
    out.text(key);
    out.int(value);
  }
  return out.take();
}

describe("pieces", () => {
  test("[W10] a large state decodes byte by byte to the same value", () => {
    const message = state(300);
    const bytes = encodeStream(message);
    const decoder = new StreamDecoder();
    let step: StreamStep = { kind: "needMore" };
    for (let i = 0; i < bytes.length; i += 1) step = decoder.push(bytes.subarray(i, i + 1));
    expect(step).toEqual({ kind: "message", message });
  });

  test("[W10] records do not keep the buffer of the whole exchange alive", () => {
    const step = decode(encodeStream(state(50)));
    const [first] = step.kind === "message" && step.message.kind === "pushPull" ? step.message.nodes : [];
    expect(first!.meta.buffer.byteLength).toBeLessThan(200);
  });

  test("[W10] an end before the message is complete is a failure, and nothing at all is an empty one", () => {
    const decoder = new StreamDecoder();
    decoder.push(encodeStream(state(2)).slice(0, -1));
    expect(decoder.end()).toEqual({ kind: "failed", reason: "truncated" });
    expect(new StreamDecoder().end()).toEqual({ kind: "failed", reason: "empty" });
  });

  test("[W10] what follows a message is ignored", () => {
    expect(decode(Uint8Array.of(...encodeStream(ping), 1, 2, 3))).toEqual({ kind: "message", message: ping });
  });
});

describe("announced lengths", () => {
  test.each([
    ["records", header(6, { Nodes: DEFAULT_LIMITS.pushPullNodes + 1, UserStateLen: 0 }), "too_many"],
    ["user state", header(6, { Nodes: 0, UserStateLen: DEFAULT_LIMITS.streamBytes + 1 }), "too_long"],
    ["user payload", header(8, { UserMsgLen: DEFAULT_LIMITS.streamBytes + 1 }), "too_long"],
    ["encrypted block", Uint8Array.of(10, 0xff, 0xff, 0xff, 0xff), "too_long"],
    [
      "one record",
      Uint8Array.of(...header(6, { Nodes: 1, UserStateLen: 0 }), 0x81, 0xda, 0xff, 0xff, ...new Uint8Array(20_000)),
      "too_long",
    ],
    ["a negative count", Uint8Array.of(6, 0x81, 0xa5, 0x4e, 0x6f, 0x64, 0x65, 0x73, 0xff), "bad_field"],
  ])("[W10] %s beyond the bound fail before memory is spent", (what, bytes, reason) => {
    const options = what === "encrypted block" ? { keyring } : {};
    expect(decode(bytes, options)).toMatchObject({ kind: "failed", reason });
  });

  test("[W10] a stream that never ends its message stops at the bound", () => {
    const decoder = new StreamDecoder({ limits: { ...DEFAULT_LIMITS, streamBytes: 1000 } });
    decoder.push(header(8, { UserMsgLen: 900 }));
    expect(decoder.push(new Uint8Array(2000))).toMatchObject({ kind: "failed", reason: "too_long" });
  });
});

describe("types", () => {
  test.each([3, 4, 5, 7, 11, 12, 99])("[W1] type %d is not for streams", (type) => {
    expect(decode(Uint8Array.of(type, 0x80))).toEqual({ kind: "failed", reason: "unexpected_type" });
  });

  test("[W13] compression inside compression is refused", () => {
    const twice = writeCompressed(writeCompressed(encodeStreamMessage(ping)));
    expect(decode(twice)).toEqual({ kind: "failed", reason: "nested_too_deep" });
  });

  test("[W13] a bomb stops at the bound", () => {
    const bomb = writeCompressed(new Uint8Array(100_000));
    expect(decode(bomb, { limits: { ...DEFAULT_LIMITS, streamBytes: 50_000 } })).toMatchObject({
      reason: "inflate_limit",
    });
  });

  test("[W8] a compressed nothing is refused", () => {
    expect(decode(writeCompressed(new Uint8Array(0)))).toMatchObject({ kind: "failed", reason: "empty" });
  });

  test("[W8] an unknown algorithm is refused with an answer for the other side", () => {
    const step = decode(Uint8Array.of(9, 0x81, 0xa4, 0x41, 0x6c, 0x67, 0x6f, 1));
    expect(step).toEqual({ kind: "failed", reason: "bad_compression", answer: "Failed to decompress the message" });
  });
});

describe("encryption and label", () => {
  test("[W11] the five bytes of the header are authenticated", () => {
    const sealed = encodeStream(ping, { keyring, compress: true });
    expect(sealed[0]).toBe(10);
    expect(decode(sealed, { keyring })).toEqual({ kind: "message", message: ping });
    const tag = sealed.subarray(sealed.length - 16);
    expect([...tag.subarray(1, 6)]).toEqual([...sealed.subarray(0, 5)]);
  });

  test("[W11] plain for a node with keys, sealed for one without, and foreign keys get the reference's answers", () => {
    const foreign = new Keyring(fakeAead, [new Uint8Array(16).fill(2)]);
    expect(decode(encodeStream(ping), { keyring })).toEqual({
      kind: "failed",
      reason: "not_encrypted",
      answer: "Encryption is configured but remote state is not encrypted",
    });
    expect(decode(encodeStream(ping, { keyring }))).toEqual({
      kind: "failed",
      reason: "encrypted",
      answer: "Remote state is encrypted and encryption is not configured",
    });
    expect(decode(encodeStream(ping, { keyring }), { keyring: foreign })).toMatchObject({ reason: "bad_decrypt" });
  });

  test("[W11] a block that decrypts to nothing, or to half a message, is refused", () => {
    const seal = (plain: Uint8Array): Uint8Array => {
      const head = Uint8Array.of(10, 0, 0, 0, plain.length + 29);
      return Uint8Array.of(...head, ...keyring.seal(plain, head));
    };
    expect(decode(seal(new Uint8Array(0)), { keyring })).toMatchObject({ reason: "empty" });
    expect(decode(seal(encodeStreamMessage(ping).slice(0, -1)), { keyring })).toMatchObject({ reason: "truncated" });
  });

  test("[W12] the label stands in front of what the dialling side sends, and both sides authenticate it", () => {
    const label = "blue";
    const request = encodeStream(ping, { keyring, label, isDialled: true });
    const reply = encodeStream(ping, { keyring, label });
    expect(request[0]).toBe(244);
    expect(reply[0]).toBe(10);
    expect(decode(request, { keyring, label })).toEqual({ kind: "message", message: ping });
    expect(decode(reply, { keyring, label, isReply: true })).toEqual({ kind: "message", message: ping });
    expect(decode(reply, { keyring, isReply: true })).toMatchObject({ reason: "bad_decrypt" });
    expect(decode(reply, { keyring, label })).toMatchObject({ reason: "bad_label" });
    expect(decode(request, { keyring })).toMatchObject({ reason: "bad_label" });
    expect(decode(request.slice(0, 3), { keyring, label })).toEqual({ kind: "needMore" });
  });
});
