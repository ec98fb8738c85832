// One member of the cluster: the layers wired together behind the contract of core.ts.

import { RowExchange } from "./coordinate/row-exchange.ts";
import type {
  CoordinateSnapshot,
  DirectReply,
  ForceLeaveOptions,
  GossipCore,
  JoinOptions,
  KeyQuestion,
  QueryOptions,
  RequestOptions,
  RttEstimate,
  UserEventOptions,
} from "./core.ts";
import { Direct, speaksDirect } from "./direct/direct.ts";
import { MAX_TOPIC_LENGTH } from "./direct/envelope.ts";
import { PROTOCOL_MAX_WITH_CRC, protocolMax } from "./membership/member.ts";
import { Membership } from "./membership/membership.ts";
import { type GossipOptions, type ResolvedGossipOptions, resolveOptions } from "./options.ts";
import type { Random } from "./random.ts";
import { snapshotOf } from "./serf/member-list.ts";
import { Serf } from "./serf/serf.ts";
import type { GossipSink, Member, StreamInput } from "./sink.ts";
import {
  type Aead,
  assert,
  type CommandId,
  commandId,
  type DurationMs,
  type Endpoint,
  type InboundQueryId,
  type InboundRequestId,
  type InstantMs,
  type NodeName,
  nodeName,
  type StreamId,
  type Tags,
  UsageError,
} from "./types.ts";
import { encodeMessage } from "./wire/encode-message.ts";
import { Keyring } from "./wire/keyring.ts";

/**
 * Makes a member; nothing happens before `start`. Throws UsageError "bad_option". Keys need an Aead.
 * The sink must not call back: the core asserts it.
 */
export function createGossip(options: GossipOptions, sink: GossipSink, random: Random, aead?: Aead): GossipCore {
  const resolved = resolveOptions(options);
  if (resolved.keys.length === 0) return new Gossip(resolved, sink, random, undefined);
  if (aead === undefined) throw new UsageError("bad_option", "keys need an Aead");
  return new Gossip(resolved, sink, random, new Keyring(aead, resolved.keys));
}

class Gossip implements GossipCore {
  readonly #options: ResolvedGossipOptions;
  readonly #serf: Serf;
  readonly #membership: Membership;
  readonly #direct: Direct;
  readonly #rows: RowExchange;
  #nowMs: InstantMs = Number.NEGATIVE_INFINITY;
  #isBusy = false;
  #isStarted = false;
  /** Woken late: until then packets that waited are read before anybody is judged. */
  #graceUntilMs: InstantMs = Number.NEGATIVE_INFINITY;
  #lateWakes = 0;
  #lastCommand = 0;

