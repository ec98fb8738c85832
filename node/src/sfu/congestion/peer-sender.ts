/** The sending side of one transport: numbers every packet, learns from feedback what the path carries, paces and probes. */
import type { TransportFeedback } from "../twcc-reader.ts";
import type { InstantMs } from "../types.ts";
import { BandwidthEstimator, type EstimatorOptions } from "./bandwidth-estimator.ts";
import { type PacedStream, Pacer } from "./pacer.ts";
import { ENOUGH_FACTOR } from "./probes.ts";
import { SentHistory } from "./sent-history.ts";

/**
 * IPv4 and UDP headers, RTP header with its extensions and the SRTP tag: what a link carries for each packet besides its
 * payload, within a few bytes.
 */
export const PACKET_OVERHEAD_BYTES = 28 + 12 + 16 + 10;
/** A receiver that negotiated feedback and gives none for so long is served without an estimate, as others without it. */
const NO_FEEDBACK_MS = 2000;
const MAX_PROBE_PACKETS_AT_ONCE = 32;

/** A packet as it leaves; `ssrc` and `mediaSeq` as in SentPacket. */
export interface Outgoing {
  readonly payloadBytes: number;
  readonly ssrc: number;
  readonly mediaSeq: number;
}
export interface LostPacket {
  readonly ssrc: number;
  readonly mediaSeq: number;
  readonly sentMs: InstantMs;
}
const NONE: readonly LostPacket[] = [];

export class PeerSender {
  readonly estimator: BandwidthEstimator;
  readonly pacer = new Pacer();
  /** Streams that can carry probes. */
  readonly streams = new Set<PacedStream>();
  /** What all that is shown would take in full; the allocator says so. */
  desiredBps = 0;
  /** What would be the least for the slots that are paused and all that is not; 0: none is paused. */
  missingBps = 0;
  /** Reference time of the last feedback, -1: none. */
  lastReference = -1;
  readonly #history = new SentHistory();
  /** Where the timer looks for work. */
  readonly #awake: Set<PeerSender>;
  #firstSentMs: InstantMs = -1;

  constructor(awake: Set<PeerSender>, options: EstimatorOptions) {
    this.#awake = awake;
    this.estimator = new BandwidthEstimator(this.#history, options);
    this.pacer.setEstimate(options.startBps);
  }

  /** False: the receiver never answers, so nothing is known and nothing is held back. */
  isGuided(nowMs: InstantMs): boolean {
    if (this.estimator.hasFeedback || this.#firstSentMs < 0) return true;
    return nowMs - this.#firstSentMs < NO_FEEDBACK_MS;
  }

  /** Counts a packet that leaves now and returns its transport-wide sequence number, 16 bits. */
  number(packet: Outgoing, nowMs: InstantMs): number {
    const byteLength = packet.payloadBytes + PACKET_OVERHEAD_BYTES;
    const { ssrc, mediaSeq } = packet;
    const { probes } = this.estimator;
    const cluster = probes.active?.id ?? 0;
    if (cluster !== 0) probes.noteSent(byteLength);
    if (this.#firstSentMs < 0) this.#firstSentMs = nowMs;
    this.pacer.charge(byteLength, nowMs);
    return this.#history.add({ byteLength, cluster, ssrc, mediaSeq }, nowMs) & 0xffff;
  }

  enqueue(
    stream: PacedStream,
    packet: { readonly extSeq: number; readonly byteLength: number },
    nowMs: InstantMs,
  ): void {
    this.pacer.enqueue(stream, packet, nowMs);
    this.#awake.add(this);
  }

  handleFeedback(feedback: TransportFeedback, nowMs: InstantMs): void {
    this.lastReference = feedback.reference;
    this.estimator.handleFeedback(feedback, nowMs);
    this.#settle(nowMs);
  }

  /** What the last feedback told lost and can be sent again; nothing while a queue stands on the path, which it would make longer. */
  takeLost(nowMs: InstantMs): readonly LostPacket[] {
    const { lost } = this.estimator;
    if (lost.length === 0 || this.estimator.isDraining(nowMs)) return NONE;
    const history = this.#history;
    const packets = lost.map((extSeq) => ({
      ssrc: history.ssrc(extSeq),
      mediaSeq: history.mediaSeq(extSeq),
      sentMs: history.sentAtMs(extSeq),
    }));
    return packets.filter(({ mediaSeq }) => mediaSeq >= 0);
  }

  /** Housekeeping, some times a second. */
  tick(nowMs: InstantMs): void {
    this.estimator.handleSilence(nowMs);
    this.#settle(nowMs);
  }

  deadlineMs(): InstantMs {
    return Math.min(this.pacer.deadlineMs, this.#probeDueMs());
  }

  /** Sends what waits and what a probe needs by now. */
  handleTimeout(nowMs: InstantMs): void {
    this.pacer.drain(nowMs);
    for (let i = 0; i < MAX_PROBE_PACKETS_AT_ONCE && this.#probeDueMs() <= nowMs; i++) this.#probe(nowMs);
    if (this.deadlineMs() === Number.POSITIVE_INFINITY) this.#awake.delete(this);
  }

  remove(stream: PacedStream): void {
    this.streams.delete(stream);
    this.pacer.forget(stream);
  }

  close(): void {
    this.#awake.delete(this);
  }

  #settle(nowMs: InstantMs): void {
    const bps = this.isGuided(nowMs) ? this.estimator.bps : Number.POSITIVE_INFINITY;
    this.pacer.setEstimate(bps, this.estimator.isDraining(nowMs));
    // Whoever has not answered yet may never do.
    if (!this.estimator.hasFeedback || this.streams.size === 0 || this.pacer.queueLength > 0) return;
    if (bps >= this.desiredBps * ENOUGH_FACTOR) return;
    this.estimator.considerProbe(this, nowMs);
    if (this.estimator.probes.active !== undefined) this.#awake.add(this);
  }

  #probeDueMs(): InstantMs {
    const { active } = this.estimator.probes;
    if (active === undefined) return Number.POSITIVE_INFINITY;
    return active.startedAtMs + (active.sentBytes * 8000) / active.rateBps;
  }

  /** One packet from whichever stream has one; the streams take turns. */
  #probe(nowMs: InstantMs): void {
    for (const stream of this.streams) {
      if (stream.sendProbe(nowMs) === 0) continue;
      this.streams.delete(stream);
      this.streams.add(stream);
      return;
    }
    this.estimator.probes.abandon();
  }
}
