/** A happening as the archive keeps it: the wall clock and the zone decide, the instants are there to sort and to search. */
import type { Happening, HappeningInput, Reply } from "#protocol";
import type { NewRecord, StoredRecord } from "../store/records.ts";
import type { CalendarEvent } from "./icalendar.ts";
import { instantOf } from "./zoned-time.ts";

export interface HappeningValue extends HappeningInput {
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly remindMinutes: readonly number[];
}

export interface AnswerValue {
  readonly displayName: string;
  readonly reply: Reply;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const LONGEST_MS = 366 * 86_400_000;

export type HappeningFault = "startsAt" | "endsAt";

/** The instants of an input, or the field that makes no sense. Without an end a happening lasts an hour. */
export function instantsOf(
  input: Pick<HappeningInput, "startsAt" | "endsAt" | "timeZone">,
): { readonly startsAtMs: number; readonly endsAtMs: number } | { readonly fault: HappeningFault } {
  const startsAtMs = instantOf(input.startsAt, input.timeZone);
  if (startsAtMs === undefined) return { fault: "startsAt" };
  const endsAtMs = input.endsAt === undefined ? startsAtMs + HOUR_MS : instantOf(input.endsAt, input.timeZone);
  const isSound = endsAtMs !== undefined && endsAtMs >= startsAtMs && endsAtMs - startsAtMs <= LONGEST_MS;
  return isSound ? { startsAtMs, endsAtMs } : { fault: "endsAt" };
}

/** Happenings of a room are ordered by their start; digits of one length sort as numbers do. */
export function orderAt(startsAtMs: number, id = ""): string {
  return `${String(Math.max(0, startsAtMs)).padStart(14, "0")}.${id}`;
}

export function happeningRecord(roomId: string, id: string, value: HappeningValue): NewRecord {
  return { kind: "happening", id, owner: roomId, order: orderAt(value.startsAtMs, id), value };
}

export const happeningOf = (record: StoredRecord): HappeningValue => record.value as HappeningValue;

export function happeningInfoOf(record: StoredRecord, answers: readonly StoredRecord[]): Happening {
  const { changedAtMs: _, ...shown } = happeningOf(record);
  return {
    happeningId: record.id,
    version: record.version,
    ...shown,
    answers: answers.map((answer) => ({ userId: answer.order, ...(answer.value as AnswerValue) })),
  };
}

export function calendarEventOf(record: StoredRecord): CalendarEvent {
  const { title, text, place, startsAtMs, endsAtMs, changedAtMs } = happeningOf(record);
  return {
    uid: `${record.id}@hearsay`,
    title,
    ...(text === undefined ? {} : { text }),
    ...(place === undefined ? {} : { place }),
    ...{ startsAtMs, endsAtMs, changedAtMs, sequence: record.version - 1 },
  };
}

export const reminderIdOf = (happeningId: string, minutes: number): string => `${happeningId}.${minutes}`;
export const reminderDueAtMs = (startsAtMs: number, minutes: number): number => startsAtMs - minutes * MINUTE_MS;
