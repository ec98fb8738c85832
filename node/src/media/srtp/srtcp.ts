/**
 * SRTCP (RFC 3711 section 3.4): the first 8 bytes are clear, the rest is encrypted under an explicit 31-bit index.
 *
 *   |V=2|P|   RC    |      PT       |            length             |
 *   |                        SSRC of sender                         |
 *   |                      encrypted portion                        |
 *   |E|                       SRTCP index                           |
 *   |                    authentication tag (80 bits)               |
 */
import { readUint32 } from "../../sfu/index.ts";
import { type KernelKey, type Keystream, MAX_DATAGRAM_BYTES, type SrtpKernel } from "./kernel.ts";
import { AUTH_TAG_BYTES } from "./protect.ts";
import { ReplayWindow } from "./replay-window.ts";

export type SrtcpReason = "too_short" | "too_long" | "bad_auth" | "replayed" | "too_old" | "ssrc_limit";

const CLEAR_BYTES = 8;
const INDEX_BYTES = 4;
const TRAILER_BYTES = INDEX_BYTES + AUTH_TAG_BYTES;
const MAX_INDEX = 0x7fffffff;
const FRONT_BYTES = 64;
const ROOM_BYTES = FRONT_BYTES + MAX_DATAGRAM_BYTES + 160;
/** Feedback is short and regular: one batch lasts about a second and takes 1.3 kB. */
const BATCH = { batchPackets: 8, blocks: 10 };
/** Chromium reports from a handful of SSRCs, Firefox from one for each slot; more than these are refused. */
const MAX_SENDERS = 128;

/**
 * What all peers of a plane share: room to work in. What comes and what goes have each their own, as packets are sent while
 * a received compound packet is still being read.
 */
export class SrtcpWorkspace {
  readonly kernel: SrtpKernel;
  readonly incoming: number;
  readonly outgoing: number;
  readonly tag: number;

  constructor(kernel: SrtpKernel) {
    this.kernel = kernel;
    const rooms = [kernel.arena.allocate(ROOM_BYTES), kernel.arena.allocate(ROOM_BYTES)] as const;
    this.tag = kernel.arena.allocate(64);
    if (rooms[0] === 0 || rooms[1] === 0 || this.tag === 0) throw new RangeError("packet memory is full");
    this.incoming = rooms[0] + FRONT_BYTES;
    this.outgoing = rooms[1] + FRONT_BYTES;
  }
}

/** One peer's outgoing SRTCP. All packets must come from one sender SSRC, given here. */
export class SrtcpSender {
  readonly #workspace: SrtcpWorkspace;
  readonly #key: KernelKey;
  readonly #keystream: Keystream;
  #index = 0;

  constructor(workspace: SrtcpWorkspace, key: KernelKey, ssrc: number) {
    this.#workspace = workspace;
    this.#key = key;
    this.#keystream = workspace.kernel.openKeystream(key, { ssrc, ...BATCH });
  }

  /**
   * The protected datagram of a compound packet, a view valid until the next call; undefined when it is too long or the
   * 2^31 packets of a key are used up (which takes years).
   */
  protect(plain: Uint8Array): Uint8Array | undefined {
    const { kernel, outgoing: packet } = this.#workspace;
    const length = plain.length;
    if (length < CLEAR_BYTES || length + TRAILER_BYTES > MAX_DATAGRAM_BYTES || this.#index > MAX_INDEX)
      return undefined;
    const { bytes, view } = kernel.arena;
    const index = this.#index++;
    bytes.set(plain, packet);
    const keystream = this.#keystream.at(index, length - CLEAR_BYTES);
    kernel.xor(packet + CLEAR_BYTES, packet + CLEAR_BYTES, keystream, (length - CLEAR_BYTES + 15) >> 4);
    view.setUint32(packet + length, (0x80000000 | index) >>> 0);
    const tag = packet + length + INDEX_BYTES;
    kernel.hmacOne(this.#key, { offset: packet, byteLength: length + INDEX_BYTES }, tag);
    return bytes.subarray(packet, tag + AUTH_TAG_BYTES);
  }

  close(): void {
    this.#keystream.close();
  }
}

interface Sender {
  readonly window: ReplayWindow;
  readonly keystream: Keystream;
}

/** One peer's incoming SRTCP. */
export class SrtcpReceiver {
  readonly #workspace: SrtcpWorkspace;
  readonly #key: KernelKey;
  readonly #senders = new Map<number, Sender>();

  constructor(workspace: SrtcpWorkspace, key: KernelKey) {
    this.#workspace = workspace;
    this.#key = key;
  }

  /** The compound packet in packet memory, valid until the next call here (not until the next packet sent), or why not; on a reason nothing changed. */
  open(datagram: Uint8Array): Uint8Array | SrtcpReason {
    if (datagram.length < CLEAR_BYTES + TRAILER_BYTES) return "too_short";
    if (datagram.length > MAX_DATAGRAM_BYTES) return "too_long";
    const length = datagram.length - TRAILER_BYTES;
    const word = readUint32(datagram, length);
    const index = word & MAX_INDEX;
    const ssrc = readUint32(datagram, 4);
    const known = this.#senders.get(ssrc);
    const refused = known?.window.check(index);
    if (refused !== undefined) return refused;
    if (!this.#authentic(datagram)) return "bad_auth";
    const sender = known ?? this.#admit(ssrc);
    if (sender === undefined) return "ssrc_limit";
    sender.window.accept(index);
    const { kernel, incoming: packet } = this.#workspace;
    // The E bit: unencrypted SRTCP is legal under the same tag.
    if (word >= 0x80000000 && length > CLEAR_BYTES) {
      const keystream = sender.keystream.at(index, length - CLEAR_BYTES);
      kernel.xor(packet + CLEAR_BYTES, packet + CLEAR_BYTES, keystream, (length - CLEAR_BYTES + 15) >> 4);
    }
    return kernel.arena.bytes.subarray(packet, packet + length);
  }

  close(): void {
    for (const { keystream } of this.#senders.values()) keystream.close();
    this.#senders.clear();
  }

  #admit(ssrc: number): Sender | undefined {
    if (this.#senders.size >= MAX_SENDERS) return undefined;
    const sender = {
      window: new ReplayWindow(),
      keystream: this.#workspace.kernel.openKeystream(this.#key, { ssrc, ...BATCH }),
    };
    this.#senders.set(ssrc, sender);
    return sender;
  }

  #authentic(datagram: Uint8Array): boolean {
    const { kernel, incoming: packet, tag } = this.#workspace;
    const bytes = kernel.arena.bytes;
    const signed = datagram.length - AUTH_TAG_BYTES;
    bytes.set(datagram, packet);
    kernel.hmacOne(this.#key, { offset: packet, byteLength: signed }, tag);
    let difference = 0;
    for (let i = 0; i < AUTH_TAG_BYTES; i++) {
      difference |= (bytes[tag + i] as number) ^ (datagram[signed + i] as number);
    }
    return difference === 0;
  }
}
