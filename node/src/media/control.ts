/**
 * What passes between the main thread (control) and the media workers: typed messages, control
 * only, never a packet. `MediaPlane` is the same as an interface, which media-plane.ts implements
 * over worker threads and tests implement in memory.
 */
import type { MediaKind, TrackSource } from "#protocol";

/** An RTP codec as our own tables name it; `fmtp` as in SDP (RFC 8866 section 6.15). */
export interface CodecInfo {
  readonly name: "opus" | "VP8" | "H264" | "VP9" | "AV1";
  readonly clockRateHz: number;
  readonly channels?: number;
  readonly fmtp?: string;
  /**
   * Of H264, where it is not constrained baseline: "baseline", "main", "constrainedHigh", "high" (RFC 6184 table 5). Who does
   * not decode it is told so (event slotState).
   */
  readonly profile?: string;
}

/** A published track as nodes tell each other of it. `layers` are RIDs, lowest quality first; [""] without simulcast. */
export interface TrackDescription {
  readonly trackId: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly codec: CodecInfo;
  readonly layers: readonly string[];
}

/** What a client may do now; a moderator can change it while the call goes on. */
export interface PeerGrants {
  /** False: nothing of its tracks is forwarded, whatever it sends. */
  readonly publish: boolean;
  /** False: its slots are empty, whatever is assigned to them. */
  readonly subscribe: boolean;
  /** False: its data messages are dropped. Default true. */
  readonly data?: boolean;
}

export interface NegotiateInput {
  readonly peerId: string;
  readonly roomId: string;
  /** The offer as the client's browser wrote it; simulcast layers lowest quality first. */
  readonly sdp: string;
  /** Own tracks by mid; ids are given by the caller so that they are unique in the mesh. */
  readonly tracks: readonly { readonly mid: string; readonly source: TrackSource; readonly trackId: string }[];
  /** Discard an older transport of this peer and start anew. */
  readonly fresh: boolean;
  /** Default: as they were, for a new client all. */
  readonly grants?: PeerGrants;
  /** Number that a transport made for this offer bears; greater than those of all offers before. The pool gives it. */
  readonly transport?: number;
}
export interface NegotiateResult {
  readonly sdp: string;
  readonly tracks: readonly (TrackDescription & { readonly mid: string })[];
  /** `codecs`: what the client can decode there; a track of another stays dark (event slotState). Absent: not known. */
  readonly slots: readonly {
    readonly mid: string;
    readonly kind: MediaKind;
    readonly codecs?: readonly CodecInfo["name"][];
    /** Profiles of H264 that it can decode there, as in CodecInfo, "" for constrained baseline. Absent: not known. */
    readonly h264Profiles?: readonly string[];
  }[];
  /** Number of the transport that answered: this offer's, or an earlier one's that goes on. */
  readonly transport?: number;
}
/** Refusals of an offer, each a stable code for the client; nothing changed. */
export type NegotiateErrorCode =
  | "sdp_malformed"
  | "sdp_unsupported"
  | "sdp_too_large"
  | "peer_limit"
  | "media_unavailable";

/**
 * The two data channels of every client whose offer has an m=application line. Both are agreed beforehand: RTCPeerConnection.
 * createDataChannel("events", { negotiated: true, id: 0 }), reliable and in order, and createDataChannel("lossy",
 * { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 }). A client's message is at most 16,384 bytes, one to a
 * client 17,408, so that a sender can be named before it.
 *
 * Who is meant by a message is the business of whoever listens to `data` events: the plane knows clients, not rooms.
 * On another node it is delivered by handing (roomId, from, channel, data) to that node by whatever carries small messages
 * between nodes, and calling `sendData` there with its own clients; lossy ones may be lost on the way, too, and are
 * not worth repeating.
 */
export type DataChannelName = "events" | "lossy";

/** Which layer a slot should show: the smallest that covers this many device pixels. */
export interface LayerTarget {
  readonly width: number;
  readonly height: number;
}

