/**
 * Reminders are posted in their room when they are due, by one node of all. That none is lost: its record stays until the
 * message is stored. That none is doubled: its message has a key of its own, and the archive keeps one message per key.
 * A reminder whose happening is gone clears away what people answered to it.
 */
import { ulid } from "ulid";
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import { type Archive, MAX_PAGE, type RoomRecord } from "../store/archive.ts";
import type { NewRecord, Records, StoredRecord } from "../store/records.ts";
import { type HappeningValue, happeningOf, reminderDueAtMs } from "./happening-record.ts";

/** Posts a message of no person; repeated with the same key it is the same message. */
export type Announce = (room: RoomRecord, text: string, key: string) => Promise<void>;

export interface ReminderValue {
  readonly roomId: string;
  readonly minutes: number;
  readonly setAtMs: number;
}

const EVERY_MS = 15_000;
const LEASE_MS = 60_000;
/** After this time past its start nobody needs to be reminded any more. */
const TOO_LATE_MS = 3_600_000;
/** A reminder is set before its happening; for so long it waits for it. */
const UNBORN_MS = 120_000;

/** Of a time that no happening reminds at: it only clears away. */
const NEVER_MINUTES = -1;

/**
 * To be added before a happening is removed. Its id is its own: one of an earlier try, which failed, may be looked at and
 * struck off at the same moment.
 */
export function clearingOf({ id, owner: roomId }: StoredRecord, nowMs: number): NewRecord {
  const value: ReminderValue = { roomId, minutes: NEVER_MINUTES, setAtMs: nowMs };
  return { kind: "reminder", id: `${id}.${ulid(nowMs)}`, owner: id, dueAtMs: nowMs + UNBORN_MS, value };
}

/** Whoever answered while it was removed is found, too. */
async function clearAnswers(records: Records, happeningId: string): Promise<void> {
  for (let isMore = true; isMore; ) {
    const answers = await records.list({ kind: "answer", owner: happeningId, limit: MAX_PAGE });
    for (const answer of answers) await records.remove(answer);
    isMore = answers.length === MAX_PAGE;
  }
}

export function reminderWorker(
  archive: Archive,
  options: Pick<DueWorkerOptions, "clock" | "log" | "random"> & {
    readonly everyMs?: number;
    readonly announce: Announce;
  },
): DueWorker {
  const { records } = archive;
  const { announce, ...rest } = options;
  return new DueWorker({
    ...{ kind: "reminder", records, leaseMs: LEASE_MS, everyMs: EVERY_MS },
    ...rest,
    work: async (reminder) => {
      const nowMs = options.clock.wallMs();
      const { roomId, minutes, setAtMs } = reminder.value as ReminderValue;
      const happening = await records.get({ kind: "happening", id: reminder.owner });
      if (happening === undefined) {
        const isUnborn = nowMs - setAtMs < UNBORN_MS;
        if (isUnborn) return { kind: "again", dueAtMs: nowMs + LEASE_MS, value: reminder.value };
        await clearAnswers(records, reminder.owner);
        return { kind: "done" };
      }
      const value = happeningOf(happening);
      const dueAtMs = reminderDueAtMs(value.startsAtMs, minutes);
      if (!value.remindMinutes.includes(minutes) || nowMs > value.startsAtMs + TOO_LATE_MS) return { kind: "done" };
      if (dueAtMs > nowMs) return { kind: "again", dueAtMs, value: reminder.value };
      const room = await archive.getRoom(roomId);
      if (room !== undefined)
        await announce(room, reminderText(value, minutes), `reminder/${reminder.id}/${value.startsAtMs}`);
      return { kind: "done" };
    },
  });
}

/** Without words of any language: the room may speak all of them. */
export function reminderText({ title, startsAt, timeZone, place }: HappeningValue, minutes: number): string {
  const where = place === undefined ? "" : ` · ${place}`;
  return `⏰ ${title} · ${startsAt.replace("T", " ")} ${timeZone}${where}${minutes > 0 ? ` · −${lengthOf(minutes)}` : ""}`;
}

function lengthOf(minutes: number): string {
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  return [
    [days, "d"],
    [hours, "h"],
    [rest, "min"],
  ]
    .filter(([amount]) => amount !== 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}
