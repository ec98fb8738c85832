// Packets, both ways. Layers from the outside in, each optional except the last:
//
//   [label] [encrypted block] [checksum] [compression] [compound] message
//
// Reading undoes them in this order; compounds and compressions may also hold each other, to a bound.

import type { WireDropReason } from "../sink.ts";
import { readCompressed, writeCompressed } from "./compression.ts";
import { crc32 } from "./crc32.ts";
import { decodeMessage } from "./decode-message.ts";
import { readUint32 } from "./integers.ts";
import type { Keyring } from "./keyring.ts";
import { labelBytes, readLabel, writeLabel } from "./label.ts";
import {
  COMPOUND_HEADER_BYTES,
  COMPOUND_PART_BYTES,
  DEFAULT_LIMITS,
  ENCRYPTION_OVERHEAD_BYTES,
  MAX_COMPOUND_PARTS,
  PACKET_BUDGET_BYTES,
  type WireLimits,
} from "./limits.ts";
import { MessageType } from "./message-type.ts";
import type { WireMessage } from "./messages.ts";

export interface PacketOptions {
  /** Absent or empty: plain. Otherwise encrypted both ways, and a plain packet is dropped. */
  readonly keyring?: Keyring;
  /** Absent: none may be there. */
  readonly label?: string;
  readonly limits?: WireLimits;
}

export interface AssembleOptions extends PacketOptions {
  /** Put a checksum before the message: for receivers whose record says PMax 5 or more. */
  readonly crc?: boolean;
  /** Compress when that makes the packet smaller. */
  readonly compress?: boolean;
}

/** Parts fail alone: `dropped` has a reason for each that was not understood. */
export type DecodedPacket =
  | { readonly ok: true; readonly messages: readonly WireMessage[]; readonly dropped: readonly WireDropReason[] }
  | { readonly ok: false; readonly reason: WireDropReason };

const NONE: readonly WireDropReason[] = [];
const NO_BYTES = new Uint8Array(0);

/** Bytes left for further parts beside one message of `messageBytes` (0 for none). Subtract a part's own overhead from it. */
export function packetRoom(messageBytes: number, options: PacketOptions): number {
  const encryption = options.keyring !== undefined && !options.keyring.isEmpty ? ENCRYPTION_OVERHEAD_BYTES : 0;
  const label = options.label === undefined ? 0 : labelBytes(options.label);
  const first = messageBytes === 0 ? 0 : messageBytes + COMPOUND_PART_BYTES;
  return PACKET_BUDGET_BYTES - COMPOUND_HEADER_BYTES - encryption - label - first;
}

/**
 * Any bytes: the messages in them, or the reason why the whole packet is dropped. Byte fields are views into the packet
 * (or into what was decrypted or inflated from it): copy what outlives it.
 */
export function decodePacket(packet: Uint8Array, options: PacketOptions = {}): DecodedPacket {
  const labelled = readLabel(packet, options.label);
  if (!labelled.ok) return labelled;
  let bytes = packet;
  let start = labelled.length;
  if (options.keyring !== undefined && !options.keyring.isEmpty) {
    const opened = options.keyring.open(packet.subarray(start), packet.subarray(2, start));
    if (!opened.ok) return opened;
    bytes = opened.plain;
    start = 0;
  }
  if (start >= bytes.length) return { ok: false, reason: "empty" };
  if (bytes[start] === MessageType.hasCrc) {
    if (bytes.length - start <= 5) return { ok: false, reason: "truncated" };
    if (readUint32(bytes, start + 1) !== crc32(bytes, start + 5)) return { ok: false, reason: "bad_crc" };
    start += 5;
  }
  const type = bytes[start];
  if (type !== MessageType.compound && type !== MessageType.compress) return decodeSingle(bytes, start);
  return new Unfolding(options.limits ?? DEFAULT_LIMITS).run(bytes, start);
}

/** The usual packet has one message. */
function decodeSingle(bytes: Uint8Array, start: number): DecodedPacket {
  const decoded = decodeMessage(bytes, start);
  return decoded.ok ? { ok: true, messages: [decoded.value], dropped: NONE } : decoded;
}

class Unfolding {
  readonly #limits: WireLimits;
  readonly #messages: WireMessage[] = [];
  readonly #dropped: WireDropReason[] = [];
  #inflatedBytes = 0;

  constructor(limits: WireLimits) {
    this.#limits = limits;
  }

