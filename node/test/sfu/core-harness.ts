/** A forwarding core with everything that it says written down, and packets made to order. */
import {
  type ConsumerInput,
  type EgressId,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  type IngressId,
  PacketArena,
  patchPayload,
  RouterCore,
  type RouterEvent,
  type RouterOptions,
  type RtpRewrite,
  RtpView,
  type TrackInput,
} from "../../src/sfu/index.ts";
import { headerLength, type PacketShape, rtpPacket, vp8Payload } from "./srtp-client.ts";

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** mulberry32. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }
}

/** A packet as a viewer would find it on the wire. */
export interface Sent {
  readonly egress: number;
  readonly extSeq: number;
  readonly timestamp: number;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly originalSeq: number;
  readonly transportSeq: number;
  readonly isPadding: boolean;
  readonly payload: Buffer;
}

export interface SentRtcp {
  readonly peerId: string;
  readonly bytes: Buffer;
  readonly type: number;
  readonly count: number;
}

const EXTENSIONS = new ExtensionTable().set(5, EXTENSION_TRANSPORT_SEQUENCE).set(6, EXTENSION_AUDIO_LEVEL);

export class CoreHarness {
  readonly core: RouterCore;
  readonly arena: PacketArena;
  readonly sent: Sent[] = [];
  readonly rtcp: SentRtcp[] = [];
  readonly events: RouterEvent[] = [];
  readonly dropped: string[] = [];
  readonly #view = new RtpView();

  constructor(input: { seed?: number; options?: RouterOptions; memoryBytes?: number } = {}) {
    this.arena = new PacketArena(new ArrayBuffer(input.memoryBytes ?? 4 << 20));
    this.core = new RouterCore({
      arena: this.arena,
      random: new SeededRandom(input.seed ?? 1),
      options: input.options ?? {},
      sink: {
        rtp: (egress, packet, rewrite) => void this.sent.push(copyOf(egress, packet, rewrite)),
        rtcp: (peerId, bytes) => {
          for (const part of compound(Buffer.from(bytes))) {
            this.rtcp.push({ peerId, bytes: part, type: part[1]!, count: part[0]! & 31 });
          }
        },
        event: (event) => void this.events.push(event),
        dropped: (reason) => void this.dropped.push(reason),
      },
    });
  }

  /** A publisher "alice" with one video track "camera", and its ingresses by layer. */
  camera(layers: readonly string[] = [""], input: Partial<TrackInput> = {}): IngressId[] {
    this.core.addPeer("alice", { feedbackSsrc: 77 }, 0);
    const track = { trackId: "camera", roomId: "r", kind: "video", codec: "VP8", clockRateHz: 90_000 } as const;
    this.core.addTrack({ ...track, remote: false, layers, ...input }, 0);
    return layers.map((layer, i) => this.ingress(layer, 1000 + i));
  }

  ingress(layer: string, ssrc: number, nowMs = 0): IngressId {
    const ingress = this.core.addIngress({ trackId: "camera", layer, peerId: "alice", ssrc, nack: true }, nowMs);
    if (ingress === undefined) throw new Error("the harness asked for a layer that is not there");
    return ingress;
  }

  viewer(peerId: string, egress: number, input: Partial<ConsumerInput> = {}): EgressId {
    this.core.addPeer(peerId, { feedbackSsrc: 700 + egress }, 0);
    const id = egress as EgressId;
    const rtx = { egress: (egress + 100) as EgressId, ssrc: 6000 + egress };
    const codecs = [{ name: "VP8", payloadType: 100, rtxPayloadType: 101 }] as const;
    const video = { peerId, roomId: "r", kind: "video", ssrc: 5000 + egress, egress: id, rtx, codecs } as const;
    this.core.addConsumer({ ...video, ...input });
    return id;
  }

  watch(egress: EgressId, { width = 1280, height = 720, trackId = "camera", nowMs = 0 } = {}): void {
    this.core.assign(egress, { trackId, want: { target: { width, height } } }, nowMs);
  }

  rtp(ingress: IngressId, packet: Buffer, nowMs: number): void {
    this.core.handleRtp(ingress, this.parse(packet), nowMs);
  }

  rtx(ingress: IngressId, packet: Buffer, nowMs: number): void {
    this.core.handleRtx(ingress, this.parse(packet), nowMs);
  }

  parse(packet: Buffer): RtpView {
    const bytes = new Uint8Array(packet);
    const refused = this.#view.parse(bytes, 0, bytes.length, EXTENSIONS);
    if (refused !== undefined) throw new Error(`the harness made a packet that is ${refused}`);
    return this.#view;
  }

