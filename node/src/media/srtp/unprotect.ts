/** From a peer's SRTP datagram to an authentic, decrypted packet in packet memory. */
import type { RtpView } from "../../sfu/index.ts";
import { type KernelKey, type Keystream, MAX_DATAGRAM_BYTES, type SrtpKernel } from "./kernel.ts";
import { AUTH_TAG_BYTES } from "./protect.ts";
import { estimateIndex, ReplayWindow } from "./replay-window.ts";

export type UnprotectReason = "bad_auth" | "replayed" | "too_old" | "too_long";

/** The kernel pads in front (a key block) and behind (hash padding). */
const FRONT_BYTES = 64;
const ROOM_BYTES = FRONT_BYTES + MAX_DATAGRAM_BYTES + 160;
const TAG_BYTES = 64;

/** One SSRC of one peer. */
export class IngressStream {
  readonly key: KernelKey;
  readonly window: ReplayWindow;
  readonly keystream: Keystream;

  /** `window`: of an earlier stream of this SSRC under this key. */
  constructor(
    kernel: SrtpKernel,
    key: KernelKey,
    shape: { readonly ssrc: number; readonly payloadBytes: number; readonly batchPackets: number },
    window = new ReplayWindow(),
  ) {
    this.key = key;
    this.window = window;
    this.keystream = kernel.openKeystream(key, {
      ssrc: shape.ssrc,
      batchPackets: shape.batchPackets,
      blocks: (shape.payloadBytes + 15) >> 4,
    });
  }

  close(): void {
    this.keystream.close();
  }
}

export class Unprotector {
  readonly #kernel: SrtpKernel;
  readonly #bytes: Uint8Array;
  readonly #packet: number;
  readonly #tag: number;

  constructor(kernel: SrtpKernel) {
    this.#kernel = kernel;
    this.#bytes = kernel.arena.bytes;
    const room = kernel.arena.allocate(ROOM_BYTES);
    this.#tag = kernel.arena.allocate(TAG_BYTES);
    if (room === 0 || this.#tag === 0) throw new RangeError("packet memory is full");
    this.#packet = room + FRONT_BYTES;
  }

  /**
   * `view` was parsed from the datagram without its tag. On success it stands on the plaintext, which stays until the next
   * call. On a reason nothing changed.
   */
  open(stream: IngressStream, datagram: Uint8Array, view: RtpView): UnprotectReason | undefined {
    const index = estimateIndex(view.seq, stream.window.highest);
    const refused = stream.window.check(index);
    if (refused !== undefined) return refused;
    if (datagram.length > MAX_DATAGRAM_BYTES) return "too_long";
    if (!this.#authentic(stream.key, datagram, Math.floor(index / 65_536))) return "bad_auth";
    stream.window.accept(index);
    const packet = this.#packet;
    if (view.payloadLength > 0) {
      const keystream = stream.keystream.at(index, view.payloadLength);
      const payload = packet + view.headerLength;
      this.#kernel.xor(payload, payload, keystream, (view.payloadLength + 15) >> 4);
    }
    view.moveTo(this.#bytes, packet);
    return undefined;
  }

  /** For an SSRC that has no stream yet. */
  authenticates(key: KernelKey, datagram: Uint8Array, index: number): boolean {
    return datagram.length <= MAX_DATAGRAM_BYTES && this.#authentic(key, datagram, Math.floor(index / 65_536));
  }

  #authentic(key: KernelKey, datagram: Uint8Array, rolloverCounter: number): boolean {
    const bytes = this.#bytes;
    const length = datagram.length - AUTH_TAG_BYTES;
    const end = this.#packet + length;
    bytes.set(datagram, this.#packet);
    bytes[end] = rolloverCounter >>> 24;
    bytes[end + 1] = (rolloverCounter >>> 16) & 0xff;
    bytes[end + 2] = (rolloverCounter >>> 8) & 0xff;
    bytes[end + 3] = rolloverCounter & 0xff;
    this.#kernel.hmacOne(key, { offset: this.#packet, byteLength: length + 4 }, this.#tag);
    let difference = 0;
    for (let i = 0; i < AUTH_TAG_BYTES; i++) {
      difference |= (bytes[this.#tag + i] as number) ^ (datagram[length + i] as number);
    }
    return difference === 0;
  }
}
