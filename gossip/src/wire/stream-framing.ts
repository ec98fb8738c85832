// Streams, both ways. A connection carries one message in each direction:
//
//   [label] [0x0a | length : 32 bits | encrypted block] [compression] message
//
// There is no outer length when nothing is encrypted, so the decoder finds the end itself; "need more" is a value.

import type { WireDropReason } from "../sink.ts";
import { inflate, readCompressBody, writeCompressed } from "./compression.ts";
import { readAck, readPing } from "./decode-message.ts";
import {
  type PushPullHeader,
  readErr,
  readPushPullHeader,
  readPushPullNode,
  readUserStreamHeader,
} from "./decode-stream-message.ts";
import { encodeStreamMessage } from "./encode-message.ts";
import { readUint32 } from "./integers.ts";
import type { Keyring } from "./keyring.ts";
import { readLabel, writeLabel } from "./label.ts";
import { DEFAULT_LIMITS, type WireLimits } from "./limits.ts";
import { MessageType } from "./message-type.ts";
import type { PushPullNode, StreamMessage } from "./messages.ts";
import { Reader } from "./reader.ts";
import { MALFORMED, ValueScanner } from "./scanner.ts";
import { encodeUtf8 } from "./utf8.ts";

export interface StreamOptions {
  /** Absent or empty: plain. Otherwise encrypted both ways, and a plain stream is refused. */
  readonly keyring?: Keyring;
  readonly label?: string;
  readonly limits?: WireLimits;
}

export interface StreamEncodeOptions extends StreamOptions {
  /** The reference compresses every stream message, also when that makes it longer. */
  readonly compress?: boolean;
  /** We opened this connection: only then a label goes in front. */
  readonly isDialled?: boolean;
}

export type StreamStep =
  | { readonly kind: "needMore" }
  | { readonly kind: "message"; readonly message: StreamMessage }
  /** The stream is of no more use. `answer`, when there is one, goes back as an `err` message before closing. */
  | { readonly kind: "failed"; readonly reason: WireDropReason; readonly answer?: string };

const NEED_MORE: StreamStep = { kind: "needMore" };
const ENCRYPT_HEADER_BYTES = 5;

/** What the reference answers to a first message that it cannot open. */
const ANSWERS: Partial<Record<WireDropReason, string>> = {
  not_encrypted: "Encryption is configured but remote state is not encrypted",
  encrypted: "Remote state is encrypted and encryption is not configured",
  bad_decrypt: "No installed keys could decrypt the message",
  bad_compression: "Failed to decompress the message",
};

function failed(reason: WireDropReason): StreamStep {
  const answer = ANSWERS[reason];
  return answer === undefined ? { kind: "failed", reason } : { kind: "failed", reason, answer };
}

/** The whole of one direction of a connection. */
export function encodeStream(message: StreamMessage, options: StreamEncodeOptions = {}): Uint8Array {
  let bytes = encodeStreamMessage(message);
  if (options.compress === true) bytes = writeCompressed(bytes);
  const label = options.label ?? "";
  if (options.keyring !== undefined && !options.keyring.isEmpty) bytes = seal(bytes, options.keyring, label);
  return label !== "" && options.isDialled === true ? writeLabel(label, bytes) : bytes;
}

/** The header is authenticated, and so it must be known before sealing: version 1 adds 29 bytes to any message. */
function seal(plain: Uint8Array, keyring: Keyring, label: string): Uint8Array {
  const header = new Uint8Array(ENCRYPT_HEADER_BYTES);
  const length = plain.length + SEALED_OVERHEAD_BYTES;
  header[0] = MessageType.encrypt;
  new DataView(header.buffer).setUint32(1, length);
  const block = keyring.seal(plain, concat(header, encodeUtf8(label)));
  return concat(header, block);
}

const SEALED_OVERHEAD_BYTES = 29;

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Reads one direction of a connection, whatever the pieces it arrives in. */
export class StreamDecoder {
  readonly #keyring: Keyring | undefined;
  /** Expected in front of an accepted stream; a reply has none. */
  readonly #label: string | undefined;
  readonly #associatedLabel: Uint8Array;
  readonly #limits: WireLimits;
  #bytes = new Uint8Array(256);
  #length = 0;
  /** Where the message begins, once the label is passed. */
  #start = -1;
  #plain: PlainDecoder | undefined = undefined;
  #outcome: StreamStep | undefined = undefined;

