/** Everything that peers say by RTCP. Bytes of strangers: whatever does not fit is counted and skipped. */
import type { Allocator } from "./congestion/allocator.ts";
import type { Peer } from "./peer.ts";
import type { RouterState } from "./router-state.ts";
import {
  APPLICATION,
  EXTENDED_REPORT,
  GOODBYE,
  ntpToMs,
  PAYLOAD_FEEDBACK,
  RECEIVER_REPORT,
  REPORT_BLOCK_BYTES,
  RtcpCursor,
  SENDER_REPORT,
  SOURCE_DESCRIPTION,
  TRANSPORT_FEEDBACK,
} from "./rtcp.ts";
import type { RtcpOutput } from "./rtcp-output.ts";
import { RtpView } from "./rtp-view.ts";
import { TransportFeedback } from "./twcc-reader.ts";
import type { InstantMs } from "./types.ts";

const NACK = 1;
const TRANSPORT_WIDE = 15;
const PICTURE_LOSS = 1;
const FULL_INTRA_REQUEST = 4;
const APPLICATION_LAYER = 15;
const REFERENCE_TIME = 4;

export class RtcpInput {
  readonly #state: RouterState;
  readonly #output: RtcpOutput;
  readonly #allocator: Allocator;
  readonly #cursor = new RtcpCursor();
  readonly #scratch = new RtpView();
  readonly #feedback = new TransportFeedback();

  constructor(state: RouterState, output: RtcpOutput, allocator: Allocator) {
    this.#state = state;
    this.#output = output;
    this.#allocator = allocator;
  }

  handle(peer: Peer, bytes: Uint8Array, nowMs: InstantMs): void {
    this.#state.counters.rtcp_packets_received++;
    const cursor = this.#cursor;
    if (!cursor.open(bytes)) {
      this.#state.sink.dropped("bad_rtcp");
      return;
    }
    while (cursor.next()) this.#one(peer, nowMs);
  }

