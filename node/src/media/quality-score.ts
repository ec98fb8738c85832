/**
 * One number for how good a call is for somebody, 1 (unusable) to 5 (as good as it gets), from what the network does to it.
 *
 * The base is the E-model for voice (ITU-T G.107) reduced to what packets can tell:
 *
 *   d  = rtt / 2 + 2 * jitter + 20          one-way delay in ms; 20 for packet and device
 *   Id = 0.024 d + 0.11 max(0, d - 177.3)   impairment by delay
 *   Ie = 95 p / (p + 10)                    impairment by loss; p in %, 10: robustness of Opus with its FEC
 *   R  = max(0, 93.2 - Id - Ie)
 *   MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6, at least 1
 *
 * which is stretched from 1..4.41 (R = 93.2) to 1..5 and, where a picture is shown, brought down by what is wrong with it:
 *
 *   F = 1 - min(1, frozen / 0.2)            share of the time in which the picture stood still
 *   S = 0.5 + 0.5 sqrt(min(1, shown))       share of the wanted pixels that is shown
 *   score = 1 + (base - 1) F S
 *
 * rounded to tenths. Pure.
 */

export interface QualityInput {
  /** Lost and not repaired, 0 to 1. */
  readonly lossRatio: number;
  /** Absent: not known, taken as 0. */
  readonly rttMs?: number;
  readonly jitterMs?: number;
  /** Only where video is shown. */
  readonly video?: {
    /** Share of the time without a new picture where one was due, 0 to 1. */
    readonly frozenRatio: number;
    /** Pixels that are shown by pixels that would fit, 0 to 1; paused video shows 0. */
    readonly shownRatio: number;
  };
}

const BEST_R = 93.2;
const BEST_MOS = mos(BEST_R);
const LOSS_ROBUSTNESS = 10;

/** Any numbers give a score of 1 to 5; what is no number or out of range is taken for the nearest sense. */
export function qualityScore(input: QualityInput): number {
  const { rttMs = 0, jitterMs = 0, video } = input;
  const delayMs = atLeastZero(rttMs) / 2 + 2 * atLeastZero(jitterMs) + 20;
  const lossPercent = 100 * ratio(input.lossRatio);
  const byDelay = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3);
  const byLoss = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS);
  const base = 1 + (4 * (mos(Math.max(0, BEST_R - byDelay - byLoss)) - 1)) / (BEST_MOS - 1);
  const moving = video === undefined ? 1 : 1 - Math.min(1, ratio(video.frozenRatio) / 0.2);
  const sharp = video === undefined ? 1 : 0.5 + 0.5 * Math.sqrt(ratio(video.shownRatio));
  return Math.round(10 * (1 + (Math.min(5, base) - 1) * moving * sharp)) / 10;
}

/** Below R = 6.5 the polynomial falls under 1, which means nothing. */
function mos(rating: number): number {
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

function atLeastZero(value: number): number {
  return Math.max(0, Number.isNaN(value) ? 0 : value);
}

function ratio(value: number): number {
  return Math.min(1, atLeastZero(value));
}
