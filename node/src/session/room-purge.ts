/** Clears away what was in deleted rooms, a little at a time; what a crash left is found at the next start. */
import { previewIdOf } from "../memories/memory-record.ts";
import { type Clock, pause } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Archive } from "../store/archive.ts";
import type { RecordKey, RecordKind } from "../store/records.ts";

/** The embedded store blocks the event loop meanwhile. */
const BATCH = 50;
const PAUSE_MS = 20;
const MAX_ROOMS = 200;
/** Records that are a room's own. Old names stay: they lead nowhere, and to nobody else. */
const KINDS: readonly RecordKind[] = [
  "readMarker",
  "revision",
  "invite",
  "memory",
  "happening",
  "expense",
  "webhook",
  "feed",
  "retention",
  "lock",
  "restriction",
];
/** Records that belong to a record of a room. */
const BELONGING: Readonly<Partial<Record<RecordKind, readonly RecordKind[]>>> = {
  invite: ["inviteUse"],
  happening: ["answer", "reminder"],
  webhook: ["delivery"],
};

export class RoomPurge {
  readonly #parts: { readonly archive: Archive; readonly clock: Clock; readonly log: Log };
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: { readonly archive: Archive; readonly clock: Clock; readonly log: Log }) {
    this.#parts = parts;
  }

  start(): void {
    this.#add(async () => {
      for (const roomId of await this.#parts.archive.listDeletedRooms(MAX_ROOMS)) await this.#purge(roomId);
    });
  }

  add(roomId: string): void {
    this.#add(() => this.#purge(roomId));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  #add(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#parts.log.warn({ error: String(error) }, "a deleted room was not cleared away; the next start goes on");
    });
  }

  /** Records first: a room counts as cleared when its messages are gone. */
  async #purge(roomId: string): Promise<void> {
    for (const kind of KINDS) await this.#purgeRecords(kind, roomId);
    while (!this.#stopped && !(await this.#parts.archive.purgeRoom(roomId, BATCH)))
      await pause(this.#parts.clock, PAUSE_MS);
  }

  async #purgeRecords(kind: RecordKind, owner: string): Promise<void> {
    const { records } = this.#parts.archive;
    while (!this.#stopped) {
      const found = await records.list({ kind, owner, limit: BATCH });
      for (const record of found) {
        await this.#purgeBelongings(record);
        await records.remove(record);
      }
      if (found.length < BATCH) return;
      await pause(this.#parts.clock, PAUSE_MS);
    }
  }

  async #purgeBelongings({ kind, id }: RecordKey): Promise<void> {
    for (const belonging of BELONGING[kind] ?? []) await this.#purgeRecords(belonging, id);
    if (kind !== "memory") return;
    for (const content of [id, previewIdOf(id)]) await this.#parts.archive.contents.drop(content);
  }
}
