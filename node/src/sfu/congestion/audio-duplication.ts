/**
 * Whether the voices on a path are sent twice: on when so much is lost that a repair after asking would often come too late
 * or be lost itself, off only after the losses have stayed low for a while, so that it does not flicker.
 */
import type { InstantMs } from "../types.ts";

const ON_ABOVE = 0.02;
const OFF_BELOW = 0.01;
const OFF_AFTER_MS = 10_000;

export class AudioDuplication {
  isOn = false;
  /** Since when the losses are low; Infinity: they are not. */
  #calmSinceMs: InstantMs = Number.POSITIVE_INFINITY;

  /** `lossRatio`: smoothed, 0 to 1, as the far end reports before any repair. */
  update(lossRatio: number, nowMs: InstantMs): void {
    if (lossRatio > ON_ABOVE) this.isOn = true;
    if (lossRatio >= OFF_BELOW) this.#calmSinceMs = Number.POSITIVE_INFINITY;
    else if (this.#calmSinceMs === Number.POSITIVE_INFINITY) this.#calmSinceMs = nowMs;
    else if (nowMs - this.#calmSinceMs >= OFF_AFTER_MS) this.isOn = false;
  }
}
