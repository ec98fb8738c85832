/** How late the event loop of this thread runs: the 99th percentile of the current window and the one before. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

const WINDOW_MS = 30_000;
const RESOLUTION_MS = 20;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #lastP99Ms = 0;
  #windowEndsMs = 0;

  start(): void {
    this.#histogram.enable();
  }
  stop(): void {
    this.#histogram.disable();
  }

  handleSweep(nowMs: number): void {
    if (nowMs < this.#windowEndsMs) return;
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#lastP99Ms = this.#currentP99Ms();
    this.#histogram.reset();
  }

  p99Ms(): number {
    return Math.max(this.#lastP99Ms, this.#currentP99Ms());
  }

  /** The histogram holds whole intervals between two ticks, so the interval asked for is taken off. */
  #currentP99Ms(): number {
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - RESOLUTION_MS);
  }
}
