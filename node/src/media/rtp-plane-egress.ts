/** What the plane sends: slots of clients and streams over trunks. Each is a consumer of the core and one or two SSRCs here. */
import type { ConsumerCodec, EgressId, RouterCore, TrackKind } from "../sfu/index.ts";
import type { OutStream, PeerState } from "./rtp-plane-peer.ts";
import { TRUNK_CODECS, TRUNK_CODECS_WITH_RED, TRUNK_EXTENSIONS } from "./rtp-plane-trunk.ts";
import type { ExtensionIds, PlaneSlot, TrunkStreamOn } from "./rtp-plane-types.ts";
import type { SrtpKernel } from "./srtp/kernel.ts";
import { EgressStream } from "./srtp/protect.ts";

/** Measured: memory of keystream made ahead, per stream, is 19 kB for video and 5 kB for audio. */
const SHAPES = {
  audio: { payloadBytes: 160, batchPackets: 32 },
  video: { payloadBytes: 1200, batchPackets: 16 },
} as const;

interface OutputInput {
  readonly key: string;
  readonly roomId: string;
  readonly kind: TrackKind;
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  readonly mid: string;
  readonly codecs: readonly ConsumerCodec[];
  readonly extensions: ExtensionIds;
}

export class Egresses {
  readonly #core: RouterCore;
  readonly #kernel: SrtpKernel;
  readonly #memoryFull: () => void;
  /** By egress id. */
  readonly #streams: (EgressStream | undefined)[] = [];
  readonly #free: EgressId[] = [];

  constructor(core: RouterCore, kernel: SrtpKernel, memoryFull: () => void) {
    this.#core = core;
    this.#kernel = kernel;
    this.#memoryFull = memoryFull;
  }

  stream(egress: EgressId): EgressStream | undefined {
    return this.#streams[egress];
  }

  addSlot(peer: PeerState, slot: PlaneSlot, nowMs: number): void {
    const input = {
      key: slot.mid,
      roomId: slot.roomId,
      kind: slot.kind,
      ssrc: slot.ssrc,
      rtxSsrc: slot.rtxSsrc,
      mid: slot.mid,
      codecs: slot.codecs.map((codec) => ({ ...codec, rtxPayloadType: codec.rtxPayloadType })),
      extensions: slot.extensions,
    };
    this.#add(peer, input, nowMs);
  }

  /** Undefined when packet memory is full. */
  addTrunkStream(peer: PeerState, { stream, takesRed }: TrunkStreamOn, nowMs: number): EgressId | undefined {
    const { roomId, track, ssrc, rtxSsrc } = stream;
    const { kind } = track;
    const key = String(ssrc);
    const extensions = TRUNK_EXTENSIONS;
    const codecs = takesRed === true ? TRUNK_CODECS_WITH_RED : TRUNK_CODECS;
    return this.#add(peer, { key, roomId, kind, ssrc, rtxSsrc, mid: "", codecs, extensions }, nowMs);
  }

  closeOutput(peer: PeerState, key: string, nowMs: number): void {
    const output = peer.outputs.get(key);
    if (output === undefined) return;
    peer.outputs.delete(key);
    const state = this.#core.exportForwardingState(output.egress);
    if (state !== undefined) peer.retireEgress(output.ssrc, state);
    this.#core.removeConsumer(output.egress, nowMs);
    this.#release(output.egress, output.media);
    if (output.rtxEgress !== undefined && output.rtx !== undefined) this.#release(output.rtxEgress, output.rtx);
  }

  closePeer(peer: PeerState, nowMs: number): void {
    for (const key of [...peer.outputs.keys()]) this.closeOutput(peer, key, nowMs);
  }

  /** The same again changes nothing; something else under that key replaces what was there. */
  #add(peer: PeerState, input: OutputInput, nowMs: number): EgressId | undefined {
    const shape = JSON.stringify(input);
    const former = peer.outputs.get(input.key);
    if (former?.shape === shape) return former.egress;
    this.closeOutput(peer, input.key, nowMs);
    const output = this.#open(peer, input, shape);
    if (output === undefined) {
      this.#memoryFull();
      return undefined;
    }
    peer.outputs.set(input.key, output);
    const { roomId, kind, ssrc, rtxSsrc, codecs } = input;
    const { egress, rtxEgress } = output;
    const rtx = rtxEgress === undefined || rtxSsrc === undefined ? undefined : { egress: rtxEgress, ssrc: rtxSsrc };
    const transportFeedback = (input.extensions.transportSequence ?? 0) > 0;
    const consumer = { peerId: peer.input.peerId, roomId, kind, ssrc, egress, rtx, codecs, transportFeedback };
    this.#core.addConsumer(consumer, peer.retiredEgresses.get(ssrc));
    return egress;
  }

  #open(peer: PeerState, { kind, mid, ssrc, rtxSsrc, extensions }: OutputInput, shape: string): OutStream | undefined {
    const header = {
      mid,
      midId: extensions.mid ?? 0,
      absSendTimeId: extensions.absSendTime ?? 0,
      transportSequenceId: extensions.transportSequence ?? 0,
      dependencyDescriptorId: kind === "video" ? (extensions.dependencyDescriptor ?? 0) : 0,
      audioLevelId: kind === "audio" ? (extensions.audioLevel ?? 0) : 0,
    };
    const media = EgressStream.open(this.#kernel, peer.egress, { ...header, ...SHAPES[kind], ssrc });
    if (media === undefined) return undefined;
    const egress = this.#register(media);
    if (rtxSsrc === undefined) return { ssrc, shape, egress, media, rtx: undefined, rtxEgress: undefined };
    const rtxShape = { ...header, ...SHAPES[kind], ssrc: rtxSsrc, batchPackets: 1 };
    const rtx = EgressStream.open(this.#kernel, peer.egress, rtxShape);
    if (rtx === undefined) {
      this.#release(egress, media);
      return undefined;
    }
    return { ssrc, shape, egress, media, rtx, rtxEgress: this.#register(rtx) };
  }

  #register(stream: EgressStream): EgressId {
    const egress = this.#free.pop() ?? (this.#streams.length as EgressId);
    this.#streams[egress] = stream;
    return egress;
  }

  #release(egress: EgressId, stream: EgressStream): void {
    this.#streams[egress] = undefined;
    this.#free.push(egress);
    stream.close();
  }
}
