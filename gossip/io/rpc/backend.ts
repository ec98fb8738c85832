// What the RPC needs of an agent. The agent implements it; tests have a small one of their own.

import type { CoordinateSnapshot, KeyQuestion, UserEventOptions } from "../../src/core.ts";
import type { Member } from "../../src/sink.ts";
import type { Tags } from "../../src/types.ts";
import type { KeyResult } from "../keys.ts";
import type { LogLine } from "../log.ts";
import type { OperatorEvent } from "../operator/events.ts";
import type { AgentQueryOptions, QueryResult } from "../queries.ts";

export interface RpcBackend {
  members(): readonly Member[];
  localMember(): Member;
  /** Number of addresses that answered; rejects with the reasons when none did. */
  join(addresses: readonly string[], options: { readonly ignoreOld: boolean }): Promise<number>;
  /** Graceful; the process is expected to end afterwards. */
  leave(): Promise<void>;
  /** The answer to a leave is written. */
  left(): void;
  forceLeave(name: string, options: { readonly prune: boolean }): void;
  /** Throws when the tags are too long. */
  setTags(tags: Tags): Promise<void>;
  coordinate(name: string): CoordinateSnapshot | undefined;
  /** Milliseconds by probes, where one of the two has told it; `b` defaults to the agent itself. */
  measuredRtt(a: string, b?: string): number | undefined;
  /** Sections of texts, as `serf info` prints them. */
  info(): Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Throws when it is too long. */
  userEvent(name: string, payload: Uint8Array, options: UserEventOptions): void;
  /** Throws when it may not be asked. Resolves when its time is over; rejects when the signal stops it. */
  query(name: string, payload: Uint8Array, options: AgentQueryOptions): Promise<QueryResult>;
  /** Rejects when it may not be asked; what members refuse is in the result. */
  keys(question: KeyQuestion): Promise<KeyResult>;
  onEvent(listener: (event: OperatorEvent) => void): () => void;
  /** Lines so far, oldest first, and from now on. */
  recentLog(): readonly LogLine[];
  onLog(listener: (line: LogLine) => void): () => void;
}
