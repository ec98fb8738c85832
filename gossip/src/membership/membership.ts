// The SWIM machine as a whole: packets, streams and time in; through its parts; to the sink and the layer above.

import { addressBytes } from "../address.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { DropReason, GossipSink, StreamInput } from "../sink.ts";
import {
  assertNever,
  type DurationMs,
  type Endpoint,
  type InstantMs,
  type NodeName,
  nodeName,
  type StreamId,
  UsageError,
} from "../types.ts";
import type { Keyring } from "../wire/keyring.ts";
import type { PushPullMessage, PushPullNode, WireMessage } from "../wire/messages.ts";
import { BroadcastQueue } from "./broadcast-queue.ts";
import type { MembershipDelegate } from "./delegate.ts";
import { type Dial, Exchanges, type MergeOutcome, type Settled } from "./exchanges.ts";
import { LocalHealth } from "./local-health.ts";
import { isRunning, type MemberRecord, PROTOCOL_MAX_WITH_CRC, protocolMax } from "./member.ts";
import { MemberTable } from "./member-table.ts";
import { type PacketHandler, PacketReader } from "./packet-reader.ts";
import { PacketSender, type Secrecy } from "./packet-sender.ts";
import type { ProbeRound } from "./probe.ts";
import { ProbeTargets } from "./probe-targets.ts";
import { Prober } from "./prober.ts";
import { areCompatible, claimOf, pushPullIntervalMs } from "./push-pull.ts";
import { Rumours } from "./rumours.ts";
import { Ticker } from "./ticker.ts";
import { Timings } from "./timing.ts";

export interface MembershipPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  readonly random: Random;
  readonly keyring: Keyring | undefined;
  readonly delegate: MembershipDelegate;
}

const NO_STREAM = (): void => undefined;
const NOWHERE: Endpoint = { host: "", port: 0 };

