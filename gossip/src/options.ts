// Every tunable of the core, its unit, its default and what it must be smaller or larger than.
// Values of the profiles: memberlist config.go, Serf config.go (agent defaults).

import { type Endpoint, type Tags, UsageError } from "./types.ts";
import { utf8Length } from "./wire/utf8.ts";

/** Timing by the kind of network. `lan` also suits peers up to about 300 ms apart and is what a media node uses. */
export interface GossipProfile {
  /** Dial, read and write of one stream exchange as a whole. */
  readonly streamTimeoutMs: number;
  /** Helpers asked to ping a silent peer. */
  readonly indirectChecks: number;
  /** A broadcast is sent retransmitMult * ceil(log10(n + 1)) times. */
  readonly retransmitMult: number;
  /** Shortest suspicion: suspicionMult * max(1, log10 n) * probeIntervalMs. */
  readonly suspicionMult: number;
  /** Longest suspicion, in multiples of the shortest. */
  readonly suspicionMaxTimeoutMult: number;
  readonly pushPullIntervalMs: number;
  readonly probeIntervalMs: number;
  /** Wait for a direct ack before asking others. Must be below probeIntervalMs. */
  readonly probeTimeoutMs: number;
  /** The health score stays below this; the probe interval is scaled by score + 1. */
  readonly awarenessMaxMultiplier: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  /** The dead still get gossip for this long, so that they can refute; afterwards they are forgotten. */
  readonly gossipToTheDeadMs: number;
}

export const LAN: GossipProfile = Object.freeze({
  streamTimeoutMs: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullIntervalMs: 30_000,
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  awarenessMaxMultiplier: 8,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
});

export const WAN: GossipProfile = Object.freeze({
  ...LAN,
  streamTimeoutMs: 30_000,
  suspicionMult: 6,
  pushPullIntervalMs: 60_000,
  probeIntervalMs: 5_000,
  probeTimeoutMs: 3_000,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
});

export const LOCAL: GossipProfile = Object.freeze({
  ...LAN,
  streamTimeoutMs: 1_000,
  indirectChecks: 1,
  retransmitMult: 2,
  suspicionMult: 3,
  pushPullIntervalMs: 15_000,
  probeTimeoutMs: 200,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
});

