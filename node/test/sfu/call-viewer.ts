/** A viewer of a call: behind a path, it answers with feedback, asks for what is missing, and counts when the picture stands. */
import { PACKET_OVERHEAD_BYTES } from "../../src/sfu/congestion/peer-sender.ts";
import type { EgressId } from "../../src/sfu/index.ts";
import { TwccReceiver } from "../../src/sfu/twcc.ts";
import type { CallWorld } from "./call-world.ts";
import { type CoreHarness, nackPacket, pliPacket, type Sent } from "./core-harness.ts";
import type { Path } from "./link-plans.ts";
import { type Mark, markOf } from "./marked-video.ts";

export const FRAME_MS = 1000 / 30;

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
  readonly #harness: CoreHarness;
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

  constructor(world: CallWorld, index: number, path: Path, harness: CoreHarness) {
    this.#world = world;
    this.#harness = harness;
    this.peerId = `viewer${index}`;
    this.#video = (index * 10) as EgressId;
    this.#audio = (index * 10 + 1) as EgressId;
    this.down = path;
  }

  get estimateBps(): number {
    return this.#harness.core.peerSummary(this.peerId)?.estimateBps ?? -1;
  }

  join(width: number): void {
    const { scheduler, nowMs } = this.#world;
    const harness = this.#harness;
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
    const { nowMs } = this.#world;
    this.#harness.watch(this.#video, { width, height: (width * 9) / 16, nowMs });
  }

  owns({ egress }: Sent, harness: CoreHarness): boolean {
    if (harness !== this.#harness) return false;
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

  /** LAYOUT.md C2, where packets may be lost before the node: in the order of numbers time never goes back, and nothing comes twice. */
  checkOrder(): void {
    const packets = [...this.sentVideo].sort((a, b) => a.extSeq - b.extSeq);
    const first = markOf((packets[0] as Sent).payload);
    if (!first.keyframe || first.part !== 0) throw new Error("the first picture is no whole keyframe");
    for (const [i, packet] of packets.entries()) {
      const before = packets[i - 1];
      if (before === undefined) continue;
      if (packet.extSeq === before.extSeq) throw new Error(`number ${packet.extSeq} went twice`);
      if (((packet.timestamp - before.timestamp) | 0) < 0) throw new Error(`time goes back at ${packet.extSeq}`);
    }
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
    const heldUntilMs = mark.frame * FRAME_MS + this.#world.wayMs + this.down.shape.delayMs * 3 + 80;
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
    const { scheduler } = this.#world;
    const { loss = 0, delayMs } = this.down.shape;
    if (this.#world.random.chance(loss)) return;
    scheduler.after(delayMs, () => this.#harness.core.handleRtcp(this.peerId, bytes, this.#world.nowMs));
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
