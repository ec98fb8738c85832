/**
 * A call as a viewer lives through it: one publisher with three layers and a voice, one core, and viewers behind paths that
 * carry only so much, who answer with transport-wide feedback, ask for what is missing, and count when the picture stands.
 */

import type { IngressId, RouterOptions } from "../../src/sfu/index.ts";
import { CallViewer, FRAME_MS } from "./call-viewer.ts";
import { CoreHarness, rtxOf, SeededRandom, type Sent, senderReport } from "./core-harness.ts";
import { Path, type PathShape } from "./link-plans.ts";
import { videoPayload } from "./marked-video.ts";
import { Scheduler } from "./sim-link.ts";
import { rtpPacket } from "./srtp-client.ts";
import { TrunkLink } from "./trunk-link.ts";

const VOICE_MS = 20;
const UP_MS = 15;
const TEMPORAL_IDS = [0, 2, 1, 2];
const MAX_PACKET = 1100;

export interface CallShape {
  readonly seed: number;
  readonly layersBps?: readonly number[];
  readonly options?: RouterOptions;
  /** The publisher's way to its node; without it nothing is lost there. */
  readonly up?: PathShape;
}

/** Packets that the publisher can send again. */
const HISTORY = 600;

class Layer {
  seq: number;
  pictureId: number;
  tl0 = 0;
  keyframeWanted = true;
  isSent = true;
  sentBytes = 0;
  ingress: IngressId;
  readonly index: number;
  readonly bps: number;

  constructor(index: number, bps: number, from: { ingress: IngressId; random: SeededRandom }) {
    this.index = index;
    this.bps = bps;
    this.ingress = from.ingress;
    this.seq = from.random.below(65_536);
    this.pictureId = from.random.below(32_768);
  }
}

export class CallWorld {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly harness: CoreHarness;
  readonly layers: Layer[];
  readonly viewers: CallViewer[] = [];
  readonly trunks: TrunkLink[] = [];
  /** Of the publisher to the node of the viewers, without queues. */
  wayMs: number;
  readonly #up: Path | undefined;
  readonly #sent = new Map<string, Buffer>();
  #rtxSeq = 0;
  readonly #voice: IngressId;
  #frame = 0;
  #voiceSeq = 0;

