// What happens to packets and streams on their way: delay, loss (spread or in bursts), duplicates, overtaking, damage, and
// links that are cut. All of chance comes from one generator.

import type { Random } from "../src/random.ts";
import type { DurationMs, InstantMs } from "../src/types.ts";
import type { Topology } from "./topology.ts";

export interface LinkConditions {
  /** Packets lost, each for itself. */
  readonly lossRatio: number;
  /** Bursts: mean milliseconds between them and their mean length, per sender; all its packets in one are lost. */
  readonly burst?: { readonly everyMs: DurationMs; readonly lengthMs: DurationMs };
  readonly duplicateRatio: number;
  /** Packets held back for up to `reorderMs`, so that later ones overtake them. */
  readonly reorderRatio: number;
  readonly reorderMs: DurationMs;
  /** Packets with one byte changed. */
  readonly corruptRatio: number;
  /** Delay that varies, exponentially distributed with this mean, one way. */
  readonly jitterMs: DurationMs;
}

export const CLEAN: LinkConditions = Object.freeze({
  lossRatio: 0,
  duplicateRatio: 0,
  reorderRatio: 0,
  reorderMs: 50,
  corruptRatio: 0,
  jitterMs: 0.1,
});

export interface NetworkCounters {
  sent: number;
  sentBytes: number;
  delivered: number;
  lost: number;
  lostInBursts: number;
  duplicated: number;
  reordered: number;
  corrupted: number;
  cut: number;
}

interface Burst {
  startMs: InstantMs;
  endMs: InstantMs;
}

export interface Cut {
  /** Streams pass. */
  readonly packetsOnly: boolean;
  applies(from: number, to: number): boolean;
}

/** Hands a packet over for delivery at a time. */
export type Deliver = (to: number, bytes: Uint8Array, atMs: InstantMs) => void;

export class Network {
  readonly counters: NetworkCounters = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    lost: 0,
    lostInBursts: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    cut: 0,
  };
  conditions: LinkConditions = CLEAN;
  readonly #topology: Topology;
  readonly #random: Random;
  /** Rules that cut links; a packet passes when no rule cuts it. */
  readonly #cuts = new Map<string, Cut>();
  readonly #bursts = new Map<number, Burst>();

  constructor(topology: Topology, random: Random) {
    this.#topology = topology;
    this.#random = random;
  }

  cut(name: string, cut: Cut): void {
    this.#cuts.set(name, cut);
  }

  mend(name: string): void {
    this.#cuts.delete(name);
  }

  /** Every cut is mended and every link is clean. */
  heal(): void {
    this.#cuts.clear();
    this.conditions = CLEAN;
  }

  isCut(from: number, to: number, traffic: "packets" | "streams"): boolean {
    for (const cut of this.#cuts.values()) {
      if ((traffic === "packets" || !cut.packetsOnly) && cut.applies(from, to)) return true;
    }
    return false;
  }

  /** One way, jitter included. */
  delayMs(from: number, to: number): DurationMs {
    const jitterMs = this.conditions.jitterMs;
    const base = this.#topology.rttMs(from, to) / 2;
    return jitterMs === 0 ? base : base - jitterMs * Math.log(1 - this.#random.next());
  }

  send(
    path: { readonly from: number; readonly to: number; readonly nowMs: InstantMs },
    bytes: Uint8Array,
    deliver: Deliver,
  ): void {
    const { from, to, nowMs } = path;
    const { conditions, counters } = this;
    counters.sent += 1;
    counters.sentBytes += bytes.length;
    if (this.isCut(from, to, "packets")) {
      counters.cut += 1;
      return;
    }
    if (this.#isLost(from, nowMs)) return;
    let atMs = nowMs + this.delayMs(from, to);
    if (conditions.reorderRatio > 0 && this.#random.next() < conditions.reorderRatio) {
      counters.reordered += 1;
      atMs += conditions.reorderMs * this.#random.next();
    }
    deliver(to, this.#damaged(bytes), atMs);
    if (conditions.duplicateRatio > 0 && this.#random.next() < conditions.duplicateRatio) {
      counters.duplicated += 1;
      deliver(to, bytes, nowMs + this.delayMs(from, to));
    }
  }

  #isLost(from: number, nowMs: InstantMs): boolean {
    const { conditions, counters } = this;
    if (conditions.lossRatio > 0 && this.#random.next() < conditions.lossRatio) {
      counters.lost += 1;
      return true;
    }
    if (conditions.burst === undefined || !this.#isInBurst(from, nowMs, conditions.burst)) return false;
    counters.lostInBursts += 1;
    return true;
  }

  /** Bursts begin at random per sender; the next one is drawn when the last is over. */
  #isInBurst(
    from: number,
    nowMs: InstantMs,
    spec: { readonly everyMs: DurationMs; readonly lengthMs: DurationMs },
  ): boolean {
    let burst = this.#bursts.get(from);
    if (burst === undefined) {
      burst = { startMs: 0, endMs: nowMs };
      this.#bursts.set(from, burst);
    }
    while (nowMs >= burst.endMs) {
      burst.startMs = burst.endMs - spec.everyMs * Math.log(1 - this.#random.next());
      burst.endMs = burst.startMs - spec.lengthMs * Math.log(1 - this.#random.next());
    }
    return nowMs >= burst.startMs;
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    if (this.conditions.corruptRatio === 0 || this.#random.next() >= this.conditions.corruptRatio) return bytes;
    this.counters.corrupted += 1;
    const damaged = bytes.slice();
    const index = this.#random.below(damaged.length);
    damaged[index] = (damaged[index] as number) ^ (1 + this.#random.below(255));
    return damaged;
  }
}
