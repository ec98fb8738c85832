/**
 * What makes an event outlive the node that stored its message. Before a node stores anything in a room whose webhooks hear of
 * messages, it notes in the archive that it is about to; the note covers some seconds and is taken away when all events of that
 * time have been entered. The note of a node that died comes due, and whoever looks first enters what was stored since: under
 * the same delivery ids, so what had been delivered already is recognised by its receiver.
 */
import { decodeTime, ulid } from "ulid";
import type { ChatMessage, WebhookEvent } from "#protocol";
import { CHANGES_OVERLAP_MS, firstIdAt } from "../chat/chat-reader.ts";
import { toChatMessage } from "../chat/message-view.ts";
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Archive, MAX_PAGE, type MessageRecord } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";

/** Time that one note covers. */
const WINDOW_MS = 10_000;
/** What began in a window is stored and entered by then, or not at all. */
const GRACE_MS = 15_000;
/** A note is due when its node has had time enough to take it away. */
const DUE_AFTER_MS = 45_000;
const REPAIR_EVERY_MS = 15_000;
const REPAIR_LEASE_MS = 120_000;
/** Pages of changes that one note may need. */
const MAX_PAGES = 100;
/** Rooms with a note at once; beyond it a room's events are not covered, and counted. */
const MAX_WINDOWS = 10_000;

export interface EventJournalOptions {
  readonly archive: Pick<Archive, "records" | "texts">;
  readonly clock: Clock;
  readonly log: Log;
  /** Does any webhook of the room hear of messages? */
  readonly wants: (roomId: string) => Promise<boolean>;
}

interface Window {
  readonly id: string;
  readonly untilMs: number;
  readonly noted: Promise<unknown>;
  /** Events that are being entered. */
  entering: number;
  /** An event could not be entered: the note stays, and comes due. */
  failed: boolean;
  cancel: () => void;
}

interface Note {
  /** A change id; what the node stored comes after it. */
  readonly after: string;
  /** Unix milliseconds; ids of what the node stored are not younger. */
  readonly untilMs: number;
}

export class EventJournal {
  readonly #options: EventJournalOptions;
  /** The newest window of each room. */
  readonly #windows = new Map<string, Window>();
  #uncovered = 0;

  constructor(options: EventJournalOptions) {
    this.#options = options;
  }

  /** Rooms' messages that were stored without a note, for want of room. */
  get uncovered(): number {
    return this.#uncovered;
  }

  /** To be called before a message is stored or changed. Throws StoreUnavailableError: then nothing should be stored. */
  async open(roomId: string): Promise<void> {
    const { clock, wants } = this.#options;
    const known = this.#windows.get(roomId);
    if (known !== undefined && known.untilMs > clock.nowMs()) {
      await known.noted;
      return;
    }
    if (!(await wants(roomId))) return;
    if (this.#windows.size >= MAX_WINDOWS) {
      this.#uncovered += 1;
      return;
    }
    await this.#begin(roomId).noted;
  }

  /** Enters an event of a message; until `work` is done the note stays, and for good when it fails. */
  async enter(roomId: string, work: () => Promise<void>): Promise<void> {
    const window = this.#windows.get(roomId);
    if (window !== undefined) window.entering += 1;
    try {
      await work();
    } catch (error) {
      if (window === undefined) throw error;
      window.failed = true;
      this.#options.log.debug({ roomId, err: error }, "an event of a message is entered later");
    } finally {
      if (window !== undefined) window.entering -= 1;
    }
  }

  /** There was no room for the event now: its note comes due. False: there is no note. */
  leave(roomId: string): boolean {
    const window = this.#windows.get(roomId);
    if (window !== undefined) window.failed = true;
    return window !== undefined;
  }

