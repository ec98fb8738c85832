/** What one transport shares among its streams. */
import type { Consumer } from "./consumer.ts";
import type { Producer } from "./producer.ts";
import { RoundTrip } from "./reports.ts";
import { TwccReceiver } from "./twcc.ts";
import type { InstantMs, PeerSummary } from "./types.ts";

export class Peer {
  readonly peerId: string;
  /** Sender of everything that this node says to the peer in RTCP. */
  readonly feedbackSsrc: number;
  readonly twcc = new TwccReceiver();
  readonly roundTrip = new RoundTrip();
  /** By media SSRC. */
  readonly producers = new Map<number, Producer>();
  /** By media SSRC and by RTX SSRC. */
  readonly consumers = new Map<number, Consumer>();
  feedbackSentAtMs: InstantMs = 0;
  nextReportMs: InstantMs;

  constructor(peerId: string, feedbackSsrc: number, nextReportMs: InstantMs) {
    this.peerId = peerId;
    this.feedbackSsrc = feedbackSsrc;
    this.nextReportMs = nextReportMs;
  }

  summary(): PeerSummary {
    let [packetsLost, packetsRepaired, jitterMs] = [0, 0, 0];
    for (const producer of this.producers.values()) {
      packetsLost += Math.max(0, producer.statistics.lost - producer.repaired);
      packetsRepaired += producer.repaired;
      jitterMs = Math.max(jitterMs, producer.statistics.jitterMs);
    }
    return {
      packetsLost,
      packetsRepaired,
      jitterMs,
      rttMs: this.roundTrip.rttMs,
      egressStreams: new Set(this.consumers.values()).size,
      ingressStreams: this.producers.size,
    };
  }
}
