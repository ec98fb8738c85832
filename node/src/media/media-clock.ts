/** Time and timers of the pool's shell, as an argument, so that a test moves them by hand; the other shells' clocks have the same shape. */
export interface MediaClock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Runs once after `delayMs`; the answer cancels it, harmlessly also afterwards. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemMediaClock: MediaClock = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
