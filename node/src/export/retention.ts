/**
 * Rooms that forget. Looked at every hour: files older than the room wants go, messages become tombstones, oldest first and a
 * bounded number at a time, so that neither the archive nor the people in the room feel it.
 */
import { decodeTime } from "ulid";
import type { Retention } from "#protocol";
import { ApiError } from "../http/problems.ts";
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Memories } from "../memories/memories.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, RoomRecord } from "../store/archive.ts";
import type { NewRecord } from "../store/records.ts";

/** Makes a message a tombstone in the name of nobody, and tells the room. A message that is one already is none again. */
export type Forget = (room: RoomRecord, messageId: string) => Promise<void>;

interface RetentionValue extends Retention {
  /** Messages up to this one are tombstones already. */
  readonly forgottenTo?: string;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const AGAIN_MS = 10_000;
const LEASE_MS = 300_000;
const BATCH = 100;
const MAX_TRIES = 5;

export class Retentions {
  readonly #archive: Archive;
  readonly #clock: Clock;

  constructor(parts: { readonly archive: Archive; readonly clock: Clock }) {
    this.#archive = parts.archive;
    this.#clock = parts.clock;
  }

  async get(roomId: string): Promise<Retention> {
    const found = await this.#archive.records.get({ kind: "retention", id: roomId });
    const { forgottenTo: _, ...shown } = (found?.value ?? {}) as RetentionValue;
    return shown;
  }

  async set(roomId: string, wanted: Retention): Promise<Retention> {
    const { records } = this.#archive;
    const key = { kind: "retention", id: roomId } as const;
    if (wanted.messageDays === undefined && wanted.fileDays === undefined) {
      await records.remove(key);
      return {};
    }
    const record: NewRecord = { ...key, owner: roomId, dueAtMs: this.#clock.wallMs(), value: wanted };
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const added = await records.add(record);
      if (added.kind === "added" || added.record === undefined) return wanted;
      if ((await records.replace(record, added.record.version)).kind === "replaced") return wanted;
    }
    throw new ApiError("busy", { retryAfterMs: 1_000 });
  }
}

export function retentionWorker(
  { archive, memories, forget }: { readonly archive: Archive; readonly memories: Memories; readonly forget: Forget },
  options: Pick<DueWorkerOptions, "clock" | "log" | "random"> & { readonly everyMs?: number },
): DueWorker {
  return new DueWorker({
    ...{ kind: "retention", records: archive.records, leaseMs: LEASE_MS, everyMs: 60_000, atOnce: 1 },
    ...options,
    work: async (record) => {
      const room = await archive.getRoom(record.owner);
      if (room === undefined) return { kind: "done" };
      const value = record.value as RetentionValue;
      const nowMs = options.clock.wallMs();
      const moreFiles = await dropFiles({ archive, memories }, room.id, limitOf(value.fileDays, nowMs));
      const { forgottenTo, more } = await forgetMessages({ archive, forget }, room, {
        before: limitOf(value.messageDays, nowMs),
        after: value.forgottenTo,
      });
      const dueAtMs = nowMs + (moreFiles || more ? AGAIN_MS : HOUR_MS);
      return { kind: "again", dueAtMs, value: { ...value, ...(forgottenTo === undefined ? {} : { forgottenTo }) } };
    },
  });
}

/** What is older than this goes; nothing is older than 0. */
const limitOf = (days: number | undefined, nowMs: number): number => (days === undefined ? 0 : nowMs - days * DAY_MS);

async function dropFiles(
  { archive, memories }: { readonly archive: Archive; readonly memories: Memories },
  roomId: string,
  beforeMs: number,
): Promise<boolean> {
  if (beforeMs === 0) return false;
  const oldest = await archive.records.list({ kind: "memory", owner: roomId, after: "-", limit: BATCH });
  const old = oldest.filter(({ id }) => decodeTime(id) < beforeMs);
  for (const record of old) await memories.remove(record, `retention.${roomId}`);
  return old.length === BATCH;
}

async function forgetMessages(
  { archive, forget }: { readonly archive: Archive; readonly forget: Forget },
  room: RoomRecord,
  range: { readonly before: number; readonly after: string | undefined },
): Promise<{ readonly forgottenTo?: string; readonly more: boolean }> {
  if (range.before === 0) return { more: false };
  const { messages, more } = await archive.listMessages(room.id, { after: range.after ?? "-", limit: BATCH });
  const old = messages.filter(({ id }) => decodeTime(id) < range.before);
  for (const message of old) if (message.deletedAtMs === undefined) await forget(room, message.id);
  const last = old.at(-1);
  return { ...(last === undefined ? {} : { forgottenTo: last.id }), more: more && old.length === messages.length };
}