  /** Runs every timer up to that time. */
  advance(nowMs: number): void {
    for (let turns = 0; this.core.deadlineMs() <= nowMs; turns++) {
      if (turns > 10_000) throw new Error("the core's deadline does not move");
      this.core.handleTimeout(this.core.deadlineMs());
    }
  }

  takeSent(egress?: number): Sent[] {
    const taken = this.sent.filter((packet) => egress === undefined || packet.egress === egress);
    this.sent.length = 0;
    return taken;
  }

  takeRtcp(type?: number, count?: number): SentRtcp[] {
    const taken = this.rtcp.filter((packet) => type === undefined || (packet.type === type && packet.count === count));
    this.rtcp.length = 0;
    return taken;
  }
}

/** One VP8 packet; body and picture id follow from the sequence number, so that any copy can be checked. */
export function vp8(
  seq: number,
  shape: Partial<PacketShape> & { keyframe?: boolean; start?: boolean; width?: number } = {},
): Buffer {
  const { keyframe = false, start = true, width = 640, ...rest } = shape;
  const body = Buffer.alloc(60 + (seq % 50), seq & 255);
  const size = { width, height: Math.round((width * 9) / 16) };
  const payload = vp8Payload({ keyframe, start, pictureId: seq & 0x7fff, tl0: seq & 255, body, ...size });
  return rtpPacket({ payloadType: 96, seq, timestamp: seq * 3000, ssrc: 1000, marker: true, payload, ...rest });
}

export function rtxOf(packet: Buffer, seq: number): Buffer {
  const at = headerLength(packet);
  const header = Buffer.from(packet.subarray(0, at));
  header[1] = 97;
  const original = Buffer.from(packet.subarray(2, 4));
  header.writeUInt16BE(seq, 2);
  header.writeUInt32BE(2000, 8);
  return Buffer.concat([header, original, packet.subarray(at)]);
}

export function transportSeq(seq: number): Record<number, Uint8Array> {
  return { 5: Uint8Array.of((seq >> 8) & 255, seq & 255) };
}

function copyOf(egress: number, packet: RtpView, rewrite: RtpRewrite): Sent {
  const at = packet.payloadOffset;
  const payload = Buffer.from(packet.bytes.subarray(at, at + packet.payloadLength));
  patchPayload(rewrite, packet, payload, 0);
  const { extSeq, timestamp, payloadType, marker, originalSeq, transportSeq, isPadding } = rewrite;
  return { egress, extSeq, timestamp, payloadType, marker, originalSeq, transportSeq, isPadding, payload };
}

export function compound(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes.readUInt16BE(at + 2) + 1) * 4;
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

export function nackPacket(ssrc: number, seqs: readonly number[]): Buffer {
  const packet = Buffer.alloc(12 + seqs.length * 4);
  packet.writeUInt32BE(0x81cd0000 + packet.length / 4 - 1, 0);
  packet.writeUInt32BE(1, 4);
  packet.writeUInt32BE(ssrc, 8);
  for (const [i, seq] of seqs.entries()) packet.writeUInt16BE(seq & 0xffff, 12 + i * 4);
  return packet;
}

export function pliPacket(ssrc: number): Buffer {
  const packet = Buffer.from("81ce00020000000100000000", "hex");
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

export function senderReport(ssrc: number, { ntpMs, rtpTimestamp }: { ntpMs: number; rtpTimestamp: number }): Buffer {
  const packet = Buffer.alloc(28);
  packet.writeUInt32BE(0x80c80006, 0);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt32BE(Math.floor(ntpMs / 1000), 8);
  packet.writeUInt32BE(Math.floor(((ntpMs % 1000) / 1000) * 2 ** 32), 12);
  packet.writeUInt32BE(rtpTimestamp >>> 0, 16);
  return packet;
}

/** A core with one publisher's camera and one viewer of it. */
export function oneViewer(options: ConstructorParameters<typeof CoreHarness>[0] = {}) {
  const harness = new CoreHarness(options);
  const ingress = harness.camera()[0]!;
  const egress = harness.viewer("bob", 1);
  harness.watch(egress);
  harness.rtcp.length = 0;
  return { harness, ingress, egress };
}

/** Sequence numbers, counted from the first. */
export function seqsOf(packets: readonly Sent[]): number[] {
  return packets.map(({ extSeq }) => extSeq - (packets[0]?.extSeq ?? 0));
}

export const pictureIdOf = (packet: Sent): number => packet.payload.readUInt16BE(2) & 0x7fff;
export const tl0Of = (packet: Sent): number => packet.payload[4]!;
/** What of the packet's payload must arrive unchanged: all behind the running numbers. */
export const bodyOf = (packet: Buffer): Buffer => packet.subarray(12 + 5);
