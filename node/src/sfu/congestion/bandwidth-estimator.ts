/**
 * How much one transport carries towards its receiver, from transport-wide feedback: the least of what the delay and what
 * the losses allow, lifted by probes (draft-ietf-rmcat-gcc-02; arrival times as in draft-holmer-rmcat-transport-wide-cc,
 * whose standard successor is RFC 8888).
 */
import type { TransportFeedback } from "../twcc-reader.ts";
import type { InstantMs } from "../types.ts";
import { AckedRate } from "./acked-rate.ts";
import { ArrivalGroups } from "./arrival-groups.ts";
import { LossControl } from "./loss-control.ts";
import { Probes } from "./probes.ts";
import { QueueGauge } from "./queue-gauge.ts";
import { RateControl } from "./rate-control.ts";
import { SENT_ACKED, SENT_IN_FLIGHT, SENT_LOST, SENT_UNKNOWN, type SentHistory } from "./sent-history.ts";
import { type PathUsage, Trendline } from "./trendline.ts";

const MAX_LOST = 64;
const FIRST_RTT_MS = 200;
/** Feedback silent for this long and the round trip, with packets under way: the path is gone or choked. */
const SILENCE_MS = 700;
const SILENCE_STEP_MS = 500;
const RECENT_SPAN_MS = 150;
const QUEUED_SPAN_MS = 80;
const QUEUED_MS = 40;
const LEAST_SHARE = 0.4;
const LEAST_QUEUE_MS = 12;
const RECOVERY_MS = 1500;
const SILENCE_DECREASE = 0.7;

export interface EstimatorOptions {
  readonly startBps: number;
  readonly minBps: number;
  readonly maxBps: number;
}

export class BandwidthEstimator {
  readonly probes: Probes;
  /** Transport-wide numbers that the last feedback told lost, at most so many. */
  readonly lost: number[] = [];
  /** The least time from a packet to the feedback that names it, smoothed. */
  rttMs = FIRST_RTT_MS;
  readonly #options: EstimatorOptions;
  readonly #history: SentHistory;
  readonly #groups = new ArrivalGroups();
  readonly #trendline = new Trendline();
  readonly #acked = new AckedRate();
  readonly #rate: RateControl;
  readonly #gauge = new QueueGauge();
  readonly #loss = new LossControl();
  readonly #told = { lost: 0, acked: 0, minRttMs: 0 };
  #feedbackAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  #silentStepMs: InstantMs = Number.NEGATIVE_INFINITY;
  #probeBps = -1;
  #usage: PathUsage = "normal";

  constructor(history: SentHistory, options: EstimatorOptions) {
    this.#history = history;
    this.#options = options;
    this.#rate = new RateControl(options.startBps, options);
    this.probes = new Probes(options.startBps);
  }