/** ICE and DTLS parameters of one end of a trunk; they travel as gossip direct messages. */
export interface TrunkParameters {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  readonly candidates: readonly { readonly host: string; readonly port: number; readonly priority: number }[];
}
/** One stream on a trunk: one layer of one track. The receiver chooses the SSRCs, so no packet can come too early. */
export interface TrunkStream {
  readonly roomId: string;
  readonly track: TrackDescription;
  readonly layer: string;
  readonly ssrc: number;
  readonly rtxSsrc: number;
}

export interface MediaPlane {
  /** Binds the UDP ports; resolves with what the node advertises. */
  start(): Promise<{ readonly candidates: readonly { readonly host: string; readonly port: number }[] }>;
  stop(): Promise<void>;

  /** Answers an offer. Rejects with a MediaError that carries a NegotiateErrorCode. */
  negotiate(input: NegotiateInput): Promise<NegotiateResult>;
  closePeer(peerId: string): void;
  /** Puts a track on a slot or (null) empties it; idempotent. The first packet on a video slot is a keyframe. */
  assignSlot(input: {
    readonly peerId: string;
    readonly mid: string;
    readonly trackId: string | null;
    readonly target?: LayerTarget;
  }): void;
  /** Stops or restarts forwarding of a track at the source, whatever the client sends. */
  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }): void;
  closeTrack(trackId: string): void;
  /** Takes effect at once and lasts until the client is closed; what was published and assigned comes back with the right. */
  setPeerGrants(input: { readonly peerId: string; readonly grants: PeerGrants }): void;

  /**
   * Sends one message to each of these clients. Resolves with those that did not get it: they have no open channel, or
   * take their messages too slowly (more than 256 KiB wait; of lossy ones 8 KiB), or it is too long.
   */
  sendData(input: {
    readonly peerIds: readonly string[];
    readonly channel: DataChannelName;
    readonly data: string | Uint8Array;
  }): Promise<readonly string[]>;

  /** The offerer is the controlling agent and DTLS client; the answerer is lite and passive. */
  createTrunk(input: { readonly trunkId: string; readonly role: "offerer" | "answerer" }): Promise<TrunkParameters>;
  connectTrunk(input: { readonly trunkId: string; readonly remote: TrunkParameters }): void;
  closeTrunk(trunkId: string): void;
  /** Sender's end: start sending one layer of a local track; a keyframe is requested at once. False when the track is unknown. */
  openTrunkEgress(input: { readonly trunkId: string; readonly stream: TrunkStream }): Promise<boolean>;
  closeTrunkEgress(input: { readonly trunkId: string; readonly ssrc: number }): void;
  /** Receiver's end: accept that SSRC as a layer of a remote track (creates the track on the first). */
  openTrunkIngress(input: {
    readonly trunkId: string;
    readonly stream: Omit<TrunkStream, "ssrc" | "rtxSsrc">;
  }): Promise<{ readonly ssrc: number; readonly rtxSsrc: number }>;
  closeTrunkIngress(input: { readonly trunkId: string; readonly ssrc: number }): void;

  /** Counters and gauges for /metrics and the mesh page. */
  stats(): Promise<MediaStats>;
  /** Of one client; undefined when it has no connected transport here. */
  peerStats(peerId: string): Promise<PeerStats | undefined>;
  onEvent(listener: (event: MediaEvent) => void): () => void;
  /** False while a worker is down: its rooms have no media, and other nodes serve better. Planes without workers have none. */
  isUp?(): boolean;
}

