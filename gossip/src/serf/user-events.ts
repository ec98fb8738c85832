// User events: everybody is told, each once. A ring by Lamport time remembers what was heard lately. Spec section 6.7.

import { bytesEqual } from "../membership/member.ts";
import type { DropReason } from "../sink.ts";
import { type LamportTime, lamportTime, UsageError } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { SerfEventEntry, SerfEventSlot, SerfUserEvent } from "../wire/messages.ts";
import { LamportClock, MAX_LAMPORT_TIME } from "./lamport-clock.ts";

/** Slots, and the Lamport times that an event may be late. Everybody in a cluster must have the same number. */
export const EVENT_BUFFER_SLOTS = 512;
/** Of name and payload, and again of the encoded message, type byte included. */
export const USER_EVENT_LIMIT_BYTES = 512;
/** Events of one Lamport time that we keep apart; more are dropped as "queue_full". The reference has no bound. */
const MAX_EVENTS_PER_SLOT = 64;

interface Slot {
  time: LamportTime;
  readonly events: SerfEventEntry[];
}

/** The bytes of an event of ours. Throws UsageError "event_too_large". */
export function encodeUserEvent(event: SerfUserEvent): Uint8Array {
  // The name in bytes, as the reference counts it, is at least as long as in units: the encoded limit finds what is left.
  if (event.name.length + event.payload.length > USER_EVENT_LIMIT_BYTES) {
    throw new UsageError(
      "event_too_large",
      `user event exceeds configured limit of ${USER_EVENT_LIMIT_BYTES} bytes before encoding`,
    );
  }
  const bytes = encodeSerf(event);
  if (bytes.length > USER_EVENT_LIMIT_BYTES) {
    throw new UsageError(
      "event_too_large",
      `encoded user event exceeds configured limit of ${USER_EVENT_LIMIT_BYTES} bytes after encoding`,
    );
  }
  return bytes;
}

export class UserEvents {
  readonly clock = new LamportClock();
  readonly #slots: (Slot | undefined)[] = new Array<Slot | undefined>(EVENT_BUFFER_SLOTS).fill(undefined);
  #minTime = lamportTime(0);

  /** `lastSeen`: what an earlier run had seen; it is not told again. */
  constructor(lastSeen = 0) {
    this.clock.increment();
    if (lastSeen <= 0 || !this.clock.witness(lamportTime(lastSeen))) return;
    this.#minTime = lamportTime(lastSeen + 1);
  }

  /** Events before this are history that we did not ask for. Only ever grows; times beyond belief change nothing. */
  ignoreBefore(time: LamportTime): void {
    if (time > this.#minTime && time <= MAX_LAMPORT_TIME) this.#minTime = time;
  }

  /** Undefined when the event is news: then deliver it and pass it on. */
  take(event: SerfUserEvent): DropReason | undefined {
    const { lamportTime: time } = event;
    if (time > MAX_LAMPORT_TIME) return "bad_lamport_time";
    this.clock.witness(time);
    const current = this.clock.time();
    const isTooOld = current > EVENT_BUFFER_SLOTS && time < current - EVENT_BUFFER_SLOTS;
    if (time < this.#minTime || isTooOld) return "event_too_old";
    const index = time % EVENT_BUFFER_SLOTS;
    const slot = this.#slots[index];
    const entry = { name: event.name, payload: event.payload.slice() };
    if (slot === undefined || slot.time !== time) {
      this.#slots[index] = { time, events: [entry] };
      return undefined;
    }
    const isKnown = slot.events.some((known) => known.name === entry.name && bytesEqual(known.payload, entry.payload));
    if (isKnown) return "duplicate";
    if (slot.events.length >= MAX_EVENTS_PER_SLOT) return "queue_full";
    slot.events.push(entry);
    return undefined;
  }

  /** The used slots, oldest first, as a push/pull carries them. */
  used(): SerfEventSlot[] {
    const slots: SerfEventSlot[] = [];
    for (const slot of this.#slots) if (slot !== undefined) slots.push({ lamportTime: slot.time, events: slot.events });
    return slots.sort((a, b) => a.lamportTime - b.lamportTime);
  }
}
