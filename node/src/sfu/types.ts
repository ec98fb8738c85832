/** Names and shapes at the door of the forwarding core. */
import type { RtpRewrite } from "./rtp-rewrite.ts";
import type { RtpView } from "./rtp-view.ts";

/** Monotonic milliseconds, origin arbitrary, fractions count. */
export type InstantMs = number;

/** An incoming media SSRC. The shell gives it with the packet, so that the core never searches. */
export type IngressId = number & { readonly __brand: "IngressId" };
/** An outgoing SSRC; the shell keeps what it needs under it. */
export type EgressId = number & { readonly __brand: "EgressId" };

export type TrackKind = "audio" | "video";
export type CodecName = "opus" | "VP8" | "H264" | "VP9" | "AV1";

/** Randomness is given, so that a run can be repeated. */
export interface RandomSource {
  /** Uniform over 0 to 2^32 - 1. */
  uint32(): number;
}

export interface PeerInput {
  readonly feedbackSsrc: number;
  /** Default: the option of that name. */
  readonly startBps?: number;
  /** Default false. */
  readonly duplicatesAudio?: boolean;
}

export interface TrackInput {
  readonly trackId: string;
  readonly roomId: string;
  readonly kind: TrackKind;
  readonly codec: CodecName;
  /** Variant of the codec; consumers may ask for one. Default "". */
  readonly profile?: string;
  readonly clockRateHz: number;
  /** RIDs, lowest quality first; [""] without simulcast. */
  readonly layers: readonly string[];
  /** Comes over a trunk: its loudness is not reported here, and what slots want of it is (`demand`). */
  readonly remote: boolean;
  /** Among the tracks of one viewer's slots, higher ones keep their quality longer. Default 0. */
  readonly priority?: number;
  /** Text and drawings: pictures are left out before pixels are. Default false. */
  readonly prefersDetail?: boolean;
}

export interface IngressInput {
  readonly trackId: string;
  readonly layer: string;
  readonly peerId: string;
  readonly ssrc: number;
  /** Ask the sender for lost packets. */
  readonly nack: boolean;
  /** Redundant audio (RFC 2198) may come on this SSRC besides plain packets. */
  readonly red?: RedInput;
}
/** Payload types of a sender's redundant audio. */
export interface RedInput {
  readonly payloadType: number;
  /** Of every block; others are refused. */
  readonly blockPayloadType: number;
  /** On the RTX stream; absent: redundant packets are not repaired that way. */
  readonly rtxPayloadType?: number;
}

/** Pixels on the viewer's screen. */
export interface TargetSize {
  readonly width: number;
  readonly height: number;
}

export interface ConsumerInput {
  readonly peerId: string;
  readonly roomId: string;
  readonly kind: TrackKind;
  readonly ssrc: number;
  readonly egress: EgressId;
  /** Where retransmissions go in RFC 4588 form; undefined: they are sent again as they were. */
  readonly rtx: { readonly egress: EgressId; readonly ssrc: number } | undefined;
  /** What the m-line can carry; a track of another codec cannot be shown there. */
  readonly codecs: readonly ConsumerCodec[];
  /** The receiver tells by transport-wide feedback what arrives; its packets are numbered and paced. Default false. */
  readonly transportFeedback?: boolean;
}
export interface ConsumerCodec {
  readonly name: CodecName;
  /** Absent: any. */
  readonly profile?: string;
  readonly payloadType: number;
  readonly rtxPayloadType: number | undefined;
  /** RFC 2198; absent: of redundant packets only the newest block is forwarded. */
  readonly redPayloadType?: number;
  readonly redRtxPayloadType?: number;
}

export interface Assignment {
  readonly trackId: string;
  /** A slot chooses among the layers by size; a trunk egress carries one by name. */
  readonly want: { readonly target: TargetSize } | { readonly layer: string };
  /** Added to the track's. Default 0. */
  readonly priority?: number;
}

export type RouterEvent =
  | {
      readonly kind: "levels";
      readonly roomId: string;
      readonly levels: readonly { readonly trackId: string; readonly level: number }[];
    }
  | { readonly kind: "demand"; readonly roomId: string; readonly trackId: string; readonly layers: readonly string[] }
  /** Layers of a local track that anybody takes: its publisher need not send others. */
  | {
      readonly kind: "localDemand";
      readonly roomId: string;
      readonly trackId: string;
      readonly layers: readonly string[];
    }
  /** A slot was stopped because the path carries too little, or goes on. */
  | { readonly kind: "slotPaused"; readonly peerId: string; readonly egress: EgressId; readonly paused: boolean };

/** Why a packet or message was not used. Closed list. */
export type RouterDropReason =
  | "unknown_ssrc"
  | "duplicate"
  | "too_old"
  | "bad_payload"
  | "bad_red"
  | "bad_rtx"
  | "muted"
  | "bad_rtcp"
  | "unknown_rtcp";

export interface RouterSink {
  /** One copy of the packet for one receiver. Both arguments are valid only during the call. */
  rtp(egress: EgressId, packet: RtpView, rewrite: RtpRewrite): void;
  /** A compound packet in the clear, valid only during the call. Its first sender SSRC is the peer's feedback SSRC. */
  rtcp(peerId: string, bytes: Uint8Array): void;
  event(event: RouterEvent): void;
  dropped(reason: RouterDropReason): void;
}

/** One transport's streams in numbers. */
export interface PeerSummary {
  readonly packetsLost: number;
  readonly packetsRepaired: number;
  /** -1: not known. */
  readonly rttMs: number;
  readonly jitterMs: number;
  readonly egressStreams: number;
  readonly ingressStreams: number;
  /** What the path to it is estimated to carry, bit/s; -1: not known. */
  readonly estimateBps: number;
  /** Share of what was sent to it that its feedback says was lost, 0 to 1, over the last half second. */
  readonly lossRatio: number;
  /** Voices go to it twice. */
  readonly audioDuplicated: boolean;
}

/** What one slot or trunk egress gives at present. */
export interface StreamSummary {
  /** Assigned, whether it is here or not. */
  readonly trackId: string | undefined;
  /** RID on the wire, "" without simulcast; undefined while nothing is sent. */
  readonly layer: string | undefined;
  /** Of what is on the wire by its last keyframe, 0 while unknown. */
  readonly width: number;
  readonly height: number;
  /** Stopped because the path carries too little. */
  readonly paused: boolean;
  readonly packetsSent: number;
  readonly octetsSent: number;
  /** By the receiver's reports, before any repair; total, and share in its last report. */
  readonly packetsLost: number;
  readonly lossRatio: number;
  /** Different packets that were sent again because the receiver asked. */
  readonly packetsRepaired: number;
  /** By its last report; -1: it has not reported. */
  readonly jitterMs: number;
}

/** One incoming stream: a layer of a track. Totals. */
export interface IngressSummary {
  readonly trackId: string;
  readonly layer: string;
  readonly packetsReceived: number;
  /** Payload bytes, repairs included. */
  readonly octetsReceived: number;
  /** Not here, repair given up or still under way. */
  readonly packetsLost: number;
  readonly packetsRepaired: number;
  readonly jitterMs: number;
}
