/**
 * Virtual time, lossy links, a publisher that repairs and a viewer that insists: one core between them. One seed decides
 * everything, so a failing run can be repeated.
 */
import { createHash } from "node:crypto";
import type { EgressId, IngressId, RouterOptions } from "../../src/sfu/index.ts";
import {
  CoreHarness,
  nackPacket,
  pliPacket,
  rtxOf,
  SeededRandom,
  type Sent,
  senderReport,
  transportSeq,
} from "./core-harness.ts";
import { Link, type LinkShape, Scheduler } from "./sim-link.ts";
import { rtpPacket, vp8Payload } from "./srtp-client.ts";

/** What identifies a packet's body anywhere: who made it, and which it is. */
export interface Origin {
  readonly layer: string;
  readonly frame: number;
  readonly part: number;
  readonly parts: number;
  readonly keyframe: boolean;
}

const bodyFor = (origin: Origin): Buffer =>
  Buffer.concat([
    Buffer.from(JSON.stringify(origin)),
    Buffer.from([0]),
    Buffer.alloc(100 + ((origin.frame * 31) % 300), origin.frame & 255),
  ]);

/** Throws for bytes that no publisher made. */
export function originOf(payload: Buffer): Origin {
  const start = payload.indexOf('{"layer"');
  const origin = JSON.parse(payload.subarray(start, payload.indexOf(0, start)).toString()) as Origin;
  if (!payload.subarray(start).equals(bodyFor(origin))) throw new Error("the payload's bytes are not its source's");
  return origin;
}

const FRAME_MS = 33;
const TICKS_PER_FRAME = 2970;
const HISTORY = 600;

/** One simulcast layer of the publisher. */
class Layer {
  seq: number;
  readonly timestampBase: number;
  readonly history = new Map<number, Buffer>();
  keyframeWanted = true;
  pictureId: number;
  rtxSeq = 0;
  paused = false;
  ingress: IngressId;
  ssrc: number;
  readonly rid: string;
  readonly width: number;

  constructor(input: {
    rid: string;
    ingress: IngressId;
    ssrc: number;
    width: number;
    random: SeededRandom;
    seq?: number;
  }) {
    this.rid = input.rid;
    this.ingress = input.ingress;
    this.ssrc = input.ssrc;
    this.width = input.width;
    this.seq = input.seq ?? input.random.below(65_536);
    this.timestampBase = input.random.uint32();
    this.pictureId = input.random.below(32_768);
  }
}

export interface WorldShape {
  readonly seed: number;
  readonly layers?: readonly string[];
  readonly up?: LinkShape;
  readonly down?: LinkShape;
  readonly firstSeq?: number;
  readonly options?: RouterOptions;
}

export class World {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly harness: CoreHarness;
  readonly up: Link;
  readonly viewers: Viewer[] = [];
  readonly layers: Layer[];
  readonly #shape: WorldShape;
  readonly #digest = createHash("sha256");
  #frame = 0;
  #transportSeq = 65_000;
  #nextSsrc = 2000;
  publishing = true;

