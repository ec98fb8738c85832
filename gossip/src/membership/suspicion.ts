// How long a suspect may defend itself: long while one node alone accuses it, shorter with every independent confirmation.
// Lifeguard ("dogpile"); memberlist suspicion.go; spec section 4.8.

import type { DurationMs, InstantMs, NodeName } from "../types.ts";

export interface SuspicionBounds {
  /** Independent confirmations that bring the timeout down to its minimum. */
  readonly confirmationsWanted: number;
  readonly minMs: DurationMs;
  readonly maxMs: DurationMs;
}

export interface SuspicionSettings {
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly probeIntervalMs: DurationMs;
}

/** Grows with the logarithm of the cluster, because rumours of a refutation need that long to spread. */
export function suspicionBounds(settings: SuspicionSettings, memberCount: number): SuspicionBounds {
  const wanted = settings.suspicionMult - 2;
  const minMs = minimumTimeoutMs(settings, memberCount);
  // Fewer than `wanted` others could confirm: then do not wait for them.
  const confirmationsWanted = memberCount - 2 < wanted ? 0 : Math.max(0, wanted);
  return { confirmationsWanted, minMs, maxMs: settings.suspicionMaxTimeoutMult * minMs };
}

function minimumTimeoutMs(settings: SuspicionSettings, memberCount: number): DurationMs {
  // The reference keeps three decimals of the scale; doing the same keeps clusters of both in step.
  const scale = Math.floor(Math.max(1, Math.log10(Math.max(1, memberCount))) * 1000) / 1000;
  return settings.suspicionMult * scale * settings.probeIntervalMs;
}

/** Counted from the start of the suspicion, in whole milliseconds. */
export function suspicionTimeoutMs(bounds: SuspicionBounds, confirmations: number): DurationMs {
  const { confirmationsWanted, minMs, maxMs } = bounds;
  if (confirmationsWanted < 1) return minMs;
  const fraction = Math.log(confirmations + 1) / Math.log(confirmationsWanted + 1);
  return Math.max(minMs, Math.floor(maxMs - fraction * (maxMs - minMs)));
}

/** One running suspicion. Accusers are bounded by `confirmationsWanted` + 1. */
export class Suspicion {
  readonly bounds: SuspicionBounds;
  readonly startedMs: InstantMs;
  readonly #accusers: Set<NodeName>;
  #confirmations = 0;

  constructor(bounds: SuspicionBounds, from: NodeName, startedMs: InstantMs) {
    this.bounds = bounds;
    this.startedMs = startedMs;
    this.#accusers = new Set([from]);
  }

  get confirmations(): number {
    return this.#confirmations;
  }

  /** True when this accuser is new and still of use: then its accusation is worth passing on. */
  confirm(from: NodeName): boolean {
    if (this.#confirmations >= this.bounds.confirmationsWanted || this.#accusers.has(from)) return false;
    this.#accusers.add(from);
    this.#confirmations += 1;
    return true;
  }

  deadlineMs(): InstantMs {
    return this.startedMs + suspicionTimeoutMs(this.bounds, this.#confirmations);
  }
}
