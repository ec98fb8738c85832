/** What a room plans: happenings, who comes, and the reminders that belong to them. */
import { ulid } from "ulid";
import type { Happening, HappeningInput, HappeningPage, Reply } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { OnRoomChange } from "../keeping/room-change.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { MAX_PAGE } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";
import {
  calendarEventOf,
  type HappeningValue,
  happeningInfoOf,
  happeningOf,
  happeningRecord,
  instantsOf,
  orderAt,
  reminderDueAtMs,
  reminderIdOf,
} from "./happening-record.ts";
import { calendarOf } from "./icalendar.ts";
import { clearingOf } from "./reminders.ts";

export const MAX_HAPPENINGS = 2_000;
/** Answers to one happening; a room has at most 1,000 people. */
const MAX_ANSWERS = 1_000;
/** Happenings in a calendar: the newest ones by start. */
const MAX_CALENDAR = 400;
const MAX_TRIES = 5;

export interface HappeningsOptions {
  readonly archive: Archive;
  readonly clock: Clock;
  readonly changed: OnRoomChange;
}

export class Happenings {
  readonly #options: HappeningsOptions;

  constructor(options: HappeningsOptions) {
    this.#options = options;
  }

  /** Throws ApiError invalid_input, too_many. */
  async add(roomId: string, user: UserRecord, input: HappeningInput): Promise<Happening> {
    const { archive, clock } = this.#options;
    const value = this.#valueOf(input, { createdBy: user.id, createdAtMs: clock.wallMs() });
    if ((await archive.records.weigh("happening", roomId)).count >= MAX_HAPPENINGS) throw new ApiError("too_many");
    const id = ulid(clock.wallMs());
    await this.#setReminders(roomId, id, value);
    const { record } = await archive.records.add(happeningRecord(roomId, id, value));
    if (record === undefined) throw new ApiError("internal");
    // Nobody has answered yet. Asking the store once more might refuse what is done.
    return this.#told(record, [], { change: "added", userId: user.id });
  }

