// Changes of messages, and ways to find them, in the embedded store.

import type { MessageList, MessageRecord } from "../archive.ts";
import type { TextsAdapter } from "../guarded-texts.ts";
import { applyChange } from "../text-changes.ts";
import { type ChangeOutcome, MAX_UNREAD, type TextChange } from "../texts.ts";
import { wordsOf } from "../words.ts";
import type { Row, SqliteDatabase } from "./database.ts";
import { integerOf, messageOf, optionalTextOf, textOf } from "./rows.ts";
import { MESSAGE_COLUMNS } from "./sqlite-messages.ts";
import { addWords, idsWithWords, removeWords } from "./sqlite-words.ts";
import type { Writer } from "./writes.ts";

type MessageKey = { readonly roomId: string; readonly id: string };
type Search = Parameters<TextsAdapter["search"]>[0];
type Found = Awaited<ReturnType<TextsAdapter["search"]>>;

const GREATEST_ID = "~";
/** Tombstones that a search without words steps over in one page. */
const SCAN_BUDGET = 2000;

export function sqliteTexts(db: SqliteDatabase, writer: Writer): TextsAdapter {
  return {
    change: (key, change) => writer.write("changeMessage", key, change),
    listChanged: async (roomId, page) => listChanged(db, roomId, page),
    newestChangeId: async (roomId) =>
      db.run("newestChangeId", () => {
        const sql = "SELECT change_id FROM message WHERE room_id = ? ORDER BY change_id DESC LIMIT 1";
        const row = db.first(sql, roomId);
        return row === undefined ? undefined : textOf(row, "change_id");
      }),
    threadSizes: async (roomId, ids) => db.run("threadSizes", () => threadSizes(db, roomId, ids)),
    search: async (query) => db.run("search", () => search(db, query)),
    unread: async (query) => db.run("unread", () => unread(db, query)),
  };
}

export function changeMessage(db: SqliteDatabase, key: MessageKey, change: TextChange): ChangeOutcome {
  return db.transact("changeMessage", () => changed(db, key, change));
}

function changed(db: SqliteDatabase, key: MessageKey, change: TextChange): ChangeOutcome {
  const row = rowOf(db, key);
  if (row === undefined) return { kind: "unknown" };
  const before = messageOf(row);
  const applied = applyChange(before, change);
  if (applied.kind !== "changed") return applied;
  if (change.kind === "move" && !mayMove(db, before, change.threadId)) return { kind: "bad_thread" };
  const oldWords = wordsIn(row);
  const words = applied.message.text === before.text ? oldWords : wordsOf(applied.message.text);
  if (!write(db, applied.message, words)) return { kind: "id_taken" };
  if (words !== oldWords) {
    removeWords(db, { ...key, words: oldWords });
    addWords(db, { ...key, words });
  }
  return applied;
}

function write(db: SqliteDatabase, message: MessageRecord, words: readonly string[]): boolean {
  const { mentions, reactions } = message;
  const changed = db.change(
    `UPDATE OR IGNORE message SET text = ?, thread_id = ?, change_id = ?, edits = ?, edited_at_ms = ?, deleted_at_ms = ?,
       mentions = ?, reactions = ?, words = ? WHERE room_id = ? AND id = ?`,
    message.text,
    message.threadId ?? null,
    message.changeId ?? message.id,
    message.edits ?? 0,
    message.editedAtMs ?? null,
    message.deletedAtMs ?? null,
    mentions === undefined ? null : JSON.stringify(mentions),
    reactions === undefined ? null : JSON.stringify(reactions),
    words.join(" "),
    message.roomId,
    message.id,
  );
  return changed === 1;
}

function mayMove(db: SqliteDatabase, message: MessageRecord, threadId: string | null): boolean {
  if (threadId === null) return true;
  if (threadId === message.id) return false;
  const opener = rowOf(db, { roomId: message.roomId, id: threadId });
  if (opener === undefined || opener["thread_id"] !== null || opener["deleted_at_ms"] !== null) return false;
  const sql = "SELECT id FROM message WHERE room_id = ? AND thread_id = ? LIMIT 1";
  return db.first(sql, message.roomId, message.id) === undefined;
}