/** Lamport times that an earlier run of this member had seen; 0: none. Times beyond belief (2^50) count as none. */
export interface RestoredClocks {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

export interface GossipOptions {
  /** Unique in the cluster, 1..128 UTF-16 units. */
  readonly name: string;
  /** What others are told to send to: an IP literal and a port 1..65535. */
  readonly advertise: Endpoint;
  /** Encoded at most 512 bytes. Default none. */
  readonly tags?: Tags;
  /** Default LAN. */
  readonly profile?: GossipProfile;
  /**
   * Members with a measured round trip below this are probed and suspected as in the LAN profile, where the profile is
   * slower than that (WAN). Below 500 (LAN's probe timeout); 0 turns it off. Default 300 ms.
   */
  readonly nearRttMs?: number;
  /**
   * How often measured round trips are exchanged with another member that speaks direct messages; more seldom among more
   * than 16; the product has 30 s. Default 0: not at all, as a stock agent.
   */
  readonly rttRowIntervalMs?: number;
  /** 16, 24 or 32 bytes each; the first seals, all open. Default none: plain text. Needs an Aead. */
  readonly keys?: readonly Uint8Array[];
  /**
   * Tells clusters on one network apart: packets and streams without it are dropped (memberlist 0.3 and later; a stock Serf
   * agent has none). At most 255 bytes. Default "": none.
   */
  readonly label?: string;
  /** Compress what we send where that makes it smaller. Default true, as the stock agent; a simulation may save the work. */
  readonly compress?: boolean;
  /** Members known at most, dead and left ones included. Further alive claims are dropped. Default 4096. */
  readonly maxMembers?: number;
  /** Entries of one broadcast queue; beyond it the most transmitted are dropped. Default 4096. */
  readonly maxQueuedBroadcasts?: number;
  /** Streams open at once, either direction; further accepted ones are reset. Default 128. */
  readonly maxStreams?: number;
  /** Bytes buffered while a stream message is incomplete. Default 20 MiB. */
  readonly maxStreamBytes?: number;
  /** Pings sent on behalf of others at once; further requests are dropped. Default 1024. */
  readonly maxRelayedProbes?: number;
  /** A dead member's name may move to a new address after this long. 0 turns it off (memberlist default). */
  readonly deadNodeReclaimMs?: number;
  /** Intents about members not known yet; the oldest gives way. Default 4096. */
  readonly maxRecentIntents?: number;
  /** Intents about unknown members are forgotten after this. Default 5 min. */
  readonly recentIntentTimeoutMs?: number;
  /** How often the forgotten are looked for. Default 15 s. */
  readonly reapIntervalMs?: number;
  /** How often a failed member is tried again. Default 30 s. */
  readonly reconnectIntervalMs?: number;
  /** Failed members are forgotten after this. Default 24 h. */
  readonly reconnectTimeoutMs?: number;
  /** Left members are forgotten after this. Default 24 h. */
  readonly tombstoneTimeoutMs?: number;
  /** Longest wait of a leave for each of its two broadcasts. Default 5 s. */
  readonly broadcastTimeoutMs?: number;
  /** After a leave late probes are still answered for this long. Default 1 s. */
  readonly leavePropagateMs?: number;
  /** User events that may be coalesced wait for a later one of their name, at most this long. Default 0: they do not. */
  readonly coalescePeriodMs?: number;
  /** And only until none came for this long. Default 1 s. */
  readonly coalesceQuiescentMs?: number;
  /**
   * Serf's protocol that we speak, 2..5, as its `-protocol`: below 5 for the time of an upgrade only. With 2 tags are the
   * value of `role` alone, below 4 there are no queries of ours. Default 5.
   */
  readonly serfProtocol?: number;
  /**
   * From a snapshot: our clocks go on from there, and events and queries up to these times, which others may tell again
   * after a rejoin, are not told a second time. Default none.
   */
  readonly restoredClocks?: RestoredClocks;
  /** When another node claims our name, ask the others whom they mean, and report it. Default true. */
  readonly resolveNameConflicts?: boolean;
  /** Requests of ours in flight. Default 1024; beyond it a request fails with outbox_full. */
  readonly maxOutboundRequests?: number;
  /** Requests of others waiting for `respond`. Default 1024; beyond it the asker is told to try again. */
  readonly maxInboundRequests?: number;
  /** Answers kept so that a repeated request is not carried out twice. Default 4096. */
  readonly maxRememberedRequests?: number;
  /** Largest body of a direct message in bytes. Default 1 MiB. */
  readonly maxDirectBytes?: number;
  /** First wait before a direct message is sent again; doubled each time. Default 200 ms. */
  readonly directRetryMs?: number;
  /** Default time a request may take in all. Default 5 s. */
  readonly directTimeoutMs?: number;
}

export interface ResolvedGossipOptions extends Required<GossipOptions> {
  readonly tags: Tags;
}

export const DEFAULTS = Object.freeze({
  tags: Object.freeze({}) as Tags,
  profile: LAN,
  nearRttMs: 300,
  rttRowIntervalMs: 0,
  keys: Object.freeze([]) as readonly Uint8Array[],
  label: "",
  compress: true,
  maxMembers: 4096,
  maxQueuedBroadcasts: 4096,
  maxStreams: 128,
  maxStreamBytes: 20 * 1024 * 1024,
  maxRelayedProbes: 1024,
  deadNodeReclaimMs: 0,
  maxRecentIntents: 4096,
  recentIntentTimeoutMs: 5 * 60_000,
  reapIntervalMs: 15_000,
  reconnectIntervalMs: 30_000,
  reconnectTimeoutMs: 24 * 3_600_000,
  tombstoneTimeoutMs: 24 * 3_600_000,
  broadcastTimeoutMs: 5_000,
  leavePropagateMs: 1_000,
  coalescePeriodMs: 0,
  coalesceQuiescentMs: 1_000,
  serfProtocol: 5,
  restoredClocks: Object.freeze({ member: 0, event: 0, query: 0 }) as RestoredClocks,
  resolveNameConflicts: true,
  maxOutboundRequests: 1024,
  maxInboundRequests: 1024,
  maxRememberedRequests: 4096,
  maxDirectBytes: 1024 * 1024,
  directRetryMs: 200,
  directTimeoutMs: 5_000,
}) satisfies Omit<Required<GossipOptions>, "name" | "advertise">;

export const MAX_NAME_LENGTH = 128;
const MAX_LABEL_BYTES = 255;

/** Fills in defaults and checks what belongs together. Throws UsageError "bad_option" and says which. */
export function resolveOptions(options: GossipOptions): ResolvedGossipOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved = { ...DEFAULTS, ...Object.fromEntries(given) } as ResolvedGossipOptions;
  const { profile } = resolved;
  check(resolved.name.length >= 1 && resolved.name.length <= MAX_NAME_LENGTH, "name must have 1..128 characters");
  check(isPort(resolved.advertise.port), "advertise.port must be 1..65535");
  check(profile.probeTimeoutMs > 0, "probeTimeoutMs must be positive");
  check(profile.probeTimeoutMs < profile.probeIntervalMs, "probeTimeoutMs must be below probeIntervalMs");
  check(profile.gossipIntervalMs > 0, "gossipIntervalMs must be positive");
  check(profile.pushPullIntervalMs > 0, "pushPullIntervalMs must be positive");
  check(profile.awarenessMaxMultiplier >= 1, "awarenessMaxMultiplier must be at least 1");
  check(profile.suspicionMaxTimeoutMult >= 1, "suspicionMaxTimeoutMult must be at least 1");
  check(resolved.nearRttMs >= 0 && resolved.nearRttMs < LAN.probeTimeoutMs, "nearRttMs must be 0..499");
  check(resolved.directRetryMs > 0, "directRetryMs must be positive");
  for (const key of resolved.keys) check([16, 24, 32].includes(key.length), "keys must have 16, 24 or 32 bytes");
  check(utf8Length(resolved.label) <= MAX_LABEL_BYTES, "label must have at most 255 bytes");
  check([2, 3, 4, 5].includes(resolved.serfProtocol), "serfProtocol must be 2..5");
  for (const [clock, time] of Object.entries(resolved.restoredClocks)) {
    check(Number.isSafeInteger(time) && time >= 0, `restoredClocks.${clock} must be a whole number`);
  }
  for (const [field, value] of Object.entries(resolved)) {
    const bad = field.startsWith("max") && (typeof value !== "number" || !Number.isInteger(value) || value < 1);
    check(!bad, `${field} must be a whole number of at least 1`);
  }
  return Object.freeze(resolved);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new UsageError("bad_option", message);
}