  #one(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    switch (cursor.type) {
      case SENDER_REPORT:
        if (cursor.length < 28) break;
        this.#senderReport(peer, nowMs);
        this.#reportBlocks(peer, 28, nowMs);
        return;
      case RECEIVER_REPORT:
        if (cursor.length < 8) break;
        this.#reportBlocks(peer, 8, nowMs);
        return;
      case TRANSPORT_FEEDBACK:
        if (cursor.length < 12) break;
        this.#transportFeedback(peer, nowMs);
        return;
      case PAYLOAD_FEEDBACK:
        if (cursor.length < 12) break;
        this.#payloadFeedback(peer, nowMs);
        return;
      case EXTENDED_REPORT:
        if (cursor.length < 8) break;
        this.#extendedReport(peer, nowMs);
        return;
      case SOURCE_DESCRIPTION:
      case GOODBYE:
      case APPLICATION:
        // Legal and of no use here: streams have their names and their end by signalling.
        return;
      default:
        this.#state.sink.dropped("unknown_rtcp");
        return;
    }
    this.#state.sink.dropped("bad_rtcp");
  }

  #senderReport(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    const producer = peer.producers.get(cursor.uint32(4));
    if (producer === undefined) return;
    const [seconds, fraction] = [cursor.uint32(8), cursor.uint32(12)];
    producer.statistics.noteSenderReport(seconds, fraction, nowMs);
    producer.clock.set({ ntpMs: ntpToMs(seconds, fraction), rtpTimestamp: cursor.uint32(16) }, nowMs);
  }

  /** Of all blocks only the receiver's reference time (RFC 3611 section 4.4): | BT=4 | 0 | length=2 | NTP time (64) | */
  #extendedReport(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    for (let at = 8; at + 4 <= cursor.length; at += 4 * (cursor.uint16(at + 2) + 1)) {
      if (cursor.uint16(at) >> 8 !== REFERENCE_TIME || cursor.uint16(at + 2) !== 2 || at + 12 > cursor.length) continue;
      peer.references.note(cursor.uint32(4), [cursor.uint32(at + 4), cursor.uint32(at + 8)], nowMs);
    }
  }

  #reportBlocks(peer: Peer, first: number, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    for (let i = 0; i < cursor.count; i++) {
      const at = first + i * REPORT_BLOCK_BYTES;
      if (at + REPORT_BLOCK_BYTES > cursor.length) return;
      const consumer = peer.consumers.get(cursor.uint32(at));
      if (consumer === undefined) continue;
      if (consumer.input.ssrc === cursor.uint32(at)) {
        consumer.report.note({ lossWord: cursor.uint32(at + 4), jitter: cursor.uint32(at + 12) });
      }
      peer.roundTrip.noteAnswer(cursor.uint32(at + 16), cursor.uint32(at + 20), nowMs);
    }
  }

  #transportFeedback(peer: Peer, nowMs: InstantMs): void {
    const { counters } = this.#state;
    if (this.#cursor.count === NACK) {
      counters.nacks_received++;
      this.#nack(peer, nowMs);
    } else if (this.#cursor.count === TRANSPORT_WIDE) {
      counters.twcc_received++;
      this.#transportWide(peer, nowMs);
    } else {
      this.#state.sink.dropped("unknown_rtcp");
    }
  }

  #transportWide(peer: Peer, nowMs: InstantMs): void {
    const { counters, sink } = this.#state;
    const feedback = this.#feedback;
    if (!feedback.read(this.#cursor, peer.sender?.lastReference ?? -1)) {
      sink.dropped("bad_rtcp");
      return;
    }
    counters.twcc_packets_acked += feedback.ackedCount;
    counters.twcc_packets_lost += feedback.statusCount - feedback.ackedCount;
    peer.sender?.handleFeedback(feedback, nowMs);
    this.#allocator.run(peer, nowMs);
    this.#repairLost(peer, nowMs);
  }

  /** A lost request, or a lost answer to it, would cost the viewer a round trip more; feedback tells of both as well. */
  #repairLost(peer: Peer, nowMs: InstantMs): void {
    const { counters } = this.#state;
    for (const { ssrc, mediaSeq, sentMs } of peer.sender?.takeLost(nowMs) ?? []) {
      const consumer = peer.consumers.get(ssrc);
      if (consumer?.input.kind !== "video" || consumer.input.rtx === undefined) continue;
      if (!consumer.responder.isMissing(mediaSeq, sentMs)) continue;
      if (consumer.retransmit(mediaSeq & 0xffff, this.#scratch, nowMs)) counters.rtx_unasked++;
    }
  }

  #nack(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    const consumer = peer.consumers.get(cursor.uint32(8));
    if (consumer === undefined) return;
    const { counters } = this.#state;
    for (let at = 12; at + 4 <= cursor.length; at += 4) {
      const first = cursor.uint16(at);
      // Bit 0 stands for the first number itself, bits 1 to 16 for those after it.
      const wanted = (cursor.uint16(at + 2) << 1) | 1;
      for (let i = 0; i <= 16; i++) {
        if ((wanted & (1 << i)) === 0) continue;
        if (consumer.retransmit((first + i) & 0xffff, this.#scratch, nowMs)) counters.rtx_sent++;
        else counters.rtx_refused++;
      }
    }
  }

  #payloadFeedback(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    if (cursor.count === PICTURE_LOSS) {
      this.#keyframeWanted(peer, cursor.uint32(8), nowMs);
    } else if (cursor.count === FULL_INTRA_REQUEST) {
      // RFC 5104 section 4.3.1: the media SSRC is in each entry, not in the header.
      for (let at = 12; at + 8 <= cursor.length; at += 8) this.#keyframeWanted(peer, cursor.uint32(at), nowMs);
    } else if (cursor.count === APPLICATION_LAYER) {
      this.#receiverEstimate(peer, nowMs);
    } else {
      this.#state.sink.dropped("unknown_rtcp");
    }
  }

  /** REMB (draft-alvestrand-rmcat-remb-03 section 2.2) counts only where no transport-wide feedback comes. */
  #receiverEstimate(peer: Peer, nowMs: InstantMs): void {
    const cursor = this.#cursor;
    this.#state.counters.remb_received++;
    const { sender } = peer;
    if (sender === undefined || sender.estimator.hasFeedback || cursor.length < 20) return;
    // |R|E|M|B| Num SSRC | BR Exp (6) | BR Mantissa (18) |
    if (cursor.uint32(12) !== 0x52454d42) return;
    const word = cursor.uint32(16);
    const bps = (word & 0x3ffff) * 2 ** ((word >>> 18) & 0x3f);
    sender.estimator.handleReceiverEstimate(bps, nowMs);
  }

  #keyframeWanted(peer: Peer, ssrc: number, nowMs: InstantMs): void {
    this.#state.counters.plis_received++;
    const source = peer.consumers.get(ssrc)?.source;
    if (source !== undefined && source.track.input.kind === "video") this.#output.requestKeyframe(source, nowMs);
  }
}