  /** Ends the timers. Notes that are left come due elsewhere. */
  async stop(): Promise<void> {
    const windows = [...this.#windows];
    this.#windows.clear();
    for (const [roomId, window] of windows) {
      window.cancel();
      if (window.entering === 0) await this.#takeAway(roomId, window);
    }
  }

  #begin(roomId: string): Window {
    const { clock } = this.#options;
    const id = ulid(clock.wallMs());
    const window: Window = {
      ...{ id, untilMs: clock.nowMs() + WINDOW_MS, noted: this.#note(roomId, id), entering: 0, failed: false },
      cancel: () => undefined,
    };
    // An earlier window of the room has its own timer, and ends by itself.
    this.#windows.set(roomId, window);
    window.noted.catch(() => this.#forget(roomId, window));
    this.#endLater(roomId, window);
    return window;
  }

  async #note(roomId: string, id: string): Promise<void> {
    const { archive, clock } = this.#options;
    const nowMs = clock.wallMs();
    const newest = await archive.texts.newestChangeId(roomId);
    const newestMs = newest === undefined ? nowMs : decodeTime(newest);
    // Ids follow the newest one when this clock is behind it.
    const after = firstIdAt(Math.min(nowMs, newestMs) - CHANGES_OVERLAP_MS);
    const value: Note = { after, untilMs: Math.max(nowMs, newestMs) + WINDOW_MS + GRACE_MS };
    await archive.records.add({ kind: "entering", id, owner: roomId, dueAtMs: nowMs + DUE_AFTER_MS, value });
  }

  #endLater(roomId: string, window: Window): void {
    window.cancel = this.#options.clock.after(WINDOW_MS + GRACE_MS, () => {
      if (window.entering > 0) this.#endLater(roomId, window);
      else void this.#takeAway(roomId, window);
    });
  }

  async #takeAway(roomId: string, window: Window): Promise<void> {
    this.#forget(roomId, window);
    if (window.failed) return;
    try {
      await this.#options.archive.records.remove({ kind: "entering", id: window.id });
    } catch (error) {
      this.#options.log.debug({ roomId, err: error }, "a note of events stays, and comes due");
    }
  }

  #forget(roomId: string, window: Window): void {
    if (this.#windows.get(roomId) === window) this.#windows.delete(roomId);
  }
}

/** Enters an event under an id that is the same whoever enters it. */
export type EnterAgain = (
  roomId: string,
  what: { readonly event: WebhookEvent; readonly data: object; readonly key: string },
) => Promise<void>;

/** Looks after notes of nodes that died. */
export function repairWorker(
  archive: Archive,
  enter: EnterAgain,
  options: Pick<DueWorkerOptions, "clock" | "log" | "random"> & { readonly everyMs?: number },
): DueWorker {
  return new DueWorker({
    ...{ kind: "entering", records: archive.records, leaseMs: REPAIR_LEASE_MS, everyMs: REPAIR_EVERY_MS },
    ...options,
    work: async (note) => {
      await repair(archive, note, enter);
      return { kind: "done" };
    },
  });
}

async function repair(archive: Archive, note: StoredRecord, enter: EnterAgain): Promise<void> {
  const { after, untilMs } = note.value as Note;
  const end = firstIdAt(untilMs);
  for (let from = after, page = 0; page < MAX_PAGES; page++) {
    const { messages, more } = await archive.texts.listChanged(note.owner, { after: from, limit: MAX_PAGE });
    for (const message of messages) {
      from = message.changeId ?? message.id;
      if (from > end) return;
      for (const event of eventsOf(message, after)) await enter(note.owner, event);
    }
    if (!more) return;
  }
}

/** What was sent and changed since is two events; of several changes the last is told, as the message is now. */
function eventsOf(record: MessageRecord, after: string): readonly Parameters<EnterAgain>[1][] {
  const message = toChatMessage(record);
  const key = record.changeId ?? record.id;
  const posted = { event: "message.posted", data: { type: "message", message }, key: record.id } as const;
  if (key === record.id) return [posted];
  const data = { type: "messageUpdated", message, ...changeOf(message) };
  const changed = { event: "message.changed", data, key } as const;
  return record.id > after ? [posted, changed] : [changed];
}

/** Which change it was is told by what is left of it. Who made it is known of edits alone: the author. */
function changeOf({ authorId, deletedAtMs, editedAtMs, changeId = "" }: ChatMessage): object {
  if (deletedAtMs !== undefined) return { change: "deleted" };
  // The id of a change is as old as the change itself, but for the clock's floor.
  const isEdit = editedAtMs !== undefined && decodeTime(changeId) - editedAtMs < 1_000;
  return isEdit ? { change: "edited", userId: authorId } : { change: "reacted" };
}
