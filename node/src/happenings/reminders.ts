/**
 * Reminders are posted in their room when they are due, by one node of all. That none is lost: its record stays until the
 * message is stored. That none is doubled: its message has a key of its own, and the archive keeps one message per key.
 */
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Archive, RoomRecord } from "../store/archive.ts";
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
        return isUnborn ? { kind: "again", dueAtMs: nowMs + LEASE_MS, value: reminder.value } : { kind: "done" };
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
