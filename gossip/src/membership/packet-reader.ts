// Datagrams in. What arrives by gossip is mostly repetition, so parts of a compound that were heard before and can change
// nothing are passed over undecoded; everything else is what `decodePacket` makes of it, which is also the twin that
// the tests hold this against.

import type { Random } from "../random.ts";
import type { WireDropReason } from "../sink.ts";
import { crc32 } from "../wire/crc32.ts";
import { decodeMessage } from "../wire/decode-message.ts";
import { readUint32 } from "../wire/integers.ts";
import type { Keyring, Opened } from "../wire/keyring.ts";
import { readLabel } from "../wire/label.ts";
import { MessageType, SerfType } from "../wire/message-type.ts";
import type { WireMessage } from "../wire/messages.ts";
import { decodePacket, type PacketOptions } from "../wire/packet.ts";
import { Repeats } from "./repeats.ts";

export interface PacketHandler {
  /** True when hearing the identical bytes again could change nothing until `forgetRepeats` is called. */
  handle(message: WireMessage): boolean;
  dropped(reason: WireDropReason): void;
}

const CRC_BYTES = 5;
const NO_BYTES = new Uint8Array(0);

export class PacketReader {
  readonly #keyring: Keyring | undefined;
  readonly #label: string | undefined;
  readonly #repeats: Repeats;

  constructor({ keyring, label }: Pick<PacketOptions, "keyring" | "label">, random: Random) {
    this.#keyring = keyring;
    this.#label = label;
    this.#repeats = new Repeats(random);
  }

  /** Messages that were known without decoding. */
  get repeated(): number {
    return this.#repeats.count;
  }

  /** Somebody departed or was forgotten: now an old claim of life may mean something again. */
  forgetRepeats(): void {
    this.#repeats.clear();
  }

  read(packet: Uint8Array, handler: PacketHandler): void {
    const opened = this.#open(packet);
    if (!opened.ok) {
      handler.dropped(opened.reason);
      return;
    }
    const bytes = opened.plain;
    const start = plainCompoundAt(bytes);
    if (start < 0) decodeAll(bytes, handler);
    else this.#readParts(bytes, start, handler);
  }

  #open(packet: Uint8Array): Opened {
    const labelled = readLabel(packet, this.#label);
    if (!labelled.ok) return labelled;
    const bytes = labelled.length === 0 ? packet : packet.subarray(labelled.length);
    if (this.#keyring === undefined || this.#keyring.isEmpty) return { ok: true, plain: bytes };
    return this.#keyring.open(bytes, labelled.length === 0 ? NO_BYTES : packet.subarray(2, labelled.length));
  }

  /** The lengths were checked by `plainCompoundAt`. */
  #readParts(bytes: Uint8Array, start: number, handler: PacketHandler): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = bytes[start + 1] as number;
    let at = start + 2 + 2 * count;
    for (let i = 0; i < count; i += 1) {
      const end = at + partLength(bytes, start, i);
      const isMayBeRepeated = isRepeatable(bytes, at, end);
      if (!isMayBeRepeated || !this.#repeats.has(view, at, end)) {
        const decoded = decodeMessage(bytes, at, end);
        if (!decoded.ok) handler.dropped(decoded.reason);
        else if (handler.handle(decoded.value) && isMayBeRepeated) this.#repeats.remember(view, at, end);
      }
      at = end;
    }
  }
}

function decodeAll(bytes: Uint8Array, handler: PacketHandler): void {
  const packet = decodePacket(bytes);
  if (!packet.ok) {
    handler.dropped(packet.reason);
    return;
  }
  for (const reason of packet.dropped) handler.dropped(reason);
  for (const message of packet.messages) handler.handle(message);
}

function partLength(bytes: Uint8Array, start: number, index: number): number {
  const at = start + 2 + 2 * index;
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Where a whole compound of plain messages begins, with or without a checksum before it; -1 for anything else. */
function plainCompoundAt(bytes: Uint8Array): number {
  const hasCrc = bytes[0] === MessageType.hasCrc;
  const start = hasCrc ? CRC_BYTES : 0;
  if (bytes[start] !== MessageType.compound) return -1;
  const count = bytes[start + 1] ?? 0;
  let at = start + 2 + 2 * count;
  for (let i = 0; i < count; i += 1) {
    if (at >= bytes.length || isNested(bytes[at] as number)) return -1;
    const length = partLength(bytes, start, i);
    if (length === 0) return -1;
    at += length;
  }
  if (count === 0 || at > bytes.length) return -1;
  return hasCrc && readUint32(bytes, 1) !== crc32(bytes, CRC_BYTES) ? -1 : start;
}

function isNested(type: number): boolean {
  return type === MessageType.compound || type === MessageType.compress;
}

/** Claims of life and intents: the two that a cluster is full of. */
function isRepeatable(bytes: Uint8Array, start: number, end: number): boolean {
  const type = bytes[start];
  if (type === MessageType.alive) return true;
  if (type !== MessageType.user || end - start < 2) return false;
  const serfType = bytes[start + 1];
  return serfType === SerfType.join || serfType === SerfType.leave;
}