  constructor(options: ResolvedGossipOptions, sink: GossipSink, random: Random, keyring: Keyring | undefined) {
    this.#options = options;
    const self = nodeName(options.name);
    this.#serf = new Serf({
      options,
      sink,
      random: random.fork("serf"),
      keyring,
      direct: (body, source, nowMs) => this.#direct.handle(body, source, nowMs),
      gone: (name) => this.#direct.outbox.gone(name),
    });
    this.#membership = new Membership({
      options,
      sink,
      random: random.fork("membership"),
      keyring,
      delegate: this.#serf,
    });
    this.#serf.attach(this.#membership);
    const { sender } = this.#membership;
    this.#direct = new Direct({
      options,
      self,
      sink,
      random: random.fork("direct"),
      member: (name) => this.member(name),
      fits: (payloadBytes) => sender.fits(payloadBytes + 1),
      sendPacket: (to, payload) => this.#sendUser(to, payload),
      sendStream: (to, payload, nowMs) => this.#membership.sendUserByStream(to, payload, nowMs),
      rows: (rows, nowMs) => this.#rows.handle(rows, nowMs),
    });
    this.#rows = new RowExchange({
      intervalMs: options.rttRowIntervalMs,
      self,
      random: random.fork("rows"),
      locator: this.#serf.locator,
      speakers: () => this.#speakers(),
      isMember: (name) => this.#serf.members.get(name)?.status === "alive",
      send: (to, rows, nowMs) => this.#direct.sendRows(to, rows, nowMs),
    });
  }

  start(nowMs: InstantMs): void {
    if (this.#isStarted) throw new UsageError("already_started", "start is called once");
    this.#isStarted = true;
    this.#run(nowMs, (now) => {
      this.#serf.start(now);
      this.#rows.start(now);
    });
  }

  handlePacket(from: Endpoint, bytes: Uint8Array, nowMs: InstantMs): void {
    this.#enter(nowMs);
    this.#membership.handlePacket(from, bytes, this.#nowMs);
    this.#leave();
  }

  handleStream(id: StreamId, input: StreamInput, nowMs: InstantMs): void {
    this.#enter(nowMs);
    this.#membership.handleStream(id, input, this.#nowMs);
    this.#leave();
  }

  handleTimeout(nowMs: InstantMs): void {
    this.#enter(nowMs);
    if (!this.#isWokenLate()) {
      this.#membership.handleTimeout(this.#nowMs);
      this.#direct.handleTimeout(this.#nowMs);
      this.#serf.handleTimeout(this.#nowMs);
      this.#rows.handleTimeout(this.#nowMs);
    }
    this.#leave();
  }

  deadlineMs(): InstantMs {
    return Math.max(this.#earliestMs(), this.#graceUntilMs);
  }

  join(addresses: readonly Endpoint[], nowMs: InstantMs, options: JoinOptions = {}): CommandId {
    const id = this.#nextCommand();
    this.#run(nowMs, (now) => this.#serf.join(id, addresses, options, now));
    return id;
  }

  leave(nowMs: InstantMs): void {
    this.#run(nowMs, (now) => this.#serf.leave(now));
  }

  forceLeave(name: string, nowMs: InstantMs, options: ForceLeaveOptions = {}): void {
    this.#run(nowMs, (now) => this.#serf.forceLeave(nodeName(name), options, now));
  }

  setTags(tags: Tags, nowMs: InstantMs): void {
    this.#run(nowMs, (now) => this.#serf.setTags(tags, now));
  }

  suspect(name: string, nowMs: InstantMs): boolean {
    let hadEffect = false;
    this.#run(nowMs, (now) => {
      const { table, prober, self } = this.#membership;
      const record = table.get(nodeName(name));
      if (record !== undefined && record.name !== self) hadEffect = prober.confirm(record, now);
    });
    return hadEffect;
  }

  members(): readonly Member[] {
    return Array.from(this.#serf.members.all(), (member) => this.#snapshot(member.name) ?? snapshotOf(member));
  }

  member(name: string): Member | undefined {
    return this.#snapshot(nodeName(name));
  }

  localMember(): Member {
    const member = this.#snapshot(this.#membership.self);
    if (member === undefined) throw new UsageError("not_started", "start the member first");
    return member;
  }

  coordinate(name?: string): CoordinateSnapshot | undefined {
    return this.#serf.locator.coordinate(name ?? this.#options.name);
  }

  rtt(a: string, b?: string): RttEstimate | undefined {
    return this.#serf.locator.rtt(a, b ?? this.#options.name);
  }

  measuredRtts(): ReadonlyMap<NodeName, DurationMs> {
    return this.#serf.locator.measured();
  }

  measuredRtt(a: string, b?: string): DurationMs | undefined {
    return this.#serf.locator.measuredBetween(nodeName(a), nodeName(b ?? this.#options.name));
  }

  request(
    node: string,
    topic: string,
    body: Uint8Array,
    options: RequestOptions & { readonly nowMs: InstantMs },
  ): CommandId {
    if (topic.length > MAX_TOPIC_LENGTH) throw new UsageError("bad_topic", "a topic has at most 128 characters");
    const timeoutMs = options.timeoutMs ?? this.#options.directTimeoutMs;
    if (!(timeoutMs > 0 && timeoutMs <= 0x7fff_ffff)) throw new UsageError("bad_timeout", "timeoutMs must be positive");
    const id = this.#nextCommand();
    this.#run(options.nowMs, (now) => this.#direct.request({ id, to: nodeName(node), topic, body, timeoutMs }, now));
    return id;
  }

  cancelRequest(id: CommandId): void {
    this.#direct.outbox.cancel(id);
  }

  respond(id: InboundRequestId, reply: DirectReply, nowMs: InstantMs): boolean {
    let wasWanted = false;
    this.#run(nowMs, (now) => {
      wasWanted = this.#direct.respond(id, reply, now);
    });
    return wasWanted;
  }

  userEvent(name: string, payload: Uint8Array, options: UserEventOptions & { readonly nowMs: InstantMs }): void {
    this.#run(options.nowMs, (nowMs) => this.#serf.userEvent(name, payload, { ...options, nowMs }));
  }

  query(name: string, payload: Uint8Array, options: QueryOptions & { readonly nowMs: InstantMs }): CommandId {
    const id = this.#nextCommand();
    this.#run(options.nowMs, (now) => this.#serf.query(id, { name, payload, options }, now));
    return id;
  }

  keyQuery(question: KeyQuestion, nowMs: InstantMs): CommandId {
    const id = this.#nextCommand();
    this.#run(nowMs, (now) => this.#serf.keyQuery(id, question, now));
    return id;
  }

  cancelQuery(id: CommandId): void {
    this.#serf.desk.cancel(id);
  }

  respondToQuery(id: InboundQueryId, payload: Uint8Array, nowMs: InstantMs): void {
    this.#run(nowMs, (now) => this.#serf.desk.respond(id, payload, now));
  }

  stats(): Readonly<Record<string, number>> {
    const { table, queue, health, rumours, prober, exchanges, sender } = this.#membership;
    const { members, intentQueue, carrier, desk, statuses, locator } = this.#serf;
    return {
      members: members.size,
      members_alive: members.count("alive"),
      members_leaving: members.count("leaving"),
      members_left: members.count("left"),
      members_failed: members.count("failed"),
      known_nodes: table.size,
      health_score: health.score,
      incarnation: table.get(this.#membership.self)?.incarnation ?? 0,
      refutations: rumours.refutations,
      suspicions: rumours.suspicionCount,
      stale_claims: rumours.staleClaims,
      repeated_messages: this.#membership.reader.repeated,
      late_wakes: this.#lateWakes,
      relayed_probes: prober.relayedCount,
      streams: exchanges.openCount,
      exchanges: exchanges.exchangeCount,
      broadcast_queue: queue.size,
      intent_queue: intentQueue.size,
      event_queue: carrier.eventQueue.size,
      query_queue: carrier.queryQueue.size,
      recent_intents: statuses.intentCount,
      member_time: statuses.clock.time(),
      event_time: carrier.events.clock.time(),
      query_time: carrier.queries.clock.time(),
      queries_asked: desk.asked.size,
      queries_heard: desk.heard.size,
      coordinate_resets: locator.resets,
      rtt_rows: locator.rows.size,
      packets_sent: sender.packetsSent,
      packet_bytes_sent: sender.bytesSent,
      requests_outbound: this.#direct.outbox.size,
      requests_inbound: this.#direct.inbox.size,
      requests_repeated: this.#direct.outbox.repeats,
      requests_remembered: this.#direct.inbox.rememberedCount,
    };
  }

  #speakers(): NodeName[] {
    const speakers: NodeName[] = [];
    for (const member of this.#serf.members.all()) {
      if (member.status === "alive" && member.name !== this.#membership.self && speaksDirect(member)) {
        speakers.push(member.name);
      }
    }
    return speakers;
  }

  /** Incarnations move without an event, so they are read where they live. */
  #snapshot(name: NodeName): Member | undefined {
    const member = this.#serf.members.get(name);
    if (member === undefined) return undefined;
    const record = this.#membership.table.get(name);
    if (record !== undefined) member.incarnation = record.incarnation;
    return snapshotOf(member);
  }

  #sendUser(to: NodeName, payload: Uint8Array): void {
    const record = this.#membership.table.get(to);
    const endpoint = record?.endpoint ?? this.#serf.members.get(to)?.endpoint;
    if (endpoint === undefined) return;
    const crc = record !== undefined && protocolMax(record) >= PROTOCOL_MAX_WITH_CRC;
    this.#membership.sender.sendBare(endpoint, [encodeMessage({ kind: "user", payload })], crc);
  }

  #earliestMs(): InstantMs {
    const upperMs = Math.min(this.#direct.deadlineMs(), this.#rows.deadlineMs());
    return Math.min(this.#membership.deadlineMs(), this.#serf.deadlineMs(), upperMs);
  }

  /**
   * A process that was paused finds its deadlines missed and the answers it waits for unread in its sockets. Reading first
   * saves others from being suspected for our own pause; Lifeguard's local health remembers that it was ours.
   */
  #isWokenLate(): boolean {
    if (this.#nowMs < this.#graceUntilMs) return true;
    const lateMs = this.#nowMs - Math.max(this.#earliestMs(), this.#graceUntilMs);
    if (lateMs <= this.#membership.timings.shortestProbeTimeoutMs) return false;
    this.#graceUntilMs = this.#nowMs + this.#options.profile.gossipIntervalMs;
    this.#lateWakes += 1;
    this.#membership.health.apply(1);
    return true;
  }

  #nextCommand(): CommandId {
    this.#lastCommand += 1;
    return commandId(this.#lastCommand);
  }

  #run(nowMs: InstantMs, command: (now: InstantMs) => void): void {
    this.#enter(nowMs);
    try {
      command(this.#nowMs);
    } finally {
      this.#leave();
    }
  }

  #enter(nowMs: InstantMs): void {
    assert(!this.#isBusy, "the sink never calls the core");
    assert(this.#isStarted, "a member is started before it is used");
    this.#isBusy = true;
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
  }

  #leave(): void {
    this.#serf.settle(this.#nowMs);
    this.#membership.settle(this.#nowMs);
    this.#isBusy = false;
  }
}
