// The public door of the gossip shell.

export type { CoordinateSnapshot, ForceLeaveOptions, KeyCommand, KeyQuestion, RttEstimate } from "../src/core.ts";
export type { Member, MemberStatus, MembershipEvent, UserEvent } from "../src/sink.ts";
export { type Endpoint, type Tags, UsageError } from "../src/types.ts";
export { GossipAgent } from "./agent.ts";
export type { AgentRequestOptions, GossipAgentOptions, JoinTargets } from "./agent-options.ts";
export { JoinError, RemoteError, TimeoutError } from "./errors.ts";
export { decodeKey } from "./key-text.ts";
export type { KeyResult } from "./keys.ts";
export { formatLine, LEVEL_WORDS, LOG_LEVELS, type Logger, type LogLevel } from "./log.ts";
export { NodeAead } from "./node-aead.ts";
export { COALESCE_DEFAULTS, type CoalesceOptions } from "./operator/coalescer.ts";
export { type EventHandlerOptions, HANDLER_DEFAULTS, parseEventScript } from "./operator/event-handlers.ts";
export type { ScriptResult, ScriptRun, ScriptRunner } from "./operator/script-runner.ts";
export type { AgentEvent, AgentQueryOptions, QueryCall, QueryResponse, QueryResult } from "./queries.ts";
export type { RequestHandler } from "./requests.ts";
export {
  estimateRtt,
  type RpcKeyAnswer,
  type RpcQueryRecord,
  type RpcQuestion,
  type RpcSighting,
} from "./rpc/answers.ts";
export { RpcClient, RpcClientError, type RpcClientErrorCode, type RpcClientOptions } from "./rpc/client.ts";
export type { RpcMember } from "./rpc/messages.ts";