export type MediaEvent =
  | {
      readonly kind: "peerState";
      readonly peerId: string;
      readonly state: "connected" | "reconnecting" | "gone";
      /** Number of the transport that says so: it may have been replaced meanwhile. */
      readonly transport?: number;
    }
  | { readonly kind: "trunkState"; readonly trunkId: string; readonly state: "connected" | "silent" | "gone" }
  /** Loudness of local tracks, at most every 200 ms and only when it changed: -dBov, 0 loudest, 127 silence (RFC 6464). */
  | {
      readonly kind: "levels";
      readonly roomId: string;
      readonly levels: readonly { readonly trackId: string; readonly level: number }[];
    }
  /**
   * Which layers of a REMOTE track the slots of this node want now (empty: none). Relay turns this into demand on
   * the track's node. Also sent when a slot's target size changes.
   */
  | { readonly kind: "demand"; readonly roomId: string; readonly trackId: string; readonly layers: readonly string[] }
  /**
   * Whether a client sees what is on its slot, whenever that changes; a new assignment is "live" until told otherwise.
   * "unsupportedCodec": it cannot decode the track; "paused": its link has no room for it now.
   */
  | {
      readonly kind: "slotState";
      readonly peerId: string;
      readonly mid: string;
      readonly trackId: string;
      readonly state: "live" | "paused" | "unsupportedCodec";
    }
  /**
   * Which layers of a LOCAL track any slot or trunk of this node wants (empty: none): what the publisher may stop
   * sending. Layers that are not wanted any more are held for some seconds first.
   */
  | {
      readonly kind: "localDemand";
      readonly roomId: string;
      readonly trackId: string;
      readonly layers: readonly string[];
    }
  /** A client's message, at most 16,384 bytes; more than 200 in a second or 256 KiB do not come. */
  | {
      readonly kind: "data";
      readonly peerId: string;
      readonly roomId: string;
      readonly channel: DataChannelName;
      readonly data: string | Uint8Array;
    }
  /** The client's data channels can be sent on. */
  | { readonly kind: "dataOpen"; readonly peerId: string }
  /** A worker ended unexpectedly; every peer on it is gone. */
  | { readonly kind: "workerFailed"; readonly message: string };

export interface TrunkStats {
  readonly trunkId: string;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsLost: number;
  readonly packetsRepaired: number;
  readonly rttMs?: number;
  readonly jitterMs?: number;
  readonly egressStreams: number;
  readonly ingressStreams: number;
  /** Audio goes twice now because the way loses packets. Planes that never do so do not say. */
  readonly audioDuplicated?: boolean;
}
/** One direction of a client's media, over the time since it was last asked for, at least a second. */
export interface DirectionStats {
  readonly bitrateBps: number;
  readonly packetsPerSecond: number;
  /** From the client: lost and not repaired; to the client: lost on the way, before repair. 0 to 1. */
  readonly lossRatio: number;
  /** From the client: came only after it was asked for again, 0 to 1. */
  readonly repairedRatio: number;
  /** From the client: of its worst stream (RFC 3550 section 6.4.1). */
  readonly jitterMs?: number;
  /** 1 to 5; the formula is in quality-score.ts. */
  readonly quality: number;
}
export interface PeerStats {
  readonly peerId: string;
  /** How the client reaches this node. */
  readonly path: "udp" | "tcp";
  readonly rttMs?: number;
  /** What the way to the client is estimated to carry. */
  readonly estimateBps?: number;
  readonly up: DirectionStats;
  readonly down: DirectionStats;
  /** What is on its slots; empty ones are left out. */
  readonly slots: readonly {
    readonly mid: string;
    readonly trackId: string;
    readonly state: "live" | "paused" | "unsupportedCodec";
  }[];
  /** Bytes that wait on its data channels. */
  readonly dataBufferedBytes: number;
}
export interface MediaStats {
  readonly peers: number;
  readonly tracks: number;
  readonly trunks: readonly TrunkStats[];
  /** Monotonic counters by snake_case name: rtp_packets_received, rtp_packets_sent, nacks_sent, plis_sent, rtx_sent, … */
  readonly counters: Readonly<Record<string, number>>;
  /** Packets and messages refused, by reason from closed lists. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly eventLoopDelayP99Ms: number;
}
