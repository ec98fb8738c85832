/** What is counted, and how it is told. */
import type { Consumer } from "./consumer.ts";
import type { Producer } from "./producer.ts";
import type { IngressSummary, StreamSummary } from "./types.ts";

/** Monotonic counters of one core, by the names under which they are exported. Never reset: readers take differences. */
export class RouterCounters {
  rtp_packets_received = 0;
  rtp_bytes_received = 0;
  rtp_padding_received = 0;
  rtp_packets_repaired = 0;
  /** Packets that were lost towards us and found in later redundant audio. */
  red_recovered = 0;
  /** Packets asked for and never received. */
  rtp_packets_unrepaired = 0;
  rtcp_packets_received = 0;
  rtcp_packets_sent = 0;
  nacks_sent = 0;
  nacks_received = 0;
  rtx_sent = 0;
  /** Packets sent again because feedback told them lost; not in `rtx_sent`. */
  rtx_unasked = 0;
  rtx_received = 0;
  /** Of voices over lossy trunks, sent without being asked for, and their bytes as `rtx_sent` does not count them. */
  audio_copies_sent = 0;
  audio_copy_bytes_sent = 0;
  /** Requests that the rate bound or the round trip forbade, or whose packet is gone. */
  rtx_refused = 0;
  plis_sent = 0;
  plis_received = 0;
  twcc_sent = 0;
  twcc_received = 0;
  /** As receivers of ours report them in transport-wide feedback. */
  twcc_packets_acked = 0;
  twcc_packets_lost = 0;
  remb_received = 0;
  layer_switches = 0;
  /** Packets sent only to learn what a path carries. */
  probes_sent = 0;
  /** Packets that waited for their turn until their source had forgotten them. */
  pacer_dropped = 0;
  /** Times that a slot was stopped because the path would not carry it. */
  slots_paused = 0;
}

export function summaryOf(consumer: Consumer): StreamSummary {
  const { assignment, current, filter, limitIndex, packetsSent, octetsSent, report, track } = consumer;
  const { width, height } = current?.spatialSizes[filter.spatial] ?? current ?? { width: 0, height: 0 };
  const { packetsLost, lossRatio, jitter } = report;
  const jitterMs = jitter < 0 || track === undefined ? -1 : (jitter * 1000) / track.input.clockRateHz;
  const shown = { trackId: assignment?.trackId, layer: current?.layer, width, height, paused: limitIndex < 0 };
  const packetsRepaired = consumer.responder.servedCount;
  return { ...shown, packetsSent, octetsSent, packetsLost, lossRatio, packetsRepaired, jitterMs };
}

export function ingressSummaryOf({ track, layer, statistics, repaired, octetsReceived }: Producer): IngressSummary {
  return {
    trackId: track.input.trackId,
    layer,
    packetsReceived: statistics.received,
    octetsReceived,
    packetsLost: Math.max(0, statistics.lost - repaired),
    packetsRepaired: repaired,
    jitterMs: statistics.jitterMs,
  };
}