  constructor({ seed, layersBps = [150_000, 500_000, 1_400_000], options = {}, up }: CallShape) {
    this.random = new SeededRandom(seed);
    this.harness = new CoreHarness({ seed, memoryBytes: 32 << 20, options });
    this.#up = up === undefined ? undefined : new Path(this, up);
    this.wayMs = up?.delayMs ?? UP_MS;
    const rids = layersBps.length === 1 ? [""] : ["q", "h", "f"].slice(0, layersBps.length);
    const ingresses = this.harness.camera(rids);
    this.layers = layersBps.map((bps, i) => new Layer(i, bps, { ingress: ingresses[i]!, random: this.random }));
    const voice = { trackId: "voice", roomId: "r", kind: "audio", codec: "opus", clockRateHz: 48_000 } as const;
    this.harness.core.addTrack({ ...voice, layers: [""], remote: false }, 0);
    const input = { trackId: "voice", layer: "", peerId: "alice", ssrc: 900, nack: false };
    this.#voice = this.harness.core.addIngress(input, 0)!;
    this.scheduler.after(0, () => this.#sendFrame());
    this.scheduler.after(3, () => this.#sendVoice());
    this.scheduler.after(100, () => this.#report());
  }

  /** Voice packets that the publisher has sent. */
  get voiceCount(): number {
    return this.#voiceSeq;
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** Another node behind a trunk. */
  addNode(shape: PathShape): TrunkLink {
    const trunk = new TrunkLink(this, shape, this.layers.length);
    this.trunks.push(trunk);
    this.wayMs = (this.#up?.shape.delayMs ?? UP_MS) + shape.delayMs;
    return trunk;
  }

  addViewer(shape: PathShape | Path, { width = 1280, at = this.harness } = {}): CallViewer {
    const path = shape instanceof Path ? shape : new Path(this, shape);
    const viewer = new CallViewer(this, this.viewers.length + 1, path, at);
    this.viewers.push(viewer);
    viewer.join(width);
    this.#route();
    return viewer;
  }

  runUntil(untilMs: number): void {
    for (let turns = 0; ; turns++) {
      if (turns > 5_000_000) throw new Error("the simulation does not come to an end");
      const node = this.#nextNode();
      const deadlineMs = node.core.deadlineMs();
      if (deadlineMs <= Math.min(this.scheduler.nextMs, untilMs)) {
        this.scheduler.nowMs = Math.max(this.nowMs, deadlineMs);
        node.core.handleTimeout(this.nowMs);
      } else if (!this.scheduler.step(untilMs)) break;
      this.#route();
    }
    this.scheduler.nowMs = untilMs;
  }

  #nextNode(): CoreHarness {
    let next = this.harness;
    for (const { far } of this.trunks) if (far.core.deadlineMs() < next.core.deadlineMs()) next = far;
    return next;
  }

  #route(): void {
    this.#routeNode(this.harness);
    for (const trunk of this.trunks) {
      this.#routeNode(trunk.far);
      trunk.obeyDemand();
    }
  }

  #routeNode(node: CoreHarness): void {
    for (const packet of node.sent.length > 0 ? node.takeSent() : []) this.#deliver(node, packet);
    for (const packet of node.rtcp.length > 0 ? node.takeRtcp() : []) {
      for (const trunk of this.trunks) trunk.control(node, packet);
      if (packet.peerId === "alice") this.#obey(packet);
    }
  }

  #deliver(node: CoreHarness, packet: Sent): void {
    const viewer = this.viewers.find((it) => it.owns(packet, node));
    if (viewer !== undefined) viewer.enqueue(packet);
    else if (node !== this.harness) throw new Error("what came over a trunk goes back over it");
    else for (const trunk of this.trunks) trunk.enqueue(packet);
  }

  /** The publisher hears of losses and of wishes for keyframes. */
  #obey({ bytes, type, count }: { bytes: Buffer; type: number; count: number }): void {
    const layer = this.layers.find(({ index }) => bytes.length >= 12 && bytes.readUInt32BE(8) === 1000 + index);
    if (layer === undefined) return;
    if (type === 206) this.scheduler.after(this.#up?.shape.delayMs ?? UP_MS, () => (layer.keyframeWanted = true));
    if (type !== 205 || count !== 1 || this.#up === undefined || this.random.chance(this.#up.shape.loss ?? 0)) return;
    this.scheduler.after(this.#up.shape.delayMs, () => this.#repair(layer, bytes));
  }

  #repair({ index, ingress }: Layer, nack: Buffer): void {
    for (let at = 12; at < nack.length; at += 4) {
      const mask = (nack.readUInt16BE(at + 2) << 1) | 1;
      for (let i = 0; i <= 16; i++) {
        const packet = (mask >> i) & 1 ? this.#sent.get(`${index} ${(nack.readUInt16BE(at) + i) & 0xffff}`) : undefined;
        if (packet === undefined) continue;
        const rtx = rtxOf(packet, this.#rtxSeq++ & 0xffff);
        this.#up?.send(rtx.length, () => this.harness.rtx(ingress, rtx, this.nowMs));
      }
    }
  }

  /** Takes a packet to the publisher's node. */
  #carry(ingress: IngressId, packet: Buffer): void {
    const arrive = (): void => this.harness.rtp(ingress, packet, this.nowMs);
    if (this.#up === undefined) this.scheduler.after(UP_MS, arrive);
    else this.#up.send(packet.length, arrive);
  }

  #sendFrame(): void {
    this.scheduler.after(FRAME_MS, () => this.#sendFrame());
    const frame = this.#frame++;
    for (const layer of this.layers) if (layer.isSent) this.#sendLayer(layer, frame);
  }

  #sendLayer(layer: Layer, frame: number): void {
    const keyframe = layer.keyframeWanted;
    layer.keyframeWanted = false;
    const temporalId = keyframe ? 0 : TEMPORAL_IDS[frame % 4]!;
    layer.pictureId = (layer.pictureId + 1) & 0x7fff;
    if (temporalId === 0) layer.tl0 = (layer.tl0 + 1) & 255;
    const scatter = 0.7 + (this.random.uint32() / 2 ** 32) * 0.6;
    const bytes = Math.round(((layer.bps / 8 / 30) * (keyframe ? 5 : scatter)) | 0);
    const parts = Math.max(1, Math.ceil(bytes / MAX_PACKET));
    const picture = { pictureId: layer.pictureId, tl0: layer.tl0, sync: temporalId > 0, width: 320 * 2 ** layer.index };
    for (let part = 0; part < parts; part++) {
      const mark = { layer: layer.index, frame, part, parts, temporalId, keyframe };
      const payload = videoPayload(mark, picture, Math.round(bytes / parts) - 16);
      layer.sentBytes += payload.length;
      const packet = rtpPacket({
        payloadType: 96,
        seq: layer.seq,
        timestamp: (frame * 3000) >>> 0,
        ssrc: 1000 + layer.index,
        marker: part === parts - 1,
        payload,
      });
      if (this.#up !== undefined) {
        this.#sent.set(`${layer.index} ${layer.seq}`, packet);
        this.#sent.delete(`${layer.index} ${(layer.seq - HISTORY) & 0xffff}`);
      }
      layer.seq = (layer.seq + 1) & 0xffff;
      this.#carry(layer.ingress, packet);
    }
  }

  #sendVoice(): void {
    this.scheduler.after(VOICE_MS, () => this.#sendVoice());
    const seq = this.#voiceSeq++;
    const shape = { payloadType: 111, seq: seq & 0xffff, timestamp: (seq * 960) >>> 0, ssrc: 900 };
    const packet = rtpPacket({ ...shape, payload: Buffer.alloc(80, seq & 255) });
    this.#carry(this.#voice, packet);
  }

  #report(): void {
    this.scheduler.after(1000, () => this.#report());
    for (const { index } of this.layers) {
      const rtpTimestamp = (this.nowMs * 90) >>> 0;
      const report = senderReport(1000 + index, { ntpMs: 3.9e12 + this.nowMs, rtpTimestamp });
      this.harness.core.handleRtcp("alice", report, this.nowMs);
    }
  }
}
