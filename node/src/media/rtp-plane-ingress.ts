/** What the plane receives: receivers of clients, whose SSRCs are learnt, and streams of trunks, whose SSRCs are agreed. */
import type { IngressId, IngressInput, RouterCore } from "../sfu/index.ts";
import type { TrackDescription, TrunkStream } from "./control.ts";
import type { InStream, PeerState, Route } from "./rtp-plane-peer.ts";
import { TRUNK_RED, trunkCodec } from "./rtp-plane-trunk.ts";
import type { PlaneReceiver, RtpDropReason, RtpPlaneSink } from "./rtp-plane-types.ts";

/** First guess at keystream room: an Opus packet, a video packet. */
const PAYLOAD_BYTES = { audio: 160, video: 1200 } as const;

/** What somebody shows to all goes before faces, and is mostly text. */
const SHARED_SCREEN = { priority: 1, prefersDetail: true } as const;

export class Ingresses {
  readonly #core: RouterCore;
  readonly #sink: RtpPlaneSink;

  constructor(core: RouterCore, sink: RtpPlaneSink) {
    this.#core = core;
    this.#sink = sink;
  }

  addReceiver(peer: PeerState, input: PlaneReceiver, nowMs: number): void {
    peer.learnExtensions(input.extensions);
    const former = peer.receivers.get(input.mid);
    if (former !== undefined && JSON.stringify(former.input) === JSON.stringify(input)) return;
    this.#removeReceiver(peer, input.mid, nowMs);
    const layers = input.track.layers.map((rid) => ({
      rid,
      ssrc: 0,
      rtxSsrc: 0,
      ingress: undefined,
      learntAtMs: 0,
    }));
    peer.receivers.set(input.mid, { input, layers });
    this.#addTrack({ roomId: input.roomId, track: input.track, remote: false }, nowMs);
  }

  /** The packet was authentic. A layer's former SSRC, if any, is forgotten. */
  learn(peer: PeerState, ssrc: number, { receiver, layer, isRtx }: Route, nowMs: number): InStream | RtpDropReason {
    const { track, roomId, payloadType, rtxPayloadType, redPayloadType } = receiver.input;
    const former = isRtx ? layer.rtxSsrc : layer.ssrc;
    if (former !== 0) peer.closeStream(former);
    if (!isRtx) {
      const first = layer.ssrc === 0;
      layer.ssrc = ssrc;
      layer.ingress = this.#core.addIngress(ingressInput(receiver.input, layer.rid, ssrc), nowMs);
      if (layer.rtxSsrc !== 0) peer.closeStream(layer.rtxSsrc);
      layer.rtxSsrc = 0;
      if (first) this.#sink.event({ kind: "trackStarted", roomId, trackId: track.trackId, layer: layer.rid });
    } else {
      layer.rtxSsrc = ssrc;
    }
    layer.learntAtMs = nowMs;
    if (layer.ingress === undefined) return "unknown_ssrc";
    return peer.openStream(ssrc, {
      ingress: layer.ingress,
      payloadType: isRtx ? (rtxPayloadType ?? payloadType) : payloadType,
      redPayloadType: isRtx ? -1 : (redPayloadType ?? -1),
      isRtx,
      payloadBytes: PAYLOAD_BYTES[track.kind],
    });
  }

  /** False: a codec that trunks do not carry, or no layer of the track. Then nothing was added. */
  addTrunkStream(peer: PeerState, { roomId, track, layer, ssrc, rtxSsrc }: TrunkStream, nowMs: number): boolean {
    const codec = trunkCodec(track.codec.name);
    if (codec === undefined || !track.layers.includes(layer)) return false;
    this.removeTrunkStream(peer, ssrc, nowMs);
    this.#addTrack({ roomId, track, remote: true }, nowMs);
    const isAudio = track.kind === "audio";
    const red = isAudio ? { red: { ...TRUNK_RED, blockPayloadType: codec.payloadType } } : {};
    const ingress = this.#core.addIngress(
      { trackId: track.trackId, layer, peerId: peer.input.peerId, ssrc, nack: true, ...red },
      nowMs,
    );
    if (ingress === undefined) return false;
    peer.trunkIngresses.set(ssrc, { ingress, rtxSsrc });
    const payloadBytes = PAYLOAD_BYTES[track.kind];
    const [redPayloadType, redRtxPayloadType] = isAudio ? [TRUNK_RED.payloadType, TRUNK_RED.rtxPayloadType] : [-1, -1];
    peer.openStream(ssrc, { ingress, payloadType: codec.payloadType, redPayloadType, isRtx: false, payloadBytes });
    const rtxPayloadType = codec.rtxPayloadType ?? codec.payloadType;
    const rtx = { payloadType: rtxPayloadType, redPayloadType: redRtxPayloadType };
    peer.openStream(rtxSsrc, { ingress, ...rtx, isRtx: true, payloadBytes });
    return true;
  }

  removeTrunkStream(peer: PeerState, ssrc: number, nowMs: number): void {
    const known = peer.trunkIngresses.get(ssrc);
    if (known === undefined) return;
    peer.trunkIngresses.delete(ssrc);
    peer.closeStream(ssrc);
    peer.closeStream(known.rtxSsrc);
    this.#core.removeIngress(known.ingress, nowMs);
  }

  /** The streams that carry that track; the track itself is the caller's. */
  removeTrack(peer: PeerState, trackId: string, nowMs: number): void {
    for (const [mid, { input }] of peer.receivers) {
      if (input.track.trackId === trackId) this.#removeReceiver(peer, mid, nowMs);
    }
  }

  closePeer(peer: PeerState, nowMs: number): void {
    for (const ssrc of [...peer.trunkIngresses.keys()]) this.removeTrunkStream(peer, ssrc, nowMs);
    for (const mid of [...peer.receivers.keys()]) this.#removeReceiver(peer, mid, nowMs);
  }

  #removeReceiver(peer: PeerState, mid: string, nowMs: number): void {
    const receiver = peer.receivers.get(mid);
    if (receiver === undefined) return;
    peer.receivers.delete(mid);
    for (const layer of receiver.layers) {
      if (layer.ssrc !== 0) peer.closeStream(layer.ssrc);
      if (layer.rtxSsrc !== 0) peer.closeStream(layer.rtxSsrc);
      this.#removeIngress(layer.ingress, nowMs);
    }
    this.#core.removeTrack(receiver.input.track.trackId);
  }

  #removeIngress(ingress: IngressId | undefined, nowMs: number): void {
    if (ingress !== undefined) this.#core.removeIngress(ingress, nowMs);
  }

  #addTrack(
    { roomId, track, remote }: { readonly roomId: string; readonly track: TrackDescription; readonly remote: boolean },
    nowMs: number,
  ): void {
    this.#core.addTrack(
      {
        trackId: track.trackId,
        roomId,
        kind: track.kind,
        codec: track.codec.name,
        clockRateHz: track.codec.clockRateHz,
        layers: track.layers,
        remote,
        ...(track.codec.profile === undefined ? {} : { profile: track.codec.profile }),
        ...(track.source === "screen" ? SHARED_SCREEN : {}),
      },
      nowMs,
    );
  }
}

function ingressInput(input: PlaneReceiver, layer: string, ssrc: number): IngressInput {
  const { peerId, track, payloadType, redPayloadType, nack } = input;
  const red = { payloadType: redPayloadType ?? -1, blockPayloadType: payloadType };
  const known = { trackId: track.trackId, layer, peerId, ssrc, nack: nack ?? track.kind === "video" };
  return redPayloadType === undefined ? known : { ...known, red };
}
