// Changes of members and user events, held back for a moment so that an operator's script runs once for many. The
// reference's agent: serf coalesce_member.go, coalesce.go. Knows no clock.

import { UserEventCoalescer } from "../../src/serf/coalesce.ts";
import type { Member } from "../../src/sink.ts";
import type { DurationMs, InstantMs } from "../../src/types.ts";
import type { AgentEvent } from "../queries.ts";
import type { MemberChange, OperatorEvent } from "./events.ts";

export interface CoalesceOptions {
  /** Longest wait of a change of a member. Default 3 s, as the stock agent; 0: none is held back. */
  readonly memberPeriodMs?: DurationMs;
  /** Silence that ends it. Default 1 s. */
  readonly memberQuiescentMs?: DurationMs;
  /** Longest wait of a user event that may be coalesced. Default 3 s; 0: none is held back. */
  readonly userPeriodMs?: DurationMs;
  /** Silence that ends it. Default 1 s. */
  readonly userQuiescentMs?: DurationMs;
}

export const COALESCE_DEFAULTS = Object.freeze({
  memberPeriodMs: 3_000,
  memberQuiescentMs: 1_000,
  userPeriodMs: 3_000,
  userQuiescentMs: 1_000,
}) satisfies Required<CoalesceOptions>;

/** Members held back, and remembered, at once; with more they all leave, or the oldest memory does. */
const MAX_MEMBERS = 8_192;

interface Change {
  readonly change: MemberChange;
  readonly member: Member;
}

export class EventCoalescer {
  readonly #settings: Required<CoalesceOptions>;
  readonly #users: UserEventCoalescer;
  readonly #held = new Map<string, Change>();
  /** What was told of each member last. */
  readonly #told = new Map<string, MemberChange>();
  #periodEndMs = Number.POSITIVE_INFINITY;
  #quietMs = Number.POSITIVE_INFINITY;

  constructor(options: CoalesceOptions = {}) {
    this.#settings = { ...COALESCE_DEFAULTS, ...options };
    this.#users = new UserEventCoalescer({
      coalescePeriodMs: this.#settings.userPeriodMs,
      coalesceQuiescentMs: this.#settings.userQuiescentMs,
    });
  }

  /** What leaves at once. Queries always do: somebody waits for an answer. */
  offer(event: AgentEvent, nowMs: InstantMs): readonly OperatorEvent[] {
    if (event.kind === "query") return [event];
    if (event.kind === "userEvent") return this.#users.offer(event, nowMs);
    const { kind: change, member } = event;
    const { memberPeriodMs, memberQuiescentMs } = this.#settings;
    if (memberPeriodMs <= 0) return [{ kind: "members", change, members: [member] }];
    this.#held.set(member.name, { change, member });
    if (this.#held.size >= MAX_MEMBERS) return this.#flush();
    if (this.#periodEndMs === Number.POSITIVE_INFINITY) this.#periodEndMs = nowMs + memberPeriodMs;
    this.#quietMs = nowMs + memberQuiescentMs;
    return [];
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#periodEndMs, this.#quietMs, this.#users.deadlineMs());
  }

  /** What leaves because its wait is over; with Infinity, all. */
  due(nowMs: InstantMs): readonly OperatorEvent[] {
    const isDue = nowMs >= Math.min(this.#periodEndMs, this.#quietMs);
    return [...(isDue ? this.#flush() : []), ...this.#users.due(nowMs)];
  }

  /** One event per kind of change. Whoever came back to what was told of it last is passed over, but for updates. */
  #flush(): readonly OperatorEvent[] {
    const groups = new Map<MemberChange, Member[]>();
    for (const { change, member } of this.#held.values()) {
      if (change !== "updated" && this.#told.get(member.name) === change) continue;
      this.#remember(member.name, change);
      const group = groups.get(change) ?? [];
      groups.set(change, group);
      group.push(member);
    }
    this.#held.clear();
    this.#periodEndMs = Number.POSITIVE_INFINITY;
    this.#quietMs = Number.POSITIVE_INFINITY;
    return Array.from(groups, ([change, members]) => ({ kind: "members", change, members }));
  }

  #remember(name: string, change: MemberChange): void {
    this.#told.delete(name);
    // Who is forgotten starts anew.
    if (change === "reaped") return;
    this.#told.set(name, change);
    const oldest = this.#told.size > MAX_MEMBERS ? this.#told.keys().next().value : undefined;
    if (oldest !== undefined) this.#told.delete(oldest);
  }
}
