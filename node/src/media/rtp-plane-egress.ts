/** What the plane sends: slots of clients and streams over trunks. Each is a consumer of the core and one or two SSRCs here. */
import type { ConsumerCodec, EgressId, RouterCore, TrackKind } from "../sfu/index.ts";
import type { TrunkStream } from "./control.ts";
import type { OutStream, PeerState } from "./rtp-plane-peer.ts";
import { TRUNK_CODECS, TRUNK_EXTENSIONS } from "./rtp-plane-trunk.ts";
import type { ExtensionIds, PlaneSlot } from "./rtp-plane-types.ts";
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

  addSlot(peer: PeerState, slot: PlaneSlot): void {
    this.#add(peer, {
      key: slot.mid,
      roomId: slot.roomId,
      kind: slot.kind,
      ssrc: slot.ssrc,
      rtxSsrc: slot.rtxSsrc,
      mid: slot.mid,
      codecs: slot.codecs.map(({ name, payloadType, rtxPayloadType }) => ({ name, payloadType, rtxPayloadType })),
      extensions: slot.extensions,
    });
  }

  /** Undefined when packet memory is full. */
  addTrunkStream(peer: PeerState, { roomId, track, ssrc, rtxSsrc }: TrunkStream): EgressId | undefined {
    const { kind } = track;
    const key = String(ssrc);
    const extensions = TRUNK_EXTENSIONS;
    return this.#add(peer, { key, roomId, kind, ssrc, rtxSsrc, mid: "", codecs: TRUNK_CODECS, extensions });
  }

  closeOutput(peer: PeerState, key: string, nowMs: number): void {
    const output = peer.outputs.get(key);
    if (output === undefined) return;
    peer.outputs.delete(key);
    this.#core.removeConsumer(output.egress, nowMs);
    this.#release(output.egress, output.media);
    if (output.rtxEgress !== undefined && output.rtx !== undefined) this.#release(output.rtxEgress, output.rtx);
  }

  closePeer(peer: PeerState, nowMs: number): void {
    for (const key of [...peer.outputs.keys()]) this.closeOutput(peer, key, nowMs);
  }

  #add(peer: PeerState, input: OutputInput): EgressId | undefined {
    const output = this.#open(peer, input);
    if (output === undefined) {
      this.#memoryFull();
      return undefined;
    }
    peer.outputs.set(input.key, output);
    const { roomId, kind, ssrc, rtxSsrc, codecs } = input;
    const { egress, rtxEgress } = output;
    const rtx = rtxEgress === undefined || rtxSsrc === undefined ? undefined : { egress: rtxEgress, ssrc: rtxSsrc };
    this.#core.addConsumer({ peerId: peer.input.peerId, roomId, kind, ssrc, egress, rtx, codecs });
    return egress;
  }

  #open(peer: PeerState, { kind, mid, ssrc, rtxSsrc, extensions }: OutputInput): OutStream | undefined {
    const header = {
      mid,
      midId: extensions.mid ?? 0,
      absSendTimeId: extensions.absSendTime ?? 0,
      transportSequenceId: extensions.transportSequence ?? 0,
      audioLevelId: kind === "audio" ? (extensions.audioLevel ?? 0) : 0,
    };
    const shape = SHAPES[kind];
    const media = EgressStream.open(this.#kernel, peer.egress, { ...header, ...shape, ssrc });
    if (media === undefined) return undefined;
    const egress = this.#register(media);
    if (rtxSsrc === undefined) return { egress, media, rtx: undefined, rtxEgress: undefined };
    const rtx = EgressStream.open(this.#kernel, peer.egress, { ...header, ...shape, ssrc: rtxSsrc, batchPackets: 1 });
    if (rtx === undefined) {
      this.#release(egress, media);
      return undefined;
    }
    return { egress, media, rtx, rtxEgress: this.#register(rtx) };
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
