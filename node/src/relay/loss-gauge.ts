/** How much of what a trunk brought was lost lately, by peer, from counters that start anew with each trunk. Pure. */
import type { InstantMs } from "#gossip";
import type { TrunkStats } from "../media/control.ts";

/** Fewer packets say nothing. */
const MIN_PACKETS = 50;
/** What was measured is remembered this long, also while another way is taken. */
const HOLDS_MS = 300_000;
/** Weight of the newest measurement. */
const WEIGHT = 0.5;
/** Peers that are remembered; the oldest measurement gives way. */
const MAX_PEERS = 1_024;

type Reading = Pick<TrunkStats, "trunkId" | "packetsReceived" | "packetsLost" | "packetsRepaired">;
interface Gauge {
  last: Reading;
  ratio: number | null;
  measuredAtMs: InstantMs;
}

export class LossGauge {
  readonly #gauges = new Map<string, Gauge>();

  note(peer: string, reading: Reading, nowMs: InstantMs): void {
    const gauge = this.#gauges.get(peer);
    if (gauge === undefined || gauge.last.trunkId !== reading.trunkId) {
      this.#start(peer, { last: reading, ratio: gauge?.ratio ?? null, measuredAtMs: gauge?.measuredAtMs ?? nowMs });
      return;
    }
    const lost = lostOf(reading) - lostOf(gauge.last);
    const total = reading.packetsReceived - gauge.last.packetsReceived + lost;
    if (total < MIN_PACKETS) return;
    const ratio = Math.min(1, Math.max(0, lost / total));
    gauge.last = reading;
    gauge.ratio = gauge.ratio === null ? ratio : gauge.ratio + (ratio - gauge.ratio) * WEIGHT;
    gauge.measuredAtMs = nowMs;
  }

  /** 0 to 1; null when nothing was measured lately. */
  ratioOf(peer: string, nowMs: InstantMs): number | null {
    const gauge = this.#gauges.get(peer);
    return gauge === undefined || nowMs - gauge.measuredAtMs > HOLDS_MS ? null : gauge.ratio;
  }

  forget(peer: string): void {
    this.#gauges.delete(peer);
  }

  #start(peer: string, gauge: Gauge): void {
    this.#gauges.delete(peer);
    this.#gauges.set(peer, gauge);
    const [oldest] = this.#gauges.keys();
    if (this.#gauges.size > MAX_PEERS && oldest !== undefined) this.#gauges.delete(oldest);
  }
}

/** Lost on the way, whether it came again or not. A stream that ended takes its figures with it. */
const lostOf = ({ packetsLost, packetsRepaired }: Reading): number => packetsLost + packetsRepaired;