  constructor(shape: WorldShape) {
    this.#shape = shape;
    this.random = new SeededRandom(shape.seed);
    this.harness = new CoreHarness({ seed: shape.seed, memoryBytes: 8 << 20, options: shape.options ?? {} });
    this.up = new Link(this, shape.up ?? { delayMs: 10 });
    const rids = shape.layers ?? [""];
    const ingresses = this.harness.camera(rids);
    this.layers = rids.map(
      (rid, i) =>
        new Layer({
          rid,
          ingress: ingresses[i]!,
          ssrc: 1000 + i,
          width: 320 * 2 ** i,
          random: this.random,
          ...(shape.firstSeq === undefined ? {} : { seq: shape.firstSeq }),
        }),
    );
    this.scheduler.after(0, () => this.#sendFrame());
    this.scheduler.after(500, () => this.#sendReports());
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** Everything that viewers received, in order; equal for equal seeds. */
  digest(): string {
    return this.#digest.copy().digest("hex");
  }

  addViewer(width = 1280, down: LinkShape = this.#shape.down ?? { delayMs: 10 }): Viewer {
    const viewer = new Viewer(this, this.viewers.length + 1, down);
    this.viewers.push(viewer);
    this.harness.viewer(viewer.peerId, viewer.egress);
    viewer.show(width);
    this.#route();
    return viewer;
  }

  /** The publisher starts anew with other SSRCs, numbers and timestamps. */
  restartPublisher(): void {
    for (const [i, layer] of this.layers.entries()) {
      const ssrc = this.#nextSsrc++;
      const ingress = this.harness.ingress(layer.rid, ssrc, this.nowMs);
      this.layers[i] = new Layer({ rid: layer.rid, ingress, ssrc, width: layer.width, random: this.random });
    }
    this.#route();
  }

  runUntil(untilMs: number): void {
    for (let turns = 0; ; turns++) {
      if (turns > 2_000_000) throw new Error("the simulation does not come to an end");
      const deadlineMs = this.harness.core.deadlineMs();
      if (deadlineMs <= Math.min(this.scheduler.nextMs, untilMs)) {
        this.scheduler.nowMs = Math.max(this.nowMs, deadlineMs);
        this.harness.core.handleTimeout(this.nowMs);
      } else if (!this.scheduler.step(untilMs)) {
        break;
      }
      this.#route();
    }
    this.scheduler.nowMs = untilMs;
  }

  note(text: string): void {
    this.#digest.update(text);
  }

  /** Brings what the core said on its way. */
  #route(): void {
    for (const packet of this.harness.takeSent()) this.viewers.find((viewer) => viewer.owns(packet))?.enqueue(packet);
    for (const { peerId, bytes, type, count } of this.harness.takeRtcp()) {
      if (peerId !== "alice") continue;
      const layer = this.layers.find(({ ssrc }) => bytes.readUInt32BE(8) === ssrc);
      if (layer === undefined) continue;
      this.up.send(() => {
        if (type === 206) layer.keyframeWanted = true;
        if (type === 205 && count === 1) this.#repair(layer, bytes);
      });
    }
  }

  #repair(layer: Layer, nack: Buffer): void {
    for (let at = 12; at < nack.length; at += 4) {
      const mask = (nack.readUInt16BE(at + 2) << 1) | 1;
      for (let i = 0; i <= 16; i++) {
        const packet = (mask >> i) & 1 ? layer.history.get((nack.readUInt16BE(at) + i) & 0xffff) : undefined;
        if (packet === undefined) continue;
        const rtx = rtxOf(packet, layer.rtxSeq++ & 0xffff);
        this.up.send(() => this.harness.rtx(layer.ingress, rtx, this.nowMs));
      }
    }
  }

  #sendFrame(): void {
    this.scheduler.after(FRAME_MS, () => this.#sendFrame());
    const frame = this.#frame++;
    if (!this.publishing) return;
    for (const layer of this.layers) if (!layer.paused) this.#sendLayer(layer, frame);
  }

  #sendLayer(layer: Layer, frame: number): void {
    const keyframe = layer.keyframeWanted;
    layer.keyframeWanted = false;
    layer.pictureId = (layer.pictureId + 1) & 0x7fff;
    const parts = keyframe ? 6 : 1 + this.random.below(4);
    for (let part = 0; part < parts; part++) {
      const body = bodyFor({ layer: layer.rid, frame, part, parts, keyframe });
      const { pictureId, width } = layer;
      const height = Math.round((width * 9) / 16);
      const payload = vp8Payload({ keyframe, start: part === 0, pictureId, tl0: pictureId & 255, body, width, height });
      this.#send(layer, { payload, frame, marker: part === parts - 1 });
    }
    // Now and then padding takes a number, as bandwidth probes do.
    if (this.random.chance(0.05)) this.#send(layer, { payload: Buffer.alloc(0), frame, marker: false });
  }

  #send(layer: Layer, { payload, frame, marker }: { payload: Buffer; frame: number; marker: boolean }): void {
    const seq = layer.seq;
    layer.seq = (layer.seq + 1) & 0xffff;
    const packet = rtpPacket({
      payloadType: 96,
      seq,
      timestamp: (layer.timestampBase + frame * TICKS_PER_FRAME) >>> 0,
      ssrc: layer.ssrc,
      marker,
      extensions: transportSeq(this.#transportSeq++ & 0xffff),
      payload,
      ...(payload.length === 0 ? { paddingBytes: 200 } : {}),
    });
    layer.history.set(seq, packet);
    layer.history.delete((seq - HISTORY) & 0xffff);
    const { ingress } = layer;
    this.up.send(() => this.harness.rtp(ingress, packet, this.nowMs));
  }

