// A running agent as the RPC sees it.

import type { LogTee } from "../log.ts";
import type { RpcBackend } from "./backend.ts";

/** What the agent does for anybody. */
export type PublicAgent = Pick<
  RpcBackend,
  "members" | "localMember" | "join" | "leave" | "forceLeave" | "setTags" | "coordinate" | "userEvent" | "onEvent"
>;

/** What it does for its RPC only. */
export interface AgentInside {
  readonly left: RpcBackend["left"];
  readonly info: RpcBackend["info"];
  readonly beginQuery: RpcBackend["query"];
  readonly log: LogTee;
}

export function agentBackend(agent: PublicAgent, { left, info, beginQuery, log }: AgentInside): RpcBackend {
  return {
    members: () => agent.members(),
    localMember: () => agent.localMember(),
    join: (addresses, options) => agent.join(addresses, options),
    leave: () => agent.leave(),
    left,
    forceLeave: (name) => agent.forceLeave(name),
    setTags: (tags) => agent.setTags(tags),
    coordinate: (name) => agent.coordinate(name),
    info,
    userEvent: (name, payload, options) => agent.userEvent(name, payload, options),
    query: beginQuery,
    onEvent: (listener) => agent.onEvent(listener),
    recentLog: () => log.recent(),
    onLog: (listener) => log.onLine(listener),
  };
}
