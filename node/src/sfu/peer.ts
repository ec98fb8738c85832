/** What one transport shares among its streams. */
import { AudioDuplication } from "./congestion/audio-duplication.ts";
import type { PeerSender } from "./congestion/peer-sender.ts";
import type { Consumer } from "./consumer.ts";
import type { Producer } from "./producer.ts";
import { ReceiverReferences } from "./receiver-references.ts";
import { RoundTrip } from "./reports.ts";
import { TwccReceiver } from "./twcc.ts";
import type { InstantMs, PeerSummary } from "./types.ts";

export class Peer {
  readonly peerId: string;
  /** Sender of everything that this node says to the peer in RTCP. */
  readonly feedbackSsrc: number;
  /** Made with the first packet: most peers only watch. */
  twcc: TwccReceiver | undefined = undefined;
  /** Made with the first stream whose receiver gives feedback. */
  sender: PeerSender | undefined = undefined;
  readonly roundTrip = new RoundTrip();
  readonly references = new ReceiverReferences();
  /** Voices may go to it twice. */
  readonly duplication: AudioDuplication | undefined;
  /** By media SSRC. */
  readonly producers = new Map<number, Producer>();
  /** By media SSRC and by RTX SSRC. */
  readonly consumers = new Map<number, Consumer>();
  /** The estimate that was shared out last, and when. */
  allocatedBps = 0;
  allocatedAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  /** Everything is shown in full, and the path could carry clearly more. */
  hasPlenty = false;
  readonly startBps: number;
  feedbackSentAtMs: InstantMs = 0;
  nextReportMs: InstantMs;

  constructor(
    peerId: string,
    feedbackSsrc: number,
    timing: { readonly nextReportMs: InstantMs; readonly startBps: number; readonly duplicatesAudio?: boolean },
  ) {
    this.peerId = peerId;
    this.feedbackSsrc = feedbackSsrc;
    this.nextReportMs = timing.nextReportMs;
    this.startBps = timing.startBps;
    this.duplication = timing.duplicatesAudio === true ? new AudioDuplication() : undefined;
  }

  /** An authentic packet arrived, routed or not; -1: without a transport sequence number. */
  noteArrival(transportSeq: number, nowMs: InstantMs): void {
    if (transportSeq < 0) return;
    this.twcc ??= new TwccReceiver();
    this.twcc.receive(transportSeq, nowMs);
  }

  /** Housekeeping, some times a second. */
  tick(nowMs: InstantMs): void {
    const { sender, duplication } = this;
    sender?.tick(nowMs);
    if (sender === undefined || duplication === undefined) return;
    duplication.update(sender.estimator.lossRatio, nowMs);
    if (duplication.isOn) for (const consumer of this.consumers.values()) consumer.flushCopy(nowMs);
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
      estimateBps: this.sender?.estimator.isSettled === true ? this.sender.estimator.bps : -1,
      lossRatio: this.sender?.estimator.lossRatio ?? 0,
      audioDuplicated: this.duplication?.isOn ?? false,
    };
  }
}
