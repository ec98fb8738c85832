/**
 * From a decrypted packet to protected copies for many peers. Each copy costs one pass over the payload (copy and encrypt
 * at once) and a quarter of a four-lane hash. Copies wait in a short ring until four of equal length are there, and leave
 * in the order in which they came.
 */
import { patchDescriptor, patchPayload, type RtpRewrite, type RtpView } from "../../sfu/index.ts";
import type { RtpTransport } from "../rtp-plane-types.ts";
import { type KernelKey, type Keystream, MAX_DATAGRAM_BYTES, type SrtpKernel } from "./kernel.ts";
import { JOB_BUILD, TEMPLATE_BYTES } from "./wasm-layout.ts";

export const AUTH_TAG_BYTES = 10;
/** Header template, datagram, and the sweep of padding behind it. */
const SLOT_BYTES = 2048;
/** Small enough to stay in the first-level cache and to reuse views, large enough for four full groups. */
const SLOTS = 16;

/** What all streams towards one peer share. */
export interface EgressPeer {
  readonly key: KernelKey;
  readonly transport: RtpTransport;
  packetsSent: number;
  bytesSent: number;
}

export interface EgressShape {
  readonly ssrc: number;
  readonly mid: string;
  readonly midId: number;
  readonly absSendTimeId: number;
  readonly transportSequenceId: number;
  readonly audioLevelId: number;
  /** The receiver takes dependency descriptors, and headers of both forms (RFC 8285 section 4.1.2). Default 0: not. */
  readonly dependencyDescriptorId?: number;
  /** Expected payload of a packet; a first guess at keystream room. */
  readonly payloadBytes: number;
  /** Keystream is made for so many coming packets at once; 1 for rare streams such as RTX. */
  readonly batchPackets: number;
}

/** One SSRC towards one peer: its header template and its keystream. */
export class EgressStream {
  readonly peer: EgressPeer;
  readonly keystream: Keystream;
  readonly plain: HeaderTemplate;
  /** For packets with a dependency descriptor, which may be too long for the one-byte form. */
  readonly described: HeaderTemplate | undefined;
  readonly dependencyDescriptorId: number;
  readonly #kernel: SrtpKernel;

  private constructor(kernel: SrtpKernel, peer: EgressPeer, shape: EgressShape, at: readonly [number, number]) {
    this.#kernel = kernel;
    this.peer = peer;
    this.plain = buildTemplate(kernel, shape, { at: at[0], isLong: false });
    this.dependencyDescriptorId = shape.dependencyDescriptorId ?? 0;
    this.described = at[1] === 0 ? undefined : buildTemplate(kernel, shape, { at: at[1], isLong: true });
    this.keystream = kernel.openKeystream(peer.key, {
      ssrc: shape.ssrc,
      batchPackets: shape.batchPackets,
      blocks: (shape.payloadBytes + 15) >> 4,
    });
  }

  /** Undefined when packet memory cannot hold even the templates. */
  static open(kernel: SrtpKernel, peer: EgressPeer, shape: EgressShape): EgressStream | undefined {
    const template = kernel.arena.allocate(TEMPLATE_BYTES);
    if (template === 0) return undefined;
    const isDescribed = (shape.dependencyDescriptorId ?? 0) > 0;
    const described = isDescribed ? kernel.arena.allocate(TEMPLATE_BYTES) : 0;
    return new EgressStream(kernel, peer, shape, [template, described]);
  }

  close(): void {
    this.keystream.close();
    this.#kernel.arena.release(this.plain.at, TEMPLATE_BYTES);
    this.#kernel.arena.release(this.described?.at ?? 0, TEMPLATE_BYTES);
  }
}

/** A header in packet memory, with the positions of what changes from packet to packet, 0: absent. */
export interface HeaderTemplate {
  readonly at: number;
  readonly headerLength: number;
  readonly absSendTimeAt: number;
  readonly transportSequenceAt: number;
  readonly audioLevelAt: number;
}

/**
 * Fixed header with extension elements in the one-byte or the two-byte form (RFC 8285 sections 4.2 and 4.3). A MID too long
 * for the template is left out.
 */
