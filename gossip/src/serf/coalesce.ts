// User events of which only the latest matters, held back until their flood is over. Spec section 6.8.

import type { UserEvent } from "../sink.ts";
import type { DurationMs, InstantMs } from "../types.ts";

export interface CoalesceSettings {
  /** Longest time that the first event waits. 0: nothing is held back. */
  readonly coalescePeriodMs: DurationMs;
  /** Silence that ends the wait. */
  readonly coalesceQuiescentMs: DurationMs;
}

/** Events held back at once; with more they all leave. */
export const MAX_COALESCED = 1024;

export class UserEventCoalescer {
  readonly #settings: CoalesceSettings;
  /** Per name those of the newest time. */
  readonly #latest = new Map<string, UserEvent[]>();
  #count = 0;
  #periodEndMs = Number.POSITIVE_INFINITY;
  #quietMs = Number.POSITIVE_INFINITY;

  constructor(settings: CoalesceSettings) {
    this.#settings = settings;
  }

  /** What leaves now: the event itself when it may not be held back, all that is held when there are too many. */
  offer(event: UserEvent, nowMs: InstantMs): readonly UserEvent[] {
    const { coalescePeriodMs, coalesceQuiescentMs } = this.#settings;
    if (!event.coalesce || coalescePeriodMs <= 0) return [event];
    this.#hold(event);
    if (this.#count >= MAX_COALESCED) return this.#flush();
    if (this.#periodEndMs === Number.POSITIVE_INFINITY) this.#periodEndMs = nowMs + coalescePeriodMs;
    this.#quietMs = nowMs + coalesceQuiescentMs;
    return [];
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#periodEndMs, this.#quietMs);
  }

  /** What leaves because its wait is over. */
  due(nowMs: InstantMs): readonly UserEvent[] {
    return nowMs >= this.deadlineMs() ? this.#flush() : [];
  }

  #hold(event: UserEvent): void {
    const held = this.#latest.get(event.name);
    const time = held?.[0]?.lamportTime ?? 0;
    if (held !== undefined && event.lamportTime < time) return;
    if (held !== undefined && event.lamportTime === time) {
      held.push(event);
      this.#count += 1;
      return;
    }
    this.#latest.set(event.name, [event]);
    this.#count += 1 - (held?.length ?? 0);
  }

  #flush(): readonly UserEvent[] {
    const events = [...this.#latest.values()].flat();
    this.#latest.clear();
    this.#count = 0;
    this.#periodEndMs = Number.POSITIVE_INFINITY;
    this.#quietMs = Number.POSITIVE_INFINITY;
    return events;
  }
}
