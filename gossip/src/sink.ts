// What leaves the core, and what enters by streams. The sink may queue, count or send; it must never call the core.

import type {
  CommandId,
  Endpoint,
  InboundQueryId,
  InboundRequestId,
  Incarnation,
  InstantMs,
  LamportTime,
  NodeName,
  StreamId,
  Tags,
} from "./types.ts";

export interface GossipSink {
  /** Send one datagram from the gossip socket. The bytes belong to the sink from here on. */
  packet(to: Endpoint, bytes: Uint8Array): void;
  stream(id: StreamId, output: StreamOutput): void;
  event(event: GossipEvent): void;
  /** Something of a stranger was ignored. Count it under its reason. */
  dropped(reason: DropReason, from: Endpoint | undefined): void;
}

/**
 * `open` may be followed by writes at once: the shell keeps them until connected. After `end` the core writes no more but
 * still reads; after `reset` the id is dead to both sides.
 */
export type StreamOutput =
  | { readonly kind: "open"; readonly to: Endpoint; readonly timeoutMs: number }
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "reset" };

/** `opened` with `from` announces an accepted stream, without it tells that a stream of ours is connected. */
export type StreamInput =
  | { readonly kind: "opened"; readonly from?: Endpoint }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly error: string };

export type MemberStatus = "alive" | "leaving" | "left" | "failed";

/** What others see of a member. A snapshot: it does not change when the member does. */
export interface Member {
  readonly name: NodeName;
  readonly host: string;
  readonly port: number;
  readonly tags: Tags;
  readonly status: MemberStatus;
  readonly incarnation: Incarnation;
  /** memberlist min, max, current and Serf min, max, current. */
  readonly versions: readonly [number, number, number, number, number, number];
}

/** Serf's member events, one member each. */
export interface MembershipEvent {
  readonly kind: "joined" | "left" | "failed" | "updated" | "reaped";
  readonly member: Member;
}

export type RequestFailure =
  | "timeout"
  | "unknown_member"
  | "not_speaking"
  | "too_large"
  | "outbox_full"
  /** The member failed or left before it answered. */
  | "unreachable"
  /** Its inbox stayed full. */
  | "busy"
  /** Its handler refused: see `code` and `message`. */
  | "remote";

export type CommandEvent =
  /** One address of a join. */
  | {
      readonly kind: "joinResult";
      readonly id: CommandId;
      readonly to: Endpoint;
      readonly ok: boolean;
      readonly error?: string;
    }
  /** All addresses of a join are settled. */
  | { readonly kind: "joinDone"; readonly id: CommandId; readonly contacted: number }
  /** The leave is as widely known as it will be: close the sockets. */
  | { readonly kind: "leaveDone"; readonly complete: boolean };

export type DirectEvent =
  | { readonly kind: "requestResult"; readonly id: CommandId; readonly ok: true; readonly body: Uint8Array }
  | {
      readonly kind: "requestResult";
      readonly id: CommandId;
      readonly ok: false;
      readonly failure: RequestFailure;
      /** The code of the remote handler's error when `failure` is "remote". */
      readonly code?: string;
      readonly message?: string;
    }
  /** Somebody asks: answer with `respond(id, …)` before its deadline, or never. */
  | {
      readonly kind: "request";
      readonly id: InboundRequestId;
      readonly from: NodeName;
      readonly topic: string;
      readonly body: Uint8Array;
    };

/** Two nodes claim one name. `name` keeps `existing`; the claim of `other` was ignored. */
export interface ConflictEvent {
  readonly kind: "conflict";
  readonly name: NodeName;
  readonly existing: Endpoint;
  readonly other: Endpoint;
}

/** Something that a user of some member announced to everybody. Each is told once. */
export interface UserEvent {
  readonly kind: "userEvent";
  readonly lamportTime: LamportTime;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Only the latest of this name matters. */
  readonly coalesce: boolean;
}