function buildTemplate(
  kernel: SrtpKernel,
  shape: EgressShape,
  { at, isLong }: { readonly at: number; readonly isLong: boolean },
): HeaderTemplate {
  const elements: number[] = [];
  const add = (id: number, data: readonly number[]): number => {
    if (id === 0) return 0;
    const head = isLong ? [id, data.length] : [(id << 4) | (data.length - 1)];
    elements.push(...head, ...data);
    return 16 + elements.length - data.length;
  };
  if (shape.mid.length > 0 && shape.mid.length <= 16) {
    add(
      shape.midId,
      [...shape.mid].map((letter) => letter.charCodeAt(0)),
    );
  }
  const absSendTimeAt = add(shape.absSendTimeId, [0, 0, 0]);
  const transportSequenceAt = add(shape.transportSequenceId, [0, 0]);
  const audioLevelAt = add(shape.audioLevelId, [127]);
  while (elements.length % 4 !== 0) elements.push(0);
  const isExtended = isLong || elements.length > 0;
  const headerLength = isExtended ? 16 + elements.length : 12;
  const { bytes, view } = kernel.arena;
  bytes.fill(0, at, at + TEMPLATE_BYTES);
  bytes[at] = isExtended ? 0x90 : 0x80;
  view.setUint32(at + 8, shape.ssrc);
  if (isExtended) {
    view.setUint16(at + 12, isLong ? 0x1000 : 0xbede);
    view.setUint16(at + 14, elements.length / 4);
    bytes.set(elements, at + 16);
  }
  return { at, headerLength, absSendTimeAt, transportSequenceAt, audioLevelAt };
}

export class Protector {
  packetsSent = 0;
  bytesSent = 0;
  readonly #kernel: SrtpKernel;
  readonly #bytes: Uint8Array;
  readonly #slots: number;
  readonly #pending: (EgressStream | undefined)[] = new Array<EgressStream | undefined>(SLOTS).fill(undefined);
  readonly #lengths = new Int32Array(SLOTS);
  /** 64-byte blocks to hash; 0 once hashed. */
  readonly #blocks = new Int32Array(SLOTS);
  /** Views handed out, by slot; reused while the length stays, which it mostly does within one fan-out. */
  readonly #views: Uint8Array[] = [];
  #count = 0;
  #absSendTime = 0;

