/** Sender and receiver reports: what we tell publishers, what viewers tell us, and whose clock a timestamp is on. */
import type { ReportBlock } from "./rtcp-writer.ts";
import { timestampDistance } from "./sequence.ts";
import type { InstantMs } from "./types.ts";

/** Reception of one incoming SSRC, RFC 3550 sections 6.4.1, A.3 and A.8. */
export class ReceptionStatistics {
  readonly ssrc: number;
  readonly #clockRateHz: number;
  received = 0;
  #firstExtSeq = -1;
  #highestExtSeq = -1;
  #jitter = 0;
  #lastArrivalMs: InstantMs = 0;
  #lastTimestamp = 0;
  #reportedExpected = 0;
  #reportedReceived = 0;
  #lastSr = 0;
  #lastSrAtMs: InstantMs = 0;

  constructor(ssrc: number, clockRateHz: number) {
    this.ssrc = ssrc;
    this.#clockRateHz = clockRateHz;
  }

  receive(extSeq: number, timestamp: number, nowMs: InstantMs): void {
    if (this.#firstExtSeq < 0) {
      this.#firstExtSeq = extSeq;
    } else {
      const arrived = ((nowMs - this.#lastArrivalMs) * this.#clockRateHz) / 1000;
      const difference = Math.abs(arrived - timestampDistance(this.#lastTimestamp, timestamp));
      // A timestamp jump (restart, DTX) is no jitter.
      if (difference < this.#clockRateHz * 5) this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#lastArrivalMs = nowMs;
    this.#lastTimestamp = timestamp;
    this.received++;
    if (extSeq > this.#highestExtSeq) this.#highestExtSeq = extSeq;
  }

  noteSenderReport(ntpSeconds: number, ntpFraction: number, nowMs: InstantMs): void {
    this.#lastSr = (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0;
    this.#lastSrAtMs = nowMs;
  }

  get hasReceived(): boolean {
    return this.#firstExtSeq >= 0;
  }

  get jitterMs(): number {
    return (this.#jitter * 1000) / this.#clockRateHz;
  }

  /** Expected less received; duplicates can make it negative. */
  get lost(): number {
    return this.#expected() - this.received;
  }

  /** The block for a receiver report; the fraction counts from the previous call on. */
  takeBlock(nowMs: InstantMs): ReportBlock {
    const expected = this.#expected();
    const expectedNow = expected - this.#reportedExpected;
    const lostNow = expectedNow - (this.received - this.#reportedReceived);
    this.#reportedExpected = expected;
    this.#reportedReceived = this.received;
    return {
      ssrc: this.ssrc,
      fractionLost: expectedNow > 0 && lostNow > 0 ? Math.min(255, Math.floor((lostNow * 256) / expectedNow)) : 0,
      cumulativeLost: expected - this.received,
      // The unwrapper counts from one cycle up; on the wire cycles count from 0.
      highestExtSeq: Math.max(0, this.#highestExtSeq - 0x10000),
      jitter: Math.floor(this.#jitter),
      lastSr: this.#lastSr,
      delaySinceLastSr: this.#lastSr === 0 ? 0 : Math.floor((nowMs - this.#lastSrAtMs) * 65.536),
    };
  }

  #expected(): number {
    return this.#firstExtSeq < 0 ? 0 : this.#highestExtSeq - this.#firstExtSeq + 1;
  }
}

/** What a receiver reports of one of our streams (RFC 3550 section 6.4.1). */
export class ViewerReport {
  /** Before repair, as browsers count: packets of the RTX stream do not fill these holes. */
  packetsLost = 0;
  /** Since the report before. */
  lossRatio = 0;
  /** In timestamp units, -1: nothing was reported. */
  jitter = -1;

  note(block: { readonly lossWord: number; readonly jitter: number }): void {
    this.lossRatio = (block.lossWord >>> 24) / 256;
    // 24 bits with a sign: duplicates can make it negative.
    this.packetsLost = Math.max(0, (block.lossWord << 8) >> 8);
    this.jitter = block.jitter;
  }
}

/** A sender's wall clock against its timestamps, from its last sender report. */
export class SourceClock {
  #ntpMs = 0;
  #rtpTimestamp = 0;
  #atMs: InstantMs = 0;
  #known = false;
  readonly #clockRateHz: number;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  get isKnown(): boolean {
    return this.#known;
  }

  set(report: { readonly ntpMs: number; readonly rtpTimestamp: number }, nowMs: InstantMs): void {
    this.#ntpMs = report.ntpMs;
    this.#rtpTimestamp = report.rtpTimestamp;
    this.#atMs = nowMs;
    this.#known = true;
  }

  /** The sender's wall clock at the moment when it stamped a packet so. */
  ntpMsOf(rtpTimestamp: number): number {
    return this.#ntpMs + (timestampDistance(this.#rtpTimestamp, rtpTimestamp) * 1000) / this.#clockRateHz;
  }

  /** The sender's wall clock now, by how long ago the report came. */
  ntpMsAt(nowMs: InstantMs): number {
    return this.#ntpMs + nowMs - this.#atMs;
  }

  rtpTimestampAt(nowMs: InstantMs): number {
    return (this.#rtpTimestamp + Math.round(((nowMs - this.#atMs) * this.#clockRateHz) / 1000)) >>> 0;
  }
}

const REMEMBERED_REPORTS = 4;

/** Round-trip time from the receiver reports that answer our sender reports (RFC 3550 section 6.4.1, DLSR). */
export class RoundTrip {
  /** Smoothed; -1 before the first answer. */
  rttMs = -1;
  readonly #ids = new Uint32Array(REMEMBERED_REPORTS);
  readonly #sentAtMs = new Float64Array(REMEMBERED_REPORTS);
  #next = 0;

  /** `id`: the middle 32 bits of the NTP time sent. */
  noteSent(id: number, nowMs: InstantMs): void {
    this.#ids[this.#next] = id;
    this.#sentAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % REMEMBERED_REPORTS;
  }

  noteAnswer(lastSr: number, delaySinceLastSr: number, nowMs: InstantMs): void {
    if (lastSr === 0) return;
    for (let i = 0; i < REMEMBERED_REPORTS; i++) {
      if (this.#ids[i] !== lastSr) continue;
      const sampleMs = nowMs - (this.#sentAtMs[i] as number) - delaySinceLastSr / 65.536;
      if (sampleMs < 0 || sampleMs > 60_000) return;
      this.rttMs = this.rttMs < 0 ? sampleMs : this.rttMs + (sampleMs - this.rttMs) / 4;
      return;
    }
  }
}

/** Middle 32 bits of an NTP time in milliseconds. */
export function compactNtp(ntpMs: number): number {
  return Math.floor((ntpMs * 65.536) % 2 ** 32);
}