  #sendReports(): void {
    this.scheduler.after(1000, () => this.#sendReports());
    const rtpNow = (this.nowMs / FRAME_MS) * TICKS_PER_FRAME;
    for (const layer of this.layers) {
      const report = senderReport(layer.ssrc, {
        ntpMs: 3.9e12 + this.nowMs,
        rtpTimestamp: layer.timestampBase + rtpNow,
      });
      this.up.send(() => this.harness.core.handleRtcp("alice", report, this.nowMs));
    }
  }
}

/** A receiver as browsers are: it asks for holes, and for a keyframe when a hole stays. */
export class Viewer {
  readonly peerId: string;
  readonly egress: EgressId;
  readonly down: Link;
  /** By extended sequence number, as received first. */
  readonly received = new Map<number, Sent>();
  readonly order: number[] = [];
  /** As the node sent it, lost on the way or not. */
  firstSent: Sent | undefined;
  repairs = 0;
  retransmitted = 0;
  readonly #world: World;
  readonly #rtxEgress: number;
  readonly #asked = new Map<number, { atMs: number; times: number }>();
  #highest = -1;
  #settled = -1;

  constructor(world: World, egress: number, down: LinkShape) {
    this.#world = world;
    this.egress = egress as EgressId;
    this.#rtxEgress = egress + 100;
    this.peerId = `viewer${egress}`;
    this.down = new Link(world, down);
    world.scheduler.after(20, () => this.#check());
  }

  show(width: number): void {
    const height = Math.round((width * 9) / 16);
    this.#world.harness.watch(this.egress, { width, height, nowMs: this.#world.nowMs });
  }

  owns(packet: Sent): boolean {
    return packet.egress === this.egress || packet.egress === this.#rtxEgress;
  }

  enqueue(packet: Sent): void {
    this.firstSent ??= packet;
    if (packet.egress === this.#rtxEgress) this.retransmitted++;
    this.down.send(() => this.#receive(packet));
  }

  /** Received packets in the order of their numbers. */
  inOrder(): Sent[] {
    return [...this.received.keys()].sort((a, b) => a - b).map((extSeq) => this.received.get(extSeq)!);
  }

  #receive(packet: Sent): void {
    let extSeq = packet.extSeq;
    if (packet.originalSeq >= 0) {
      extSeq = this.#highest + ((((packet.originalSeq - this.#highest) & 0xffff) << 16) >> 16);
      if (!this.received.has(extSeq)) this.repairs++;
    }
    this.#world.note(`${this.peerId} ${extSeq} ${packet.timestamp} ${packet.payload.length};`);
    if (this.received.has(extSeq)) return;
    this.received.set(extSeq, { ...packet, extSeq });
    this.order.push(extSeq);
    if (this.#settled < 0 || extSeq < this.#settled) this.#settled = extSeq;
    this.#highest = Math.max(this.#highest, extSeq);
  }

  /** Every 20 ms: ask for holes; a hole that stays for half a second wants a keyframe and is forgotten. */
  #check(): void {
    const { scheduler, harness, nowMs } = this.#world;
    scheduler.after(20, () => this.#check());
    if (this.#highest < 0) return;
    while (this.received.has(this.#settled + 1)) this.#settled++;
    const ask: number[] = [];
    for (let extSeq = this.#settled + 1; extSeq < this.#highest; extSeq++) {
      if (this.received.has(extSeq)) continue;
      const asked = this.#asked.get(extSeq) ?? { atMs: nowMs, times: 0 };
      this.#asked.set(extSeq, asked);
      if (asked.times > 0 && nowMs - asked.atMs < 60) continue;
      asked.atMs = nowMs;
      asked.times++;
      if (asked.times > 12) continue;
      ask.push(extSeq);
    }
    if (ask.length === 0) return;
    const ssrc = 5000 + this.egress;
    const nack = nackPacket(ssrc, ask.slice(0, 60));
    this.down.send(() => harness.core.handleRtcp(this.peerId, nack, this.#world.nowMs));
    const stuck = ask.some((extSeq) => (this.#asked.get(extSeq)?.times ?? 0) > 8);
    if (stuck) this.down.send(() => harness.core.handleRtcp(this.peerId, pliPacket(ssrc), this.#world.nowMs));
  }
}