  constructor(kernel: SrtpKernel) {
    this.#kernel = kernel;
    this.#bytes = kernel.arena.bytes;
    this.#slots = kernel.arena.allocate(SLOT_BYTES * SLOTS);
    if (this.#slots === 0) throw new RangeError("packet memory is full");
    for (let i = 0; i < SLOTS; i++) this.#views.push(new Uint8Array(0));
  }

  /** What abs-send-time says until the next call: 24 bits of 6.18 fixed-point seconds. */
  setNow(nowMs: number): void {
    this.#absSendTime = Math.floor((nowMs % 64_000) * 262.144) & 0xffffff;
  }

  /** Queues one copy of the view's packet. False: too long for any datagram, nothing queued. */
  send(stream: EgressStream, view: RtpView, rewrite: RtpRewrite): boolean {
    const originalSeqBytes = rewrite.originalSeq >= 0 ? 2 : 0;
    const payloadLength = view.payloadLength;
    const described = rewrite.dependencyLength > 0 ? stream.described : undefined;
    const template = described ?? stream.plain;
    const extraBytes = described === undefined ? 0 : (2 + rewrite.dependencyLength + 3) & ~3;
    const headerLength = template.headerLength + extraBytes;
    const total = headerLength + originalSeqBytes + payloadLength;
    if (total + AUTH_TAG_BYTES > MAX_DATAGRAM_BYTES) return false;
    if (this.#count === SLOTS) this.flush();
    const slot = this.#count++;
    const at = this.#slots + slot * SLOT_BYTES;
    const keystream = stream.keystream.at(rewrite.extSeq, payloadLength + originalSeqBytes);
    const job = this.#kernel.job;
    job[JOB_BUILD] = at;
    job[JOB_BUILD + 1] = template.at;
    job[JOB_BUILD + 2] = headerLength + originalSeqBytes;
    job[JOB_BUILD + 3] = view.payloadOffset;
    job[JOB_BUILD + 4] = keystream + originalSeqBytes;
    job[JOB_BUILD + 5] = payloadLength;
    job[JOB_BUILD + 6] = Math.floor(rewrite.extSeq / 65_536);
    this.#blocks[slot] = this.#kernel.build();
    this.#writeHeader(template, at, rewrite);
    if (described !== undefined) this.#writeDescriptor(stream, { at, extraBytes }, { view, rewrite });
    if (originalSeqBytes > 0) this.#writeOriginalSeq(at + headerLength, rewrite.originalSeq, keystream);
    patchPayload(rewrite, view, this.#bytes, at + headerLength + originalSeqBytes);
    this.#pending[slot] = stream;
    this.#lengths[slot] = total;
    return true;
  }

  /** Signs and sends everything queued. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    for (let slot = 0; slot < count; slot++) if (this.#blocks[slot] !== 0) this.#signGroup(slot, count);
    for (let slot = 0; slot < count; slot++) {
      const stream = this.#pending[slot];
      this.#pending[slot] = undefined;
      if (stream !== undefined) this.#emit(slot, stream.peer);
    }
    this.#count = 0;
  }

  /** Signs the packet in that slot and up to three later ones of as many blocks. */
  #signGroup(first: number, count: number): void {
    const job = this.#kernel.job;
    const blocks = this.#blocks[first] as number;
    let lanes = 0;
    for (let slot = first; slot < count && lanes < 4; slot++) {
      const stream = this.#pending[slot];
      if (this.#blocks[slot] !== blocks || stream === undefined) continue;
      const at = this.#slots + slot * SLOT_BYTES;
      job[lanes] = at;
      job[4 + lanes] = stream.peer.key.handle;
      job[8 + lanes] = at + (this.#lengths[slot] as number);
      this.#blocks[slot] = 0;
      lanes++;
    }
    // Idle lanes repeat the first: same packet, same tag, same place.
    for (; lanes < 4; lanes++) {
      job[lanes] = job[0] as number;
      job[4 + lanes] = job[4] as number;
      job[8 + lanes] = job[8] as number;
    }
    this.#kernel.hmac(blocks);
  }

  #emit(slot: number, peer: EgressPeer): void {
    const length = (this.#lengths[slot] as number) + AUTH_TAG_BYTES;
    let view = this.#views[slot] as Uint8Array;
    if (view.length !== length) {
      view = new Uint8Array(this.#bytes.buffer, this.#slots + slot * SLOT_BYTES, length);
      this.#views[slot] = view;
    }
    this.packetsSent++;
    this.bytesSent += length;
    peer.packetsSent++;
    peer.bytesSent += length;
    peer.transport.send(view);
  }

  #writeHeader(template: HeaderTemplate, at: number, rewrite: RtpRewrite): void {
    const bytes = this.#bytes;
    const { extSeq, timestamp, transportSeq } = rewrite;
    if (rewrite.isPadding) bytes[at] = (bytes[at] as number) | 0x20;
    bytes[at + 1] = (rewrite.marker ? 0x80 : 0) | rewrite.payloadType;
    bytes[at + 2] = (extSeq >> 8) & 0xff;
    bytes[at + 3] = extSeq & 0xff;
    bytes[at + 4] = timestamp >>> 24;
    bytes[at + 5] = (timestamp >>> 16) & 0xff;
    bytes[at + 6] = (timestamp >>> 8) & 0xff;
    bytes[at + 7] = timestamp & 0xff;
    if (template.absSendTimeAt !== 0) {
      const to = at + template.absSendTimeAt;
      bytes[to] = this.#absSendTime >> 16;
      bytes[to + 1] = (this.#absSendTime >> 8) & 0xff;
      bytes[to + 2] = this.#absSendTime & 0xff;
    }
    if (template.transportSequenceAt !== 0 && transportSeq >= 0) {
      const to = at + template.transportSequenceAt;
      bytes[to] = transportSeq >> 8;
      bytes[to + 1] = transportSeq & 0xff;
    }
    if (template.audioLevelAt !== 0) bytes[at + template.audioLevelAt] = rewrite.audioLevel;
  }

  /** One more element behind the template's, in the two-byte form. The hash comes later, so the header may still change. */
  #writeDescriptor(
    stream: EgressStream,
    { at, extraBytes }: { readonly at: number; readonly extraBytes: number },
    { view, rewrite }: { readonly view: RtpView; readonly rewrite: RtpRewrite },
  ): void {
    const bytes = this.#bytes;
    const { dependencyLength } = rewrite;
    const { dependencyStart } = view;
    let to = at + (stream.described?.headerLength ?? 0);
    const end = to + extraBytes;
    const words = (((bytes[at + 14] as number) << 8) | (bytes[at + 15] as number)) + extraBytes / 4;
    bytes[at + 14] = words >> 8;
    bytes[at + 15] = words & 0xff;
    bytes[to++] = stream.dependencyDescriptorId;
    bytes[to++] = dependencyLength;
    for (let i = 0; i < dependencyLength; i++) bytes[to + i] = view.bytes[dependencyStart + i] as number;
    patchDescriptor(rewrite, bytes, to);
    for (to += dependencyLength; to < end; to++) bytes[to] = 0;
  }

  /** RFC 4588 section 4: the original sequence number is the first part of the encrypted payload. */
  #writeOriginalSeq(at: number, originalSeq: number, keystream: number): void {
    const bytes = this.#bytes;
    bytes[at] = (originalSeq >> 8) ^ (bytes[keystream] as number);
    bytes[at + 1] = (originalSeq & 0xff) ^ (bytes[keystream + 1] as number);
  }
}
