// The failure detector: one probe per interval, and answers to the probes of others. Spec sections 4.11 and 4.12.

import { addressText, endpointOf } from "../address.ts";
import { Deadlines } from "../deadlines.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason } from "../sink.ts";
import { type DurationMs, type Endpoint, type InstantMs, type NodeName, type SeqNo, seqNo } from "../types.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import type {
  AckMessage,
  IndirectPingMessage,
  NackMessage,
  PingMessage,
  ReplyTo,
  SuspectMessage,
} from "../wire/messages.ts";
import type { LocalHealth } from "./local-health.ts";
import {
  type MemberRecord,
  PROTOCOL_MAX_WITH_CRC,
  PROTOCOL_MAX_WITH_NACK,
  PROTOCOL_MAX_WITH_STREAM_PING,
  protocolMax,
} from "./member.ts";
import type { MemberTable } from "./member-table.ts";
import type { PacketSender } from "./packet-sender.ts";
import type { ProbeRound } from "./probe.ts";
import { ProbeLane } from "./probe-lane.ts";
import type { ProbeTargets } from "./probe-targets.ts";
import type { Timings } from "./timing.ts";

const NO_PAYLOAD = new Uint8Array(0);

/** What the prober needs from those around it. */
export interface ProberPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  /** Where acks to us must go: our advertised address. */
  readonly replyTo: ReplyTo;
  readonly table: MemberTable;
  readonly health: LocalHealth;
  readonly timings: Timings;
  readonly targets: ProbeTargets;
  readonly sender: PacketSender;
  /** A stream to the target with the same ping on it; `streamAnswered` is called when its ack comes. */
  pingByStream(round: ProbeRound, timeoutMs: DurationMs, nowMs: InstantMs): void;
  /** What our acks carry. */
  ackPayload(): Uint8Array;
  /** A direct ack: how long it took and what it carried. */
  answered(target: MemberRecord, rttMs: DurationMs, payload: Uint8Array): void;
  /** A direct ack that came after others had been asked. */
  answeredLate(target: MemberRecord, rttMs: DurationMs): void;
  /** Nobody could reach the member. */
  unreachable(claim: SuspectMessage, nowMs: InstantMs): void;
  dropped(reason: DropReason, from: Endpoint | undefined): void;
}

/** A ping that we sent because somebody else could not reach its target. */
interface RelayedProbe {
  readonly requester: Endpoint;
  readonly requestSeqNo: SeqNo;
  readonly nack: boolean;
}

export class Prober {
  readonly #ports: ProberPorts;
  readonly #relayTimers = new Deadlines<SeqNo>();
  readonly #relayed = new Map<SeqNo, RelayedProbe>();
  readonly #lanes: readonly ProbeLane[];
  #lastSeqNo = 0;

  constructor(ports: ProberPorts) {
    this.#ports = ports;
    this.#lanes = this.#makeLanes();
  }

