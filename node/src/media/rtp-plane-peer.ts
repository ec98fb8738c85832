/** One peer of the plane: its keys, its incoming SSRCs and how they are learnt, its outgoing streams. */
import {
  type EgressId,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY,
  EXTENSION_MID,
  EXTENSION_REPAIRED_RID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  type ForwardingState,
  type IngressId,
  type RtpView,
} from "../sfu/index.ts";
import type { ExtensionIds, PlanePeer, PlaneReceiver, RtpDropReason, SrtpMasterKey } from "./rtp-plane-types.ts";
import type { KernelKey, SrtpKernel } from "./srtp/kernel.ts";
import { deriveSessionKeys } from "./srtp/key-derivation.ts";
import type { EgressPeer, EgressStream } from "./srtp/protect.ts";
import { estimateIndex, type ReplayWindow } from "./srtp/replay-window.ts";
import { SrtcpReceiver, SrtcpSender, type SrtcpWorkspace } from "./srtp/srtcp.ts";
import { IngressStream } from "./srtp/unprotect.ts";

/** A new SSRC for a layer that has one is believed only so often: a publisher restarts, it does not flicker. */
const MIN_SSRC_LIFETIME_MS = 500;
/** SSRCs remembered after their end, the oldest forgotten first: more than a peer uses in a call. */
const MAX_RETIRED_INGRESSES = 64;
const MAX_RETIRED_EGRESSES = 512;

/** What a known SSRC leads to. */
export interface InStream {
  readonly crypto: IngressStream;
  readonly ingress: IngressId;
  readonly payloadType: number;
  /** Of redundant audio; -1: does not come. */
  readonly redPayloadType: number;
  readonly isRtx: boolean;
}

/** One layer of a receiver: which SSRCs it has at present. */
export interface ReceiverLayer {
  readonly rid: string;
  ssrc: number;
  rtxSsrc: number;
  ingress: IngressId | undefined;
  learntAtMs: number;
}
export interface Receiver {
  readonly input: PlaneReceiver;
  readonly layers: readonly ReceiverLayer[];
}

export interface OutStream {
  readonly ssrc: number;
  /** What it was opened with, as text. */
  readonly shape: string;
  readonly egress: EgressId;
  readonly media: EgressStream;
  readonly rtxEgress: EgressId | undefined;
  readonly rtx: EgressStream | undefined;
}

/** Where a packet of an unknown SSRC belongs, before it is authenticated. */
export interface Route {
  readonly receiver: Receiver;
  readonly layer: ReceiverLayer;
  readonly isRtx: boolean;
}

interface PeerKeys {
  readonly localRtp: KernelKey;
  readonly localRtcp: KernelKey;
  readonly remoteRtp: KernelKey;
  readonly remoteRtcp: KernelKey;
}

export class PeerState {
  readonly input: PlanePeer;
  readonly extensions = new ExtensionTable();
  readonly ingressKey: KernelKey;
  readonly egress: EgressPeer;
  readonly srtcpSender: SrtcpSender;
  readonly srtcpReceiver: SrtcpReceiver;
  /** By SSRC. Bounded: two for each layer of each receiver, two for each trunk ingress. */
  readonly streams = new Map<number, InStream>();
  /** By mid. */
  readonly receivers = new Map<string, Receiver>();
  /** By mid of a slot, or by SSRC of a trunk egress in decimal. */
  readonly outputs = new Map<string, OutStream>();
  /** By media SSRC: the streams of trunk ingresses. */
  readonly trunkIngresses = new Map<number, { readonly ingress: IngressId; readonly rtxSsrc: number }>();
  /** Where outgoing SSRCs stood when they ended: one key must never encrypt two packets of one SSRC under one index. */
  readonly retiredEgresses = new Map<number, ForwardingState>();
  /** What of ended incoming SSRCs was accepted: an old packet must not bring one back. */
  readonly #retiredWindows = new Map<number, ReplayWindow>();
  packetsReceived = 0;
  bytesReceived = 0;
  readonly #kernel: SrtpKernel;
  readonly #keys: PeerKeys;

  private constructor(workspace: SrtcpWorkspace, input: PlanePeer, keys: PeerKeys, feedbackSsrc: number) {
    const { localRtp, localRtcp, remoteRtp, remoteRtcp } = keys;
    this.#kernel = workspace.kernel;
    this.#keys = keys;
    this.input = input;
    this.ingressKey = remoteRtp;
    this.egress = { key: localRtp, transport: input.transport, packetsSent: 0, bytesSent: 0 };
    this.srtcpSender = new SrtcpSender(workspace, localRtcp, feedbackSsrc);
    this.srtcpReceiver = new SrtcpReceiver(workspace, remoteRtcp);
  }

  /** Undefined when packet memory is full. Throws a RangeError when the keys have a wrong length. */
  static open(workspace: SrtcpWorkspace, input: PlanePeer, feedbackSsrc: number): PeerState | undefined {
    const keys = openKeys(workspace.kernel, input);
    return keys === undefined ? undefined : new PeerState(workspace, input, keys, feedbackSsrc);
  }

