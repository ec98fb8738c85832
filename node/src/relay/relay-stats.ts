/**
 * Figures of trunks by peer. A trunk that is made anew counts from zero; what is shown per peer only grows, as a
 * Prometheus counter must. Pure.
 */
import type { TrunkStats } from "../media/control.ts";

/** One peer's figures; the names are those of the hearsay_relay_* metrics with label `peer`. */
export interface RelayPeerStats {
  readonly peer: string;
  /** Gauge: streams in both directions. */
  readonly streams: number;
  /** Counters, both directions together. */
  readonly packetsTotal: number;
  readonly bytesTotal: number;
  /** Counters of what arrives here. */
  readonly lostPacketsTotal: number;
  readonly repairedPacketsTotal: number;
  /** Gauge: audio goes twice now because the trunk loses packets. */
  readonly audioDuplicated: boolean;
  /** Gauges; absent until measured. */
  readonly rttSeconds?: number;
  readonly jitterSeconds?: number;
}

type Counters = Pick<RelayPeerStats, "packetsTotal" | "bytesTotal" | "lostPacketsTotal" | "repairedPacketsTotal">;

/** Peers whose totals are kept; at the bound the one that had no trunk for longest is forgotten. */
const MAX_PEERS = 1_024;
const ZERO: Counters = { packetsTotal: 0, bytesTotal: 0, lostPacketsTotal: 0, repairedPacketsTotal: 0 };

export class RelayStats {
  /** Of trunks that are gone. */
  readonly #past = new Map<string, Counters>();
  /** The last reading of the trunk that a peer has (or had last). */
  readonly #last = new Map<string, { readonly trunkId: string; readonly counters: Counters }>();

  /** @param peerOf answers whose trunk it is; trunks of nobody are left out */
  read(trunks: readonly TrunkStats[], peerOf: (trunkId: string) => string | undefined): readonly RelayPeerStats[] {
    const gauges = new Map<string, Omit<RelayPeerStats, keyof Counters | "peer">>();
    for (const trunk of trunks) {
      const peer = peerOf(trunk.trunkId);
      if (peer === undefined) continue;
      this.#count(peer, trunk);
      gauges.set(peer, gaugesOf(trunk));
    }
    return [...this.#last.keys()].map((peer) => ({
      peer,
      ...sum(this.#past.get(peer) ?? ZERO, this.#last.get(peer)?.counters ?? ZERO),
      ...(gauges.get(peer) ?? { streams: 0, audioDuplicated: false }),
    }));
  }

  #count(peer: string, trunk: TrunkStats): void {
    const last = this.#last.get(peer);
    const counters = countersOf(trunk);
    const startsAnew = last !== undefined && last.trunkId !== trunk.trunkId;
    if (startsAnew) this.#past.set(peer, sum(this.#past.get(peer) ?? ZERO, last.counters));
    this.#last.delete(peer);
    this.#last.set(peer, { trunkId: trunk.trunkId, counters });
    const [oldest] = this.#last.keys();
    if (this.#last.size <= MAX_PEERS || oldest === undefined) return;
    this.#last.delete(oldest);
    this.#past.delete(oldest);
  }
}

function countersOf(trunk: TrunkStats): Counters {
  return {
    packetsTotal: trunk.packetsSent + trunk.packetsReceived,
    bytesTotal: trunk.bytesSent + trunk.bytesReceived,
    lostPacketsTotal: trunk.packetsLost,
    repairedPacketsTotal: trunk.packetsRepaired,
  };
}

function gaugesOf(trunk: TrunkStats): Omit<RelayPeerStats, keyof Counters | "peer"> {
  return {
    streams: trunk.egressStreams + trunk.ingressStreams,
    audioDuplicated: trunk.audioDuplicated ?? false,
    ...(trunk.rttMs === undefined ? {} : { rttSeconds: trunk.rttMs / 1_000 }),
    ...(trunk.jitterMs === undefined ? {} : { jitterSeconds: trunk.jitterMs / 1_000 }),
  };
}

function sum(a: Counters, b: Counters): Counters {
  return {
    packetsTotal: a.packetsTotal + b.packetsTotal,
    bytesTotal: a.bytesTotal + b.bytesTotal,
    lostPacketsTotal: a.lostPacketsTotal + b.lostPacketsTotal,
    repairedPacketsTotal: a.repairedPacketsTotal + b.repairedPacketsTotal,
  };
}