  get bps(): number {
    return Math.max(this.#options.minBps, Math.min(this.#rate.bps, this.#loss.bps));
  }

  /** What was seen to arrive, -1 before anything was. */
  get ackedBps(): number {
    return this.#acked.bps;
  }

  get lossRatio(): number {
    return this.#loss.lossRatio;
  }

  get isOverused(): boolean {
    return this.#usage === "over";
  }

  /** The estimate fell so lately that what is on the way may still be too much. */
  isRecovering(nowMs: InstantMs): boolean {
    return this.isOverused || nowMs - this.#rate.decreasedAtMs < RECOVERY_MS;
  }

  /** ... and a queue still stands before it. */
  isDraining(nowMs: InstantMs): boolean {
    return this.#gauge.queueMs > QUEUED_MS && this.isRecovering(nowMs);
  }

  /** Any feedback has come. */
  get hasFeedback(): boolean {
    return this.#feedbackAtMs !== Number.NEGATIVE_INFINITY;
  }

  /** The estimate rests on what the path showed, not on the start value. */
  get isSettled(): boolean {
    return this.#acked.bps >= 0;
  }

  handleFeedback(feedback: TransportFeedback, nowMs: InstantMs): void {
    const told = this.#told;
    told.lost = 0;
    this.lost.length = 0;
    told.acked = 0;
    told.minRttMs = Number.POSITIVE_INFINITY;
    this.#probeBps = -1;
    this.#feedbackAtMs = nowMs;
    const { statusCount, received, arrivals } = feedback;
    // The last number is the nearest to what was sent last.
    const first = this.#history.extend((feedback.baseSeq + statusCount - 1) & 0xffff) - statusCount + 1;
    for (let i = 0; i < statusCount; i++) {
      const extSeq = first + i;
      const state = this.#history.stateOf(extSeq);
      if (state === SENT_UNKNOWN || state === SENT_ACKED) continue;
      if (received[i] === 1) this.#arrived(extSeq, (arrivals[i] as number) / 4, nowMs);
      else if (state === SENT_IN_FLIGHT) {
        this.#history.settle(extSeq, SENT_LOST);
        told.lost++;
        if (this.lost.length < MAX_LOST) this.lost.push(extSeq);
      }
    }
    this.#conclude(nowMs);
  }

  /** REMB of a receiver that gives no transport-wide feedback (draft-alvestrand-rmcat-remb-03). */
  handleReceiverEstimate(bps: number, nowMs: InstantMs): void {
    this.#rate.set(bps, nowMs);
  }

  /** Without feedback the path is taken for ever narrower. */
  handleSilence(nowMs: InstantMs): void {
    if (!this.hasFeedback) return;
    const silentMs = nowMs - Math.max(this.#feedbackAtMs, this.#history.oldestUnansweredMs());
    if (!(silentMs > SILENCE_MS + this.rttMs) || nowMs - this.#silentStepMs < SILENCE_STEP_MS) return;
    this.#silentStepMs = nowMs;
    this.#rate.set(this.bps * SILENCE_DECREASE, nowMs);
    this.#trendline.reset();
    this.#groups.reset();
  }

  considerProbe(need: { readonly desiredBps: number; readonly missingBps: number }, nowMs: InstantMs): void {
    if (this.probes.active !== undefined || this.#usage !== "normal") return;
    const { desiredBps, missingBps } = need;
    const { decreasedAtMs } = this.#rate;
    this.probes.consider({ estimateBps: this.bps, desiredBps, missingBps, usage: this.#usage, decreasedAtMs }, nowMs);
  }

  #arrived(extSeq: number, arrivalMs: number, nowMs: InstantMs): void {
    const history = this.#history;
    history.settle(extSeq, SENT_ACKED);
    this.#told.acked++;
    if (!(arrivalMs >= 0)) return;
    const sentMs = history.sentAtMs(extSeq);
    const byteLength = history.byteLength(extSeq);
    this.#told.minRttMs = Math.min(this.#told.minRttMs, nowMs - sentMs);
    this.#acked.add(arrivalMs, byteLength);
    this.#gauge.add(arrivalMs - sentMs);
    const cluster = history.cluster(extSeq);
    if (cluster !== 0) {
      const bps = this.probes.noteAcked(cluster, { sentMs, arrivalMs, byteLength });
      if (bps > 0) this.#probeBps = bps;
    }
    if (!this.#groups.add(sentMs, arrivalMs)) return;
    const { sendDeltaMs, arrivalDeltaMs } = this.#groups;
    this.#trendline.update({ sendMs: sendDeltaMs, arrivalMs: arrivalDeltaMs }, arrivalMs, nowMs);
  }

  #conclude(nowMs: InstantMs): void {
    const told = this.#told;
    if (told.minRttMs !== Number.POSITIVE_INFINITY) this.rttMs += (told.minRttMs - this.rttMs) / 8;
    const isChoked = this.#gauge.conclude(told, nowMs);
    // A busy machine delays some packets; a queue delays all, also the quickest of a feedback.
    const isJitter = this.#trendline.usage === "over" && this.#gauge.queueMs < LEAST_QUEUE_MS;
    const usage = isChoked ? "over" : isJitter ? "normal" : this.#trendline.usage;
    this.#usage = usage;
    const { rttMs } = this;
    const { minBps } = this.#options;
    this.#loss.update(told, { currentBps: this.bps, minBps, rttMs }, nowMs);
    const ackedBps = usage === "over" ? this.#carriedBps() : this.#acked.bps;
    this.#rate.update({ usage, ackedBps, sentBps: this.#history.sentBps(nowMs), rttMs }, nowMs);
    if (this.#probeBps <= this.bps || usage === "over") return;
    this.#rate.set(this.#probeBps, nowMs);
    this.#loss.raise(this.#probeBps);
  }

  /**
   * What the path carries while it is over-used: behind a queue, the last few packets came as fast as they could. Without
   * one, the better of two measures, because the slow one lags behind sources that have just begun to send more.
   */
  #carriedBps(): number {
    const lastBps = this.#acked.recentBps(QUEUED_SPAN_MS);
    // One stall of the path looks like a queue of which hardly anything comes.
    if (this.#gauge.queueMs > QUEUED_MS && lastBps >= 0) return Math.max(lastBps, this.#acked.bps * LEAST_SHARE);
    return Math.max(this.#acked.bps, this.#acked.recentBps(RECENT_SPAN_MS));
  }
}
