/**
 * Messages of an exported room, written as they came to be: the first text, each edit, reactions, and at last the tombstone.
 * Earlier texts come in the order of messages in an entry of their own, so both are read side by side and nothing is kept.
 */
import { ulid } from "ulid";
import type { ImportedMessageDto, ImportedRevisionDto } from "../http/import.dto.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive } from "../store/archive.ts";
import { MAX_EDITS, type TextChange } from "../store/texts.ts";
import { foreign } from "./foreign.ts";

export interface MessageImportParts {
  readonly archive: Archive;
  readonly clock: Clock;
  readonly roomId: string;
  /** Ascending by message, then by age; others are passed over. */
  readonly revisions: AsyncIterator<ImportedRevisionDto>;
}

type WithoutId<Change> = Change extends unknown ? Omit<Change, "changeId"> : never;

export class MessageImport {
  readonly #parts: MessageImportParts;
  #ahead: ImportedRevisionDto | undefined;

  constructor(parts: MessageImportParts) {
    this.#parts = parts;
  }

  /** A tombstone keeps its place: others may stand in its thread. */
  async add(line: ImportedMessageDto): Promise<void> {
    const { id, authorId, authorName, text, sentAtMs, threadId, replyTo, deletedAtMs } = line;
    const revisions = await this.#revisionsOf(id);
    const isEdited = line.edits !== undefined && line.edits > 0;
    // An export that lacks the earlier texts tells that there was an edit all the same.
    const first = revisions[0]?.text ?? (isEdited ? "" : text);
    await this.#parts.archive.appendMessage({
      ...{ id, roomId: this.#parts.roomId, authorId: foreign(authorId), authorName, text: first, sentAtMs },
      clientId: `import/${id}`,
      ...(threadId === undefined ? {} : { threadId }),
      ...(replyTo === undefined ? {} : { replyTo }),
    });
    if (deletedAtMs !== undefined) return await this.#change(id, { kind: "delete", atMs: deletedAtMs });
    await this.#edit(line, revisions);
    for (const { kind: reaction, userIds } of line.reactions ?? [])
      for (const userId of userIds)
        await this.#change(id, { kind: "react", userId: foreign(userId), reaction, on: true });
  }

  async #edit(line: ImportedMessageDto, revisions: readonly ImportedRevisionDto[]): Promise<void> {
    const { id, text, sentAtMs, editedAtMs = sentAtMs } = line;
    const later = revisions.slice(1).map((revision) => ({ text: revision.text, atMs: revision.writtenAtMs }));
    for (const each of [...later, { text, atMs: editedAtMs }])
      await this.#change(id, { kind: "edit", mentions: [], ...each });
    for (const [index, { text: earlier, writtenAtMs }] of revisions.entries()) {
      const order = `${id}/${String(index).padStart(4, "0")}`;
      const { roomId } = this.#parts;
      const key = { kind: "revision", id: `${roomId}/${order}`, owner: roomId, order } as const;
      await this.#parts.archive.records.add({ ...key, value: { text: earlier, writtenAtMs } });
    }
  }

  async #change(id: string, change: WithoutId<TextChange>): Promise<void> {
    const { archive, clock, roomId } = this.#parts;
    const changeId = ulid(clock.wallMs());
    // What is the same already, or beyond a bound, changes nothing.
    await archive.texts.change({ roomId, id }, { ...change, changeId } as TextChange);
  }

  async #revisionsOf(messageId: string): Promise<readonly ImportedRevisionDto[]> {
    const found: ImportedRevisionDto[] = [];
    for (;;) {
      this.#ahead ??= await this.#next();
      if (this.#ahead === undefined || this.#ahead.messageId > messageId) return found;
      if (this.#ahead.messageId === messageId && found.length < MAX_EDITS) found.push(this.#ahead);
      this.#ahead = undefined;
    }
  }

  async #next(): Promise<ImportedRevisionDto | undefined> {
    const next = await this.#parts.revisions.next();
    return next.done === true ? undefined : next.value;
  }
}