/** Somebody, maybe we ourselves, asks everybody: answer once with `respondToQuery`, before the deadline, or never. */
export interface QueryEvent {
  readonly kind: "query";
  readonly id: InboundQueryId;
  readonly lamportTime: LamportTime;
  /** Who asks. */
  readonly from: NodeName;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly deadlineMs: InstantMs;
}

/** What comes back for a query of ours: at most one ack and one response per member, then one "queryDone". */
export type QueryAnswerEvent =
  | { readonly kind: "queryAck"; readonly id: CommandId; readonly from: NodeName }
  | {
      readonly kind: "queryResponse";
      readonly id: CommandId;
      readonly from: NodeName;
      readonly payload: Uint8Array;
    }
  | { readonly kind: "queryDone"; readonly id: CommandId };

/** What became of a key query of ours: Serf's KeyResponse. Comes once. */
export interface KeyResultEvent {
  readonly kind: "keyResult";
  readonly id: CommandId;
  /** Members that could have answered when it was asked, ourselves included. */
  readonly numNodes: number;
  readonly numResp: number;
  readonly numErr: number;
  /** What a member had to say: why it refused, or that its list is shortened. */
  readonly messages: ReadonlyMap<NodeName, string>;
  /** Of "list": key in base64 to the number of members that have it. */
  readonly keys: ReadonlyMap<string, number>;
  /** Of "list": key in base64 to the number of members that encrypt with it. */
  readonly primaryKeys: ReadonlyMap<string, number>;
  /** "1/3 nodes reported failure", or "2/3 nodes reported success" when not all answered. Absent: all did it. */
  readonly error?: string;
}

/** A key query, ours or of another, changed our keyring: keep it for the next start. The primary comes first. */
export interface KeyringEvent {
  readonly kind: "keyringChanged";
  readonly keys: readonly Uint8Array[];
}

/** Another node claimed our name and the others were asked whom they mean. Lost: whoever owns this member should stop it. */
export interface NameVerdictEvent {
  readonly kind: "nameKept" | "nameLost";
  readonly answers: number;
  /** Answers that mean us. */
  readonly matching: number;
}

export type GossipEvent =
  | MembershipEvent
  | CommandEvent
  | DirectEvent
  | ConflictEvent
  | UserEvent
  | QueryEvent
  | QueryAnswerEvent
  | KeyResultEvent
  | KeyringEvent
  | NameVerdictEvent;

/** Reasons of decoders, in about the order in which a packet is undone. They name counters: words are never reused. */
export const WIRE_DROP_REASONS = [
  "empty",
  "truncated",
  "too_long",
  "bad_label",
  "not_encrypted",
  "encrypted",
  "bad_encryption_version",
  "bad_decrypt",
  "bad_crc",
  "bad_compression",
  "inflate_limit",
  "bad_compound",
  "nested_too_deep",
  "unknown_type",
  "unexpected_type",
  "bad_msgpack",
  "bad_field",
  "bad_name",
  "bad_address",
  "bad_version_vector",
  "meta_too_long",
  "too_many",
] as const;

export type WireDropReason = (typeof WIRE_DROP_REASONS)[number];

/** Reasons of the core: well-formed, yet refused. */
export const CORE_DROP_REASONS = [
  "wrong_recipient",
  "unknown_ack",
  "unknown_nack",
  "unknown_member",
  "stale",
  "duplicate",
  "conflict",
  "incompatible_version",
  "table_full",
  "too_many_probes",
  "too_many_streams",
  "unknown_stream",
  "stream_timeout",
  "unexpected_stream_message",
  "remote_error",
  "bad_incarnation",
  "bad_coordinate",
  "bad_lamport_time",
  "unsupported_user_message",
  "event_too_old",
  "unknown_query",
  "inbox_full",
  "late_response",
  "not_for_us",
  "queue_full",
] as const;

export type DropReason = WireDropReason | (typeof CORE_DROP_REASONS)[number];
