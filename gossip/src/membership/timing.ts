// How patient to be with whom. The wide-area profile needs half a minute to notice a death, which is too long for media, so
// members that are known to be near are treated as in a local network whatever the profile says of the others.

import { LAN, type ResolvedGossipOptions } from "../options.ts";
import type { DurationMs, NodeName } from "../types.ts";
import type { SuspicionSettings } from "./suspicion.ts";

export interface Timing extends SuspicionSettings {
  readonly probeTimeoutMs: DurationMs;
}

export class Timings {
  readonly far: Timing;
  readonly near: Timing = LAN;
  /** Whether near members are treated differently at all. */
  readonly hasNear: boolean;
  readonly #nearRttMs: DurationMs;
  readonly #measuredRttMs: (name: NodeName) => DurationMs | undefined;

  constructor(options: ResolvedGossipOptions, measuredRttMs: (name: NodeName) => DurationMs | undefined) {
    this.far = options.profile;
    this.hasNear = options.nearRttMs > 0 && options.profile.probeIntervalMs > LAN.probeIntervalMs;
    this.#nearRttMs = options.nearRttMs;
    this.#measuredRttMs = measuredRttMs;
  }

  isMeasured(name: NodeName): boolean {
    return this.#measuredRttMs(name) !== undefined;
  }

  isNear(name: NodeName): boolean {
    if (!this.hasNear) return false;
    const rttMs = this.#measuredRttMs(name);
    return rttMs !== undefined && rttMs < this.#nearRttMs;
  }

  of(name: NodeName): Timing {
    return this.isNear(name) ? this.near : this.far;
  }

  /** Turns of probing are looked at this often. */
  get shortestProbeIntervalMs(): DurationMs {
    return this.hasNear ? this.near.probeIntervalMs : this.far.probeIntervalMs;
  }

  get shortestProbeTimeoutMs(): DurationMs {
    return this.hasNear ? Math.min(this.near.probeTimeoutMs, this.far.probeTimeoutMs) : this.far.probeTimeoutMs;
  }
}