  run(bytes: Uint8Array, start: number): DecodedPacket {
    const reason = this.#unfold(bytes.subarray(start), 0);
    if (reason !== undefined) this.#drop(reason);
    const [only] = this.#dropped;
    if (this.#messages.length === 0 && only !== undefined) return { ok: false, reason: only };
    return { ok: true, messages: this.#messages, dropped: this.#dropped };
  }

  /** The reason why these bytes gave nothing; parts of a compound account for themselves. */
  #unfold(bytes: Uint8Array, depth: number): WireDropReason | undefined {
    if (depth > this.#limits.packetDepth) return "nested_too_deep";
    if (bytes[0] === MessageType.compound) return this.#compound(bytes, depth);
    if (bytes[0] === MessageType.compress) return this.#compressed(bytes, depth);
    if (this.#messages.length >= this.#limits.packetMessages) return "too_many";
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return decoded.reason;
    this.#messages.push(decoded.value);
    return undefined;
  }

  /** 7 | count | count lengths of 16 bits | parts. Whole parts are kept when the rest is missing. */
  #compound(bytes: Uint8Array, depth: number): WireDropReason | undefined {
    const count = bytes[1];
    if (count === undefined) return "bad_compound";
    let at = 2 + 2 * count;
    if (at > bytes.length) return "bad_compound";
    for (let i = 0; i < count; i += 1) {
      const length = ((bytes[2 + 2 * i] as number) << 8) | (bytes[3 + 2 * i] as number);
      if (at + length > bytes.length) return "truncated";
      const reason = this.#unfold(bytes.subarray(at, at + length), depth + 1);
      if (reason === "too_many") return reason;
      if (reason !== undefined) this.#drop(reason);
      at += length;
    }
    return undefined;
  }

  #compressed(bytes: Uint8Array, depth: number): WireDropReason | undefined {
    const inflated = readCompressed(bytes, this.#limits.packetInflatedBytes - this.#inflatedBytes);
    if (!inflated.ok) {
      // Failing late must not be cheaper for a stranger than succeeding: nothing more is inflated for this packet.
      this.#inflatedBytes = this.#limits.packetInflatedBytes;
      return inflated.reason;
    }
    this.#inflatedBytes += inflated.bytes.length;
    return this.#unfold(inflated.bytes, depth + 1);
  }

  #drop(reason: WireDropReason): void {
    // One reason per message that could have been there is enough of a list.
    if (this.#dropped.length < this.#limits.packetMessages) this.#dropped.push(reason);
  }
}

/** Compounds of at most 127 parts each; a single message stays bare. Parts must not be empty. */
export function makeCompounds(messages: readonly Uint8Array[]): Uint8Array[] {
  if (messages.length === 1) return [messages[0] as Uint8Array];
  const compounds: Uint8Array[] = [];
  for (let first = 0; first < messages.length; first += MAX_COMPOUND_PARTS) {
    compounds.push(makeCompound(messages.slice(first, first + MAX_COMPOUND_PARTS)));
  }
  return compounds;
}

function makeCompound(parts: readonly Uint8Array[]): Uint8Array {
  let length = COMPOUND_HEADER_BYTES;
  for (const part of parts) length += COMPOUND_PART_BYTES + part.length;
  const bytes = new Uint8Array(length);
  bytes[0] = MessageType.compound;
  bytes[1] = parts.length;
  let lengthsAt = COMPOUND_HEADER_BYTES;
  let at = COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length;
  for (const part of parts) {
    bytes[lengthsAt++] = part.length >> 8;
    bytes[lengthsAt++] = part.length & 0xff;
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whole packets that carry the encoded messages: one, unless there are more parts than a compound can hold. */
export function assemblePacket(messages: readonly Uint8Array[], options: AssembleOptions = {}): Uint8Array[] {
  const packets = makeCompounds(messages);
  for (let i = 0; i < packets.length; i += 1) packets[i] = wrap(packets[i] as Uint8Array, options);
  return packets;
}

function wrap(message: Uint8Array, options: AssembleOptions): Uint8Array {
  let bytes = message;
  if (options.compress === true) {
    const packed = writeCompressed(bytes);
    if (packed.length < bytes.length) bytes = packed;
  }
  if (options.crc === true) bytes = withCrc(bytes);
  if (options.keyring !== undefined && !options.keyring.isEmpty) {
    const associated = options.label === undefined ? NO_BYTES : writeLabel(options.label, NO_BYTES).subarray(2);
    bytes = options.keyring.seal(bytes, associated);
  }
  return options.label === undefined ? bytes : writeLabel(options.label, bytes);
}

function withCrc(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  const crc = crc32(message);
  bytes[0] = MessageType.hasCrc;
  bytes[1] = crc >>> 24;
  bytes[2] = crc >>> 16;
  bytes[3] = crc >>> 8;
  bytes[4] = crc;
  bytes.set(message, 5);
  return bytes;
}
