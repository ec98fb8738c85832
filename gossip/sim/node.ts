// One simulated member: its core, its clock, its mailbox of events, and what its application does.

import type { GossipCore } from "../src/core.ts";
import type { GossipEvent, GossipSink, MembershipEvent } from "../src/sink.ts";
import type { CommandId, DurationMs, Endpoint, InboundRequestId, InstantMs } from "../src/types.ts";

/** A request of this node's application. */
export interface AskedRequest {
  readonly to: string;
  readonly askedMs: InstantMs;
  outcome: "waiting" | "answered" | "refused" | "timeout" | "unreachable" | "other";
  settledMs: InstantMs;
}

/** What a member believes of another, as its events told. */
export interface Belief {
  kind: MembershipEvent["kind"];
  incarnation: number;
  atMs: InstantMs;
  isPresent: boolean;
}

export class SimNode {
  readonly index: number;
  readonly name: string;
  readonly endpoint: Endpoint;
  /** It bears the name of another. */
  readonly isTwin: boolean;
  /** Undefined while the process is down. */
  core: GossipCore | undefined;
  sink: GossipSink | undefined;
  /** Counts processes: what was scheduled for an earlier one is void. */
  life = 0;
  /** Nothing happens inside until then; what arrives waits in the socket. */
  pausedUntilMs: InstantMs = 0;
  /** Everything is handled this much later. */
  slowMs: DurationMs = 0;
  /** Ahead of virtual time by this much. */
  clockOffsetMs: DurationMs = 0;
  /** When the timer event that counts is scheduled. */
  timerAtMs: InstantMs = Number.POSITIVE_INFINITY;
  startedMs: InstantMs = 0;
  hasLeft = false;
  /** Told to leave: from now on it is no mistake to think that it is gone. */
  isLeaving = false;
  readonly beliefs = new Map<string, Belief>();
  presentCount = 0;
  readonly requests = new Map<CommandId, AskedRequest>();
  readonly inbound: InboundRequestId[] = [];
  readonly carriedOut = new Set<string>();
  readonly userEvents = new Map<string, number>();
  /** What must not be told again: queries, their answers and their ends. */
  readonly toldOnce = new Set<string>();
  readonly dropped = new Map<string, number>();
  /** Events of interest to a scenario, newest last; bounded by the length of a run. */
  readonly joinResults: Extract<GossipEvent, { readonly kind: "joinDone" }>[] = [];

  constructor(
    index: number,
    identity: { readonly name: string; readonly endpoint: Endpoint; readonly isTwin: boolean },
  ) {
    this.index = index;
    this.name = identity.name;
    this.endpoint = identity.endpoint;
    this.isTwin = identity.isTwin;
  }

  get isUp(): boolean {
    return this.core !== undefined;
  }

  /** Up, and not on its way out. */
  get isMember(): boolean {
    return this.core !== undefined && !this.hasLeft;
  }

  /** A new process knows nothing of what the last one did. */
  reset(nowMs: InstantMs): void {
    this.life += 1;
    this.startedMs = nowMs;
    this.hasLeft = false;
    this.isLeaving = false;
    this.pausedUntilMs = 0;
    this.timerAtMs = Number.POSITIVE_INFINITY;
    this.beliefs.clear();
    this.presentCount = 0;
    this.requests.clear();
    this.inbound.length = 0;
    this.carriedOut.clear();
    this.userEvents.clear();
    this.toldOnce.clear();
  }
}
