// Probe rounds one after the other: when one starts, when others are asked, when it is judged. Spec section 4.11.

import type { DurationMs, InstantMs, NodeName, SeqNo } from "../types.ts";
import type { LocalHealth } from "./local-health.ts";
import type { MemberRecord } from "./member.ts";
import { type ProbeResult, ProbeRound } from "./probe.ts";
import { Ticker } from "./ticker.ts";
import type { Timing } from "./timing.ts";

export interface ProbeLanePorts {
  readonly health: LocalHealth;
  /** Between two turns. */
  readonly intervalMs: DurationMs;
  nextSeqNo(): SeqNo;
  /** Who is probed next; undefined lets the turn pass. */
  nextTarget(nowMs: InstantMs): MemberRecord | undefined;
  timingOf(name: NodeName): Timing;
  ping(round: ProbeRound): void;
  /** No ack in time: by detours. */
  askOthers(round: ProbeRound, nowMs: InstantMs): void;
  /** Nobody could reach the target. */
  failed(round: ProbeRound, nowMs: InstantMs): void;
}

export class ProbeLane {
  readonly #ports: ProbeLanePorts;
  readonly #ticker: Ticker;
  #round: ProbeRound | undefined = undefined;
  #askOthersMs: InstantMs = Number.POSITIVE_INFINITY;
  /** A turn came up while a stretched round was still running. */
  #turnMissed = false;

  constructor(ports: ProbeLanePorts) {
    this.#ports = ports;
    this.#ticker = new Ticker(ports.intervalMs);
  }

  start(firstMs: InstantMs): void {
    this.#ticker.start(firstMs);
  }

  /** The round that runs. */
  get round(): ProbeRound | undefined {
    return this.#round;
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#askOthersMs, this.#round?.deadlineMs ?? Number.POSITIVE_INFINITY, this.#ticker.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    const round = this.#round;
    if (round !== undefined && nowMs >= this.#askOthersMs) {
      this.#askOthersMs = Number.POSITIVE_INFINITY;
      this.#ports.askOthers(round, nowMs);
    }
    if (round !== undefined && nowMs >= round.deadlineMs) this.#judge(round, nowMs);
    if (this.#ticker.take(nowMs)) this.hurry(nowMs);
  }

  /** The target of the running round was heard of. */
  answered(round: ProbeRound, nowMs: InstantMs): void {
    this.#end(round.answered(), nowMs);
  }

  /** A turn out of turn: at once, or as soon as the running round is over. */
  hurry(nowMs: InstantMs): void {
    if (this.#round === undefined) this.#startRound(nowMs);
    else this.#turnMissed = true;
  }

  #startRound(nowMs: InstantMs): void {
    const { health, timingOf } = this.#ports;
    const target = this.#ports.nextTarget(nowMs);
    if (target === undefined) return;
    const { probeIntervalMs, probeTimeoutMs } = timingOf(target.name);
    const round = new ProbeRound(this.#ports.nextSeqNo(), target, { nowMs, lengthMs: health.scale(probeIntervalMs) });
    this.#round = round;
    this.#askOthersMs = nowMs + probeTimeoutMs;
    this.#ports.ping(round);
  }

  #judge(round: ProbeRound, nowMs: InstantMs): void {
    const result = round.expired();
    if (!result.answered) this.#ports.failed(round, nowMs);
    this.#end(result, nowMs);
  }

  #end(result: ProbeResult, nowMs: InstantMs): void {
    this.#ports.health.apply(result.healthDelta);
    this.#round = undefined;
    this.#askOthersMs = Number.POSITIVE_INFINITY;
    if (!this.#turnMissed) return;
    this.#turnMissed = false;
    this.#startRound(nowMs);
  }
}
