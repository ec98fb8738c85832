// A running agent as the RPC sees it.

import type { LogTee } from "../log.ts";
import type { RpcBackend } from "./backend.ts";

/** What the agent does for anybody. */
export type PublicAgent = Pick<
  RpcBackend,
  | "members"
  | "localMember"
  | "join"
  | "leave"
  | "forceLeave"
  | "setTags"
  | "coordinate"
  | "measuredRtt"
  | "userEvent"
  | "keys"
>;

/** What it does for its RPC only. */
export interface AgentInside {
  readonly left: RpcBackend["left"];
  readonly info: RpcBackend["info"];
  readonly beginQuery: RpcBackend["query"];
  readonly log: LogTee;
}

export function agentBackend(
  agent: PublicAgent,
  { left, info, beginQuery, log }: AgentInside,
): Omit<RpcBackend, "onEvent"> {
  return {
    members: () => agent.members(),
    localMember: () => agent.localMember(),
    join: (addresses, options) => agent.join(addresses, options),
    leave: () => agent.leave(),
    left,
    forceLeave: (name, options) => agent.forceLeave(name, options),
    setTags: (tags) => agent.setTags(tags),
    coordinate: (name) => agent.coordinate(name),
    measuredRtt: (a, b) => agent.measuredRtt(a, b),
    info,
    userEvent: (name, payload, options) => agent.userEvent(name, payload, options),
    keys: (question) => agent.keys(question),
    query: beginQuery,
    recentLog: () => log.recent(),
    onLog: (listener) => log.onLine(listener),
  };
}
