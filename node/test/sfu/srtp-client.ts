/** The other end of the plane in tests: SRTP and SRTCP straight from RFC 3711 with node:crypto, sharing nothing with it. */
import { createCipheriv, createHmac } from "node:crypto";

export interface MasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

function derive(master: MasterKey, label: number, length: number): Buffer {
  const iv = Buffer.concat([master.salt, Buffer.alloc(2)]);
  iv[7]! ^= label;
  return createCipheriv("aes-128-ctr", master.key, iv).update(Buffer.alloc(length));
}

function crypt(key: Buffer, salt: Buffer, { ssrc, index }: { ssrc: number; index: number }, data: Buffer): Buffer {
  let iv = BigInt(`0x${salt.toString("hex")}`) << 16n;
  iv ^= BigInt(ssrc) << 64n;
  iv ^= BigInt(index) << 16n;
  const bytes = Buffer.from(iv.toString(16).padStart(32, "0"), "hex");
  return createCipheriv("aes-128-ctr", key, bytes).update(data);
}

const sign = (key: Buffer, ...parts: Buffer[]): Buffer =>
  createHmac("sha1", key).update(Buffer.concat(parts)).digest().subarray(0, 10);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function headerLength(packet: Buffer): number {
  const fixed = 12 + (packet[0]! & 15) * 4;
  return (packet[0]! & 0x10) === 0 ? fixed : fixed + 4 + packet.readUInt16BE(fixed + 2) * 4;
}

/** One direction of one peer. */
export class SrtpSession {
  readonly #rtp: readonly [Buffer, Buffer, Buffer];
  readonly #rtcp: readonly [Buffer, Buffer, Buffer];
  /** Highest index by SSRC, for the roll-over counter. */
  readonly #highest = new Map<number, number>();
  #rtcpIndex = 0;

  constructor(master: MasterKey) {
    this.#rtp = [derive(master, 0, 16), derive(master, 1, 20), derive(master, 2, 14)];
    this.#rtcp = [derive(master, 3, 16), derive(master, 4, 20), derive(master, 5, 14)];
  }

  protect(packet: Buffer): Buffer {
    const [key, auth, salt] = this.#rtp;
    const { ssrc, index } = this.#index(packet);
    const header = packet.subarray(0, headerLength(packet));
    const body = crypt(key, salt, { ssrc, index }, packet.subarray(header.length));
    return Buffer.concat([header, body, sign(auth, header, body, uint32(Math.floor(index / 65536)))]);
  }

  /** Undefined when the tag is wrong. */
  unprotect(datagram: Uint8Array): Buffer | undefined {
    const [key, auth, salt] = this.#rtp;
    const packet = Buffer.from(datagram.subarray(0, datagram.length - 10));
    const { ssrc, index } = this.#index(packet);
    const tag = sign(auth, packet, uint32(Math.floor(index / 65536)));
    if (!tag.equals(Buffer.from(datagram.subarray(datagram.length - 10)))) return undefined;
    const at = headerLength(packet);
    return Buffer.concat([packet.subarray(0, at), crypt(key, salt, { ssrc, index }, packet.subarray(at))]);
  }

  protectRtcp(packet: Buffer): Buffer {
    const [key, auth, salt] = this.#rtcp;
    const index = this.#rtcpIndex++;
    const body = crypt(key, salt, { ssrc: packet.readUInt32BE(4), index }, packet.subarray(8));
    const signed = Buffer.concat([packet.subarray(0, 8), body, uint32(0x80000000 + index)]);
    return Buffer.concat([signed, sign(auth, signed)]);
  }

  unprotectRtcp(datagram: Uint8Array): Buffer | undefined {
    const [key, auth, salt] = this.#rtcp;
    const signed = Buffer.from(datagram.subarray(0, datagram.length - 10));
    if (!sign(auth, signed).equals(Buffer.from(datagram.subarray(datagram.length - 10)))) return undefined;
    const index = signed.readUInt32BE(signed.length - 4) & 0x7fffffff;
    const body = crypt(key, salt, { ssrc: signed.readUInt32BE(4), index }, signed.subarray(8, -4));
    return Buffer.concat([signed.subarray(0, 8), body]);
  }

  #index(packet: Buffer): { ssrc: number; index: number } {
    const ssrc = packet.readUInt32BE(8);
    const seq = packet.readUInt16BE(2);
    const highest = this.#highest.get(ssrc);
    let index = seq;
    if (highest !== undefined) {
      const ahead = (seq - highest) & 0xffff;
      index = highest + (ahead >= 0x8000 ? ahead - 0x10000 : ahead);
    }
    this.#highest.set(ssrc, Math.max(index, highest ?? 0));
    return { ssrc, index };
  }
}

export interface PacketShape {
  readonly payloadType: number;
  readonly seq: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker?: boolean;
  /** One-byte extension elements by id. */
  readonly extensions?: Readonly<Record<number, Uint8Array>>;
  readonly payload: Uint8Array;
  /** Appended with its count, and the padding bit set. */
  readonly paddingBytes?: number;
}

export function rtpPacket(shape: PacketShape): Buffer {
  const elements: number[] = [];
  for (const [id, data] of Object.entries(shape.extensions ?? {})) {
    elements.push((Number(id) << 4) | (data.length - 1), ...data);
  }
  while (elements.length % 4 !== 0) elements.push(0);
  const header = Buffer.alloc(elements.length > 0 ? 16 : 12);
  const padding = shape.paddingBytes ?? 0;
  header[0] = 0x80 | (elements.length > 0 ? 0x10 : 0) | (padding > 0 ? 0x20 : 0);
  header[1] = (shape.marker === true ? 0x80 : 0) | shape.payloadType;
  header.writeUInt16BE(shape.seq & 0xffff, 2);
  header.writeUInt32BE(shape.timestamp >>> 0, 4);
  header.writeUInt32BE(shape.ssrc >>> 0, 8);
  if (elements.length > 0) {
    header.writeUInt16BE(0xbede, 12);
    header.writeUInt16BE(elements.length / 4, 14);
  }
  const tail = Buffer.alloc(padding);
  if (padding > 0) tail[padding - 1] = padding;
  return Buffer.concat([header, Buffer.from(elements), shape.payload, tail]);
}

/** VP8 descriptor with 15-bit picture id and TL0PICIDX, then a payload header (RFC 7741, RFC 6386). */
export function vp8Payload(shape: {
  readonly keyframe: boolean;
  readonly start?: boolean;
  readonly pictureId: number;
  readonly tl0: number;
  readonly width?: number;
  readonly height?: number;
  readonly body: Uint8Array;
}): Buffer {
  const start = shape.start ?? true;
  const head = [start ? 0x90 : 0x80, 0xe0, 0x80 | (shape.pictureId >> 8), shape.pictureId & 255, shape.tl0 & 255, 0x20];
  if (start && shape.keyframe) {
    const [width, height] = [shape.width ?? 640, shape.height ?? 360];
    head.push(0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 255, width >> 8, height & 255, height >> 8);
  } else if (start) {
    head.push(0x11, 0, 0);
  }
  return Buffer.concat([Buffer.from(head), shape.body]);
}

export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
