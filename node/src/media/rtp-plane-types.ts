/**
 * The seam between transport (sockets, ICE, DTLS, SDP, threads) and the RTP plane: what the transport tells the
 * plane, and what the plane gives back. Everything between a peer's SRTP or SRTCP datagram and the protected bytes
 * for another peer is the plane's.
 */
import type { MediaKind } from "#protocol";
import type { IngressSummary } from "../sfu/index.ts";
import type { LayerTarget, MediaEvent, TrackDescription, TrunkStream } from "./control.ts";

/** One direction's master key (16 bytes) and master salt (14 bytes) as exported from DTLS (RFC 5764 section 4.2). */
export interface SrtpMasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Where a peer's protected packets go. */
export interface RtpTransport {
  /**
   * One SRTP or SRTCP datagram. The bytes are a view of reused memory, valid only during the call: whoever cannot hand
   * them to the kernel at once copies or drops them. Must not call back into the plane.
   */
  send(datagram: Uint8Array): void;
}

export interface PlanePeer {
  readonly peerId: string;
  readonly role: "client" | "trunk";
  /** What this node protects with. On the DTLS server that is the server's write key. */
  readonly localKey: SrtpMasterKey;
  readonly remoteKey: SrtpMasterKey;
  readonly transport: RtpTransport;
}

/** RTP header extension ids (1 to 14) of an m-line as negotiated; 0 or absent: not negotiated. */
export interface ExtensionIds {
  /** urn:ietf:params:rtp-hdrext:sdes:mid */
  readonly mid?: number;
  /** urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id */
  readonly rid?: number;
  /** urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id */
  readonly repairedRid?: number;
  /** http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time */
  readonly absSendTime?: number;
  /** http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01 */
  readonly transportSequence?: number;
  /** urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464) */
  readonly audioLevel?: number;
  /** https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension */
  readonly dependencyDescriptor?: number;
}

/** An m-line on which this node receives one track of a client. Its SSRCs are learnt from MID, RID and RRID. */
export interface PlaneReceiver {
  readonly peerId: string;
  readonly roomId: string;
  readonly mid: string;
  readonly track: TrackDescription;
  readonly payloadType: number;
  /** RFC 4588 payload type; absent where RTX was not negotiated. */
  readonly rtxPayloadType?: number;
  /** RFC 2198 payload type whose blocks are of `payloadType` (Opus only); packets of either kind may come. Absent: not negotiated. */
  readonly redPayloadType?: number;
  /** a=rtcp-fb nack was negotiated. Default: true for video, false for audio. */
  readonly nack?: boolean;
  readonly extensions: ExtensionIds;
  /** SSRCs that the SDP declares (a=ssrc, a=ssrc-group:FID), if any; only for a track without RIDs. */
  readonly ssrc?: number;
  readonly rtxSsrc?: number;
}

/** Payload types of one codec on a slot's m-line. */
export interface SlotCodec {
  readonly name: TrackDescription["codec"]["name"];
  /** Set: only tracks of this profile (CodecInfo) fit, "" being that of tracks that name none. Absent: any. */
  readonly profile?: string;
  readonly payloadType: number;
  readonly rtxPayloadType?: number;
  /** RFC 2198 (Opus only): redundant packets go out as such, with blocks of `payloadType`. Absent: only their newest block does. */
  readonly redPayloadType?: number;
}

/** An m-line on which this node sends whatever track is assigned to it. */
export interface PlaneSlot {
  readonly peerId: string;
  readonly roomId: string;
  readonly mid: string;
  readonly kind: MediaKind;
  readonly ssrc: number;
  /** Announced by a=ssrc-group:FID; absent: repaired packets are sent again on the media SSRC. */
  readonly rtxSsrc?: number;
  readonly codecs: readonly SlotCodec[];
  readonly extensions: ExtensionIds;
}

export interface SlotAssignment {
  readonly peerId: string;
  readonly mid: string;
  /** May name a remote track that is not here yet: then `demand` is raised for it, and media flows when it comes. */
  readonly trackId: string | null;
  readonly target?: LayerTarget;
}

/** What a trunk's receiving end accepts; the SSRCs were chosen by it. */
export interface TrunkStreamOn {
  readonly trunkId: string;
  readonly stream: TrunkStream;
  /** Egress only: the far end takes redundant audio (RFC 2198) in the trunk's payload type for it. Default false: unwrapped. */
  readonly takesRed?: boolean;
}

/** Why a datagram of a known peer was not used; each is a counter. Closed list. */
export type RtpDropReason =
  | "unknown_peer"
  | "too_short"
  | "too_long"
  | "bad_version"
  | "bad_header"
  | "bad_auth"
  | "replayed"
  | "too_old"
  | "unknown_ssrc"
  | "unknown_payload_type"
  | "ssrc_limit"
  | "ssrc_flapping"
  | "memory_full"
  | "bad_rtcp"
  | "unknown_rtcp"
  | "muted"
  | "bad_rtx"
  | "duplicate"
  | "bad_payload"
  | "bad_red";

export type PlaneEvent =
  | Extract<MediaEvent, { kind: "levels" }>
  /**
   * As in control.ts. For a track of which no layer is here yet, `layers` is what the slot would take if the track had
   * no simulcast: [""]; the relay answers it by opening the lowest layer, and the plane asks again by name once the first
   * ingress has told it the track's layers.
   */
  | Extract<MediaEvent, { kind: "demand" }>
  /** The first authenticated packet of a layer of a local track. */
  | { readonly kind: "trackStarted"; readonly roomId: string; readonly trackId: string; readonly layer: string };

