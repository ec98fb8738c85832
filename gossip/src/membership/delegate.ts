// What membership tells the layer above it, and asks of it. The names of memberlist's delegates in the reference:
// Delegate, EventDelegate, ConflictDelegate, PingDelegate.

import type { DurationMs, Endpoint, InstantMs, NodeName } from "../types.ts";
import type { MemberRecord } from "./member.ts";

/** How a user message came to us. */
export interface MessageSource {
  readonly from: Endpoint;
  readonly byStream: boolean;
}

export interface MembershipDelegate {
  /** New, or back from the dead. */
  joined(record: MemberRecord, nowMs: InstantMs): void;
  /** Its meta changed while it was running. */
  updated(record: MemberRecord, nowMs: InstantMs): void;
  /** Dead or left; the record says which. */
  departed(record: MemberRecord, nowMs: InstantMs): void;
  /** Somebody else claims the name; nothing was changed. */
  conflict(record: MemberRecord, other: Endpoint): void;
  /** What our acks carry. */
  ackPayload(): Uint8Array;
  /** A direct ack to a probe of ours. */
  probed(record: MemberRecord, rttMs: DurationMs, payload: Uint8Array): void;
  /** A direct ack that came late: nothing but a measurement. */
  measured(record: MemberRecord, rttMs: DurationMs): void;
  /** What direct probes of the member took of late; undefined before the first. */
  measuredRtt(name: NodeName): DurationMs | undefined;
  /** User state for a push/pull. */
  localState(join: boolean): Uint8Array;
  mergeState(state: Uint8Array, exchange: { readonly join: boolean; readonly nowMs: InstantMs }): void;
  /** A user message; a view into the packet or stream. */
  userMessage(payload: Uint8Array, source: MessageSource, nowMs: InstantMs): void;
}
