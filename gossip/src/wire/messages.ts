// Every message of both layers as a value: memberlist's own (packets and streams) and Serf's (inside user messages).
// The numbers, key names and limits on the wire are in gossip/WIRE.md; this file is only the shape.

import type { Incarnation, LamportTime, NodeName, SeqNo } from "../types.ts";

/** IPv4 (4 bytes) or IPv6 (16 bytes) in network order, as the wire carries it. Other lengths never leave a decoder, except 0 (absent). */
export type AddressBytes = Uint8Array;

/** Six bytes: memberlist min, max, current; Serf min, max, current. A stock agent dies of any other length, so we never send one. */
export type VersionVector = Uint8Array;

/** Where an ack has to go, and to whom. A port of 0 means the field was absent: answer to the packet's source. */
export interface ReplyTo {
  readonly addr: AddressBytes;
  readonly port: number;
  readonly node: NodeName;
}

export interface PingMessage {
  readonly kind: "ping";
  readonly seqNo: SeqNo;
  /** The intended receiver; empty means whoever reads it. */
  readonly node: NodeName;
  readonly source?: ReplyTo;
}

export interface IndirectPingMessage {
  readonly kind: "indirectPing";
  readonly seqNo: SeqNo;
  readonly target: AddressBytes;
  /** 0 means the receiver's own configured port (protocol 1). */
  readonly port: number;
  readonly node: NodeName;
  /** The requester understands nacks. */
  readonly nack: boolean;
  readonly source?: ReplyTo;
}

export interface AckMessage {
  readonly kind: "ack";
  readonly seqNo: SeqNo;
  /** Empty when null on the wire: stream acks and forwarded acks carry none. */
  readonly payload: Uint8Array;
}

export interface NackMessage {
  readonly kind: "nack";
  readonly seqNo: SeqNo;
}

export interface SuspectMessage {
  readonly kind: "suspect";
  readonly incarnation: Incarnation;
  readonly node: NodeName;
  readonly from: NodeName;
}

/** `from` equal to `node` says "I leave on purpose". */
export interface DeadMessage {
  readonly kind: "dead";
  readonly incarnation: Incarnation;
  readonly node: NodeName;
  readonly from: NodeName;
}

export interface AliveMessage {
  readonly kind: "alive";
  readonly incarnation: Incarnation;
  readonly node: NodeName;
  readonly addr: AddressBytes;
  /** 0 means the receiver's own configured port (protocol 1). */
  readonly port: number;
  /** Serf tags, at most 512 bytes. */
  readonly meta: Uint8Array;
  /** Six bytes, or empty when the sender gave none (never in what we send). */
  readonly vsn: VersionVector;
}

/** Opaque to memberlist: a Serf message, see `decodeSerf`. */
export interface UserMessage {
  readonly kind: "user";
  readonly payload: Uint8Array;
}

/** What a packet may carry, with compounds and compression already undone. */
export type WireMessage =
  | PingMessage
  | IndirectPingMessage
  | AckMessage
  | NackMessage
  | SuspectMessage
  | AliveMessage
  | DeadMessage
  | UserMessage;

/** As numbered on the wire in push/pull records. */
export type RecordState = "alive" | "suspect" | "dead" | "left";

export interface PushPullNode {
  readonly node: NodeName;
  readonly addr: AddressBytes;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly incarnation: Incarnation;
  readonly state: RecordState;
  readonly vsn: VersionVector;
}

export interface PushPullMessage {
  readonly kind: "pushPull";
  /** The dialling side is joining (and not merely comparing). A reply echoes the request's value. */
  readonly join: boolean;
  readonly nodes: readonly PushPullNode[];
  /** A Serf message of kind "serfPushPull" when Serf speaks; may be empty. */
  readonly userState: Uint8Array;
}

/** The other side could not read what we sent first. */
export interface ErrMessage {
  readonly kind: "err";
  readonly error: string;
}

/** What a stream may carry: one message each way per connection. */
export type StreamMessage = PushPullMessage | PingMessage | AckMessage | UserMessage | ErrMessage;

// ---- Serf ----

export interface SerfLeave {
  readonly kind: "leave";
  readonly lamportTime: LamportTime;
  readonly node: NodeName;
  readonly prune: boolean;
}

