/** A plane with one publisher, viewers, and clients that speak SRTP with it. */
import { randomFillSync } from "node:crypto";
import { RtpPlane } from "../../src/media/rtp-plane.ts";
import type { PlaneEvent } from "../../src/media/rtp-plane-types.ts";
import { ascii, type MasterKey, rtpPacket, SrtpSession, vp8Payload } from "./srtp-client.ts";

export const EXTENSIONS = { mid: 1, rid: 2, repairedRid: 3, absSendTime: 4, transportSequence: 5, audioLevel: 6 };
export const VIDEO = { payloadType: 96, rtxPayloadType: 97 };
export const MEMORY_BYTES = 8 << 20;

export function masterKey(seed: number): MasterKey {
  const bytes = (length: number, step: number) => Uint8Array.from({ length }, (_, i) => (seed * 37 + i * step) & 255);
  return { key: bytes(16, 7), salt: bytes(14, 11) };
}

export class Client {
  readonly sent: Buffer[] = [];
  readonly up: SrtpSession;
  readonly down: SrtpSession;

  constructor(plane: RtpPlane, peerId: string, seed: number, role: "client" | "trunk" = "client") {
    const [localKey, remoteKey] = [masterKey(seed), masterKey(seed + 1)];
    this.up = new SrtpSession(remoteKey);
    this.down = new SrtpSession(localKey);
    const transport = { send: (datagram: Uint8Array) => void this.sent.push(Buffer.from(datagram)) };
    plane.addPeer({ peerId, role, localKey, remoteKey, transport }, 0);
  }

  /** Decrypted RTP received since the last call. */
  rtp(): Buffer[] {
    const packets = this.sent.filter((datagram) => (datagram[1]! & 0x7f) < 64 || (datagram[1]! & 0x7f) > 95);
    this.sent.length = 0;
    return packets.map((datagram) => {
      const packet = this.down.unprotect(datagram);
      if (packet === undefined) throw new Error("the plane's packet is not authentic");
      return packet;
    });
  }

  rtcp(): Buffer[] {
    const packets = this.sent.filter((datagram) => (datagram[1]! & 0x7f) >= 64 && (datagram[1]! & 0x7f) <= 95);
    this.sent.length = 0;
    return packets.map((datagram) => {
      const packet = this.down.unprotectRtcp(datagram);
      if (packet === undefined) throw new Error("the plane's RTCP is not authentic");
      return packet;
    });
  }
}

export function setUp({ plainCrypto = false, memoryBytes = MEMORY_BYTES } = {}) {
  const events: PlaneEvent[] = [];
  let seed = 12345;
  const random = { uint32: () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) };
  const plane = new RtpPlane({ event: (event) => void events.push(event) }, { plainCrypto, memoryBytes }, random);
  const alice = new Client(plane, "alice", 10);
  const track = {
    trackId: "camera",
    kind: "video",
    source: "camera",
    codec: { name: "VP8", clockRateHz: 90_000 },
    layers: [""],
  } as const;
  plane.addReceiver({ peerId: "alice", roomId: "r", mid: "0", track, ...VIDEO, extensions: EXTENSIONS }, 0);
  return { plane, events, alice, track };
}

export function addViewer(plane: RtpPlane, peerId: string, seed: number): Client {
  const client = new Client(plane, peerId, seed);
  const codecs = [{ name: "VP8", payloadType: 100, rtxPayloadType: 101 }] as const;
  const slot = { peerId, roomId: "r", mid: "v0", kind: "video", ssrc: 9000 + seed, rtxSsrc: 9500 + seed } as const;
  plane.addSlot({ ...slot, codecs, extensions: EXTENSIONS }, 0);
  plane.assignSlot({ peerId, mid: "v0", trackId: "camera" }, 0);
  return client;
}

export function frame(
  seq: number,
  shape: { keyframe?: boolean; ssrc?: number; bytes?: number; twcc?: number } = {},
): Buffer {
  const body = Buffer.alloc(shape.bytes ?? 400 + ((seq * 37) % 700));
  randomFillSync(body);
  const payload = vp8Payload({ keyframe: shape.keyframe ?? false, pictureId: seq & 0x7fff, tl0: seq & 255, body });
  const twcc = shape.twcc ?? seq & 0xffff;
  return rtpPacket({
    payloadType: 96,
    seq,
    timestamp: seq * 3000,
    ssrc: shape.ssrc ?? 1111,
    marker: true,
    extensions: { 1: ascii("0"), 5: Uint8Array.of(twcc >> 8, twcc & 255) },
    payload,
  });
}