  /** Ids are the same on all m-lines of a bundle (RFC 8843 section 7.1.3), so one table serves the transport. */
  learnExtensions(ids: ExtensionIds): void {
    this.extensions
      .set(ids.mid, EXTENSION_MID)
      .set(ids.rid, EXTENSION_RID)
      .set(ids.repairedRid, EXTENSION_REPAIRED_RID)
      .set(ids.transportSequence, EXTENSION_TRANSPORT_SEQUENCE)
      .set(ids.audioLevel, EXTENSION_AUDIO_LEVEL)
      .set(ids.dependencyDescriptor, EXTENSION_DEPENDENCY);
  }

  /** Where the packet of an unknown SSRC belongs by its header (RFC 8843 section 9.2), or why nowhere. */
  route(view: RtpView, nowMs: number): Route | RtpDropReason {
    const receiver = this.#receiverOf(view);
    if (receiver === undefined) return "unknown_ssrc";
    const { input } = receiver;
    const isRtx = view.payloadType === input.rtxPayloadType;
    if (!isRtx && !carriesMedia(input, view.payloadType)) return "unknown_payload_type";
    const layer = layerOf(receiver, view, isRtx);
    // Repairs of a stream that is not here yet repair nothing.
    if (layer === undefined || (isRtx && layer.ingress === undefined)) return "unknown_ssrc";
    const occupied = (isRtx ? layer.rtxSsrc : layer.ssrc) !== 0;
    if (occupied && nowMs - layer.learntAtMs < MIN_SSRC_LIFETIME_MS) return "ssrc_flapping";
    return { receiver, layer, isRtx };
  }

  openStream(ssrc: number, target: Omit<InStream, "crypto"> & { readonly payloadBytes: number }): InStream {
    this.closeStream(ssrc);
    const { ingress, payloadType, redPayloadType, isRtx, payloadBytes } = target;
    // Repairs are rare and of any age: no keystream ahead for them.
    const batchPackets = isRtx ? 1 : 8;
    const crypto = new IngressStream(
      this.#kernel,
      this.ingressKey,
      { ssrc, payloadBytes, batchPackets },
      this.#retiredWindows.get(ssrc),
    );
    const stream = { crypto, ingress, payloadType, redPayloadType, isRtx };
    this.streams.set(ssrc, stream);
    return stream;
  }

  closeStream(ssrc: number): void {
    const stream = this.streams.get(ssrc);
    if (stream === undefined) return;
    stream.crypto.close();
    this.streams.delete(ssrc);
    remember(this.#retiredWindows, { key: ssrc, value: stream.crypto.window }, MAX_RETIRED_INGRESSES);
  }

  /** The index of a packet whose SSRC has no stream; or why it cannot be fresh. */
  indexOfUnknown(view: RtpView): number | "replayed" | "too_old" {
    const window = this.#retiredWindows.get(view.ssrc);
    const index = estimateIndex(view.seq, window?.highest ?? -1);
    return window?.check(index) ?? index;
  }

  retireEgress(ssrc: number, state: ForwardingState): void {
    remember(this.retiredEgresses, { key: ssrc, value: state }, MAX_RETIRED_EGRESSES);
  }

  close(): void {
    for (const ssrc of [...this.streams.keys()]) this.closeStream(ssrc);
    this.srtcpSender.close();
    this.srtcpReceiver.close();
    for (const key of Object.values(this.#keys)) key.close();
  }

  #receiverOf(view: RtpView): Receiver | undefined {
    if (view.midLength > 0) return this.receivers.get(view.mid());
    let byPayloadType: Receiver | undefined;
    let candidates = 0;
    for (const receiver of this.receivers.values()) {
      const { input } = receiver;
      if (input.ssrc === view.ssrc || input.rtxSsrc === view.ssrc) return receiver;
      if (!carriesMedia(input, view.payloadType) && input.rtxPayloadType !== view.payloadType) continue;
      byPayloadType = receiver;
      candidates++;
    }
    return candidates === 1 ? byPayloadType : undefined;
  }
}

/** All keys of a peer or, when packet memory is full, none. */
function openKeys(kernel: SrtpKernel, { localKey, remoteKey }: PlanePeer): PeerKeys | undefined {
  const opened: KernelKey[] = [];
  const open = (master: SrtpMasterKey, use: "rtp" | "rtcp"): KernelKey => {
    const key = kernel.openKey(deriveSessionKeys(master, use));
    opened.push(key);
    return key;
  };
  const refusals = kernel.arena.refusals;
  try {
    return {
      localRtp: open(localKey, "rtp"),
      localRtcp: open(localKey, "rtcp"),
      remoteRtp: open(remoteKey, "rtp"),
      remoteRtcp: open(remoteKey, "rtcp"),
    };
  } catch (error) {
    for (const key of opened) key.close();
    if (kernel.arena.refusals > refusals) return undefined;
    throw error;
  }
}

function remember<V>(
  map: Map<number, V>,
  { key, value }: { readonly key: number; readonly value: V },
  limit: number,
): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > limit && oldest !== undefined) map.delete(oldest);
}

function carriesMedia(input: PlaneReceiver, payloadType: number): boolean {
  return payloadType === input.payloadType || payloadType === input.redPayloadType;
}

function layerOf(receiver: Receiver, view: RtpView, isRtx: boolean): ReceiverLayer | undefined {
  const { layers } = receiver;
  const first = layers[0];
  if (layers.length === 1 && first !== undefined && first.rid === "") return first;
  const rid = isRtx && view.repairedRidLength > 0 ? view.repairedRid() : view.rid();
  return layers.find((layer) => layer.rid === rid);
}
