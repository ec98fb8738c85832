// For all bytes, every decoder gives a value or a reason of the closed list; it never throws, ends, and asks for no more
// memory than a multiple of the input or its stated limit. Everything captured, and everything that ever failed, is replayed.

import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { NodeAead } from "../../io/node-aead.ts";
import { decodeEnvelope } from "../../src/direct/envelope.ts";
import { compileExpression } from "../../src/serf/expression.ts";
import { matchesFilters } from "../../src/serf/query-filters.ts";
import { CORE_DROP_REASONS, WIRE_DROP_REASONS } from "../../src/sink.ts";
import { nodeName } from "../../src/types.ts";
import { readCompressed } from "../../src/wire/compression.ts";
import { decodeMessage } from "../../src/wire/decode-message.ts";
import { decodeSerf } from "../../src/wire/decode-serf.ts";
import { Keyring } from "../../src/wire/keyring.ts";
import { readLabel } from "../../src/wire/label.ts";
import { DEFAULT_LIMITS } from "../../src/wire/limits.ts";
import { lzwDecompress } from "../../src/wire/lzw.ts";
import { MessageType, SerfType } from "../../src/wire/message-type.ts";
import { decodeCoordinatePayload, decodeTags } from "../../src/wire/meta.ts";
import { decodePacket } from "../../src/wire/packet.ts";
import { Reader } from "../../src/wire/reader.ts";
import { StreamDecoder } from "../../src/wire/stream-framing.ts";
import { decodeUtf8, decodeUtf8Lossy } from "../../src/wire/utf8.ts";
import { allocatedBy } from "./allocation.ts";
import { CORPUS_KEYS, concat, corpus, FOUND, fuzzed } from "./inputs.ts";
import { announce, FUZZ_TIMEOUT_MS, runs } from "./settings.ts";

const REASONS = new Set<string>([...WIRE_DROP_REASONS, ...CORE_DROP_REASONS]);
const LIMITS = { ...DEFAULT_LIMITS, packetInflatedBytes: 64 * 1024, streamBytes: 256 * 1024 };
const ring = (): Keyring => new Keyring(new NodeAead((into) => into.fill(7)), CORPUS_KEYS);

interface Decoder {
  readonly name: string;
  /** Every reason that it gave. */
  readonly decode: (bytes: Uint8Array) => readonly string[];
  readonly real: readonly Uint8Array[];
  readonly firstBytes: readonly number[];
  /** What it may allocate beyond a multiple of the input. */
  readonly limitBytes: number;
}

const refusals = (decoded: { readonly ok: boolean; readonly reason?: string }): readonly string[] =>
  decoded.ok ? [] : [decoded.reason ?? "no reason"];

function packet(bytes: Uint8Array, options: Parameters<typeof decodePacket>[1]): readonly string[] {
  const decoded = decodePacket(bytes, { limits: LIMITS, ...options });
  if (!decoded.ok) return [decoded.reason];
  for (const message of decoded.messages) {
    if (message.kind === "user") decodeSerf(message.payload);
    if (message.kind === "alive") decodeTags(message.meta);
    if (message.kind === "ack") decodeCoordinatePayload(message.payload);
  }
  return decoded.dropped;
}

/** In two pieces, cut where the bytes say. */
function stream(bytes: Uint8Array, keyring?: Keyring): readonly string[] {
  const decoder = new StreamDecoder({ limits: LIMITS, ...(keyring === undefined ? {} : { keyring }) });
  const cut = bytes.length === 0 ? 0 : (bytes[0] as number) % bytes.length;
  const first = decoder.push(bytes.subarray(0, cut));
  const second = first.kind === "needMore" ? decoder.push(bytes.subarray(cut)) : first;
  const step = second.kind === "needMore" ? decoder.end() : second;
  expect(decoder.push(bytes)).toBe(step);
  if (step.kind === "failed") return [step.reason];
  if (step.kind === "message" && step.message.kind === "pushPull") decodeSerf(step.message.userState);
  return [];
}

function scan(bytes: Uint8Array): readonly string[] {
  const reader = new Reader(bytes);
  reader.skip();
  return reader.problem === undefined ? [] : [reader.problem];
}

const serfPayloads = [...corpus("udp"), ...corpus("message")].flatMap((bytes) => {
  const decoded = decodePacket(bytes);
  return decoded.ok ? decoded.messages.flatMap((it) => (it.kind === "user" ? [it.payload.slice()] : [])) : [];
});
const messages = [...corpus("message"), ...corpus("udp").map((bytes) => bytes.subarray(5))];
const types = Object.values(MessageType);
const layers = [
  MessageType.compound,
  MessageType.compress,
  MessageType.hasCrc,
  MessageType.hasLabel,
  MessageType.encrypt,
];
const NOTHING = 4_096;

