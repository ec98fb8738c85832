// Messages in the embedded store.

import type { AppendMessageOutcome, MessageList, MessagePage, MessageRecord } from "../archive.ts";
import type { SqliteDatabase } from "./database.ts";
import { messageOf, textOf } from "./rows.ts";

/** Sorts after every id: "~" is above all characters of ids. */
const GREATEST_ID = "~";

export function appendMessage(db: SqliteDatabase, message: MessageRecord): AppendMessageOutcome {
  return db.run("appendMessage", () => {
    const added = db.change(
      `INSERT INTO message (room_id, id, author_id, author_name, text, sent_at_ms, client_id, thread_id, reply_to)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      message.roomId,
      message.id,
      message.authorId,
      message.authorName,
      message.text,
      message.sentAtMs,
      message.clientId,
      message.threadId ?? null,
      message.replyTo ?? null,
    );
    if (added === 1) return { kind: "appended", message };
    const earlier = db.first(
      "SELECT * FROM message WHERE room_id = ? AND author_id = ? AND client_id = ?",
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
    const row = db.first("SELECT * FROM message WHERE room_id = ? AND id = ?", key.roomId, key.id);
    return row === undefined ? undefined : messageOf(row);
  });
}

export function listMessages(db: SqliteDatabase, roomId: string, page: MessagePage): MessageList {
  return db.run("listMessages", () => {
    const forward = page.after !== undefined;
    const rows = db.all(
      `SELECT * FROM message WHERE room_id = ? AND id > ? AND id < ? ORDER BY id ${forward ? "ASC" : "DESC"} LIMIT ?`,
      roomId,
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
