// Queries in transit: each is passed on once and remembered by Lamport time and id. Asking and answering is the desk's.
// Spec section 6.9.

import type { DropReason } from "../sink.ts";
import { type LamportTime, lamportTime } from "../types.ts";
import type { SerfQuery } from "../wire/messages.ts";
import { LamportClock, MAX_LAMPORT_TIME } from "./lamport-clock.ts";

export const QUERY_BUFFER_SLOTS = 512;
/** Queries of one Lamport time that we keep apart; more are dropped as "queue_full". */
const MAX_QUERIES_PER_SLOT = 64;

interface Slot {
  readonly time: LamportTime;
  readonly ids: Set<number>;
}

export class Queries {
  readonly clock = new LamportClock();
  readonly #slots: (Slot | undefined)[] = new Array<Slot | undefined>(QUERY_BUFFER_SLOTS).fill(undefined);

  #minTime = lamportTime(0);

  /** `lastSeen`: what an earlier run had seen; it is not told again. */
  constructor(lastSeen = 0) {
    this.clock.increment();
    if (lastSeen <= 0 || !this.clock.witness(lamportTime(lastSeen))) return;
    this.#minTime = lamportTime(lastSeen + 1);
  }

  /** Undefined when the query is news: then pass it on, unless its flags forbid it. */
  take(query: SerfQuery): DropReason | undefined {
    const { lamportTime: time } = query;
    if (time > MAX_LAMPORT_TIME) return "bad_lamport_time";
    this.clock.witness(time);
    const current = this.clock.time();
    const isTooOld = current > QUERY_BUFFER_SLOTS && time < current - QUERY_BUFFER_SLOTS;
    if (time < this.#minTime || isTooOld) return "event_too_old";
    const index = time % QUERY_BUFFER_SLOTS;
    const slot = this.#slots[index];
    if (slot === undefined || slot.time !== time) {
      this.#slots[index] = { time, ids: new Set([query.id]) };
      return undefined;
    }
    if (slot.ids.has(query.id)) return "duplicate";
    if (slot.ids.size >= MAX_QUERIES_PER_SLOT) return "queue_full";
    slot.ids.add(query.id);
    return undefined;
  }
}
