// Messages in the embedded store.

import type { AppendMessageOutcome, MessageList, MessagePage, MessageRecord, NewMessageRecord } from "../archive.ts";
import type { SqliteDatabase } from "./database.ts";
import { messageOf, textOf } from "./rows.ts";
import { addWords } from "./sqlite-words.ts";

/** Sorts after every id: "~" is above all characters of ids. */
const GREATEST_ID = "~";

/** Without the words, which only a change of the message reads. */
export const MESSAGE_COLUMNS =
  "room_id, id, author_id, author_name, text, sent_at_ms, client_id, thread_id, reply_to, " +
  "mentions, change_id, edits, edited_at_ms, deleted_at_ms, reactions";

export function appendMessage(
  db: SqliteDatabase,
  message: NewMessageRecord,
  words: readonly string[],
): AppendMessageOutcome {
  return db.transact("appendMessage", () => {
    const added = db.change(
      `INSERT INTO message (room_id, id, author_id, author_name, text, sent_at_ms, client_id, thread_id, reply_to,
         mentions, change_id, words)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      message.roomId,
      message.id,
      message.authorId,
      message.authorName,
      message.text,
      message.sentAtMs,
      message.clientId,
      message.threadId ?? null,
      message.replyTo ?? null,
      message.mentions === undefined ? null : JSON.stringify(message.mentions),
      message.id,
      words.join(" "),
    );
    if (added === 1) {
      addWords(db, { roomId: message.roomId, id: message.id, words });
      return { kind: "appended", message };
    }
    const earlier = db.first(
      `SELECT ${MESSAGE_COLUMNS} FROM message WHERE room_id = ? AND author_id = ? AND client_id = ?`,
      message.roomId,
      message.authorId,
      message.clientId,
    );
    return earlier === undefined ? { kind: "id_taken" } : { kind: "duplicate", message: messageOf(earlier) };
  });
}

export function getMessage(
  db: SqliteDatabase,
  key: { readonly roomId: string; readonly id: string },
): MessageRecord | undefined {
  return db.run("getMessage", () => {
    const row = db.first(`SELECT ${MESSAGE_COLUMNS} FROM message WHERE room_id = ? AND id = ?`, key.roomId, key.id);
    return row === undefined ? undefined : messageOf(row);
  });
}

export function listMessages(db: SqliteDatabase, roomId: string, page: MessagePage): MessageList {
  return db.run("listMessages", () => {
    const forward = page.after !== undefined;
    const inThread = page.threadId === undefined ? "" : "AND thread_id = ?";
    const rows = db.all(
      `SELECT ${MESSAGE_COLUMNS} FROM message WHERE room_id = ? ${inThread} AND id > ? AND id < ?
       ORDER BY id ${forward ? "ASC" : "DESC"} LIMIT ?`,
      roomId,
      ...(page.threadId === undefined ? [] : [page.threadId]),
      page.after ?? "",
      page.before ?? GREATEST_ID,
      page.limit + 1,
    );
    const messages = rows.slice(0, page.limit).map(messageOf);
    return { messages: forward ? messages : messages.reverse(), more: rows.length > page.limit };
  });
}

export function newestMessageId(db: SqliteDatabase, roomId: string): string | undefined {
  return db.run("newestMessageId", () => {
    const row = db.first("SELECT id FROM message WHERE room_id = ? ORDER BY id DESC LIMIT 1", roomId);
    return row === undefined ? undefined : textOf(row, "id");
  });
}
