/**
 * Every metric of a node: name, unit, labels, help. One registry an app, so that two apps can run in one process. Labels
 * come from closed lists (or the names of the mesh's own nodes), never from users.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { MediaStats, TrunkStats } from "../media/control.ts";
import type { RelayPeerStats } from "../relay/relay-stats.ts";

export const HTTP_BUCKETS_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const QUALITY_BUCKETS = [1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5];

/** Codes of refused socket messages; anything else is counted as "other". */
const REFUSAL_CODES: ReadonlySet<string> = new Set([
  "bad_message",
  "hello_first",
  "hello_late",
  "already_greeted",
  "token_invalid",
  "token_expired",
  "token_used",
  "protocol_unsupported",
  "not_joined",
  "already_joined",
  "session_superseded",
  "room_full",
  "rate_limited",
  "store_unavailable",
  "node_full",
  "unknown_track",
  "unknown_participant",
  "not_allowed",
  "sdp_malformed",
  "sdp_unsupported",
  "sdp_too_large",
  "peer_limit",
  "media_unavailable",
  "oversize",
  "binary",
  "slow",
  "internal",
]);

/** Read at each scrape. */
export interface MetricSources {
  readonly nodes: () => number;
  readonly sessions: () => number;
  readonly rooms: () => readonly { readonly local: number; readonly remote: number }[];
  readonly media: () => Promise<MediaStats>;
  /** Figures of trunks by the node that they lead to; totals only grow. */
  readonly relay: (trunks: readonly TrunkStats[]) => readonly RelayPeerStats[];
  /** Nodes whose streams come over a third one now, and streams that this node forwards for others. */
  readonly relayWays?: () => { readonly detours: number; readonly forwarded: number };
  /** Trunk messages of other nodes that were refused, by reason. */
  readonly relayRefused: () => Readonly<Record<string, number>>;
  /** Data messages by what became of them, and moderators' deeds; both keys from closed lists. */
  readonly data?: () => Readonly<Record<string, number>>;
  readonly moderation?: () => Readonly<Record<string, number>>;
  /** Counters of gossip by name; what is no letter or digit becomes an underscore. */
  readonly gossip: () => Readonly<Record<string, number>>;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #lazy = new Map<string, Counter>();
  readonly #httpSeconds = new Histogram({
    name: "hearsay_http_request_duration_seconds",
    help: "Time from request to answer, by route and class of status",
    labelNames: ["route", "status"],
    buckets: HTTP_BUCKETS_SECONDS,
    registers: [this.registry],
  });
  readonly #refusals = this.#counter("hearsay_socket_refusals_total", "Socket messages refused, by code", ["code"]);
  readonly #messages = this.#counter("hearsay_socket_messages_total", "Socket messages received, by type", ["type"]);
  readonly #ended = this.#counter("hearsay_sessions_ended_total", "Rooms left by sessions of this node, by reason", [
    "reason",
  ]);
  readonly #resumed = this.#counter("hearsay_sessions_resumed_total", "Hellos, by what they did", ["how"]);
  readonly #reaped = this.#counter("hearsay_sessions_reaped_total", "Sessions of dead nodes removed by this node", []);
  readonly #chat = this.#counter("hearsay_chat_messages_total", "Text messages sent through this node", ["outcome"]);
  readonly #storeAway = this.#counter(
    "hearsay_store_unavailable_total",
    "Requests refused because a store was away",
    [],
  );
  readonly #nodes = this.#gauge("hearsay_mesh_nodes", "Alive nodes that this node knows, itself included", []);
  readonly #sessions = this.#gauge("hearsay_sessions", "Sessions of this node, resumable ones included", []);
  readonly #rooms = this.#gauge("hearsay_rooms", "Rooms with somebody on this node", []);
  readonly #people = this.#gauge("hearsay_participants", "Participants in rooms of this node, by where they are", [
    "where",
  ]);
  readonly #peers = this.#gauge("hearsay_media_peers", "Media transports of clients", []);
  readonly #tracks = this.#gauge("hearsay_media_tracks", "Tracks published here or arriving by trunk", []);
  readonly #lag = this.#gauge(
    "hearsay_media_event_loop_delay_seconds",
    "p99 of the media workers' event loop delay",
    [],
  );
  readonly #dropped = this.#counter("hearsay_media_dropped_total", "Packets and messages refused, by reason", [
    "reason",
  ]);
  readonly #relayStreams = this.#gauge("hearsay_relay_streams", "Streams on the trunk to a node", ["peer"]);
  readonly #relayPackets = this.#counter("hearsay_relay_packets_total", "Packets over a trunk, both ways", ["peer"]);
  readonly #relayBytes = this.#counter("hearsay_relay_bytes_total", "Bytes over a trunk, both ways", ["peer"]);
  readonly #relayLost = this.#counter("hearsay_relay_lost_packets_total", "Packets lost on a trunk", ["peer"]);
  readonly #relayRepaired = this.#counter("hearsay_relay_repaired_packets_total", "Lost packets that came again", [
    "peer",
  ]);
  readonly #relayRtt = this.#gauge("hearsay_relay_rtt_seconds", "Round trip on a trunk", ["peer"]);
  readonly #relayJitter = this.#gauge("hearsay_relay_jitter_seconds", "Interarrival jitter on a trunk", ["peer"]);
  readonly #relayDetours = this.#gauge("hearsay_relay_detours", "Nodes whose streams come over a third one", []);
  readonly #relayForwarded = this.#gauge(
    "hearsay_relay_forwarded_streams",
    "Streams that this node carries between two others",
    [],
  );
  readonly #relayDuplicated = this.#gauge(
    "hearsay_relay_audio_duplicated",
    "1 while audio goes twice over the trunk to a node, because it loses packets",
    ["peer"],
  );
  readonly #relayRefused = this.#counter("hearsay_relay_refused_total", "Trunk messages refused, by reason", [
    "reason",
  ]);

  readonly #data = this.#counter("hearsay_data_messages_total", "Data messages, by what became of them", ["outcome"]);
  readonly #deeds = this.#counter("hearsay_moderation_total", "Moderators' deeds towards people of this node", [
    "action",
  ]);
  readonly #quality = new Histogram({
    name: "hearsay_quality_score",
    help: "Scores of this node's people, 1 to 5, looked at every 2 s",
    buckets: [...QUALITY_BUCKETS],
    registers: [this.registry],
  });

  /** `defaults`: the process's own metrics too; they hold a timer-free but process-wide observer, so tests leave them out. */
  constructor(options: { readonly version: string; readonly defaults: boolean }) {
    this.#gauge("hearsay_build_info", "1, labelled with the version", ["version"]).set({ version: options.version }, 1);
    if (options.defaults) collectDefaultMetrics({ register: this.registry, prefix: "hearsay_" });
  }

  /** `route` is a path of the route table, or "other". */
  httpAnswered(request: { readonly route: string; readonly status: number; readonly seconds: number }): void {
    const labels = { route: request.route, status: `${Math.floor(request.status / 100)}xx` };
    this.#httpSeconds.observe(labels, request.seconds);
  }

  socketMessage(type: string): void {
    this.#messages.inc({ type });
  }

  socketRefusal(code: string): void {
    this.#refusals.inc({ code: REFUSAL_CODES.has(code) ? code : "other" });
  }

  greeted(how: "new" | "resumed" | "moved" | "restarted"): void {
    this.#resumed.inc({ how });
  }

  roomLeft(reason: "left" | "timeout" | "nodeFailed" | "removed" | "superseded"): void {
    this.#ended.inc({ reason });
  }

  quality(score: number): void {
    this.#quality.observe(score);
  }

  sessionsReaped(count: number): void {
    this.#reaped.inc(count);
  }

  chatMessage(outcome: "stored" | "repeated"): void {
    this.#chat.inc({ outcome });
  }

  storeUnavailable(): void {
    this.#storeAway.inc();
  }

  /** The exposition text. What cannot be read now is left out. */
  async render(sources: MetricSources): Promise<string> {
    this.#nodes.set(sources.nodes());
    this.#sessions.set(sources.sessions());
    const rooms = sources.rooms();
    this.#rooms.set(rooms.length);
    this.#people.set({ where: "here" }, sum(rooms.map((room) => room.local)));
    this.#people.set({ where: "elsewhere" }, sum(rooms.map((room) => room.remote)));
    this.#setAll("gossip", sources.gossip());
    setReasons(this.#relayRefused, sources.relayRefused());
    const ways = sources.relayWays?.();
    if (ways !== undefined) {
      this.#relayDetours.set(ways.detours);
      this.#relayForwarded.set(ways.forwarded);
    }
    for (const [outcome, count] of resetFor(this.#data, sources.data?.())) this.#data.inc({ outcome }, count);
    for (const [action, count] of resetFor(this.#deeds, sources.moderation?.())) this.#deeds.inc({ action }, count);
    const media = await sources.media().catch(() => undefined);
    if (media !== undefined) this.#setMedia(media, sources.relay(media.trunks));
    return this.registry.metrics();
  }

  #setMedia(media: MediaStats, peers: readonly RelayPeerStats[]): void {
    this.#peers.set(media.peers);
    this.#tracks.set(media.tracks);
    this.#lag.set(media.eventLoopDelayP99Ms / 1000);
    this.#setAll("media", media.counters);
    setReasons(this.#dropped, media.dropped);
    const gauges = [this.#relayStreams, this.#relayRtt, this.#relayJitter, this.#relayDuplicated];
    for (const metric of gauges) metric.reset();
    for (const metric of [this.#relayPackets, this.#relayBytes, this.#relayLost, this.#relayRepaired]) metric.reset();
    for (const stats of peers) this.#setPeer(stats);
  }

  #setPeer(stats: RelayPeerStats): void {
    const { peer } = stats;
    this.#relayStreams.set({ peer }, stats.streams);
    this.#relayPackets.inc({ peer }, stats.packetsTotal);
    this.#relayBytes.inc({ peer }, stats.bytesTotal);
    this.#relayLost.inc({ peer }, stats.lostPacketsTotal);
    this.#relayRepaired.inc({ peer }, stats.repairedPacketsTotal);
    this.#relayDuplicated.set({ peer }, stats.audioDuplicated ? 1 : 0);
    if (stats.rttSeconds !== undefined) this.#relayRtt.set({ peer }, stats.rttSeconds);
    if (stats.jitterSeconds !== undefined) this.#relayJitter.set({ peer }, stats.jitterSeconds);
  }

  /** Counters that a part keeps itself: hearsay_<part>_<name>_total. */
  #setAll(part: string, counters: Readonly<Record<string, number>>): void {
    for (const [key, value] of Object.entries(counters)) {
      const name = `hearsay_${part}_${key.replaceAll(/[^a-zA-Z0-9]/g, "_")}_total`;
      if (!Number.isFinite(value) || value < 0) continue;
      const counter = this.#lazy.get(name) ?? this.#counter(name, `${key} of ${part}`, []);
      this.#lazy.set(name, counter);
      counter.reset();
      counter.inc(value);
    }
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }
}

function resetFor(
  counter: Counter,
  counts: Readonly<Record<string, number>> = {},
): readonly (readonly [string, number])[] {
  counter.reset();
  return Object.entries(counts);
}

/** Takes over counts that another part keeps by reason, from closed lists of its own. */
function setReasons(counter: Counter<"reason">, counts: Readonly<Record<string, number>>): void {
  counter.reset();
  for (const [reason, count] of Object.entries(counts)) counter.inc({ reason }, count);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
