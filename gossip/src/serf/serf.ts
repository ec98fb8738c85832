// The Serf layer: intents, statuses and events over membership. Spec section 6.

import { Locator } from "../coordinate/locator.ts";
import type { ForceLeaveOptions, JoinOptions, KeyQuestion, UserEventOptions } from "../core.ts";
import { BroadcastQueue } from "../membership/broadcast-queue.ts";
import type { MembershipDelegate, MessageSource } from "../membership/delegate.ts";
import type { MemberRecord } from "../membership/member.ts";
import type { Membership } from "../membership/membership.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { GossipSink } from "../sink.ts";
import {
  assert,
  type CommandId,
  type DurationMs,
  type Endpoint,
  type InstantMs,
  type LamportTime,
  lamportTime,
  type NodeName,
  nodeName,
  type Tags,
  UsageError,
} from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { Keyring } from "../wire/keyring.ts";
import type { SerfJoin, SerfLeave, SerfPushPull } from "../wire/messages.ts";
import { encodeTags } from "../wire/meta.ts";
import { Carrier } from "./carrier.ts";
import { Departure } from "./departure.ts";
import { Joins } from "./joins.ts";
import { type LamportClock, MAX_LAMPORT_TIME } from "./lamport-clock.ts";
import type { MemberList } from "./member-list.ts";
import { QueryDesk, type Question } from "./query-desk.ts";
import { Reaper } from "./reaper.ts";
import { Statuses } from "./statuses.ts";

export interface SerfPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  readonly random: Random;
  /** Changed by key queries. Undefined: plain text. */
  readonly keyring: Keyring | undefined;
  /** A message of our own between two members. */
  direct(body: Uint8Array, source: MessageSource, nowMs: InstantMs): void;
  /** A member failed or left. */
  gone(name: NodeName, nowMs: InstantMs): void;
}

export class Serf implements MembershipDelegate {
  readonly statuses: Statuses;
  readonly locator: Locator;
  readonly carrier: Carrier;
  readonly desk: QueryDesk;
  readonly intentQueue: BroadcastQueue;
  readonly #ports: SerfPorts;
  readonly #self: NodeName;
  readonly #joins: Joins;
  readonly #reaper: Reaper;
  #membership: Membership | undefined;
  #departure: Departure | undefined;
  /** Somebody else claimed our name since the last input. */
  #isNameContested = false;
  /** Joins under way that want no history. */
  #ignoringOld = 0;

