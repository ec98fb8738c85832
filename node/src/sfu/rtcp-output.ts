/** Everything that a core says by RTCP, and when: feedback to publishers, reports to everybody. */
import type { Consumer } from "./consumer.ts";
import type { Peer } from "./peer.ts";
import type { Producer } from "./producer.ts";
import { compactNtp } from "./reports.ts";
import type { RouterState } from "./router-state.ts";
import { type ReportBlock, RtcpWriter } from "./rtcp-writer.ts";
import type { TwccReceiver } from "./twcc.ts";
import type { InstantMs } from "./types.ts";

const MAX_REPORT_BLOCKS = 31;
const SENDER_REPORT_BYTES = 28;
const FIRST_PACKET_GRACE_MS = 150;
/** SDES chunk with the name below. */
const NAME_BYTES = 24;
/** Our own streams have no person's name; one clock and one name for all (RFC 7022). */
const CANONICAL_NAME = "hearsay";

export class RtcpOutput {
  readonly #state: RouterState;
  readonly #writer = new RtcpWriter();

  constructor(state: RouterState) {
    this.#state = state;
  }

  /** Nearest of all requests to publishers; reports and feedback go with the housekeeping tick. */
  deadlineMs(): InstantMs {
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (const { nack } of this.#state.nacking) deadlineMs = Math.min(deadlineMs, nack?.deadlineMs ?? deadlineMs);
    for (const { keyframes } of this.#state.awaitingKeyframe) deadlineMs = Math.min(deadlineMs, keyframes.deadlineMs);
    return deadlineMs;
  }

  /**
   * Notes that a keyframe is wanted; `sendDueRequests` says so. A stream that has not begun yet will mostly begin with one,
   * so it gets a moment.
   */
  wantKeyframe(producer: Producer, nowMs: InstantMs): void {
    producer.keyframes.request(producer.statistics.hasReceived ? nowMs : nowMs + FIRST_PACKET_GRACE_MS);
    this.#state.awaitingKeyframe.add(producer);
  }

  /** Asks for a keyframe, at once where the spacing allows. */
  requestKeyframe(producer: Producer, nowMs: InstantMs): void {
    producer.keyframes.request(nowMs);
    this.#sendKeyframeRequest(producer, nowMs);
  }

  sendDueRequests(nowMs: InstantMs): void {
    for (const producer of this.#state.awaitingKeyframe) this.#sendKeyframeRequest(producer, nowMs);
    for (const producer of this.#state.nacking) this.#sendNack(producer, nowMs);
  }

  /** Transport-wide feedback where enough has come, or long enough ago. */
  sendFeedback(nowMs: InstantMs): void {
    const { feedbackIntervalMs, feedbackPackets, tickMs } = this.#state.options;
    for (const peer of this.#state.peers.values()) {
      const { twcc } = peer;
      const pending = twcc?.pendingCount ?? 0;
      if (twcc === undefined || pending === 0) continue;
      const waitedMs = nowMs - peer.feedbackSentAtMs;
      // Half a tick of slack: a timer that fires early must not cost a whole interval.
      const dueMs = (pending >= feedbackPackets ? tickMs : feedbackIntervalMs) - tickMs / 2;
      if (waitedMs >= dueMs) this.#sendTransportFeedback(peer, twcc, nowMs);
    }
  }

  sendReports(nowMs: InstantMs): void {
    for (const peer of this.#state.peers.values()) {
      if (nowMs < peer.nextReportMs) continue;
      // Spread by chance, so that a thousand peers do not report in one tick (RFC 3550 section 6.2).
      const spread = 0.75 + (this.#state.random.uint32() / 2 ** 32) * 0.5;
      peer.nextReportMs = nowMs + this.#state.options.reportIntervalMs * spread;
      this.#report(peer, nowMs);
    }
  }

  #sendKeyframeRequest(producer: Producer, nowMs: InstantMs): void {
    const due = producer.keyframes.takeDue(nowMs);
    if (producer.keyframes.deadlineMs === Number.POSITIVE_INFINITY) this.#state.awaitingKeyframe.delete(producer);
    else this.#state.awaitingKeyframe.add(producer);
    if (!due) return;
    this.#writer.clear();
    this.#writer.pictureLoss(producer.peer.feedbackSsrc, producer.ssrc);
    this.#state.counters.plis_sent++;
    this.#send(producer.peer);
  }

  #sendNack(producer: Producer, nowMs: InstantMs): void {
    const { nack } = producer;
    if (nack === undefined || nowMs < nack.deadlineMs) return;
    const { ask, givenUp } = nack.takeDue(nowMs);
    if (nack.missingCount === 0) this.#state.nacking.delete(producer);
    if (givenUp > 0) {
      this.#state.counters.rtp_packets_unrepaired += givenUp;
      if (producer.track.input.kind === "video") this.requestKeyframe(producer, nowMs);
    }
    if (ask.length === 0) return;
    this.#writer.clear();
    this.#writer.nack(producer.peer.feedbackSsrc, producer.ssrc, ask);
    this.#state.counters.nacks_sent++;
    this.#send(producer.peer);
  }

  #sendTransportFeedback(peer: Peer, twcc: TwccReceiver, nowMs: InstantMs): void {
    peer.feedbackSentAtMs = nowMs;
    const mediaSsrc = peer.producers.keys().next().value ?? 0;
    for (;;) {
      const feedback = twcc.build(peer.feedbackSsrc, mediaSsrc);
      if (feedback === undefined) return;
      this.#writer.clear();
      this.#writer.raw(feedback);
      this.#state.counters.twcc_sent++;
      this.#send(peer);
    }
  }

  /** Receiver report blocks for what comes, sender reports for what goes; as many compound packets as it takes. */
  #report(peer: Peer, nowMs: InstantMs): void {
    const writer = this.#writer;
    const blocks = takeBlocks(peer, nowMs);
    const senders = reportable(peer);
    const answers = peer.references.take(nowMs);
    if (blocks.length === 0 && senders.length === 0 && answers.length === 0) return;
    let block = 0;
    let sender = 0;
    do {
      const group = blocks.slice(block, block + MAX_REPORT_BLOCKS);
      writer.clear();
      writer.receiverReport(peer.feedbackSsrc, group);
      if (block + sender === 0 && answers.length > 0) writer.referenceAnswers(peer.feedbackSsrc, answers);
      block += group.length;
      while (sender < senders.length && writer.hasRoom(SENDER_REPORT_BYTES + NAME_BYTES)) {
        this.#senderReport(senders[sender++], nowMs);
      }
      writer.canonicalName(peer.feedbackSsrc, CANONICAL_NAME);
      this.#send(peer);
    } while (block < blocks.length || sender < senders.length);
  }

  /** The publisher's wall clock with the receiver's timestamps: so audio and video of one person stay together. */
  #senderReport(consumer: Consumer | undefined, nowMs: InstantMs): void {
    const clock = consumer?.current?.clock;
    if (consumer === undefined || clock === undefined) return;
    const ntpMs = clock.ntpMsAt(nowMs);
    this.#writer.senderReport({
      ssrc: consumer.input.ssrc,
      ntpMs,
      rtpTimestamp: (clock.rtpTimestampAt(nowMs) + consumer.timestampOffset) >>> 0,
      packets: consumer.packetsSent >>> 0,
      octets: consumer.octetsSent % 2 ** 32,
    });
    consumer.peer.roundTrip.noteSent(compactNtp(ntpMs), nowMs);
  }

  #send(peer: Peer): void {
    this.#state.counters.rtcp_packets_sent++;
    this.#state.sink.rtcp(peer.peerId, this.#writer.bytes());
  }
}

function takeBlocks(peer: Peer, nowMs: InstantMs): readonly ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (const { statistics } of peer.producers.values()) {
    if (statistics.hasReceived) blocks.push(statistics.takeBlock(nowMs));
  }
  return blocks;
}

function reportable(peer: Peer): readonly Consumer[] {
  const consumers: Consumer[] = [];
  for (const [ssrc, consumer] of peer.consumers) {
    if (ssrc === consumer.input.ssrc && consumer.current?.clock.isKnown === true) consumers.push(consumer);
  }
  return consumers;
}
