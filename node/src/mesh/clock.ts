/**
 * Time and timers as an argument, for shells: the pure parts take `nowMs`, and what must wait asks a Clock, so that a
 * test moves time by hand (node/test/fakes/manual-clock.ts).
 */
export interface Clock {
  /** Monotonic milliseconds, origin arbitrary. */
  nowMs(): number;
  /** Milliseconds since 1970, only for what people read; never compared between machines. */
  wallMs(): number;
  /** Runs once after at least `delayMs`; the answer cancels it, harmlessly also afterwards. */
  after(delayMs: number, run: () => void): () => void;
}

/** Greatest delay that a Node timer keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    // Node cuts fractions off, and a timer that comes early is one too many.
    const timer = setTimeout(run, Math.min(Math.max(0, Math.ceil(delayMs)), MAX_TIMER_MS));
    // A timer of ours must not keep a process alive that has stopped everything else.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
