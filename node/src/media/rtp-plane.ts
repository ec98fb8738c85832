/**
 * The RTP plane: SRTP and SRTCP of known peers in, forwarded and protected packets out. It joins the pure core (sfu) to the
 * packet kernel (srtp) and keeps which SSRC of which peer is what. Sockets, ICE, DTLS and SDP are the transport's.
 */
import { getRandomValues } from "node:crypto";
import {
  type EgressId,
  type RandomSource,
  RouterCore,
  type RouterEvent,
  type RouterOptions,
  type RtpRewrite,
  RtpView,
} from "../sfu/index.ts";
import { Egresses } from "./rtp-plane-egress.ts";
import { Ingresses } from "./rtp-plane-ingress.ts";
import { type InStream, PeerState } from "./rtp-plane-peer.ts";
import { TRUNK_EXTENSIONS } from "./rtp-plane-trunk.ts";
import type {
  PlanePeer,
  PlanePeerStats,
  PlaneReceiver,
  PlaneSlot,
  PlaneSlotStats,
  RtpDropReason,
  RtpPlaneApi,
  RtpPlaneOptions,
  RtpPlaneSink,
  RtpPlaneStats,
  SlotAssignment,
  TrunkStreamOn,
} from "./rtp-plane-types.ts";
import { FastKernel } from "./srtp/fast-kernel.ts";
import type { SrtpKernel } from "./srtp/kernel.ts";
import { PlainKernel } from "./srtp/plain-kernel.ts";
import { AUTH_TAG_BYTES, Protector } from "./srtp/protect.ts";
import { SrtcpWorkspace } from "./srtp/srtcp.ts";
import { Unprotector } from "./srtp/unprotect.ts";

/** Virtual: pages become real when they are touched. */
const DEFAULT_MEMORY_BYTES = 256 * 1024 * 1024;
/** Without WebAssembly the buffer is the collector's affair, and nobody fills it at that speed. */
const PLAIN_MEMORY_BYTES = 64 * 1024 * 1024;
/** Nodes are mostly on wide paths, and carry many streams between them. */
const TRUNK_START_BPS = 5_000_000;

export class RtpPlane implements RtpPlaneApi {
  readonly #kernel: SrtpKernel;
  readonly #core: RouterCore;
  readonly #protector: Protector;
  readonly #unprotector: Unprotector;
  readonly #workspace: SrtcpWorkspace;
  readonly #ingresses: Ingresses;
  readonly #egresses: Egresses;
  readonly #random: RandomSource;
  readonly #peers = new Map<string, PeerState>();
  readonly #dropped = new Map<RtpDropReason, number>();
  readonly #view = new RtpView();

