/**
 * A second node and the trunk to it: what its viewers want is asked of the first node, as the relay does, and each layer
 * crosses once. What is lost on the trunk is lost for media, repairs and reports alike.
 */
import { PACKET_OVERHEAD_BYTES } from "../../src/sfu/congestion/peer-sender.ts";
import type { EgressId, IngressId } from "../../src/sfu/index.ts";
import type { CallWorld } from "./call-world.ts";
import { CoreHarness, type Sent, type SentRtcp, transportSeq } from "./core-harness.ts";
import { Path, type PathShape } from "./link-plans.ts";
import { rtpPacket } from "./srtp-client.ts";

const FIRST_EGRESS = 2000;
const RTX_OFFSET = 500;
const VIDEO = { name: "VP8", payloadType: 96, rtxPayloadType: 97 } as const;
const AUDIO = { name: "opus", payloadType: 111, rtxPayloadType: 112 } as const;

interface Stream {
  readonly trackId: string;
  readonly layer: string;
  readonly egress: EgressId;
  readonly ingress: IngressId;
}

export class TrunkLink {
  readonly peerId: string;
  /** The node at the other end. */
  readonly far: CoreHarness;
  /** Towards it. */
  readonly path: Path;
  /** Voices by number on the trunk: how many of each came. */
  readonly voices = { sent: 0, copies: 0 };
  readonly #world: CallWorld;
  readonly #streams: Stream[] = [];
  readonly #rids: readonly string[];
  #heard = 0;
  #nextEgress: number;

  constructor(world: CallWorld, shape: PathShape, layerCount: number) {
    const index = world.trunks.length;
    this.#world = world;
    this.peerId = `trunk${index}`;
    this.#nextEgress = FIRST_EGRESS + index * 2 * RTX_OFFSET;
    this.path = new Path(world, shape);
    this.far = new CoreHarness({ seed: 77 + index, memoryBytes: 32 << 20 });
    const { nowMs } = world;
    world.harness.core.addPeer(this.peerId, { feedbackSsrc: 51, startBps: 5e6, duplicatesAudio: true }, nowMs);
    this.far.core.addPeer(this.peerId, { feedbackSsrc: 52, startBps: 5e6, duplicatesAudio: true }, nowMs);
    this.#rids = layerCount === 1 ? [""] : ["q", "h", "f"].slice(0, layerCount);
    const camera = { trackId: "camera", kind: "video", codec: "VP8", clockRateHz: 90_000, layers: this.#rids } as const;
    const voice = { trackId: "voice", kind: "audio", codec: "opus", clockRateHz: 48_000, layers: [""] } as const;
    for (const track of [camera, voice]) this.far.core.addTrack({ ...track, roomId: "r", remote: true }, nowMs);
  }

  /** Opens and closes streams as the far node's demand changes. */
  obeyDemand(): void {
    for (; this.#heard < this.far.events.length; this.#heard++) {
      const event = this.far.events[this.#heard]!;
      if (event.kind !== "demand") continue;
      const { trackId, layers } = event;
      this.#world.scheduler.after(this.path.shape.delayMs, () => this.#serve(trackId, layers));
    }
  }

  #serve(trackId: string, layers: readonly string[]): void {
    const { nowMs } = this.#world;
    for (const stream of this.#streams.filter((it) => it.trackId === trackId && !layers.includes(it.layer))) {
      this.#streams.splice(this.#streams.indexOf(stream), 1);
      this.#world.harness.core.removeConsumer(stream.egress, nowMs);
      this.#world.scheduler.after(this.path.shape.delayMs, () =>
        this.far.core.removeIngress(stream.ingress, this.#world.nowMs),
      );
    }
    for (const layer of layers) {
      if (!this.#streams.some((it) => it.trackId === trackId && it.layer === layer)) this.#open(trackId, layer);
    }
  }

  #open(trackId: string, layer: string): void {
    const { nowMs, harness } = this.#world;
    const egress = this.#nextEgress++ as EgressId;
    const isVideo = trackId === "camera";
    const ssrc = 100_000 + egress;
    const ingress = this.far.core.addIngress({ trackId, layer, peerId: this.peerId, ssrc, nack: true }, nowMs);
    if (ingress === undefined) return;
    this.#streams.push({ trackId, layer, egress, ingress });
    harness.core.addConsumer({
      peerId: this.peerId,
      roomId: "r",
      kind: isVideo ? "video" : "audio",
      ssrc,
      egress,
      rtx: { egress: (egress + RTX_OFFSET) as EgressId, ssrc: ssrc + RTX_OFFSET },
      codecs: [isVideo ? VIDEO : AUDIO],
      transportFeedback: true,
    });
    harness.core.assign(egress, { trackId, want: { layer } }, nowMs);
  }

  /** A packet of the near node, if it is for the trunk. */
  enqueue(packet: Sent): void {
    const isRtx = packet.originalSeq >= 0 || packet.isPadding;
    const stream = this.#streams.find(({ egress }) => packet.egress === egress + (isRtx ? RTX_OFFSET : 0));
    if (stream === undefined) return;
    if (stream.trackId === "voice") this.voices[isRtx ? "copies" : "sent"]++;
    const bytes = wireOf(packet);
    const byteLength = packet.payload.length + PACKET_OVERHEAD_BYTES;
    this.path.send(byteLength, () => {
      const { nowMs } = this.#world;
      if (isRtx) this.far.rtx(stream.ingress, bytes, nowMs);
      else this.far.rtp(stream.ingress, bytes, nowMs);
    });
  }

  /** What one of the two nodes says to the other. */
  control(node: CoreHarness, { peerId, bytes }: SentRtcp): void {
    if (peerId !== this.peerId) return;
    const to = node === this.far ? this.#world.harness : this.far;
    if (this.#world.random.chance(this.path.shape.loss ?? 0)) return;
    const deliver = (): void => to.core.handleRtcp(peerId, bytes, this.#world.nowMs);
    this.#world.scheduler.after(this.path.shape.delayMs, deliver);
  }
}

function wireOf(packet: Sent): Buffer {
  const { extSeq, timestamp, marker, payloadType, originalSeq, isPadding, egress } = packet;
  const original = Buffer.from([originalSeq >> 8, originalSeq & 255]);
  const payload = originalSeq >= 0 ? Buffer.concat([original, packet.payload]) : packet.payload;
  const shape = { payloadType, seq: extSeq & 0xffff, timestamp, ssrc: 100_000 + egress, marker };
  const extensions = transportSeq(packet.transportSeq);
  if (isPadding) return rtpPacket({ ...shape, extensions, payload: Buffer.alloc(0), paddingBytes: 255 });
  return rtpPacket({ ...shape, extensions, payload });
}
