// What operators are told, by RPC streams and by scripts: the agent's events, with those of members in groups.

import type { Member, MembershipEvent, UserEvent } from "../../src/sink.ts";
import type { QueryCall } from "../queries.ts";

export type MemberChange = MembershipEvent["kind"];

/** The same happened to all of these. */
export interface MembersEvent {
  readonly kind: "members";
  readonly change: MemberChange;
  readonly members: readonly Member[];
}

export type OperatorEvent = MembersEvent | UserEvent | QueryCall;

/** The reference's words. */
export const CHANGE_NAMES: Readonly<Record<MemberChange, string>> = {
  joined: "member-join",
  left: "member-leave",
  failed: "member-failed",
  updated: "member-update",
  reaped: "member-reap",
};

/** "member-join", …, "user" or "query". */
export function eventName(event: OperatorEvent): string {
  switch (event.kind) {
    case "members":
      return CHANGE_NAMES[event.change];
    case "userEvent":
      return "user";
    default:
      return "query";
  }
}

/** Which events somebody wants. */
export interface EventFilter {
  /** As `eventName`, or "*". */
  readonly event: string;
  /** Of a user event or a query; empty for any. */
  readonly name: string;
}

const FILTER = /^(?:(\*|member-(?:join|leave|failed|update|reap)|user|query)|(user|query):(.*))$/s;
/** More than there are kinds of events, with room for names. */
const MAX_FILTERS = 64;

/** Words with commas between them; none is all. Undefined when one of them is unknown or there are more than 64. */
export function parseEventFilters(text: string): readonly EventFilter[] | undefined {
  const filters: EventFilter[] = [];
  for (const word of (text === "" ? "*" : text).split(",")) {
    const [, event, named, name = ""] = FILTER.exec(word) ?? [];
    const kind = event ?? named;
    if (kind === undefined || filters.length === MAX_FILTERS) return undefined;
    filters.push({ event: kind, name });
  }
  return filters;
}

export function isWanted(filters: readonly EventFilter[], event: OperatorEvent): boolean {
  const kind = eventName(event);
  return filters.some((filter) => {
    if (filter.event === "*") return true;
    if (filter.event !== kind) return false;
    return filter.name === "" || event.kind === "members" || filter.name === event.name;
  });
}