  constructor(
    sink: RtpPlaneSink,
    options: RtpPlaneOptions & { readonly router?: RouterOptions } = {},
    random: RandomSource = systemRandom(),
  ) {
    const memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY_BYTES;
    const fast = options.plainCrypto === true ? undefined : FastKernel.create(memoryBytes);
    this.#kernel = fast ?? new PlainKernel(Math.min(memoryBytes, PLAIN_MEMORY_BYTES));
    this.#random = random;
    this.#protector = new Protector(this.#kernel);
    this.#unprotector = new Unprotector(this.#kernel);
    this.#workspace = new SrtcpWorkspace(this.#kernel);
    this.#core = new RouterCore({
      sink: {
        rtp: (egress, packet, rewrite) => this.#sendRtp(egress, packet, rewrite),
        rtcp: (peerId, bytes) => this.#sendRtcp(peerId, bytes),
        event: (event) => this.#tell(sink, event),
        dropped: (reason) => this.#drop(reason),
      },
      random,
      arena: this.#kernel.arena,
      ...(options.router === undefined ? {} : { options: options.router }),
    });
    this.#ingresses = new Ingresses(this.#core, sink);
    this.#egresses = new Egresses(this.#core, this.#kernel, () => this.#drop("memory_full"));
  }

  addPeer(peer: PlanePeer, nowMs: number): boolean {
    this.removePeer(peer.peerId, nowMs);
    const feedbackSsrc = (this.#random.uint32() | 1) >>> 0;
    const state = PeerState.open(this.#workspace, peer, feedbackSsrc);
    if (state === undefined) {
      this.#drop("memory_full");
      return false;
    }
    if (peer.role === "trunk") state.learnExtensions(TRUNK_EXTENSIONS);
    this.#peers.set(peer.peerId, state);
    const start = peer.role === "trunk" ? { startBps: TRUNK_START_BPS, duplicatesAudio: true } : {};
    this.#core.addPeer(peer.peerId, { feedbackSsrc, ...start }, nowMs);
    return true;
  }

  removePeer(peerId: string, nowMs: number): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    this.flush();
    this.#peers.delete(peerId);
    this.#ingresses.closePeer(peer, nowMs);
    this.#egresses.closePeer(peer, nowMs);
    this.#core.removePeer(peerId);
    peer.close();
  }

  addReceiver(receiver: PlaneReceiver, nowMs: number): void {
    const peer = this.#peers.get(receiver.peerId);
    if (peer !== undefined) this.#ingresses.addReceiver(peer, receiver, nowMs);
  }

  removeTrack(trackId: string, nowMs: number): void {
    for (const peer of this.#peers.values()) this.#ingresses.removeTrack(peer, trackId, nowMs);
    this.#core.removeTrack(trackId);
  }

  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }, nowMs: number): void {
    this.#core.setTrackMuted(input, nowMs);
  }

  addSlot(slot: PlaneSlot, nowMs: number): void {
    const peer = this.#peers.get(slot.peerId);
    if (peer === undefined) return;
    peer.learnExtensions(slot.extensions);
    this.#egresses.addSlot(peer, slot, nowMs);
  }

  removeSlot({ peerId, mid }: { readonly peerId: string; readonly mid: string }, nowMs: number): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    this.flush();
    this.#egresses.closeOutput(peer, mid, nowMs);
  }

  assignSlot({ peerId, mid, trackId, target }: SlotAssignment, nowMs: number): void {
    const output = this.#peers.get(peerId)?.outputs.get(mid);
    if (output === undefined) return;
    // Without a size the slot is taken for a large one.
    const want = { target: target ?? { width: 1280, height: 720 } };
    this.#core.assign(output.egress, trackId === null ? null : { trackId, want }, nowMs);
  }

  addTrunkEgress(input: TrunkStreamOn, nowMs: number): boolean {
    const { trunkId, stream } = input;
    const peer = this.#peers.get(trunkId);
    const { trackId, layers } = stream.track;
    if (peer === undefined || !this.#core.hasTrack(trackId) || !layers.includes(stream.layer)) return false;
    const egress = this.#egresses.addTrunkStream(peer, input, nowMs);
    if (egress === undefined) return false;
    this.#core.assign(egress, { trackId, want: { layer: stream.layer } }, nowMs);
    return true;
  }

  removeTrunkEgress({ trunkId, ssrc }: { readonly trunkId: string; readonly ssrc: number }, nowMs: number): void {
    this.removeSlot({ peerId: trunkId, mid: String(ssrc) }, nowMs);
  }

  addTrunkIngress({ trunkId, stream }: TrunkStreamOn, nowMs: number): boolean {
    const peer = this.#peers.get(trunkId);
    return peer !== undefined && this.#ingresses.addTrunkStream(peer, stream, nowMs);
  }

  removeTrunkIngress({ trunkId, ssrc }: { readonly trunkId: string; readonly ssrc: number }, nowMs: number): void {
    const peer = this.#peers.get(trunkId);
    if (peer !== undefined) this.#ingresses.removeTrunkStream(peer, ssrc, nowMs);
  }

  handleSrtp(peerId: string, datagram: Uint8Array, nowMs: number): void {
    const peer = this.#peers.get(peerId);
    const refused = peer === undefined ? "unknown_peer" : this.#receiveRtp(peer, datagram, nowMs);
    if (refused !== undefined) this.#drop(refused);
  }

  handleSrtcp(peerId: string, datagram: Uint8Array, nowMs: number): void {
    const plain = this.#peers.get(peerId)?.srtcpReceiver.open(datagram) ?? "unknown_peer";
    if (typeof plain === "string") {
      this.#drop(plain);
      return;
    }
    this.#protector.setNow(nowMs);
    this.#core.handleRtcp(peerId, plain, nowMs);
  }

  flush(): void {
    this.#protector.flush();
  }

  handleTimeout(nowMs: number): void {
    this.#protector.setNow(nowMs);
    this.#core.handleTimeout(nowMs);
  }

  deadlineMs(): number {
    return this.#core.deadlineMs();
  }

  peerStats(peerId: string): PlanePeerStats | undefined {
    const peer = this.#peers.get(peerId);
    const summary = this.#core.peerSummary(peerId);
    if (peer === undefined || summary === undefined) return undefined;
    const { rttMs, jitterMs, estimateBps, lossRatio, audioDuplicated, ...rest } = summary;
    return {
      packetsSent: peer.egress.packetsSent,
      packetsReceived: peer.packetsReceived,
      bytesSent: peer.egress.bytesSent,
      bytesReceived: peer.bytesReceived,
      ...rest,
      ...(rttMs < 0 ? {} : { rttMs }),
      ...(summary.ingressStreams === 0 ? {} : { jitterMs }),
      ...(estimateBps < 0 ? {} : { estimateBps, lossRatio }),
      ...(peer.input.role === "client"
        ? { slots: this.#slotStats(peer), streams: this.#core.ingressSummaries(peerId) }
        : { audioDuplicated }),
    };
  }

  stats(): RtpPlaneStats {
    const { arena } = this.#kernel;
    return {
      peers: this.#peers.size,
      tracks: this.#core.trackCount,
      counters: {
        ...this.#core.counters,
        rtp_packets_sent: this.#protector.packetsSent,
        rtp_bytes_sent: this.#protector.bytesSent,
        packet_memory_refusals: arena.refusals,
      },
      dropped: Object.fromEntries(this.#dropped),
      memoryUsedBytes: arena.usedBytes,
      memoryLimitBytes: arena.limitBytes,
    };
  }

  #receiveRtp(peer: PeerState, datagram: Uint8Array, nowMs: number): RtpDropReason | undefined {
    const view = this.#view;
    const malformed = view.parse(datagram, 0, datagram.length - AUTH_TAG_BYTES, peer.extensions);
    if (malformed !== undefined) return malformed;
    const stream = peer.streams.get(view.ssrc) ?? this.#learn(peer, datagram, nowMs);
    if (typeof stream === "string") return stream;
    if (stream.payloadType !== view.payloadType && stream.redPayloadType !== view.payloadType)
      return "unknown_payload_type";
    const refused = this.#unprotector.open(stream.crypto, datagram, view);
    if (refused !== undefined) return refused;
    peer.packetsReceived++;
    peer.bytesReceived += datagram.length;
    this.#protector.setNow(nowMs);
    if (stream.isRtx) this.#core.handleRtx(stream.ingress, view, nowMs);
    else this.#core.handleRtp(stream.ingress, view, nowMs);
    return undefined;
  }

  /** The stream of a new SSRC, or why its packet is of no use; an authentic one is still told to the sender's estimator. */
  #learn(peer: PeerState, datagram: Uint8Array, nowMs: number): InStream | RtpDropReason {
    const view = this.#view;
    const index = peer.indexOfUnknown(view);
    if (typeof index === "string") return index;
    if (!this.#unprotector.authenticates(peer.ingressKey, datagram, index)) return "bad_auth";
    const route = peer.route(view, nowMs);
    const stream = typeof route === "string" ? route : this.#ingresses.learn(peer, view.ssrc, route, nowMs);
    if (typeof stream === "string") this.#core.handleUnrouted(peer.input.peerId, view, nowMs);
    return stream;
  }

  #slotStats(peer: PeerState): PlaneSlotStats[] {
    const slots: PlaneSlotStats[] = [];
    for (const [mid, { egress }] of peer.outputs) {
      const summary = this.#core.streamSummary(egress);
      if (summary === undefined) continue;
      const { trackId, layer, width, height, octetsSent, jitterMs, ...rest } = summary;
      slots.push({
        mid,
        ...rest,
        bytesSent: octetsSent,
        ...(jitterMs < 0 ? {} : { jitterMs }),
        ...(trackId === undefined ? {} : { trackId }),
        ...(layer === undefined ? {} : { layer }),
        ...(width === 0 ? {} : { width, height }),
      });
    }
    return slots;
  }

  #tell(sink: RtpPlaneSink, event: RouterEvent): void {
    if (event.kind === "slotPaused") {
      const { peerId, egress, paused } = event;
      for (const [mid, output] of this.#peers.get(peerId)?.outputs ?? []) {
        if (output.egress === egress) sink.adapt?.({ kind: "slotPaused", peerId, mid, paused });
      }
    } else if (event.kind === "localDemand") {
      sink.adapt?.(event);
    } else {
      sink.event(event);
    }
  }

  #sendRtp(egress: EgressId, packet: RtpView, rewrite: RtpRewrite): void {
    const stream = this.#egresses.stream(egress);
    if (stream !== undefined && !this.#protector.send(stream, packet, rewrite)) this.#drop("too_long");
  }

  #sendRtcp(peerId: string, bytes: Uint8Array): void {
    const peer = this.#peers.get(peerId);
    const datagram = peer?.srtcpSender.protect(bytes);
    if (peer === undefined || datagram === undefined) return;
    peer.egress.packetsSent++;
    peer.egress.bytesSent += datagram.length;
    peer.input.transport.send(datagram);
  }

  #drop(reason: RtpDropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }
}

function systemRandom(): RandomSource {
  const pool = new Uint32Array(64);
  let left = 0;
  return {
    uint32: () => {
      if (left === 0) {
        getRandomValues(pool);
        left = pool.length;
      }
      left--;
      return pool[left] ?? 0;
    },
  };
}
