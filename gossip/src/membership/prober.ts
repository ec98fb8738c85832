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
import { ProbeRound } from "./probe.ts";
import { Ticker } from "./ticker.ts";

const NO_PAYLOAD = new Uint8Array(0);

/** What the prober needs from those around it. */
export interface ProberPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  /** Where acks to us must go: our advertised address. */
  readonly replyTo: ReplyTo;
  readonly table: MemberTable;
  readonly health: LocalHealth;
  readonly sender: PacketSender;
  /** A stream to the target with the same ping on it; `streamAnswered` is called when its ack comes. */
  pingByStream(round: ProbeRound, timeoutMs: DurationMs, nowMs: InstantMs): void;
  /** What our acks carry. */
  ackPayload(): Uint8Array;
  /** A direct ack: how long it took and what it carried. */
  answered(target: MemberRecord, rttMs: DurationMs, payload: Uint8Array): void;
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

type TimerKey = "direct" | "deadline" | SeqNo;

export class Prober {
  readonly #ports: ProberPorts;
  readonly #timers = new Deadlines<TimerKey>();
  readonly #ticker: Ticker;
  readonly #relayed = new Map<SeqNo, RelayedProbe>();
  #round: ProbeRound | undefined;
  /** A turn came up while a stretched round was still running. */
  #turnMissed = false;
  #lastSeqNo = 0;

  constructor(ports: ProberPorts) {
    this.#ports = ports;
    this.#ticker = new Ticker(ports.options.profile.probeIntervalMs);
  }

  /** The first turn comes after `delayMs`, later ones every probe interval. */
  start(delayMs: DurationMs, nowMs: InstantMs): void {
    this.#ticker.start(nowMs + delayMs);
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#timers.nextMs(), this.#ticker.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let key = this.#timers.takeDue(nowMs); key !== undefined; key = this.#timers.takeDue(nowMs)) {
      if (key === "direct") this.#askOthers(nowMs);
      else if (key === "deadline") this.#judge(nowMs);
      else this.#giveUpRelayed(key);
    }
    if (this.#ticker.take(nowMs)) this.#takeTurn(nowMs);
  }

  get relayedCount(): number {
    return this.#relayed.size;
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
    this.#timers.set(own, nowMs + options.profile.probeTimeoutMs);
    sender.send(target, this.#encodePing(own, message.node));
  }

  handleAck(message: AckMessage, from: Endpoint, nowMs: InstantMs): void {
    const round = this.#round;
    if (round !== undefined && round.seqNo === message.seqNo) {
      const rttMs = round.rttMs(nowMs);
      if (rttMs !== undefined) this.#ports.answered(round.target, rttMs, message.payload);
      this.#ports.health.apply(round.answered().healthDelta);
      this.#endRound(nowMs);
      return;
    }
    const relayed = this.#relayed.get(message.seqNo);
    if (relayed === undefined) {
      this.#ports.dropped("unknown_ack", from);
      return;
    }
    this.#relayed.delete(message.seqNo);
    this.#timers.clear(message.seqNo);
    const ack = encodeMessage({ kind: "ack", seqNo: relayed.requestSeqNo, payload: NO_PAYLOAD });
    this.#ports.sender.send(relayed.requester, ack);
  }

  handleNack(message: NackMessage, from: Endpoint): void {
    if (this.#round?.seqNo === message.seqNo) this.#round.nackReceived();
    else this.#ports.dropped("unknown_nack", from);
  }

  /** The ping as a stream carries it: the same number as the datagram. */
  pingOf(round: ProbeRound): PingMessage {
    return { kind: "ping", seqNo: round.seqNo, node: round.target.name, source: this.#ports.replyTo };
  }

  #takeTurn(nowMs: InstantMs): void {
    if (this.#round === undefined) this.#startRound(nowMs);
    else this.#turnMissed = true;
  }

  #startRound(nowMs: InstantMs): void {
    const { table, options, self, sender, health } = this.#ports;
    const target = table.nextToProbe((record) => record.name !== self && mayProbe(record), {
      nowMs,
      forgetAfterMs: options.profile.gossipToTheDeadMs,
    });
    if (target === undefined) return;
    const lengthMs = health.scale(options.profile.probeIntervalMs);
    const round = new ProbeRound(this.#nextSeqNo(), target, { nowMs, lengthMs });
    this.#round = round;
    this.#timers.set("direct", nowMs + options.profile.probeTimeoutMs);
    this.#timers.set("deadline", round.deadlineMs);
    const ping = this.#encodePing(round.seqNo, target.name);
    if (target.state === "alive") {
      sender.send(target.endpoint, ping);
      return;
    }
    // The buddy system: the suspect learns with the ping itself that it has to refute (Lifeguard).
    const crc = protocolMax(target) >= PROTOCOL_MAX_WITH_CRC;
    sender.sendBare(target.endpoint, [ping, encodeMessage(this.#accusation(round))], crc);
  }

  #askOthers(nowMs: InstantMs): void {
    const round = this.#round;
    if (round === undefined) return;
    const { table, options, self, sender, replyTo } = this.#ports;
    const { target } = round;
    const helpers = table.pick(
      options.profile.indirectChecks,
      (record) => record.state === "alive" && record.name !== self && record !== target,
    );
    let nacksExpected = 0;
    for (const helper of helpers) {
      const nack = protocolMax(helper) >= PROTOCOL_MAX_WITH_NACK;
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

  #judge(nowMs: InstantMs): void {
    const round = this.#round;
    if (round === undefined) return;
    const result = round.expired();
    this.#ports.health.apply(result.healthDelta);
    if (!result.answered) this.#ports.unreachable(this.#accusation(round), nowMs);
    this.#endRound(nowMs);
  }

  #endRound(nowMs: InstantMs): void {
    this.#round = undefined;
    this.#timers.clear("direct");
    this.#timers.clear("deadline");
    if (!this.#turnMissed) return;
    this.#turnMissed = false;
    this.#startRound(nowMs);
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

function mayProbe(record: MemberRecord): boolean {
  return record.state === "alive" || record.state === "suspect";
}

/** Acks go where the ping says, whatever address it came from (spec section 13, 4). */
function replyEndpoint(source: ReplyTo | undefined, from: Endpoint): Endpoint {
  if (source === undefined || source.port === 0) return from;
  const host = addressText(source.addr);
  return host === undefined ? from : { host, port: source.port };
}
