// A logical clock: whatever we say later is timed after everything we have heard. Spec section 6.1.

import { type LamportTime, lamportTime, UsageError } from "../types.ts";

/**
 * Beyond this a time is forged: at a thousand messages a second it takes 28,000 years to get there. Refusing it keeps the
 * clock out of the range where adding one changes nothing, from which a cluster could not recover.
 */
export const MAX_LAMPORT_TIME = lamportTime(2 ** 50);

export class LamportClock {
  #time = 0;

  /** What the next message of ours is timed. */
  time(): LamportTime {
    return lamportTime(this.#time);
  }

  increment(): LamportTime {
    this.#time += 1;
    return lamportTime(this.#time);
  }

  /** False, and nothing changes, when the time is beyond belief. */
  witness(seen: LamportTime): boolean {
    if (seen > MAX_LAMPORT_TIME) return false;
    if (seen >= this.#time) this.#time = seen + 1;
    return true;
  }
}

/** Throws UsageError "clock_exhausted" when our next message would carry a time that nobody believes. */
export function assertTimeLeft(clock: LamportClock): void {
  if (clock.time() <= MAX_LAMPORT_TIME) return;
  throw new UsageError("clock_exhausted", "the Lamport clock of this cluster has run out");
}
