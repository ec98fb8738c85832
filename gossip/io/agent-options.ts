// What a gossip agent can be told.

import { type GossipOptions, type GossipProfile, LAN, LOCAL, type RestoredClocks, WAN } from "../src/options.ts";
import type { Endpoint, Tags } from "../src/types.ts";
import type { Logger } from "./log.ts";
import type { CoalesceOptions } from "./operator/coalescer.ts";
import type { EventHandlerOptions } from "./operator/event-handlers.ts";
import type { RpcServerOptions } from "./rpc/server.ts";

export interface GossipAgentOptions {
  /** Unique in the cluster, 1..128 characters. */
  readonly nodeName: string;
  /** An IP literal; 0.0.0.0 or :: for all addresses. */
  readonly bindHost: string;
  /** UDP and TCP; 0 for any free one. The reference's is 7946. */
  readonly bindPort: number;
  /** What others are told; default the bind address, or a private one of this machine when bound to all. */
  readonly advertiseHost?: string;
  readonly advertisePort?: number;
  /** At most 512 encoded bytes. */
  readonly tags?: Tags;
  /** Default "lan". */
  readonly profile?: "lan" | "wan" | "local";
  /** Marks all packets and streams; those with another are dropped. At most 255 bytes; stock agents of 2020 know none. */
  readonly label?: string;
  /** 16, 24 or 32 bytes each; the first encrypts, all decrypt. */
  readonly keys?: readonly Uint8Array[];
  /**
   * Keeps the keys across restarts, in Serf's format, with mode 0600. When it exists its keys count and not `keys`; else it
   * is begun with `keys`. Written whenever the cluster's keys change.
   */
  readonly keyringFile?: string;
  /** Remembers members across restarts, in Serf's format. */
  readonly snapshotPath?: string;
  /** Rejoin whom the snapshot knows also after a leave. Default false. */
  readonly rejoinAfterLeave?: boolean;
  /** Longest wait of a leave for each of its broadcasts. Default 5 s. */
  readonly broadcastTimeoutMs?: number;
  /** Serf's protocol version, 2..5. Default 5. */
  readonly serfProtocol?: number;
  /** Compress what we send. Default true. */
  readonly compress?: boolean;
  /** User events that may be coalesced wait this long at most for a later one. Default 0: they do not wait. */
  readonly coalescePeriodMs?: number;
  /** When another node claims our name, ask the others whom they mean, and stop when it is not us. Default true. */
  readonly resolveNameConflicts?: boolean;
  /** Scripts that are run when something happens. Default none. */
  readonly eventHandlers?: EventHandlerOptions;
  /** What scripts and RPC streams are told may be held back for a moment. `onEvent` is told everything at once. */
  readonly operatorCoalesce?: CoalesceOptions;
  readonly log?: Logger;
  /** The Serf agent's RPC; off when absent. Anything but a loopback host needs an authKey. */
  readonly rpc?: RpcServerOptions;
}

export interface JoinTargets {
  /** Do not deliver user events from before the join. Default true. */
  readonly ignoreOld?: boolean;
  readonly signal?: AbortSignal;
}

export interface AgentRequestOptions {
  /** All tries together. Default 5 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Between two rounds of measured round trips told to other Hearsay nodes; stock agents are never told any. */
const RTT_ROW_INTERVAL_MS = 30_000;

const PROFILES: Readonly<Record<string, GossipProfile>> = { lan: LAN, wan: WAN, local: LOCAL };

/** What is known only once the sockets and files are open. */
export interface StartValues {
  readonly advertise: Endpoint;
  readonly keys: readonly Uint8Array[];
  readonly restoredClocks?: RestoredClocks;
}

/** What the core is told. */
export function coreOptions(
  options: GossipAgentOptions,
  { advertise, keys, restoredClocks }: StartValues,
): GossipOptions {
  return {
    name: options.nodeName,
    advertise,
    tags: options.tags ?? {},
    keys,
    ...(restoredClocks === undefined ? {} : { restoredClocks }),
    profile: PROFILES[options.profile ?? "lan"] ?? LAN,
    compress: options.compress ?? true,
    coalescePeriodMs: options.coalescePeriodMs ?? 0,
    ...(options.broadcastTimeoutMs === undefined ? {} : { broadcastTimeoutMs: options.broadcastTimeoutMs }),
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.serfProtocol === undefined ? {} : { serfProtocol: options.serfProtocol }),
    resolveNameConflicts: options.resolveNameConflicts ?? true,
    rttRowIntervalMs: RTT_ROW_INTERVAL_MS,
  };
}
