/**
 * A call as a viewer lives through it: one publisher with three layers and a voice, one core, and viewers behind paths that
 * carry only so much, who answer with transport-wide feedback, ask for what is missing, and count when the picture stands.
 */

import { PACKET_OVERHEAD_BYTES } from "../../src/sfu/congestion/peer-sender.ts";
import type { EgressId, IngressId, RouterOptions } from "../../src/sfu/index.ts";
import { TwccReceiver } from "../../src/sfu/twcc.ts";
import { CoreHarness, nackPacket, pliPacket, SeededRandom, type Sent, senderReport } from "./core-harness.ts";
import { Path, type PathShape } from "./link-plans.ts";
import { type Mark, markOf, videoPayload } from "./marked-video.ts";
import { Scheduler } from "./sim-link.ts";
import { rtpPacket } from "./srtp-client.ts";

const FRAME_MS = 1000 / 30;
const VOICE_MS = 20;
const UP_MS = 15;
const TEMPORAL_IDS = [0, 2, 1, 2];
const MAX_PACKET = 1100;

export interface CallShape {
  readonly seed: number;
  readonly layersBps?: readonly number[];
  readonly options?: RouterOptions;
}

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
  readonly #voice: IngressId;
  #frame = 0;
  #voiceSeq = 0;

  constructor({ seed, layersBps = [150_000, 500_000, 1_400_000], options = {} }: CallShape) {
    this.random = new SeededRandom(seed);
    this.harness = new CoreHarness({ seed, memoryBytes: 32 << 20, options });
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

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  addViewer(shape: PathShape | Path, { width = 1280 } = {}): CallViewer {
    const path = shape instanceof Path ? shape : new Path(this, shape);
    const viewer = new CallViewer(this, this.viewers.length + 1, path);
    this.viewers.push(viewer);
    viewer.join(width);
    this.#route();
    return viewer;
  }

  runUntil(untilMs: number): void {
    for (let turns = 0; ; turns++) {
      if (turns > 5_000_000) throw new Error("the simulation does not come to an end");
      const deadlineMs = this.harness.core.deadlineMs();
      if (deadlineMs <= Math.min(this.scheduler.nextMs, untilMs)) {
        this.scheduler.nowMs = Math.max(this.nowMs, deadlineMs);
        this.harness.core.handleTimeout(this.nowMs);
      } else if (!this.scheduler.step(untilMs)) break;
      this.#route();
    }
    this.scheduler.nowMs = untilMs;
  }

  #route(): void {
    const { sent, rtcp } = this.harness;
    if (sent.length > 0) {
      for (const packet of this.harness.takeSent()) this.viewers.find((viewer) => viewer.owns(packet))?.enqueue(packet);
    }
    if (rtcp.length === 0) return;
    for (const { peerId, bytes, type } of this.harness.takeRtcp()) {
      if (peerId !== "alice" || type !== 206) continue;
      const layer = this.layers.find(({ index }) => bytes.readUInt32BE(8) === 1000 + index);
      if (layer !== undefined) this.scheduler.after(UP_MS, () => (layer.keyframeWanted = true));
    }
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
      layer.seq = (layer.seq + 1) & 0xffff;
      this.scheduler.after(UP_MS, () => this.harness.rtp(layer.ingress, packet, this.nowMs));
    }
  }

  #sendVoice(): void {
    this.scheduler.after(VOICE_MS, () => this.#sendVoice());
    const seq = this.#voiceSeq++;
    const shape = { payloadType: 111, seq: seq & 0xffff, timestamp: (seq * 960) >>> 0, ssrc: 900 };
    const packet = rtpPacket({ ...shape, payload: Buffer.alloc(80, seq & 255) });
    this.scheduler.after(UP_MS, () => this.harness.rtp(this.#voice, packet, this.nowMs));
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

interface Arrived {
  readonly packet: Sent;
  readonly atMs: number;
}

/** A picture as shown: when it was complete, with everything before it. */
export interface Shown {
  readonly atMs: number;
  readonly mark: Mark;
}

export class CallViewer {
  readonly peerId: string;
  readonly down: Path;
  readonly shown: Shown[] = [];
  /** Video as it left the node, by number; repairs and probes apart. */
  readonly sentVideo: (Sent & { readonly atMs: number })[] = [];
  /** Gives feedback. */
  answers = true;
  readonly voices: { readonly sentMs: number; arrivedMs: number }[] = [];
  readonly #world: CallWorld;
  readonly #video: EgressId;
  readonly #audio: EgressId;
  readonly #twcc = new TwccReceiver();
  readonly #received = new Map<number, Arrived>();
  readonly #asked = new Map<number, { atMs: number; times: number }>();
  readonly #voiceAt = new Map<number, number>();
  #highest = -1;
  /** Everything up to here was shown or given up. */
  #played = -1;
  receivedBytes = 0;
  videoBytes = 0;

  constructor(world: CallWorld, index: number, path: Path) {
    this.#world = world;
    this.peerId = `viewer${index}`;
    this.#video = (index * 10) as EgressId;
    this.#audio = (index * 10 + 1) as EgressId;
    this.down = path;
  }

  get estimateBps(): number {
    return this.#world.harness.core.peerSummary(this.peerId)?.estimateBps ?? -1;
  }

  join(width: number): void {
    const { harness, scheduler, nowMs } = this.#world;
    harness.core.addPeer(this.peerId, { feedbackSsrc: 700 + this.#video }, nowMs);
    harness.viewer(this.peerId, this.#video, { transportFeedback: true });
    const codecs = [{ name: "opus", payloadType: 111, rtxPayloadType: undefined }] as const;
    const audio = { kind: "audio", rtx: undefined, codecs, transportFeedback: true } as const;
    harness.viewer(this.peerId, this.#audio, audio);
    harness.watch(this.#audio, { trackId: "voice", nowMs });
    this.show(width);
    scheduler.after(50, () => this.#feedBack());
    scheduler.after(20, () => this.#check());
  }

  show(width: number): void {
    const { harness, nowMs } = this.#world;
    harness.watch(this.#video, { width, height: (width * 9) / 16, nowMs });
  }

  owns({ egress }: Sent): boolean {
    return egress === this.#video || egress === this.#video + 100 || egress === this.#audio;
  }

  enqueue(packet: Sent): void {
    if (packet.egress === this.#audio) {
      this.#voiceAt.set(packet.extSeq, this.voices.length);
      this.voices.push({ sentMs: this.#world.nowMs, arrivedMs: -1 });
    }
    if (packet.egress === this.#video) this.sentVideo.push({ ...packet, atMs: this.#world.nowMs });
    const byteLength = packet.payload.length + PACKET_OVERHEAD_BYTES;
    this.down.send(byteLength, () => this.#receive(packet, byteLength));
  }

  /** Share of the voice packets of that time that never came. */
  voiceLoss(fromMs: number, toMs: number): number {
    const sent = this.voices.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
    return sent.filter(({ arrivedMs }) => arrivedMs < 0).length / Math.max(1, sent.length);
  }

  /** Times without a new picture, as browsers count them: longer than three usual distances and than one and 150 ms. */
  freezes(fromMs: number, toMs: number): { readonly atMs: number; readonly forMs: number }[] {
    const times = this.shown.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs && atMs <= toMs);
    const found: { atMs: number; forMs: number }[] = [];
    let usualMs = FRAME_MS;
    for (let i = 1; i < times.length; i++) {
      const forMs = times[i]! - times[i - 1]!;
      if (forMs > Math.max(3 * usualMs, usualMs + 150)) found.push({ atMs: times[i - 1]!, forMs });
      usualMs += (Math.min(forMs, 200) - usualMs) / 30;
    }
    const last = times.at(-1) ?? fromMs;
    if (toMs - last > 500) found.push({ atMs: last, forMs: toMs - last });
    return found;
  }

  /** Share of the pictures of that time by layer. */
  layerShares(fromMs: number, toMs: number): number[] {
    const marks = this.shown.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).map(({ mark }) => mark.layer);
    return [0, 1, 2].map((layer) => marks.filter((shown) => shown === layer).length / Math.max(1, marks.length));
  }

  /** Video that the node sent, bit/s, without repairs. */
  sentRate(fromMs: number, toMs: number): number {
    const sent = this.sentVideo.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const bytes = sent.reduce((sum, { payload }) => sum + payload.length + PACKET_OVERHEAD_BYTES, 0);
    return (bytes * 8000) / (toMs - fromMs);
  }

  firstShown(layer: number, fromMs: number): number {
    const found = this.shown.find(({ atMs, mark }) => atMs >= fromMs && mark.layer === layer);
    return found === undefined ? Number.POSITIVE_INFINITY : found.atMs - fromMs;
  }

  #receive(packet: Sent, byteLength: number): void {
    const { nowMs } = this.#world;
    this.receivedBytes += byteLength;
    if (packet.transportSeq >= 0) this.#twcc.receive(packet.transportSeq, nowMs);
    if (packet.isPadding) return;
    if (packet.egress === this.#audio) {
      const voice = this.voices[this.#voiceAt.get(packet.extSeq) ?? -1];
      if (voice !== undefined) voice.arrivedMs = nowMs;
      return;
    }
    this.videoBytes += byteLength;
    let { extSeq } = packet;
    if (packet.originalSeq >= 0) {
      extSeq = this.#highest + ((((packet.originalSeq - this.#highest) & 0xffff) << 16) >> 16);
    }
    if (this.#received.has(extSeq)) return;
    this.#received.set(extSeq, { packet: { ...packet, extSeq }, atMs: nowMs });
    if (this.#played < 0) this.#played = extSeq - 1;
    if (extSeq > this.#highest + 1 && this.#highest >= 0) this.#world.scheduler.after(5, () => this.#ask());
    this.#highest = Math.max(this.#highest, extSeq);
    this.#play();
  }

  /** Shows whatever is complete in order; a keyframe that is complete makes older holes worthless. */
  #play(): void {
    for (let at = this.#played + 1; at <= this.#highest; at++) {
      const arrived = this.#received.get(at);
      if (arrived === undefined) {
        const keyframe = this.#completeKeyframe(at + 1);
        if (keyframe < 0) return;
        at = keyframe - 1;
        continue;
      }
      if (arrived.packet.payload.length > 0) {
        const mark = markOf(arrived.packet.payload);
        if (mark.part === mark.parts - 1) this.#shownAt(mark);
      }
      this.#played = at;
    }
  }

  /** A browser holds pictures back for as long as one repair takes (a round trip), once it has seen repairs. */
  #shownAt(mark: Mark): void {
    const heldUntilMs = mark.frame * FRAME_MS + UP_MS + this.down.shape.delayMs * 3 + 80;
    const atMs = Math.max(this.#world.nowMs, heldUntilMs, this.shown.at(-1)?.atMs ?? 0);
    this.shown.push({ atMs, mark });
  }

  #completeKeyframe(from: number): number {
    for (let at = from; at <= this.#highest; at++) {
      const payload = this.#received.get(at)?.packet.payload;
      if (payload === undefined || payload.length === 0) continue;
      const mark = markOf(payload);
      if (!mark.keyframe || mark.part !== 0) continue;
      const whole = Array.from({ length: mark.parts }, (_, i) => this.#received.has(at + i));
      if (whole.every(Boolean)) return at;
    }
    return -1;
  }

  #feedBack(): void {
    this.#world.scheduler.after(50, () => this.#feedBack());
    for (; this.answers; ) {
      const feedback = this.#twcc.build(1, 2);
      if (feedback === undefined) return;
      this.#up(Buffer.from(feedback));
    }
  }

  #up(bytes: Buffer): void {
    const { harness, scheduler } = this.#world;
    const { loss = 0, delayMs } = this.down.shape;
    if (this.#world.random.chance(loss)) return;
    scheduler.after(delayMs, () => harness.core.handleRtcp(this.peerId, bytes, this.#world.nowMs));
  }

  #check(): void {
    this.#world.scheduler.after(20, () => this.#check());
    this.#ask();
  }

  #ask(): void {
    const { nowMs } = this.#world;
    const ask: number[] = [];
    let isStuck = false;
    const rttMs = this.down.shape.delayMs * 2 + 20;
    for (let extSeq = this.#played + 1; extSeq < this.#highest; extSeq++) {
      if (this.#received.has(extSeq)) continue;
      const asked = this.#asked.get(extSeq) ?? { atMs: Number.NEGATIVE_INFINITY, times: 0 };
      this.#asked.set(extSeq, asked);
      if (nowMs - asked.atMs < rttMs) continue;
      asked.atMs = nowMs;
      asked.times++;
      if (asked.times > 10) isStuck = true;
      else ask.push(extSeq);
    }
    const ssrc = 5000 + this.#video;
    if (ask.length > 0) this.#up(nackPacket(ssrc, ask.slice(0, 60)));
    if (isStuck) this.#up(pliPacket(ssrc));
  }
}
