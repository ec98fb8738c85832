// Datagrams out: a message, and beside it whatever still has to be told and fits. Spec sections 3.6 and 4.10.

import type { GossipSink } from "../sink.ts";
import type { Endpoint } from "../types.ts";
import { COMPOUND_PART_BYTES } from "../wire/limits.ts";
import { type AssembleOptions, assemblePacket, type PacketOptions, packetRoom } from "../wire/packet.ts";
import { Aware } from "./aware.ts";
import { type BroadcastQueue, retransmitLimit } from "./broadcast-queue.ts";
import { type MemberRecord, PROTOCOL_MAX_WITH_CRC, protocolMax } from "./member.ts";

/** One queue and the number of members its messages have to reach. */
export interface BroadcastSource {
  readonly queue: BroadcastQueue;
  readonly memberCount: () => number;
}

/** What strangers do not have: keys, and the label; each absent when there is none. */
export type Secrecy = Pick<PacketOptions, "keyring" | "label">;

export interface PacketSenderOptions {
  readonly sink: GossipSink;
  readonly secrecy: Secrecy;
  readonly compress: boolean;
  readonly retransmitMult: number;
}

const NONE: readonly Uint8Array[] = Object.freeze([]);
const COUNTED = { isVain: false };

export class PacketSender {
  /** For the order of the next round. */
  readonly aware = new Aware();
  readonly #sink: GossipSink;
  readonly #retransmitMult: number;
  readonly #plain: AssembleOptions;
  readonly #withCrc: AssembleOptions;
  readonly #sources: BroadcastSource[] = [];
  #packets = 0;
  #bytes = 0;

  constructor(options: PacketSenderOptions) {
    this.#sink = options.sink;
    this.#retransmitMult = options.retransmitMult;
    const common = { compress: options.compress, ...options.secrecy };
    this.#plain = { ...common, crc: false };
    this.#withCrc = { ...common, crc: true };
  }

  get packetsSent(): number {
    return this.#packets;
  }

  get bytesSent(): number {
    return this.#bytes;
  }

  /** Queues are drained in the order in which they were added. */
  addSource(source: BroadcastSource): void {
    this.#sources.push(source);
  }

  /** Nothing waits to be told. */
  get isIdle(): boolean {
    for (const { queue } of this.#sources) if (queue.size > 0) return false;
    return true;
  }

  /** Messages that wait to be told. */
  get waiting(): number {
    let count = 0;
    for (const { queue } of this.#sources) count += queue.size;
    return count;
  }

  /** One message and, in the room it leaves, broadcasts. */
  send(to: Endpoint, message: Uint8Array): void {
    const broadcasts = this.#fetch(packetRoom(message.length, this.#plain), COUNTED);
    if (broadcasts.length > 0) this.aware.note(to);
    this.#emit(to, broadcasts.length === 0 ? [message] : [message, ...broadcasts], this.#plain);
  }

  /** These messages and nothing else. */
  sendBare(to: Endpoint, messages: readonly Uint8Array[], crc: boolean): void {
    this.#emit(to, messages, crc ? this.#withCrc : this.#plain);
  }

  /** Broadcasts alone; they count as told unless `isVain`. False when there were none to send. */
  gossip(to: MemberRecord, { isVain }: { readonly isVain: boolean }): boolean {
    const broadcasts = this.#fetch(packetRoom(0, this.#plain), { isVain });
    if (broadcasts.length === 0) return false;
    this.sendBare(to.endpoint, broadcasts, protocolMax(to) >= PROTOCOL_MAX_WITH_CRC);
    return true;
  }

  /** Whether a message of this size fits into one packet of ours. */
  fits(messageBytes: number): boolean {
    return packetRoom(0, this.#plain) >= messageBytes + COMPOUND_PART_BYTES;
  }

  #fetch(roomBytes: number, { isVain }: { readonly isVain: boolean }): readonly Uint8Array[] {
    let messages = NONE;
    let leftBytes = roomBytes;
    for (const { queue, memberCount } of this.#sources) {
      if (queue.size === 0) continue;
      const limit = retransmitLimit(this.#retransmitMult, memberCount());
      const fetched = isVain
        ? queue.peek(COMPOUND_PART_BYTES, leftBytes)
        : queue.fetch(COMPOUND_PART_BYTES, leftBytes, limit);
      for (const message of fetched) leftBytes -= COMPOUND_PART_BYTES + message.length;
      messages = messages.length === 0 ? fetched : messages.concat(fetched);
    }
    return messages;
  }

  #emit(to: Endpoint, messages: readonly Uint8Array[], options: AssembleOptions): void {
    for (const packet of assemblePacket(messages, options)) {
      this.#packets += 1;
      this.#bytes += packet.length;
      this.#sink.packet(to, packet);
    }
  }
}
