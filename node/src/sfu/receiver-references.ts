/**
 * Receiver reference times (RFC 3611 section 4.4): a peer that only receives learns its round trip from our answers to
 * them, and with it how long to wait for repairs. Each is answered once (section 4.5).
 */
import type { InstantMs } from "./types.ts";

/** Receivers remembered until the next report; a browser has one per transport. At the bound the oldest is forgotten. */
const MAX_RECEIVERS = 4;

export interface ReferenceAnswer {
  readonly ssrc: number;
  /** Middle 32 bits of the receiver's NTP time. */
  readonly lastReference: number;
  /** Since it came, in 1/65,536 s. */
  readonly delay: number;
}

export class ReceiverReferences {
  readonly #waiting = new Map<number, { readonly reference: number; readonly atMs: InstantMs }>();

  note(ssrc: number, [seconds, fraction]: readonly [number, number], nowMs: InstantMs): void {
    this.#waiting.delete(ssrc);
    this.#waiting.set(ssrc, { reference: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0, atMs: nowMs });
    const oldest = this.#waiting.keys().next().value;
    if (this.#waiting.size > MAX_RECEIVERS && oldest !== undefined) this.#waiting.delete(oldest);
  }

  /** What has not been answered yet, oldest first. */
  take(nowMs: InstantMs): readonly ReferenceAnswer[] {
    if (this.#waiting.size === 0) return NOTHING;
    const answers = [...this.#waiting].map(([ssrc, { reference, atMs }]) => ({
      ssrc,
      lastReference: reference,
      delay: Math.min(0xffffffff, Math.round((nowMs - atMs) * 65.536)),
    }));
    this.#waiting.clear();
    return answers;
  }
}

const NOTHING: readonly ReferenceAnswer[] = [];