  constructor(options: StreamOptions & { readonly isReply?: boolean } = {}) {
    const keyring = options.keyring;
    this.#keyring = keyring === undefined || keyring.isEmpty ? undefined : keyring;
    this.#label = options.isReply === true ? undefined : options.label;
    this.#associatedLabel = encodeUtf8(options.label ?? "");
    this.#limits = options.limits ?? DEFAULT_LIMITS;
  }

  /** Takes the next piece. Once this answered with something else than "needMore" it keeps to that answer. */
  push(piece: Uint8Array): StreamStep {
    if (this.#outcome !== undefined) return this.#outcome;
    if (this.#length + piece.length > this.#limits.streamBytes + ENCRYPT_HEADER_BYTES + 257) {
      return this.#settle(failed("too_long"));
    }
    this.#append(piece);
    return this.#settle(this.#step());
  }

  /** The other side has ended: what is missing now stays missing. */
  end(): StreamStep {
    return this.#outcome ?? this.#settle(failed(this.#length === 0 ? "empty" : "truncated"));
  }

  #settle(step: StreamStep): StreamStep {
    if (step.kind !== "needMore") {
      this.#outcome = step;
      this.#bytes = new Uint8Array(0);
      this.#plain = undefined;
    }
    return step;
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  #step(): StreamStep {
    if (this.#start < 0) {
      const waiting = this.#passLabel();
      if (waiting !== undefined) return waiting;
    }
    if (this.#length <= this.#start) return NEED_MORE;
    if (this.#bytes[this.#start] === MessageType.encrypt) {
      return this.#keyring === undefined ? failed("encrypted") : this.#open(this.#keyring);
    }
    if (this.#keyring !== undefined) return failed("not_encrypted");
    this.#plain ??= new PlainDecoder(this.#limits, { start: this.#start, isInflated: false });
    return this.#plain.step(this.#bytes, this.#length);
  }

  #passLabel(): StreamStep | undefined {
    if (this.#length === 0) return NEED_MORE;
    const hasLabel = this.#bytes[0] === MessageType.hasLabel;
    if (hasLabel && (this.#length < 2 || this.#length < 2 + (this.#bytes[1] as number))) return NEED_MORE;
    const label = readLabel(this.#bytes.subarray(0, this.#length), this.#label);
    if (!label.ok) return failed(label.reason);
    this.#start = label.length;
    return undefined;
  }

  #open(keyring: Keyring): StreamStep {
    const start = this.#start;
    if (this.#length < start + ENCRYPT_HEADER_BYTES) return NEED_MORE;
    const blockBytes = readUint32(this.#bytes, start + 1);
    if (blockBytes > this.#limits.streamBytes) return failed("too_long");
    const blockStart = start + ENCRYPT_HEADER_BYTES;
    if (this.#length < blockStart + blockBytes) return NEED_MORE;
    const associated = concat(this.#bytes.subarray(start, blockStart), this.#associatedLabel);
    const opened = keyring.open(this.#bytes.subarray(blockStart, blockStart + blockBytes), associated);
    if (!opened.ok) return failed(opened.reason);
    return decodeWhole(opened.plain, this.#limits, false);
  }
}

/** A message whose bytes are all there. */
function decodeWhole(bytes: Uint8Array, limits: WireLimits, isInflated: boolean): StreamStep {
  if (bytes.length === 0) return failed("empty");
  const step = new PlainDecoder(limits, { start: 0, isInflated }).step(bytes, bytes.length);
  return step.kind === "needMore" ? failed("truncated") : step;
}

/** One message, compressed or not, from a buffer that grows. Every byte is looked at a bounded number of times. */
class PlainDecoder {
  readonly #limits: WireLimits;
  readonly #isInflated: boolean;
  /** Where the value now expected begins. */
  #at: number;
  #type = -1;
  #scanner: ValueScanner;
  #header: PushPullHeader | undefined = undefined;
  readonly #nodes: PushPullNode[] = [];
  #payloadBytes = -1;

  constructor(limits: WireLimits, place: { readonly start: number; readonly isInflated: boolean }) {
    this.#limits = limits;
    this.#at = place.start;
    this.#isInflated = place.isInflated;
    this.#scanner = new ValueScanner(place.start);
  }

  step(bytes: Uint8Array, end: number): StreamStep {
    if (this.#type < 0) {
      if (end <= this.#at) return NEED_MORE;
      this.#type = bytes[this.#at] as number;
      this.#expect(this.#at + 1);
    }
    switch (this.#type) {
      case MessageType.pushPull:
        return this.#pushPull(bytes, end);
      case MessageType.user:
        return this.#user(bytes, end);
      case MessageType.ping:
      case MessageType.ack:
      case MessageType.err:
      case MessageType.compress:
        return this.#single(bytes, end);
      default:
        return failed("unexpected_type");
    }
  }

  #expect(at: number): void {
    this.#at = at;
    this.#scanner = new ValueScanner(at);
  }

  /** A reader over the value now expected, or why there is none. */
  #value(bytes: Uint8Array, end: number, maxBytes: number): Reader | StreamStep {
    const valueEnd = this.#scanner.advance(bytes, end);
    if (valueEnd === MALFORMED) return failed("bad_msgpack");
    if ((valueEnd < 0 ? end : valueEnd) - this.#at > maxBytes) return failed("too_long");
    if (valueEnd < 0) return NEED_MORE;
    // A copy, so that what is kept of a record does not keep the whole exchange.
    const reader = new Reader(bytes.slice(this.#at, valueEnd));
    this.#expect(valueEnd);
    return reader;
  }

  #single(bytes: Uint8Array, end: number): StreamStep {
    const isCompressed = this.#type === MessageType.compress;
    if (isCompressed && this.#isInflated) return failed("nested_too_deep");
    const limit = isCompressed ? this.#limits.streamBytes : this.#limits.pushPullNodeBytes;
    const reader = this.#value(bytes, end, limit);
    if (!(reader instanceof Reader)) return reader;
    if (isCompressed) return this.#inflate(reader);
    const message =
      this.#type === MessageType.ping
        ? readPing(reader)
        : this.#type === MessageType.ack
          ? readAck(reader)
          : readErr(reader);
    return reader.problem === undefined ? { kind: "message", message } : failed(reader.problem);
  }

  #inflate(reader: Reader): StreamStep {
    const body = readCompressBody(reader);
    if (reader.problem !== undefined) return failed(reader.problem);
    const inflated = inflate(body, this.#limits.streamBytes);
    return inflated.ok ? decodeWhole(inflated.bytes, this.#limits, true) : failed(inflated.reason);
  }

  #user(bytes: Uint8Array, end: number): StreamStep {
    if (this.#payloadBytes < 0) {
      const reader = this.#value(bytes, end, this.#limits.pushPullNodeBytes);
      if (!(reader instanceof Reader)) return reader;
      this.#payloadBytes = readUserStreamHeader(reader);
      if (reader.problem !== undefined) return failed(reader.problem);
      if (this.#payloadBytes > this.#limits.streamBytes) return failed("too_long");
    }
    const payloadEnd = this.#at + this.#payloadBytes;
    if (end < payloadEnd) return NEED_MORE;
    return { kind: "message", message: { kind: "user", payload: bytes.slice(this.#at, payloadEnd) } };
  }

  #pushPull(bytes: Uint8Array, end: number): StreamStep {
    if (this.#header === undefined) {
      const reader = this.#value(bytes, end, this.#limits.pushPullNodeBytes);
      if (!(reader instanceof Reader)) return reader;
      const header = readPushPullHeader(reader);
      if (reader.problem !== undefined) return failed(reader.problem);
      if (header.nodeCount > this.#limits.pushPullNodes) return failed("too_many");
      if (header.userStateBytes > this.#limits.streamBytes) return failed("too_long");
      this.#header = header;
    }
    const unfinished = this.#records(this.#header.nodeCount, bytes, end);
    if (unfinished !== undefined) return unfinished;
    const stateEnd = this.#at + this.#header.userStateBytes;
    if (end < stateEnd) return NEED_MORE;
    const { join } = this.#header;
    const userState = bytes.slice(this.#at, stateEnd);
    return { kind: "message", message: { kind: "pushPull", join, nodes: this.#nodes, userState } };
  }

  /** Undefined once all records are read. */
  #records(count: number, bytes: Uint8Array, end: number): StreamStep | undefined {
    while (this.#nodes.length < count) {
      const reader = this.#value(bytes, end, this.#limits.pushPullNodeBytes);
      if (!(reader instanceof Reader)) return reader;
      const node = readPushPullNode(reader);
      if (reader.problem !== undefined) return failed(reader.problem);
      this.#nodes.push(node);
    }
    return undefined;
  }
}