export interface SerfJoin {
  readonly kind: "join";
  readonly lamportTime: LamportTime;
  readonly node: NodeName;
}

export interface SerfEventEntry {
  readonly name: string;
  readonly payload: Uint8Array;
}

/** One used slot of the event ring: everything that happened at one Lamport time. */
export interface SerfEventSlot {
  readonly lamportTime: LamportTime;
  readonly events: readonly SerfEventEntry[];
}

/** The user state of a push/pull. */
export interface SerfPushPull {
  readonly kind: "serfPushPull";
  readonly lamportTime: LamportTime;
  /** Every known member, whatever its status, with the time of its last status message. */
  readonly statusTimes: ReadonlyMap<NodeName, LamportTime>;
  readonly leftMembers: readonly NodeName[];
  readonly eventTime: LamportTime;
  /** The ring as it is, empty slots as null; the stock agent always sends 512. */
  readonly events: readonly (SerfEventSlot | null)[];
  readonly queryTime: LamportTime;
}

export interface SerfUserEvent {
  readonly kind: "userEvent";
  readonly lamportTime: LamportTime;
  readonly name: string;
  readonly payload: Uint8Array;
  /** May be coalesced. */
  readonly coalesce: boolean;
}

/** Only these nodes, or only nodes whose tag matches (RE2 syntax, unanchored); an unknown filter matches nobody. */
export type SerfQueryFilter =
  | { readonly kind: "nodes"; readonly nodes: readonly NodeName[] }
  | { readonly kind: "tag"; readonly tag: string; readonly expression: string }
  | { readonly kind: "unknown" };

/** Bits of `flags`: 1 asks for an ack (or is one), 2 forbids re-broadcast. */
export const QUERY_FLAG_ACK = 1;
export const QUERY_FLAG_NO_BROADCAST = 2;

export interface SerfQuery {
  readonly kind: "query";
  readonly lamportTime: LamportTime;
  readonly id: number;
  readonly addr: AddressBytes;
  readonly port: number;
  readonly sourceNode: NodeName;
  readonly filters: readonly SerfQueryFilter[];
  readonly flags: number;
  readonly relayFactor: number;
  /** Nanoseconds, as on the wire. */
  readonly timeoutNs: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

export interface SerfQueryResponse {
  readonly kind: "queryResponse";
  readonly lamportTime: LamportTime;
  readonly id: number;
  readonly from: NodeName;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Numbered on the wire: none 0, alive 1, leaving 2, left 3, failed 4. */
export type SerfStatus = "none" | "alive" | "leaving" | "left" | "failed";

export interface SerfConflictMember {
  readonly name: NodeName;
  readonly addr: AddressBytes;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: SerfStatus;
  readonly vsn: VersionVector;
}

/** Answer to "who is this name to you"; `member` is null when unknown. */
export interface SerfConflictResponse {
  readonly kind: "conflictResponse";
  readonly member: SerfConflictMember | null;
}

export interface SerfKeyRequest {
  readonly kind: "keyRequest";
  /** Raw key bytes; empty for a listing. */
  readonly key: Uint8Array;
}

export interface SerfKeyResponse {
  readonly kind: "keyResponse";
  readonly result: boolean;
  readonly message: string;
  /** Base64. */
  readonly keys: readonly string[];
  /** Base64; empty when not told. */
  readonly primaryKey: string;
}

/** Forward `payload` (a complete Serf message) as a user packet to the address. */
export interface SerfRelay {
  readonly kind: "relay";
  readonly addr: AddressBytes;
  readonly port: number;
  readonly node: NodeName;
  readonly payload: Uint8Array;
}

/** Our own: request and response between two Hearsay members. The body belongs to gossip/src/direct. */
export interface DirectMessage {
  readonly kind: "direct";
  readonly body: Uint8Array;
}

export type SerfMessage =
  | SerfLeave
  | SerfJoin
  | SerfPushPull
  | SerfUserEvent
  | SerfQuery
  | SerfQueryResponse
  | SerfConflictResponse
  | SerfKeyRequest
  | SerfKeyResponse
  | SerfRelay
  | DirectMessage;

/** A coordinate as an ack carries it. Seconds; the error has no unit. */
export interface WireCoordinate {
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}