export class Membership {
  readonly self: NodeName;
  readonly table: MemberTable;
  readonly sender: PacketSender;
  readonly queue: BroadcastQueue;
  readonly health: LocalHealth;
  readonly timings: Timings;
  readonly rumours: Rumours;
  readonly prober: Prober;
  readonly exchanges: Exchanges;
  readonly reader: PacketReader;
  readonly #ports: MembershipPorts;
  readonly #random: Random;
  readonly #pushPullTicker: Ticker;
  /** Of the packet that is being read: one handler serves them all. */
  #packetFrom: Endpoint = NOWHERE;
  #packetMs: InstantMs = 0;
  readonly #packetHandler: PacketHandler = {
    handle: (message) => this.#handleMessage(message, this.#packetFrom, this.#packetMs),
    dropped: (reason) => this.#ports.sink.dropped(reason, this.#packetFrom),
  };
  /** No round of gossip before. */
  #gossipAllowedMs: InstantMs = Number.NEGATIVE_INFINITY;
  /** The next round; infinity while there is nothing to tell. */
  #gossipDueMs: InstantMs = Number.POSITIVE_INFINITY;

  constructor(ports: MembershipPorts) {
    const { options, sink, random, keyring, delegate } = ports;
    const { profile } = options;
    this.#ports = ports;
    this.#random = random;
    this.self = nodeName(options.name);
    const secrecy: Secrecy = {
      ...(keyring === undefined ? {} : { keyring }),
      ...(options.label === "" ? {} : { label: options.label }),
    };
    this.reader = new PacketReader(secrecy, random.fork("reader"));
    this.table = new MemberTable({
      self: this.self,
      maxMembers: options.maxMembers,
      random: random.fork("table"),
      departed: () => this.reader.forgetRepeats(),
    });
    this.queue = new BroadcastQueue(options.maxQueuedBroadcasts);
    this.health = new LocalHealth(profile.awarenessMaxMultiplier);
    const { compress } = options;
    this.sender = new PacketSender({ sink, secrecy, compress, retransmitMult: profile.retransmitMult });
    this.sender.addSource({ queue: this.queue, memberCount: () => this.table.size });
    const selfAddr = addressBytes(options.advertise.host);
    if (selfAddr === undefined) throw new UsageError("bad_option", "advertise.host must be an IP literal");
    const dropped = (reason: DropReason, from: Endpoint | undefined): void => sink.dropped(reason, from);
    const shared = { options, self: this.self, table: this.table, health: this.health, dropped };
    const tell = (record: MemberRecord, message: Uint8Array): void =>
      this.sender.sendBare(record.endpoint, [message], protocolMax(record) >= PROTOCOL_MAX_WITH_CRC);
    this.timings = new Timings(options, (name) => delegate.measuredRtt(name));
    const { timings } = this;
    const targets = new ProbeTargets({
      ...shared,
      timings,
      random: random.fork("near"),
      forgetAfterMs: profile.gossipToTheDeadMs,
    });
    const met = (record: MemberRecord): void => targets.met(record);
    this.rumours = new Rumours({ ...shared, selfAddr, queue: this.queue, delegate, tell, timings, met });
    this.prober = new Prober({
      ...shared,
      timings,
      targets,
      sender: this.sender,
      replyTo: { addr: selfAddr, port: options.advertise.port, node: this.self },
      pingByStream: (round, timeoutMs, nowMs) => this.#pingByStream(round, timeoutMs, nowMs),
      ackPayload: () => delegate.ackPayload(),
      answered: (target, rttMs, payload) => delegate.probed(target, rttMs, payload),
      answeredLate: (target, rttMs) => delegate.measured(target, rttMs),
      unreachable: (claim, nowMs) => this.rumours.claimSuspect(claim, nowMs),
    });
    this.exchanges = new Exchanges({
      ...shared,
      sink,
      secrecy,
      localState: (join) => this.#localState(join),
      merge: (remote, nowMs) => this.#merge(remote, nowMs),
      userMessage: (payload, source, nowMs) => delegate.userMessage(payload, source, nowMs),
    });
    this.#pushPullTicker = new Ticker(profile.pushPullIntervalMs);
  }

  /** Enters ourselves and starts the schedules, each at a phase of chance so that a fleet does not tick in step. */
  start(meta: Uint8Array, nowMs: InstantMs): void {
    const { profile } = this.#ports.options;
    this.rumours.announceSelf(meta, nowMs);
    this.prober.start(nowMs + this.timings.shortestProbeIntervalMs * (0.5 + this.#random.next()));
    this.#gossipAllowedMs = nowMs + profile.gossipIntervalMs * this.#random.next();
    this.#pushPullTicker.start(nowMs + profile.pushPullIntervalMs * (1 + this.#random.next()));
  }

  deadlineMs(): InstantMs {
    return Math.min(
      this.prober.deadlineMs(),
      this.rumours.deadlineMs(),
      this.exchanges.deadlineMs(),
      this.#gossipDueMs,
      this.#pushPullTicker.deadlineMs(),
    );
  }

  handleTimeout(nowMs: InstantMs): void {
    this.exchanges.handleTimeout(nowMs);
    this.prober.handleTimeout(nowMs);
    this.rumours.handleTimeout(nowMs);
    if (nowMs >= this.#gossipDueMs) this.#gossip(nowMs);
    if (this.#pushPullTicker.take(nowMs)) this.#pushPull(nowMs);
  }

  /**
   * After any input: what there is to tell now is told at once, unless the last round was less than an interval ago. The
   * reference waits for its next tick, which costs every hop half an interval and nobody saves a packet by it.
   */
  settle(nowMs: InstantMs): void {
    if (this.sender.isIdle) this.#gossipDueMs = Number.POSITIVE_INFINITY;
    else if (this.#gossipDueMs === Number.POSITIVE_INFINITY) this.#gossipDueMs = Math.max(nowMs, this.#gossipAllowedMs);
  }

  handlePacket(from: Endpoint, bytes: Uint8Array, nowMs: InstantMs): void {
    this.#packetFrom = from;
    this.#packetMs = nowMs;
    const { waiting } = this.sender;
    this.reader.read(bytes, this.#packetHandler);
    if (this.sender.waiting > waiting) this.sender.aware.note(from);
  }

  handleStream(id: StreamId, input: StreamInput, nowMs: InstantMs): void {
    this.exchanges.handle(id, input, nowMs);
  }

  /** Exchanges everything with whoever is at the address. */
  exchangeWith(to: Endpoint, exchange: { readonly join: boolean; readonly settled: Settled }, nowMs: InstantMs): void {
    const timeoutMs = this.#ports.options.profile.streamTimeoutMs;
    const message = this.#localState(exchange.join);
    this.exchanges.dial({ to, message, timeoutMs, settled: exchange.settled }, nowMs);
  }

  /** A user message by stream; nobody is told what became of it. */
  sendUserByStream(to: Endpoint, payload: Uint8Array, nowMs: InstantMs): void {
    const timeoutMs = this.#ports.options.profile.streamTimeoutMs;
    this.exchanges.dial({ to, message: { kind: "user", payload }, timeoutMs, settled: NO_STREAM }, nowMs);
  }

  /** True when the identical message could change nothing until somebody departs: see `PacketHandler`. */
  #handleMessage(message: WireMessage, from: Endpoint, nowMs: InstantMs): boolean {
    switch (message.kind) {
      case "ping":
        this.prober.handlePing(message, from);
        return false;
      case "indirectPing":
        this.prober.handleIndirectPing(message, from, nowMs);
        return false;
      case "ack":
        this.prober.handleAck(message, from, nowMs);
        return false;
      case "nack":
        this.prober.handleNack(message, from);
        return false;
      case "alive":
        this.rumours.claimAlive(message, nowMs);
        return this.rumours.isSettled(message);
      case "suspect":
        this.rumours.claimSuspect(message, nowMs);
        return false;
      case "dead":
        this.rumours.claimDead(message, nowMs);
        return false;
      case "user":
        this.#ports.delegate.userMessage(message.payload, { from, byStream: false }, nowMs);
        return true;
      default:
        return assertNever(message);
    }
  }

  #pingByStream(round: ProbeRound, timeoutMs: DurationMs, nowMs: InstantMs): void {
    const dial: Dial = {
      to: round.target.endpoint,
      message: this.prober.pingOf(round),
      timeoutMs,
      settled: (outcome) => {
        if (outcome.ok) round.streamAnswered();
      },
    };
    this.exchanges.dial(dial, nowMs);
  }

  #gossip(nowMs: InstantMs): void {
    this.#gossipDueMs = Number.POSITIVE_INFINITY;
    if (this.sender.isIdle) return;
    const { gossipNodes, gossipToTheDeadMs, gossipIntervalMs } = this.#ports.options.profile;
    this.#gossipAllowedMs = nowMs + gossipIntervalMs;
    const isAlive = (record: MemberRecord): boolean => record.state === "alive" && record.name !== this.self;
    const eligible = (record: MemberRecord): boolean =>
      record.name !== this.self &&
      (isRunning(record) || (record.state === "dead" && nowMs - record.stateChangedMs <= gossipToTheDeadMs));
    const chosen = this.table.pick(gossipNodes, eligible);
    const hasAlive = chosen.some(isAlive);
    const extra = hasAlive ? [] : this.table.pick(1, isAlive);
    // Told to the dead alone a rumour would be over before anybody heard it: in a small cluster that is not rare.
    const isHeard = hasAlive || extra.length > 0;
    for (const record of this.sender.aware.takeLast([...extra, ...chosen.slice(0, gossipNodes - extra.length)])) {
      if (!this.sender.gossip(record, { isVain: isHeard && !isAlive(record) })) return;
    }
  }

  #pushPull(nowMs: InstantMs): void {
    const { pushPullIntervalMs: baseMs } = this.#ports.options.profile;
    const intervalMs = pushPullIntervalMs(baseMs, this.table.size);
    this.#pushPullTicker.start(nowMs + intervalMs);
    const [peer] = this.table.pick(1, (record) => record.name !== this.self && record.state === "alive");
    if (peer !== undefined) this.exchangeWith(peer.endpoint, { join: false, settled: NO_STREAM }, nowMs);
  }

  #localState(join: boolean): PushPullMessage {
    const nodes: PushPullNode[] = [];
    for (const record of this.table.all()) {
      const { name, addr, endpoint, meta, incarnation, state, vsn } = record;
      nodes.push({ node: name, addr, port: endpoint.port, meta, incarnation, state, vsn });
    }
    return { kind: "pushPull", join, nodes, userState: this.#ports.delegate.localState(join) };
  }

  #merge(remote: PushPullMessage, nowMs: InstantMs): MergeOutcome {
    if (!areCompatible(this.table.all(), remote.nodes)) {
      return { ok: false, error: "a member's protocol version is incompatible" };
    }
    for (const node of remote.nodes) this.#claim(node, nowMs);
    if (remote.userState.length > 0) {
      this.#ports.delegate.mergeState(remote.userState, { join: remote.join, nowMs });
    }
    return { ok: true };
  }

  #claim(record: PushPullNode, nowMs: InstantMs): void {
    const { node, incarnation } = record;
    switch (claimOf(record)) {
      case "alive": {
        const { addr, port, meta, vsn } = record;
        this.rumours.claimAlive({ kind: "alive", node, incarnation, addr, port, meta, vsn }, nowMs);
        return;
      }
      case "suspect":
        this.rumours.claimSuspect({ kind: "suspect", node, incarnation, from: this.self }, nowMs);
        return;
      case "left":
        this.rumours.claimDead({ kind: "dead", node, incarnation, from: node }, nowMs);
        return;
    }
  }
}