  /** The first turn comes at `firstMs`, later ones every probe interval. */
  start(firstMs: InstantMs): void {
    for (const lane of this.#lanes) lane.start(firstMs);
  }

  deadlineMs(): InstantMs {
    let earliestMs = this.#relayTimers.nextMs();
    for (const lane of this.#lanes) earliestMs = Math.min(earliestMs, lane.deadlineMs());
    return earliestMs;
  }

  handleTimeout(nowMs: InstantMs): void {
    const timers = this.#relayTimers;
    for (let own = timers.takeDue(nowMs); own !== undefined; own = timers.takeDue(nowMs)) this.#giveUpRelayed(own);
    for (const lane of this.#lanes) lane.handleTimeout(nowMs);
  }

  get relayedCount(): number {
    return this.#relayed.size;
  }

  /**
   * Somebody says that the member is silent: it is probed before its turn. False when that is under way or too soon after
   * the last time, or when it is suspected already.
   */
  confirm(target: MemberRecord, nowMs: InstantMs): boolean {
    const { timings, targets } = this.#ports;
    if (target.state !== "alive" || nowMs - target.reportedMs < timings.of(target.name).probeIntervalMs) return false;
    target.reportedMs = nowMs;
    for (const lane of this.#lanes) if (lane.round?.target === target) return true;
    if (!targets.hurry(target)) return false;
    const [first, last] = [this.#lanes[0], this.#lanes.at(-1)];
    (timings.isNear(target.name) ? first : last)?.hurry(nowMs);
    return true;
  }

  handlePing(message: PingMessage, from: Endpoint): void {
    const { self, sender } = this.#ports;
    if (message.node !== "" && message.node !== self) {
      this.#ports.dropped("wrong_recipient", from);
      return;
    }
    const ack = encodeMessage({ kind: "ack", seqNo: message.seqNo, payload: this.#ports.ackPayload() });
    sender.send(replyEndpoint(message.source, from), ack);
  }

  handleIndirectPing(message: IndirectPingMessage, from: Endpoint, nowMs: InstantMs): void {
    const { options, sender } = this.#ports;
    if (this.#relayed.size >= options.maxRelayedProbes) {
      this.#ports.dropped("too_many_probes", from);
      return;
    }
    const target = endpointOf(message.target, message.port === 0 ? options.advertise.port : message.port);
    if (target === undefined) {
      this.#ports.dropped("bad_address", from);
      return;
    }
    const own = this.#nextSeqNo();
    const requester = replyEndpoint(message.source, from);
    this.#relayed.set(own, { requester, requestSeqNo: message.seqNo, nack: message.nack });
    this.#relayTimers.set(own, nowMs + options.profile.probeTimeoutMs);
    // Without broadcasts: somebody has just found it silent, and what is told to the silent is lost.
    sender.sendBare(target, [this.#encodePing(own, message.node)], false);
  }

  handleAck(message: AckMessage, from: Endpoint, nowMs: InstantMs): void {
    const lane = this.#laneOf(message.seqNo);
    const round = lane?.round;
    if (lane !== undefined && round !== undefined) {
      this.#measure(round, { message, from, nowMs });
      lane.answered(round, nowMs);
      return;
    }
    const relayed = this.#relayed.get(message.seqNo);
    if (relayed === undefined) {
      this.#ports.dropped("unknown_ack", from);
      return;
    }
    this.#relayed.delete(message.seqNo);
    this.#relayTimers.clear(message.seqNo);
    const ack = encodeMessage({ kind: "ack", seqNo: relayed.requestSeqNo, payload: NO_PAYLOAD });
    this.#ports.sender.send(relayed.requester, ack);
  }

  handleNack(message: NackMessage, from: Endpoint): void {
    const round = this.#laneOf(message.seqNo)?.round;
    if (round !== undefined) round.nackReceived();
    else this.#ports.dropped("unknown_nack", from);
  }

  /** Helpers answer from their own address, so an ack from the target's is a round trip even when it comes late. */
  #measure(
    round: ProbeRound,
    ack: { readonly message: AckMessage; readonly from: Endpoint; readonly nowMs: InstantMs },
  ): void {
    const { message, from, nowMs } = ack;
    const { target } = round;
    const { host, port } = target.endpoint;
    const rttMs = Math.max(0, nowMs - round.startedMs);
    if (round.isDirect) this.#ports.answered(target, rttMs, message.payload);
    else if (from.host === host && from.port === port) this.#ports.answeredLate(target, rttMs);
  }

  /** The ping as a stream carries it: the same number as the datagram. */
  pingOf(round: ProbeRound): PingMessage {
    return { kind: "ping", seqNo: round.seqNo, node: round.target.name, source: this.#ports.replyTo };
  }

  /** One sequence of rounds, or two side by side where the near are watched more closely than the others. */
  #makeLanes(): readonly ProbeLane[] {
    const { timings, health, targets } = this.#ports;
    const shared = {
      health,
      intervalMs: timings.shortestProbeIntervalMs,
      nextSeqNo: () => this.#nextSeqNo(),
      timingOf: (name: NodeName) => timings.of(name),
      ping: (round: ProbeRound) => this.#ping(round),
      askOthers: (round: ProbeRound, nowMs: InstantMs) => this.#askOthers(round, nowMs),
      failed: (round: ProbeRound, nowMs: InstantMs) => this.#ports.unreachable(this.#accusation(round), nowMs),
    };
    if (!timings.hasNear) return [new ProbeLane({ ...shared, nextTarget: (nowMs) => targets.nextOfAll(nowMs) })];
    return [
      new ProbeLane({ ...shared, nextTarget: () => targets.nextNear() }),
      new ProbeLane({ ...shared, nextTarget: (nowMs) => targets.nextFar(nowMs) }),
    ];
  }

  #laneOf(number: SeqNo): ProbeLane | undefined {
    for (const lane of this.#lanes) if (lane.round?.seqNo === number) return lane;
    return undefined;
  }

  #ping(round: ProbeRound): void {
    const { sender } = this.#ports;
    const { target } = round;
    const ping = this.#encodePing(round.seqNo, target.name);
    if (target.state === "alive") {
      sender.send(target.endpoint, ping);
      return;
    }
    // The buddy system: the suspect learns with the ping itself that it has to refute (Lifeguard).
    const crc = protocolMax(target) >= PROTOCOL_MAX_WITH_CRC;
    sender.sendBare(target.endpoint, [ping, encodeMessage(this.#accusation(round))], crc);
  }

  #askOthers(round: ProbeRound, nowMs: InstantMs): void {
    const { sender, replyTo, timings } = this.#ports;
    const { target } = round;
    const isNear = timings.isNear(target.name);
    let nacksExpected = 0;
    for (const helper of this.#helpers(target, isNear)) {
      // A helper nacks when its own patience ends, which for a far-sighted one is after a near round is over.
      const nack = !isNear && protocolMax(helper) >= PROTOCOL_MAX_WITH_NACK;
      if (nack) nacksExpected += 1;
      const { addr, endpoint, name } = target;
      const request = { seqNo: round.seqNo, target: addr, port: endpoint.port, node: name, nack, source: replyTo };
      sender.send(helper.endpoint, encodeMessage({ kind: "indirectPing", ...request }));
    }
    round.askedOthers(nacksExpected);
    if (protocolMax(target) >= PROTOCOL_MAX_WITH_STREAM_PING) {
      this.#ports.pingByStream(round, round.deadlineMs - nowMs, nowMs);
    }
  }

  /** Near ones before others for a near target: the way around must be short, too. */
  #helpers(target: MemberRecord, isNear: boolean): readonly MemberRecord[] {
    const { table, options, self, timings } = this.#ports;
    const count = options.profile.indirectChecks;
    const eligible = (record: MemberRecord): boolean =>
      record.state === "alive" && record.name !== self && record !== target;
    if (!isNear) return table.pick(count, eligible);
    const near = table.pick(count, (record) => eligible(record) && timings.isNear(record.name));
    const others = table.pick(count - near.length, (record) => eligible(record) && !near.includes(record));
    return [...near, ...others];
  }

  #giveUpRelayed(own: SeqNo): void {
    const relayed = this.#relayed.get(own);
    this.#relayed.delete(own);
    if (relayed?.nack !== true) return;
    this.#ports.sender.send(relayed.requester, encodeMessage({ kind: "nack", seqNo: relayed.requestSeqNo }));
  }

  #accusation(round: ProbeRound): SuspectMessage {
    return { kind: "suspect", incarnation: round.incarnation, node: round.target.name, from: this.#ports.self };
  }

  #encodePing(number: SeqNo, node: NodeName): Uint8Array {
    return encodeMessage({ kind: "ping", seqNo: number, node, source: this.#ports.replyTo });
  }

  #nextSeqNo(): SeqNo {
    this.#lastSeqNo = (this.#lastSeqNo + 1) >>> 0;
    return seqNo(this.#lastSeqNo);
  }
}

/** Acks go where the ping says, whatever address it came from (spec section 13, 4). */
function replyEndpoint(source: ReplyTo | undefined, from: Endpoint): Endpoint {
  if (source === undefined || source.port === 0) return from;
  const host = addressText(source.addr);
  return host === undefined ? from : { host, port: source.port };
}
