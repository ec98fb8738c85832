// The public door of the gossip core.

export type {
  CoordinateSnapshot,
  DirectReply,
  ForceLeaveOptions,
  GossipCore,
  JoinOptions,
  KeyCommand,
  KeyQuestion,
  QueryOptions,
  RequestOptions,
  RttEstimate,
  UserEventOptions,
} from "./core.ts";
export { createGossip } from "./gossip.ts";
export {
  DEFAULTS,
  type GossipOptions,
  type GossipProfile,
  LAN,
  LOCAL,
  type RestoredClocks,
  resolveOptions,
  WAN,
} from "./options.ts";
export { hashText, pickDistinct, type Random, seededRandom, shuffle } from "./random.ts";
export {
  CORE_DROP_REASONS,
  type CommandEvent,
  type ConflictEvent,
  type DirectEvent,
  type DropReason,
  type GossipEvent,
  type GossipSink,
  type KeyResultEvent,
  type KeyringEvent,
  type Member,
  type MemberStatus,
  type MembershipEvent,
  type NameVerdictEvent,
  type QueryAnswerEvent,
  type QueryEvent,
  type RequestFailure,
  type StreamInput,
  type StreamOutput,
  type UserEvent,
  WIRE_DROP_REASONS,
  type WireDropReason,
} from "./sink.ts";
export * from "./types.ts";
