// Where each event of the core goes.

import type { DirectReply } from "../src/core.ts";
import type { GossipEvent, MembershipEvent } from "../src/sink.ts";
import type { InboundRequestId } from "../src/types.ts";
import type { PendingJoins } from "./joins.ts";
import type { AgentKeys } from "./keys.ts";
import type { Logger } from "./log.ts";
import type { AgentEvent, AgentQueries } from "./queries.ts";
import type { DirectRequests } from "./requests.ts";

export interface EventPorts {
  readonly joins: PendingJoins;
  readonly requests: DirectRequests;
  readonly queries: AgentQueries;
  readonly keys: AgentKeys;
  readonly log: Logger;
  /** To everybody who listens. */
  tell(event: AgentEvent): void;
  memberChanged(event: MembershipEvent): void;
  respond(id: InboundRequestId, reply: DirectReply): void;
  leaveDone(): void;
  keyringChanged(keys: readonly Uint8Array[]): void;
  nameLost(): void;
}

export function dispatch(event: GossipEvent, ports: EventPorts): void {
  switch (event.kind) {
    case "joinResult":
      ports.joins.contact(event);
      break;
    case "joinDone":
      ports.joins.done(event);
      break;
    case "leaveDone":
      ports.leaveDone();
      break;
    case "requestResult":
      ports.requests.settle(event);
      break;
    case "request":
      void ports.requests.answer(event).then((reply) => ports.respond(event.id, reply));
      break;
    case "userEvent":
      ports.tell(event);
      break;
    case "query":
      ports.tell(ports.queries.call(event));
      break;
    case "queryAck":
    case "queryResponse":
    case "queryDone":
      ports.queries.settle(event);
      break;
    case "keyResult":
      ports.keys.settle(event);
      break;
    case "keyringChanged":
      ports.keyringChanged(event.keys);
      break;
    case "conflict":
    case "nameKept":
    case "nameLost":
      aboutName(event, ports);
      break;
    default:
      ports.memberChanged(event);
      ports.tell(event);
  }
}

type NameEvent = Extract<GossipEvent, { readonly kind: "conflict" | "nameKept" | "nameLost" }>;

function aboutName(event: NameEvent, { log, nameLost }: EventPorts): void {
  if (event.kind === "conflict") {
    log.warn({ node: event.name, existing: event.existing, other: event.other }, "two nodes claim one name");
    return;
  }
  const { answers, matching } = event;
  if (event.kind === "nameKept") log.info({ answers, matching }, "the others mean us by our name");
  else {
    log.error({ answers, matching }, "lost our name to another node: stopping");
    nameLost();
  }
}
