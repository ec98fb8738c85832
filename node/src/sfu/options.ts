/** Every interval and bound of the forwarding core. */

export interface RouterOptions {
  /** Housekeeping turns over this often: feedback, reports, levels. Default 50 ms. */
  readonly tickMs?: number;
  /** Longest wait of transport-wide feedback while packets are unreported. Default 100 ms; at least tickMs. */
  readonly feedbackIntervalMs?: number;
  /** From so many unreported packets on, feedback goes at the next tick. Default 10. */
  readonly feedbackPackets?: number;
  /** Sender and receiver reports. Default 1,000 ms. */
  readonly reportIntervalMs?: number;
  /** A gap is asked for when it is this old, so that reordering alone asks for nothing. Default 10 ms. */
  readonly reorderMs?: number;
  /** ... or when so many later packets are in. Default 4. */
  readonly reorderPackets?: number;
  /** Requests for one packet. Default 8. */
  readonly nackAttempts?: number;
  /** A gap older than this is given up. Default 1,000 ms. */
  readonly nackLifetimeMs?: number;
  /** A larger gap is not asked for packet by packet; a keyframe is. Default 400 packets. */
  readonly nackMaxGap?: number;
  /** Shortest distance of two keyframe requests to one source. Default 400 ms. */
  readonly keyframeSpacingMs?: number;
  /** While a keyframe is still awaited, ask again after this. Default 500 ms. */
  readonly keyframeRetryMs?: number;
  /** Unanswered requests before silence, until someone asks anew. Default 20. */
  readonly keyframeAttempts?: number;
  /** Plaintext kept per stream for retransmission, by age. Default 1,500 ms. */
  readonly cacheMs?: number;
  /** ... and by bytes. Default 512 KiB for video. */
  readonly cacheBytes?: number;
  /** ... for audio. Default 32 KiB. */
  readonly audioCacheBytes?: number;
  /** Retransmissions to one receiver per stream, sustained. Default 2 Mbit/s, burst of half a second. */
  readonly retransmitBps?: number;
  /** Loudness is reported at most this often. Default 200 ms. */
  readonly levelIntervalMs?: number;
  /** A layer without packets for this long counts as switched off by its sender. Default 1,500 ms. */
  readonly layerSilenceMs?: number;
  /** A publisher is told that a layer is not wanted when it was not for this long. Default 3,000 ms. */
  readonly demandHoldMs?: number;
  /** What a path is taken to carry before it has shown it. Default 600 kbit/s; a trunk's is given with its peer. */
  readonly startBps?: number;
  /** Least estimate: audio always goes. Default 60 kbit/s. */
  readonly minBps?: number;
  /** Largest estimate. Default 200 Mbit/s. */
  readonly maxBps?: number;
}

export type ResolvedRouterOptions = Required<RouterOptions>;

export const ROUTER_DEFAULTS = {
  tickMs: 50,
  feedbackIntervalMs: 100,
  feedbackPackets: 10,
  reportIntervalMs: 1000,
  reorderMs: 10,
  reorderPackets: 4,
  nackAttempts: 8,
  nackLifetimeMs: 1000,
  nackMaxGap: 400,
  keyframeSpacingMs: 400,
  keyframeRetryMs: 500,
  keyframeAttempts: 20,
  cacheMs: 1500,
  cacheBytes: 512 * 1024,
  audioCacheBytes: 32 * 1024,
  retransmitBps: 2_000_000,
  levelIntervalMs: 200,
  layerSilenceMs: 1500,
  demandHoldMs: 3000,
  startBps: 600_000,
  minBps: 60_000,
  maxBps: 200_000_000,
} as const satisfies ResolvedRouterOptions;

/** Fills in defaults; throws a RangeError for relations that cannot hold. */
export function resolveRouterOptions(options: RouterOptions = {}): ResolvedRouterOptions {
  const resolved = { ...ROUTER_DEFAULTS, ...options };
  for (const [name, value] of Object.entries(resolved)) {
    if (!(value > 0)) throw new RangeError(`${name} must be positive`);
  }
  if (resolved.feedbackIntervalMs < resolved.tickMs) throw new RangeError("feedbackIntervalMs is below tickMs");
  return Object.freeze(resolved);
}