  constructor(ports: SerfPorts) {
    const { options, sink, random } = ports;
    this.#ports = ports;
    this.#self = nodeName(options.name);
    this.locator = new Locator(this.#self, random.fork("vivaldi"));
    this.intentQueue = new BroadcastQueue(options.maxQueuedBroadcasts);
    this.carrier = new Carrier({
      options,
      sink,
      send: (to, payload) => this.#sendUser(to, payload),
      heard: (query, nowMs) => this.desk.hear(query, nowMs),
      response: (response, from, nowMs) => this.desk.handleResponse(response, from, nowMs),
    });
    this.statuses = new Statuses({
      options,
      sink,
      self: this.#self,
      isAlive: () => this.isAlive,
      contradict: (nowMs) => this.#announceJoin(nowMs),
      gone: (name, nowMs) => ports.gone(name, nowMs),
      forgotten: (name) => this.locator.forget(name),
    });
    this.desk = new QueryDesk({
      options,
      sink,
      random: random.fork("queries"),
      members: this.members,
      clock: this.carrier.queries.clock,
      keyring: ports.keyring,
      spread: (query, payload) => this.carrier.spread(query, payload),
      send: (to, payload) => this.#sendUser(to, payload),
    });
    this.#joins = new Joins({
      sink,
      exchange: (to, settled, nowMs) => this.#under.exchangeWith(to, { join: true, settled }, nowMs),
    });
    this.#reaper = new Reaper({
      options,
      members: this.members,
      random: random.fork("reaper"),
      forget: (member) => this.statuses.erase(member),
      forgetOldIntents: (nowMs) => {
        this.statuses.forgetOldIntents(nowMs);
        this.statuses.forgetOldLeaves(nowMs);
      },
      reconnect: (member, nowMs) =>
        this.#under.exchangeWith(member.endpoint, { join: true, settled: () => undefined }, nowMs),
    });
  }

  /** Membership is made with us as its delegate, so it comes after us. */
  attach(membership: Membership): void {
    this.#membership = membership;
    const memberCount = (): number => this.members.size;
    membership.sender.addSource({ queue: this.intentQueue, memberCount });
    membership.sender.addSource({ queue: this.carrier.queryQueue, memberCount });
    membership.sender.addSource({ queue: this.carrier.eventQueue, memberCount });
  }

  get isAlive(): boolean {
    return this.#departure === undefined;
  }

  get members(): MemberList {
    return this.statuses.members;
  }

  start(nowMs: InstantMs): void {
    this.#under.start(this.#encodeTags(this.#ports.options.tags), nowMs);
    this.#reaper.start(nowMs);
  }

  deadlineMs(): InstantMs {
    return Math.min(
      this.#reaper.deadlineMs(),
      this.statuses.deadlineMs(),
      this.desk.deadlineMs(),
      this.carrier.deadlineMs(),
      this.#departure?.deadlineMs() ?? Number.POSITIVE_INFINITY,
    );
  }

  handleTimeout(nowMs: InstantMs): void {
    this.#reaper.handleTimeout(nowMs);
    this.statuses.handleTimeout(nowMs);
    this.desk.handleTimeout(nowMs);
    this.carrier.handleTimeout(nowMs);
    this.settle(nowMs);
  }

  /** After any input: a leave goes on as soon as its broadcast has been told. */
  settle(nowMs: InstantMs): void {
    if (this.#isNameContested && this.isAlive) this.desk.resolveConflict(nowMs);
    this.#isNameContested = false;
    const departure = this.#departure;
    const stage = departure?.advance(nowMs);
    if (departure === undefined || stage === undefined) return;
    if (stage === "farewell") {
      this.#under.rumours.leave(nowMs, () => departure.told("farewell"));
      if (this.#otherCount() === 0) departure.told("farewell");
      this.settle(nowMs);
    }
    if (stage === "done") this.#ports.sink.event({ kind: "leaveDone", complete: departure.isComplete });
  }

  join(id: CommandId, addresses: readonly Endpoint[], options: JoinOptions, nowMs: InstantMs): void {
    this.#assertAlive();
    if (options.ignoreOld === true) this.#ignoringOld += 1;
    this.#joins.start(
      id,
      addresses,
      (contacted, thenMs) => {
        if (options.ignoreOld === true) this.#ignoringOld -= 1;
        if (contacted > 0 && options.announce !== false && this.isAlive) this.#announceJoin(thenMs);
      },
      nowMs,
    );
  }

  leave(nowMs: InstantMs): void {
    this.#assertAlive();
    const departure = new Departure(this.#ports.options, nowMs);
    this.#departure = departure;
    const intent: SerfLeave = {
      kind: "leave",
      lamportTime: this.statuses.clock.time(),
      node: this.#self,
      prune: false,
    };
    this.statuses.clock.increment();
    this.statuses.handleLeave(intent, nowMs);
    if (this.#otherCount() === 0) departure.told("intent");
    else this.#queueIntent(encodeSerf(intent), () => departure.told("intent"));
    this.settle(nowMs);
  }

  forceLeave(name: NodeName, { prune = false }: ForceLeaveOptions, nowMs: InstantMs): void {
    this.#assertAlive();
    // Where an exchange brought the leave its time is one later than ours, and an order of that time would not be newer.
    if (prune) this.statuses.clock.increment();
    const intent: SerfLeave = { kind: "leave", lamportTime: this.statuses.clock.time(), node: name, prune };
    this.statuses.clock.increment();
    this.statuses.handleLeave(intent, nowMs);
    if (this.#otherCount() > 0) this.#queueIntent(encodeSerf(intent));
  }

  userEvent(name: string, payload: Uint8Array, options: UserEventOptions & { readonly nowMs: InstantMs }): void {
    this.#assertAlive();
    this.carrier.announce({ name, payload, coalesce: options.coalesce ?? false }, options.nowMs);
  }

  query(id: CommandId, question: Question, nowMs: InstantMs): void {
    this.#assertAlive();
    this.desk.ask(id, question, nowMs);
  }

  keyQuery(id: CommandId, question: KeyQuestion, nowMs: InstantMs): void {
    this.#assertAlive();
    this.desk.askKeys(id, question, nowMs);
  }

  setTags(tags: Tags, nowMs: InstantMs): void {
    this.#assertAlive();
    this.#under.rumours.announceSelf(this.#encodeTags(tags), nowMs);
  }

  joined(record: MemberRecord, nowMs: InstantMs): void {
    this.statuses.joined(record, nowMs);
  }

  updated(record: MemberRecord): void {
    this.statuses.updated(record);
  }

  departed(record: MemberRecord, nowMs: InstantMs): void {
    this.statuses.departed(record, nowMs);
  }

  conflict(record: MemberRecord, other: Endpoint): void {
    this.#ports.sink.event({ kind: "conflict", name: record.name, existing: record.endpoint, other });
    if (record.name === this.#self && this.#ports.options.resolveNameConflicts) this.#isNameContested = true;
  }

  ackPayload(): Uint8Array {
    return this.locator.ackPayload();
  }

  probed(record: MemberRecord, rttMs: DurationMs, payload: Uint8Array): void {
    const reason = this.locator.probed(record.name, rttMs, payload);
    if (reason !== undefined) this.#ports.sink.dropped(reason, record.endpoint);
  }

  measured(record: MemberRecord, rttMs: DurationMs): void {
    this.locator.measure(record.name, rttMs);
  }

  measuredRtt(name: NodeName): DurationMs | undefined {
    return this.locator.measuredRtt(name);
  }

  localState(_join: boolean): Uint8Array {
    const statusTimes = new Map<NodeName, LamportTime>();
    for (const member of this.members.all()) statusTimes.set(member.name, member.statusTime);
    return encodeSerf({
      kind: "serfPushPull",
      lamportTime: this.statuses.clock.time(),
      statusTimes,
      leftMembers: this.members.withStatus("left").map((member) => member.name),
      eventTime: this.carrier.events.clock.time(),
      events: this.carrier.events.used(),
      queryTime: this.carrier.queries.clock.time(),
    });
  }

  mergeState(state: Uint8Array, exchange: { readonly join: boolean; readonly nowMs: InstantMs }): void {
    const decoded = decodeSerf(state);
    if (!decoded.ok) {
      this.#ports.sink.dropped(decoded.reason, undefined);
      return;
    }
    if (decoded.value.kind !== "serfPushPull") {
      this.#ports.sink.dropped("unexpected_type", undefined);
      return;
    }
    this.#merge(decoded.value, exchange);
  }

  userMessage(payload: Uint8Array, source: MessageSource, nowMs: InstantMs): void {
    const decoded = decodeSerf(payload);
    if (!decoded.ok) {
      this.#ports.sink.dropped(decoded.reason, source.from);
      return;
    }
    const message = decoded.value;
    switch (message.kind) {
      case "join":
        if (this.statuses.handleJoin(message, nowMs)) this.#queueIntent(payload);
        return;
      case "leave":
        if (this.statuses.handleLeave(message, nowMs)) this.#queueIntent(payload);
        return;
      case "direct":
        this.#ports.direct(message.body, source, nowMs);
        return;
      default:
        this.carrier.handle(message, payload, { from: source.from, nowMs });
    }
  }

  #announceJoin(nowMs: InstantMs): void {
    const intent: SerfJoin = { kind: "join", lamportTime: this.statuses.clock.time(), node: this.#self };
    this.statuses.handleJoin(intent, nowMs);
    this.#queueIntent(encodeSerf(intent));
  }

  #merge(remote: SerfPushPull, exchange: { readonly join: boolean; readonly nowMs: InstantMs }): void {
    this.#witnessBefore(this.statuses.clock, remote.lamportTime);
    this.#witnessBefore(this.carrier.events.clock, remote.eventTime);
    this.#witnessBefore(this.carrier.queries.clock, remote.queryTime);
    const left = new Set(remote.leftMembers);
    for (const node of left) {
      const time = lamportTime((remote.statusTimes.get(node) ?? 0) + 1);
      this.statuses.mergeLeft(node, time, exchange.nowMs);
    }
    for (const [node, time] of remote.statusTimes) {
      if (!left.has(node)) this.statuses.handleJoin({ kind: "join", lamportTime: time, node }, exchange.nowMs);
    }
    if (exchange.join && this.#ignoringOld > 0) this.carrier.events.ignoreBefore(remote.eventTime);
    this.carrier.mergeEvents(remote.events, exchange.nowMs);
  }

  #witnessBefore(clock: LamportClock, time: LamportTime): void {
    if (time > MAX_LAMPORT_TIME) this.#ports.sink.dropped("bad_lamport_time", undefined);
    else if (time > 0) clock.witness(lamportTime(time - 1));
  }

  #queueIntent(payload: Uint8Array, finished?: () => void): void {
    const bytes = encodeMessage({ kind: "user", payload });
    this.intentQueue.queue(finished === undefined ? { bytes } : { bytes, finished });
  }

  #sendUser(to: Endpoint, payload: Uint8Array): void {
    this.#under.sender.sendBare(to, [encodeMessage({ kind: "user", payload })], false);
  }

  #encodeTags(tags: Tags): Uint8Array {
    const meta = encodeTags(tags, this.#ports.options.serfProtocol);
    if (meta === undefined) {
      throw new UsageError("tags_too_long", "Encoded length of tags exceeds limit of 512 bytes");
    }
    return meta;
  }

  /** Members besides us that could still hear us. */
  #otherCount(): number {
    let count = 0;
    for (const member of this.members.all()) {
      if (member.name !== this.#self && member.status === "alive") count += 1;
    }
    return count;
  }

  #assertAlive(): void {
    if (!this.isAlive) throw new UsageError("not_alive", "this member is leaving or has left");
  }

  get #under(): Membership {
    assert(this.#membership !== undefined, "membership is attached before use");
    return this.#membership;
  }
}
