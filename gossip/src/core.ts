// The contract of the gossip core: what a shell or a simulator drives.

import type { Member, StreamInput } from "./sink.ts";
import type {
  CommandId,
  DurationMs,
  Endpoint,
  InboundQueryId,
  InboundRequestId,
  InstantMs,
  NodeName,
  StreamId,
  Tags,
} from "./types.ts";

export interface JoinOptions {
  /** Tell everybody that we joined. Default true; a rejoin from a snapshot does not. */
  readonly announce?: boolean;
  /** Do not deliver user events from before the join. Default false. */
  readonly ignoreOld?: boolean;
}

export interface RequestOptions {
  /** All tries together. Default `directTimeoutMs`. */
  readonly timeoutMs?: DurationMs;
}

export interface UserEventOptions {
  /** Only the latest of this name matters. Default false. */
  readonly coalesce?: boolean;
}

export interface QueryOptions {
  /** Only these members; empty: all. */
  readonly nodes?: readonly string[];
  /** Only members whose tags match these expressions: RE2 syntax, found anywhere, a missing tag counts as empty. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Every member that is meant tells that it heard the query. Default false. */
  readonly wantAck?: boolean;
  /** Answers also come by this many detours, 0..255. Default 0. */
  readonly relayFactor?: number;
  /** How long answers are collected, at most an hour. Default 16 gossip intervals per decimal digit of the cluster. */
  readonly timeoutMs?: DurationMs;
}

export interface ForceLeaveOptions {
  /** Forget the member everywhere at once, too. Default false. */
  readonly prune?: boolean;
}

export type KeyCommand = "install" | "use" | "remove" | "list";

export interface KeyQuestion {
  readonly command: KeyCommand;
  /** 16, 24 or 32 bytes; not for "list". */
  readonly key?: Uint8Array;
  /** Answers also come by this many detours, 0..255. Default 0. */
  readonly relayFactor?: number;
  /** How long answers are collected at most. Default as for queries. */
  readonly timeoutMs?: DurationMs;
}

/** An answer to a direct request: a body, or an error code with words for people. */
export type DirectReply =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface RttEstimate {
  /** From the coordinates of the two. */
  readonly estimateMs: DurationMs;
  /** Minimum of the last five direct probes of one by the other: ours, or what one of the two told. */
  readonly measuredMs?: DurationMs;
  /** Sum of both coordinates' relative errors, without unit; near 3 right after boot, below 0.5 when settled. */
  readonly error: number;
}

/** A Vivaldi coordinate; seconds, the error has no unit. */
export interface CoordinateSnapshot {
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

/**
 * One member of the cluster without sockets, clock or chance. Feed it inputs with the time, call `handleTimeout` when
 * `deadlineMs` is reached, and read its output from the sink. Commands throw UsageError when used wrongly; nothing else
 * throws. Time must not go backwards; when it does, the latest time seen counts.
 */
export interface GossipCore {
  /** Announces the member to itself and starts its schedules. Call once, first. */
  start(nowMs: InstantMs): void;
  /** One datagram. `from` is its UDP source. */
  handlePacket(from: Endpoint, bytes: Uint8Array, nowMs: InstantMs): void;
  handleStream(id: StreamId, input: StreamInput, nowMs: InstantMs): void;
  handleTimeout(nowMs: InstantMs): void;
  /** When `handleTimeout` is wanted next; Infinity when idle. */
  deadlineMs(): InstantMs;

  /**
   * Push/pull with every address at once. Answers through "joinResult" per address and one "joinDone".
   * Throws "not_alive" after a leave.
   */
  join(addresses: readonly Endpoint[], nowMs: InstantMs, options?: JoinOptions): CommandId;
  /** Graceful: intent, broadcast, farewell; answers through "leaveDone". Throws "not_alive" when already leaving. */
  leave(nowMs: InstantMs): void;
  /** Declares a failed member left. Unknown names are accepted silently, as the reference does. */
  forceLeave(name: string, nowMs: InstantMs, options?: ForceLeaveOptions): void;
  /** Throws "tags_too_long" beyond 512 encoded bytes; state does not change then. */
  setTags(tags: Tags, nowMs: InstantMs): void;
  /**
   * Outside knowledge that a peer is silent, to be confirmed: it is probed at once, before its turn, and suspected when that
   * fails. False when it has no effect: not a living member, suspected already, or reported within the last probe interval.
   */
  suspect(name: string, nowMs: InstantMs): boolean;

  members(): readonly Member[];
  member(name: string): Member | undefined;
  localMember(): Member;
  coordinate(name?: string): CoordinateSnapshot | undefined;
  /** Undefined while a coordinate is unknown. `b` defaults to ourselves. */
  rtt(a: string, b?: string): RttEstimate | undefined;
  /** Our measured row: peer to minimum of the last five direct probes. */
  measuredRtts(): ReadonlyMap<NodeName, DurationMs>;
  /**
   * As `rtt`'s measuredMs, also where a coordinate is unknown. `b` defaults to ourselves. Undefined when neither of the two
   * has told a measurement; what others measured is some minutes old.
   */
  measuredRtt(a: string, b?: string): DurationMs | undefined;

  /** Asks a member; answers through one "requestResult". Never throws for what the network or the peer does. */
  request(
    node: string,
    topic: string,
    body: Uint8Array,
    options: RequestOptions & { readonly nowMs: InstantMs },
  ): CommandId;
  /** Forgets a request of ours; no result follows. */
  cancelRequest(id: CommandId): void;
  /** Answers a "request" event. False when the id is unknown, answered, or too late. */
  respond(id: InboundRequestId, reply: DirectReply, nowMs: InstantMs): boolean;

  /**
   * Announces to everybody, ourselves included. Throws "event_too_large" beyond 512 encoded bytes and "not_alive" after a
   * leave; nothing changes then.
   */
  userEvent(name: string, payload: Uint8Array, options: UserEventOptions & { readonly nowMs: InstantMs }): void;
  /**
   * Asks everybody, ourselves included; answers through "queryAck", "queryResponse" and one "queryDone". Throws
   * "query_too_large" beyond 1024 encoded bytes, "reserved_name", "bad_timeout", "bad_relay_factor", "too_many_queries",
   * "unsupported_protocol" (of ours) or "not_alive"; nothing changes then.
   */
  query(name: string, payload: Uint8Array, options: QueryOptions & { readonly nowMs: InstantMs }): CommandId;
  /**
   * Changes or lists the keys of every member, ourselves included (Serf's KeyManager). Answers through one "keyResult", as
   * soon as all have answered and at the latest when its time is over; what a member refuses is told there and not thrown.
   * Without encryption keys are never sent: then only we ourselves answer, and refuse. Our own keyring tells of each change
   * by "keyringChanged". Throws "key_required", "query_too_large", "bad_timeout", "bad_relay_factor", "too_many_queries",
   * "unsupported_protocol" or "not_alive"; nothing changes then.
   */
  keyQuery(question: KeyQuestion, nowMs: InstantMs): CommandId;
  /** Forgets a query of ours, also one about keys; no event of it follows. */
  cancelQuery(id: CommandId): void;
  /**
   * Answers a "query" event. Throws "unknown_query", "response_sent", "past_deadline" or "response_too_large" (beyond
   * 1024 encoded bytes; a smaller one may follow).
   */
  respondToQuery(id: InboundQueryId, payload: Uint8Array, nowMs: InstantMs): void;

  /** Plain numbers: members by status, queue depths, health score, counters since start. */
  stats(): Readonly<Record<string, number>>;
}