const DECODERS: readonly Decoder[] = [
  {
    name: "packet",
    decode: (bytes) => packet(bytes, {}),
    real: corpus("udp"),
    firstBytes: [...types, ...layers],
    // A buffer that doubles until it holds the limit has been allocated twice over.
    limitBytes: 3 * LIMITS.packetInflatedBytes,
  },
  {
    name: "sealed packet",
    decode: (bytes) => packet(bytes, { keyring: ring() }),
    real: corpus("udp", true),
    firstBytes: [0, 1, 2],
    limitBytes: 3 * LIMITS.packetInflatedBytes,
  },
  {
    name: "labelled packet",
    decode: (bytes) => packet(concat(Uint8Array.of(MessageType.hasLabel, 2, 0x65, 0x75), bytes), { label: "eu" }),
    real: corpus("udp"),
    firstBytes: types,
    limitBytes: 3 * LIMITS.packetInflatedBytes,
  },
  {
    name: "label",
    decode: (bytes) => refusals(readLabel(bytes, "eu")),
    real: corpus("udp"),
    firstBytes: [MessageType.hasLabel],
    limitBytes: NOTHING,
  },
  {
    name: "message",
    decode: (bytes) => refusals(decodeMessage(bytes)),
    real: messages,
    firstBytes: types,
    limitBytes: NOTHING,
  },
  {
    name: "compression",
    decode: (bytes) => refusals(readCompressed(bytes, LIMITS.packetInflatedBytes)),
    real: corpus("tcp"),
    firstBytes: [MessageType.compress],
    limitBytes: 3 * LIMITS.packetInflatedBytes,
  },
  {
    name: "LZW",
    decode: (bytes) => refusals(lzwDecompress(bytes, LIMITS.packetInflatedBytes)),
    real: corpus("tcp").map((bytes) => bytes.subarray(16)),
    firstBytes: [0, 0x80, 0xff],
    limitBytes: 3 * LIMITS.packetInflatedBytes,
  },
  {
    name: "stream",
    decode: (bytes) => stream(bytes),
    real: corpus("tcp"),
    firstBytes: [MessageType.pushPull, MessageType.user, MessageType.compress, MessageType.err, MessageType.ping],
    limitBytes: 3 * LIMITS.streamBytes,
  },
  {
    name: "sealed stream",
    decode: (bytes) => stream(bytes, ring()),
    real: corpus("tcp", true),
    firstBytes: [MessageType.encrypt],
    limitBytes: 3 * LIMITS.streamBytes,
  },
  {
    name: "Serf message",
    decode: (bytes) => refusals(decodeSerf(bytes)),
    real: serfPayloads,
    firstBytes: Object.values(SerfType),
    limitBytes: NOTHING,
  },
  {
    name: "direct envelope",
    decode: (bytes) => refusals(decodeEnvelope(bytes, 1024)),
    real: serfPayloads,
    firstBytes: [0x96, 0x97, 0x99, 0xdc, 0xdd],
    limitBytes: NOTHING,
  },
  {
    name: "coordinate",
    decode: (bytes) => refusals(decodeCoordinatePayload(bytes)),
    real: messages,
    firstBytes: [1],
    limitBytes: NOTHING,
  },
  {
    name: "tags",
    decode: (bytes) => (typeof decodeTags(bytes) === "object" ? [] : ["no tags"]),
    real: messages,
    firstBytes: [0xff],
    limitBytes: NOTHING,
  },
  { name: "skipped value", decode: scan, real: messages, firstBytes: [0x81, 0x91, 0xdf, 0xdd], limitBytes: NOTHING },
  {
    name: "text",
    decode: (bytes) => {
      expect(decodeUtf8Lossy(bytes).length).toBeLessThanOrEqual(bytes.length);
      const strict = decodeUtf8(bytes, 0, bytes.length);
      if (strict !== undefined) expect(strict).toBe(Buffer.from(bytes).toString("utf8"));
      return [];
    },
    real: messages,
    firstBytes: [0xc2, 0xe0, 0xed, 0xf0, 0xf4],
    limitBytes: NOTHING,
  },
];

function check(decoder: Decoder, bytes: Uint8Array): void {
  let reasons: readonly string[] = [];
  const allocated = allocatedBy(() => {
    reasons = decoder.decode(bytes);
  });
  for (const reason of reasons) expect(REASONS).toContain(reason);
  expect(allocated).toBeLessThanOrEqual(64 * bytes.length + decoder.limitBytes);
}

beforeAll(() => announce("decoders"));

