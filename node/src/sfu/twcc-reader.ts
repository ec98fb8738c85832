/**
 * Reading transport-wide feedback about what we sent: for now how many packets arrived. The send-side estimator will want
 * times as well, from the same walk.
 */
import type { RtcpCursor } from "./rtcp.ts";

const CHUNKS_AT = 20;

export interface TransportFeedbackCounts {
  twcc_packets_acked: number;
  twcc_packets_lost: number;
}

/** Adds up the statuses. False, with nothing added, when the chunks do not hold as many as the header says. */
export function readTransportFeedback(cursor: RtcpCursor, counts: TransportFeedbackCounts): boolean {
  if (cursor.length < CHUNKS_AT) return false;
  const statusCount = cursor.uint16(14);
  let seen = 0;
  let acked = 0;
  for (let at = CHUNKS_AT; seen < statusCount; at += 2) {
    if (at + 2 > cursor.length) return false;
    const chunk = cursor.uint16(at);
    const left = statusCount - seen;
    if ((chunk & 0x8000) === 0) {
      const run = Math.min(chunk & 0x1fff, left);
      if (run === 0) return false;
      if ((chunk & 0x6000) !== 0) acked += run;
      seen += run;
    } else if ((chunk & 0x4000) === 0) {
      acked += countSymbols(chunk, 1, Math.min(14, left));
      seen += 14;
    } else {
      acked += countSymbols(chunk, 2, Math.min(7, left));
      seen += 7;
    }
  }
  counts.twcc_packets_acked += acked;
  counts.twcc_packets_lost += statusCount - acked;
  return true;
}

/** How many of the chunk's first symbols say "received". */
function countSymbols(chunk: number, bits: 1 | 2, symbols: number): number {
  let acked = 0;
  const mask = bits === 1 ? 1 : 3;
  for (let i = 1; i <= symbols; i++) if (((chunk >> (14 - bits * i)) & mask) !== 0) acked++;
  return acked;
}
