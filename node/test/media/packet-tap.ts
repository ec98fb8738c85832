/**
 * Hears in the clear what clients send to a plane: RTP and RTCP as they were before SRTP (RFC 3711), deciphered beside the plane
 * by node:crypto alone. Nothing is verified; that is the plane's. For calls of less than 2^16 packets of one SSRC.
 */
import { createDecipheriv } from "node:crypto";
import type { PlanePeer, RtpPlaneApi } from "../../src/media/rtp-plane-types.ts";
import { deriveSessionKeys } from "../../src/media/srtp/key-derivation.ts";

export interface TapSink {
  rtp(peerId: string, packet: Buffer): void;
  /** A compound packet. */
  rtcp(peerId: string, packet: Buffer): void;
  /** What the plane sends, protected: of SRTP the header is in the clear. */
  sent?(peerId: string, datagram: Uint8Array): void;
}
interface PeerKeys {
  readonly rtp: ReturnType<typeof deriveSessionKeys>;
  readonly rtcp: ReturnType<typeof deriveSessionKeys>;
}

const TAG_BYTES = 10;
const INDEX_BYTES = 4;

export function tappedPlane(plane: RtpPlaneApi, sink: TapSink): RtpPlaneApi {
  const keys = new Map<string, PeerKeys>();
  const taps = {
    addPeer: (peer: PlanePeer, nowMs: number) => {
      const of = (use: "rtp" | "rtcp") => deriveSessionKeys(peer.remoteKey, use);
      keys.set(peer.peerId, { rtp: of("rtp"), rtcp: of("rtcp") });
      const send = (datagram: Uint8Array): void => {
        sink.sent?.(peer.peerId, datagram);
        peer.transport.send(datagram);
      };
      return [{ ...peer, transport: { send } }, nowMs];
    },
    handleSrtp: (peerId: string, datagram: Uint8Array) => {
      const own = keys.get(peerId);
      if (own !== undefined) sink.rtp(peerId, openRtp(own, datagram));
      return undefined;
    },
    handleSrtcp: (peerId: string, datagram: Uint8Array) => {
      const own = keys.get(peerId);
      if (own !== undefined) sink.rtcp(peerId, openRtcp(own, datagram));
      return undefined;
    },
  };
  return new Proxy(plane, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const tap = taps[name as keyof typeof taps] as ((...input: unknown[]) => unknown[] | undefined) | undefined;
      if (tap === undefined) return member.bind(target);
      return (...input: unknown[]) => {
        return member.apply(target, tap(...input) ?? input);
      };
    },
  });
}

/** RFC 3711 section 4.1.1: the counter begins at salt * 2^16 xor SSRC * 2^64 xor index * 2^16. */
function decipher(
  { encryption, salt }: PeerKeys["rtp"],
  { ssrc, index }: { readonly ssrc: number; readonly index: number },
  bytes: Uint8Array,
): Buffer {
  const iv = Buffer.alloc(16);
  iv.set(salt);
  iv.writeUInt32BE((iv.readUInt32BE(4) ^ ssrc) >>> 0, 4);
  iv.writeUInt32BE((iv.readUInt32BE(10) ^ index) >>> 0, 10);
  return createDecipheriv("aes-128-ctr", encryption, iv).update(bytes);
}

function openRtp({ rtp }: PeerKeys, datagram: Uint8Array): Buffer {
  const packet = Buffer.from(datagram.subarray(0, datagram.length - TAG_BYTES));
  let headerBytes = 12 + (packet.readUInt8(0) & 15) * 4;
  if ((packet.readUInt8(0) & 16) !== 0) headerBytes += 4 + packet.readUInt16BE(headerBytes + 2) * 4;
  const position = { ssrc: packet.readUInt32BE(8), index: packet.readUInt16BE(2) };
  decipher(rtp, position, packet.subarray(headerBytes)).copy(packet, headerBytes);
  return packet;
}

/** Section 3.4: eight bytes in the clear, then ciphertext, the E bit with 31 bits of index, the tag. */
function openRtcp({ rtcp }: PeerKeys, datagram: Uint8Array): Buffer {
  const end = datagram.length - TAG_BYTES - INDEX_BYTES;
  const packet = Buffer.from(datagram);
  const word = packet.readUInt32BE(end);
  const plain = packet.subarray(0, end);
  if (word < 0x80000000) return plain;
  const position = { ssrc: packet.readUInt32BE(4), index: word & 0x7fffffff };
  decipher(rtcp, position, plain.subarray(8)).copy(plain, 8);
  return plain;
}