describe.each(DECODERS)("$name", (decoder) => {
  test("[W1] [M25] everything captured, and everything that ever failed, is handled", () => {
    for (const bytes of decoder.real) check(decoder, bytes);
    for (const { decoder: name, hex } of FOUND) if (name === decoder.name) check(decoder, Buffer.from(hex, "hex"));
  });

  test(
    "[W1] [M25] any bytes give a value or a reason, in bounded memory",
    () => {
      fc.assert(
        fc.property(fuzzed(decoder.real, decoder.firstBytes), (bytes) => check(decoder, bytes)),
        runs(400),
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe("what is made to be expensive", () => {
  const decoder = (name: string): Decoder => {
    const found = DECODERS.find((it) => it.name === name);
    if (found === undefined) throw new Error(name);
    return found;
  };

  /** Codes of nine bits: a clear, then the entry that is just being defined, again and again, which inflates best. */
  function bomb(codes: number): Uint8Array {
    const bits: number[] = [];
    let width = 9;
    const push = (code: number): void => {
      for (let i = 0; i < width; i += 1) bits.push((code >> i) & 1);
    };
    push(256);
    push(65);
    let next = 258;
    for (let i = 0; i < codes && next < 4_095; i += 1) {
      push(next);
      next += 1;
      if (next === 1 << width && width < 12) width += 1;
    }
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    for (const [i, bit] of bits.entries()) bytes[i >> 3] = (bytes[i >> 3] as number) | (bit << (i & 7));
    return bytes;
  }

  test("[W8] a bomb of 6 kB that would inflate to megabytes stops at the limit", () => {
    const packed = bomb(4_000);
    expect(packed.length).toBeLessThan(7_000);
    expect(lzwDecompress(packed, LIMITS.packetInflatedBytes)).toEqual({ ok: false, reason: "inflate_limit" });
    check(decoder("LZW"), packed);
    // The counter of bytes does count.
    expect(allocatedBy(() => lzwDecompress(packed, LIMITS.packetInflatedBytes))).toBeGreaterThan(
      LIMITS.packetInflatedBytes,
    );
  });

  test("[W8] many bombs in one packet inflate no more than one may", () => {
    const packed = bomb(700);
    const head = Uint8Array.of(9, 0x82, 0xa4, 0x41, 0x6c, 0x67, 0x6f, 0, 0xa3, 0x42, 0x75, 0x66);
    const one = concat(head, Uint8Array.of(0xda, packed.length >> 8, packed.length & 255), packed);
    const parts = 20;
    const lengths = Uint8Array.from({ length: 2 * parts }, (_, i) =>
      i % 2 === 0 ? one.length >> 8 : one.length & 255,
    );
    const whole = concat(Uint8Array.of(7, parts), lengths, ...Array.from({ length: parts }, () => one));
    const decoded = decodePacket(whole, { limits: LIMITS });
    expect(decoded.ok).toBe(false);
    check(decoder("packet"), whole);
  });

  test("[W1] the deepest nesting, and lists that promise four billion entries, end at once", () => {
    for (const first of types) {
      for (const filler of [0x91, 0x81, 0xdd, 0xdf, 0xff, 0x9f]) {
        const bytes = new Uint8Array(65_507).fill(filler);
        bytes[0] = first;
        for (const name of ["packet", "message", "stream", "skipped value", "Serf message", "direct envelope"]) {
          check(decoder(name), bytes);
        }
      }
    }
  });

  test("[W10] a stream of a megabyte in single bytes is looked at once", () => {
    const decoding = new StreamDecoder();
    const header = concat(Uint8Array.of(8, 0x81, 0xaa), Buffer.from("UserMsgLen"), Uint8Array.of(0xce, 0, 15, 66, 64));
    for (const byte of header) decoding.push(Uint8Array.of(byte));
    const piece = Uint8Array.of(1);
    for (let i = 1; i < 1_000_000; i += 1) decoding.push(piece);
    expect(decoding.push(piece).kind).toBe("message");
  });

  test(
    "[Q2] any expression is compiled and run, or refused, whatever it is",
    () => {
      const part = fc.constantFrom(
        ...[
          "a",
          ".",
          "*",
          "+",
          "?",
          "(",
          ")",
          "[",
          "]",
          "^",
          "$",
          "|",
          "{1000}",
          "{2,}",
          "{,3}",
          "\\b",
          "\\d",
          "(?i)",
          "(?:",
          "\\Q",
          "[^a-",
          "[[:alpha:]]",
          "é",
          "\\x{10ffff}",
        ],
      );
      const expression = fc.oneof(
        fc.array(part, { maxLength: 40 }).map((parts) => parts.join("")),
        fc.string({ maxLength: 60 }),
      );
      fc.assert(
        fc.property(expression, fc.string({ maxLength: 80 }), (source, text) => {
          const matches = compileExpression(source);
          if (matches !== undefined) expect(typeof matches(text)).toBe("boolean");
          const filters = [{ kind: "tag", tag: "role", expression: source }] as const;
          const self = { name: nodeName("a"), tags: { role: text } };
          expect(matchesFilters(filters, self)).toBe(matches?.(text) ?? false);
        }),
        runs(1_500),
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  test("[Q2] expressions that ruin a backtracking engine cost no more than others", () => {
    const text = `${"a".repeat(500)}b`;
    for (const source of ["(a*)*c", "(a+)+c", "(a|aa)+c", "(.*)(.*)(.*)(.*)c", "(a?){500}a{500}c", "((a{20}){20})c"]) {
      const matches = compileExpression(source);
      if (matches !== undefined) expect(matches(text)).toBe(false);
    }
  });
});