  /** The whole of it anew. Throws ApiError invalid_input, changed_meanwhile. */
  async change(
    record: StoredRecord,
    user: UserRecord,
    input: HappeningInput & { readonly version: number },
  ): Promise<Happening> {
    const { version, ...wanted } = input;
    const { createdBy, createdAtMs } = happeningOf(record);
    const value = this.#valueOf(wanted, { createdBy, createdAtMs });
    if (record.version !== version) throw new ApiError("changed_meanwhile");
    const answers = await this.#answersOf(record.id);
    // Before the change: a reminder that comes too early looks again, one that was never set would be missed.
    await this.#setReminders(record.owner, record.id, value);
    const outcome = await this.#options.archive.records.replace(
      happeningRecord(record.owner, record.id, value),
      version,
    );
    if (outcome.kind === "changed") throw new ApiError("changed_meanwhile");
    return this.#told(outcome.record, answers, { change: "changed", userId: user.id });
  }

  /** Its answers go a little later, with a note that was made before: wherever this ends, nothing is left for ever. */
  async remove(record: StoredRecord, user: UserRecord): Promise<void> {
    const { archive, clock, changed } = this.#options;
    const { owner: roomId, id } = record;
    await archive.records.add(clearingOf(record, clock.wallMs()));
    await archive.records.remove(record);
    changed({
      ...{ roomId, what: "happening", change: "removed", id, userId: user.id },
      ...{ event: "happening.changed", data: { happeningId: id, removed: true } },
    });
  }

  /** Throws ApiError unknown_happening. */
  async get(roomId: string, id: string): Promise<StoredRecord> {
    const found = await this.#options.archive.records.get({ kind: "happening", id });
    if (found?.owner !== roomId) throw new ApiError("unknown_happening");
    return found;
  }

  async info(record: StoredRecord): Promise<Happening> {
    return happeningInfoOf(record, await this.#answersOf(record.id));
  }

  /** By time of the start, from `fromMs` or after the page before. */
  async list(
    roomId: string,
    page: { readonly fromMs: number; readonly after?: string | undefined; readonly limit: number },
  ): Promise<HappeningPage> {
    const after = page.after ?? orderAt(page.fromMs);
    const range = { kind: "happening", owner: roomId, after, limit: page.limit + 1 } as const;
    const found = await this.#options.archive.records.list(range);
    const shown = found.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      happenings: await Promise.all(shown.map((record) => this.info(record))),
      ...(found.length > page.limit && last !== undefined ? { nextCursor: last.order } : {}),
    };
  }

  /** Of one person; a later answer takes the place of the earlier one. Null takes it back. */
  async answer(record: StoredRecord, user: UserRecord, reply: Reply | null): Promise<Happening> {
    const { records } = this.#options.archive;
    const key = { kind: "answer", id: `${record.id}.${user.id}` } as const;
    const next = { ...key, owner: record.id, order: user.id, value: { reply, displayName: user.displayName } };
    if (reply === null) await records.remove(key);
    else if ((await records.weigh("answer", record.id)).count >= MAX_ANSWERS) throw new ApiError("too_many");
    else await this.#put(next);
    return this.#told(record, await this.#answersOf(record.id), { change: "changed", userId: user.id });
  }

  /** All of a room, or one of them, as a calendar file. */
  async calendar(name: string, roomId: string, only?: StoredRecord): Promise<string> {
    const found = only === undefined ? await this.#newest(roomId) : [only];
    return calendarOf(name, found.map(calendarEventOf));
  }

  async #newest(roomId: string): Promise<readonly StoredRecord[]> {
    const { records } = this.#options.archive;
    const found: StoredRecord[] = [];
    while (found.length < MAX_CALENDAR) {
      const before = found.at(-1)?.order;
      const range = {
        kind: "happening",
        owner: roomId,
        limit: MAX_PAGE,
        ...(before === undefined ? {} : { before }),
      } as const;
      const page = await records.list(range);
      found.push(...page);
      if (page.length < MAX_PAGE) break;
    }
    return found.reverse();
  }

  async #put(record: Parameters<Archive["records"]["add"]>[0]): Promise<void> {
    const { records } = this.#options.archive;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const added = await records.add(record);
      if (added.kind === "added" || added.record === undefined) return;
      const replaced = await records.replace(record, added.record.version);
      if (replaced.kind === "replaced") return;
    }
    throw new ApiError("busy", { retryAfterMs: 1_000 });
  }

  async #answersOf(happeningId: string): Promise<readonly StoredRecord[]> {
    const { records } = this.#options.archive;
    const found: StoredRecord[] = [];
    while (found.length < MAX_ANSWERS) {
      const range = { kind: "answer", owner: happeningId, after: found.at(-1)?.order ?? "-", limit: MAX_PAGE } as const;
      const page = await records.list(range);
      found.push(...page);
      if (page.length < MAX_PAGE) break;
    }
    return found;
  }

  /** Those to come. An earlier one is drawn nearer, never put off: what comes too early looks at the happening again. */
  async #setReminders(roomId: string, id: string, value: HappeningValue): Promise<void> {
    const { records } = this.#options.archive;
    const nowMs = this.#options.clock.wallMs();
    for (const minutes of value.remindMinutes) {
      const dueAtMs = reminderDueAtMs(value.startsAtMs, minutes);
      if (dueAtMs < nowMs) continue;
      const reminder = {
        kind: "reminder",
        id: reminderIdOf(id, minutes),
        owner: id,
        value: { roomId, minutes, setAtMs: nowMs },
      } as const;
      const { kind, record } = await records.add({ ...reminder, dueAtMs });
      if (kind === "exists" && record !== undefined && (record.dueAtMs ?? 0) > dueAtMs)
        await records.replace({ ...reminder, dueAtMs }, record.version);
    }
  }

  #valueOf(input: HappeningInput, made: Pick<HappeningValue, "createdBy" | "createdAtMs">): HappeningValue {
    const instants = instantsOf(input);
    if ("fault" in instants)
      throw new ApiError("invalid_input", {
        errors: [{ path: instants.fault, message: "is no such time, or out of order" }],
      });
    const remindMinutes = [...new Set(input.remindMinutes ?? [])].sort((one, other) => other - one);
    return { ...input, ...made, ...instants, remindMinutes, changedAtMs: this.#options.clock.wallMs() };
  }

  #told(
    record: StoredRecord,
    answers: readonly StoredRecord[],
    by: { readonly change: "added" | "changed"; readonly userId: string },
  ): Happening {
    const info = happeningInfoOf(record, answers);
    const { owner: roomId, id } = record;
    this.#options.changed({ roomId, what: "happening", id, ...by, event: "happening.changed", data: info });
    return info;
  }
}