/** How what is shown and sent is fitted to the paths. */
export type AdaptationEvent =
  /** Layers of a local track that any slot or trunk of this node takes (none: nobody), said 3 s after fewer would do. */
  | {
      readonly kind: "localDemand";
      readonly roomId: string;
      readonly trackId: string;
      readonly layers: readonly string[];
    }
  /** A slot gets nothing because its path carries too little, or goes on. */
  | { readonly kind: "slotPaused"; readonly peerId: string; readonly mid: string; readonly paused: boolean };

export interface RtpPlaneSink {
  /** Must not call back into the plane synchronously. */
  event(event: PlaneEvent): void;
  /** Likewise. */
  adapt?(event: AdaptationEvent): void;
}

export interface PlanePeerStats {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Incoming packets that never came, after repair was given up or is still under way. */
  readonly packetsLost: number;
  readonly packetsRepaired: number;
  /** From receiver reports on what this node sends; absent before the first. */
  readonly rttMs?: number;
  /** Of the incoming streams, the largest (RFC 3550 section 6.4.1). */
  readonly jitterMs?: number;
  readonly egressStreams: number;
  readonly ingressStreams: number;
  /** What the path to the peer is estimated to carry, bit/s; absent while unknown or without transport-wide feedback. */
  readonly estimateBps?: number;
  /** Share of what was sent to it that was lost, 0 to 1, over the last half second that its feedback told of. */
  readonly lossRatio?: number;
  /** Trunks: what goes to it of voices goes twice, because its way loses more than 2 %. */
  readonly audioDuplicated?: boolean;
  /** Each incoming stream, that is layer of a track; trunks have none. */
  readonly streams?: readonly IngressSummary[];
  /** What each slot gives at present; trunks have none. */
  readonly slots?: readonly PlaneSlotStats[];
}

export interface PlaneSlotStats {
  readonly mid: string;
  /** Absent: empty. */
  readonly trackId?: string;
  /** RID that is sent, "" without simulcast; absent while nothing is. */
  readonly layer?: string;
  /** Pixels of what is sent, absent while unknown. */
  readonly width?: number;
  readonly height?: number;
  /** Stopped because the path carries too little. */
  readonly paused: boolean;
  /** Without retransmissions; payload bytes. */
  readonly packetsSent: number;
  readonly bytesSent: number;
  /**
   * By the client's receiver reports: lost before any repair, as a total and as the share in its last report. Lost after
   * repair is `packetsLost - packetsRepaired`, at least 0, short of repairs that were lost and not asked for again.
   */
  readonly packetsLost: number;
  readonly lossRatio: number;
  /** Different packets that were sent again because it asked. */
  readonly packetsRepaired: number;
  /** Absent before its first report. */
  readonly jitterMs?: number;
}

export interface RtpPlaneStats {
  readonly peers: number;
  readonly tracks: number;
  /** Monotonic, by snake_case name. */
  readonly counters: Readonly<Record<string, number>>;
  /** By RtpDropReason; reasons that never happened are absent. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Arena bytes handed out, and its bound. */
  readonly memoryUsedBytes: number;
  readonly memoryLimitBytes: number;
}

export interface RtpPlaneOptions {
  /** Upper bound of the packet memory (plaintext caches, keystream, slots). Default 256 MiB, virtual until touched. */
  readonly memoryBytes?: number;
  /** Use the node:crypto implementation even where WebAssembly SIMD exists. Default false. */
  readonly plainCrypto?: boolean;
}

/**
 * All `nowMs` are one monotonic clock in milliseconds (performance.now(), fractions are used). Commands for unknown peers
 * or tracks are no-ops; adding what exists replaces it. Nothing throws on network input.
 */
export interface RtpPlaneApi {
  /** False: packet memory is full, which is counted (`memory_full`); the peer is not here. */
  addPeer(peer: PlanePeer, nowMs: number): boolean;
  /** Removes its receivers, tracks, slots and trunk streams too. */
  removePeer(peerId: string, nowMs: number): void;

  addReceiver(receiver: PlaneReceiver, nowMs: number): void;
  /** Removes a track wherever it comes from; slots that showed it go silent. */
  removeTrack(trackId: string, nowMs: number): void;
  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }, nowMs: number): void;

  addSlot(slot: PlaneSlot, nowMs: number): void;
  removeSlot(input: { readonly peerId: string; readonly mid: string }, nowMs: number): void;
  assignSlot(assignment: SlotAssignment, nowMs: number): void;

  /** False when the track or its layer is unknown here, or the trunk is. */
  addTrunkEgress(input: TrunkStreamOn, nowMs: number): boolean;
  removeTrunkEgress(input: { readonly trunkId: string; readonly ssrc: number }, nowMs: number): void;
  /** False when the trunk is unknown, its codec is none that trunks carry, or the track has no such layer. */
  addTrunkIngress(input: TrunkStreamOn, nowMs: number): boolean;
  removeTrunkIngress(input: { readonly trunkId: string; readonly ssrc: number }, nowMs: number): void;

  /** One datagram whose first byte is 128..191 and second is not 192..223 (RFC 7983, RFC 5761). */
  handleSrtp(peerId: string, datagram: Uint8Array, nowMs: number): void;
  /** One datagram whose second byte is 192..223. */
  handleSrtcp(peerId: string, datagram: Uint8Array, nowMs: number): void;
  /** Sends what waits for a full group of four; call once after each burst of received datagrams. */
  flush(): void;
  handleTimeout(nowMs: number): void;
  /** When handleTimeout is wanted next; Infinity when idle. May come nearer after any call. */
  deadlineMs(): number;

  peerStats(peerId: string): PlanePeerStats | undefined;
  stats(): RtpPlaneStats;
}
