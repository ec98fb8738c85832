/**
 * How much one client may send: far above what any browser does, far below what would starve the others of a worker. Counted
 * before any packet is verified, as verifying is what costs. Pure.
 */
import { TokenBucket } from "./token-bucket.ts";

export type LimitReason = "peer_packet_rate" | "peer_bit_rate" | "peer_rtcp_rate" | "peer_dtls_rate";

export interface PeerLimitsOptions {
  /** Media packets in a second; twice as many at once. Default 4,000: three layers of 1080p and a screen are below 1,500. */
  readonly packetsPerSecond?: number;
  /** Bits of media in a second, and so many at once. Default 30 Mbit/s, as probing doubles what is sent. */
  readonly bitsPerSecond?: number;
  /** RTCP packets in a second; twice as many at once. Default 500: feedback for 50 slots is below 100. */
  readonly rtcpPerSecond?: number;
  /** DTLS records in a second; twice as many at once. Default 1,000: data channels at their own rate need 250. */
  readonly dtlsPerSecond?: number;
}
const DEFAULTS = {
  packetsPerSecond: 4_000,
  bitsPerSecond: 30_000_000,
  rtcpPerSecond: 500,
  dtlsPerSecond: 1_000,
} as const satisfies Required<PeerLimitsOptions>;

export class PeerLimits {
  readonly #packets: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #rtcp: TokenBucket;
  readonly #dtls: TokenBucket;

  constructor(options: PeerLimitsOptions = {}) {
    const { packetsPerSecond, bitsPerSecond, rtcpPerSecond, dtlsPerSecond } = { ...DEFAULTS, ...options };
    const twice = (perSecond: number) => new TokenBucket({ perSecond, burst: 2 * perSecond });
    this.#packets = twice(packetsPerSecond);
    this.#bytes = new TokenBucket({ perSecond: bitsPerSecond / 8, burst: bitsPerSecond / 8 });
    this.#rtcp = twice(rtcpPerSecond);
    this.#dtls = twice(dtlsPerSecond);
  }

  /** Undefined: the packet may pass. */
  media(bytes: number, nowMs: number): LimitReason | undefined {
    if (!this.#packets.take(1, nowMs)) return "peer_packet_rate";
    return this.#bytes.take(bytes, nowMs) ? undefined : "peer_bit_rate";
  }
  rtcp(nowMs: number): LimitReason | undefined {
    return this.#rtcp.take(1, nowMs) ? undefined : "peer_rtcp_rate";
  }
  dtls(nowMs: number): LimitReason | undefined {
    return this.#dtls.take(1, nowMs) ? undefined : "peer_dtls_rate";
  }
}