function listChanged(
  db: SqliteDatabase,
  roomId: string,
  page: { readonly after?: string; readonly limit: number },
): MessageList {
  return db.run("listChanged", () => {
    const rows = db.all(
      `SELECT ${MESSAGE_COLUMNS} FROM message WHERE room_id = ? AND change_id > ? ORDER BY change_id LIMIT ?`,
      roomId,
      page.after ?? "",
      page.limit + 1,
    );
    return { messages: rows.slice(0, page.limit).map(messageOf), more: rows.length > page.limit };
  });
}

function threadSizes(db: SqliteDatabase, roomId: string, ids: readonly string[]): ReadonlyMap<string, number> {
  const rows = db.all(
    `SELECT thread_id, count(*) AS size FROM message
     WHERE room_id = ? AND thread_id IN (SELECT value FROM json_each(?)) GROUP BY thread_id`,
    roomId,
    JSON.stringify(ids),
  );
  return new Map(rows.map((row) => [textOf(row, "thread_id"), integerOf(row, "size")]));
}

function search(db: SqliteDatabase, query: Search): Found {
  const { roomId, words, authorId, limit } = query;
  const range = { after: query.after ?? "", before: query.before ?? GREATEST_ID };
  if (words.length === 0) return searchByAuthor(db, { ...query, ...range });
  const { ids, next } = idsWithWords(db, { roomId, words, authorId, limit, ...range });
  const rows = ids.map((id) => rowOf(db, { roomId, id })).filter((row) => row !== undefined);
  return { messages: rows.map(messageOf), ...(next === undefined ? {} : { next }) };
}

function searchByAuthor(
  db: SqliteDatabase,
  query: Search & { readonly after: string; readonly before: string },
): Found {
  const { roomId, authorId, after, before, limit } = query;
  if (authorId === undefined) return searchAny(db, query);
  const rows = db.all(
    `SELECT ${MESSAGE_COLUMNS} FROM message INDEXED BY message_by_author
     WHERE room_id = ? AND author_id = ? AND id > ? AND id < ? AND deleted_at_ms IS NULL ORDER BY id DESC LIMIT ?`,
    roomId,
    authorId,
    after,
    before,
    limit + 1,
  );
  return pageOf(rows, limit);
}

function searchAny(db: SqliteDatabase, query: Search & { readonly after: string; readonly before: string }): Found {
  const { roomId, after, before, limit } = query;
  const rows = db.all(
    `SELECT ${MESSAGE_COLUMNS} FROM message WHERE room_id = ? AND id > ? AND id < ? ORDER BY id DESC LIMIT ?`,
    roomId,
    after,
    before,
    SCAN_BUDGET,
  );
  const found = pageOf(
    rows.filter((row) => row["deleted_at_ms"] === null),
    limit,
  );
  const last = rows.at(-1);
  if (found.next !== undefined || rows.length < SCAN_BUDGET || last === undefined) return found;
  return { ...found, next: textOf(last, "id") };
}

function pageOf(rows: readonly Row[], limit: number): Found {
  const messages = rows.slice(0, limit).map(messageOf);
  const last = messages.at(-1);
  return rows.length > limit && last !== undefined ? { messages, next: last.id } : { messages };
}

function unread(
  db: SqliteDatabase,
  query: { readonly roomId: string; readonly userId: string; readonly after: string },
): { readonly messages: number; readonly mentions: number } {
  const rows = db.all(
    "SELECT author_id, deleted_at_ms, mentions FROM message WHERE room_id = ? AND id > ? ORDER BY id LIMIT ?",
    query.roomId,
    query.after,
    MAX_UNREAD,
  );
  const ofOthers = rows.filter((row) => row["author_id"] !== query.userId && row["deleted_at_ms"] === null);
  const naming = ofOthers.filter((row) => {
    const mentions = optionalTextOf(row, "mentions");
    return mentions !== undefined && (JSON.parse(mentions) as string[]).includes(query.userId);
  });
  return { messages: ofOthers.length, mentions: naming.length };
}

function rowOf(db: SqliteDatabase, key: MessageKey): Row | undefined {
  return db.first("SELECT * FROM message WHERE room_id = ? AND id = ?", key.roomId, key.id);
}

function wordsIn(row: Row): readonly string[] {
  const words = textOf(row, "words");
  return words === "" ? [] : words.split(" ");
}
