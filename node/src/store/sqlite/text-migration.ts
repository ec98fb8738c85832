// The step of the schema that lets messages change and be found. It reads every message once: only their words take a program.

import type Libsql from "libsql";
import { wordsOf } from "../words.ts";

const BATCH = 500;

const TABLES = `
  ALTER TABLE message ADD COLUMN change_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE message ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE message ADD COLUMN edited_at_ms INTEGER;
  ALTER TABLE message ADD COLUMN deleted_at_ms INTEGER;
  ALTER TABLE message ADD COLUMN mentions TEXT;
  ALTER TABLE message ADD COLUMN reactions TEXT;
  -- By which the message is found now, so that exactly these go when it changes.
  ALTER TABLE message ADD COLUMN words TEXT NOT NULL DEFAULT '';
  UPDATE message SET change_id = id;
  CREATE UNIQUE INDEX message_by_change ON message (room_id, change_id);
  CREATE INDEX message_by_thread ON message (room_id, thread_id, id) WHERE thread_id IS NOT NULL;
  CREATE INDEX message_by_author ON message (room_id, author_id, id) WHERE deleted_at_ms IS NULL;

  -- How often a word is used in a room: a search begins with its rarest word.
  CREATE TABLE room_word (
    id INTEGER PRIMARY KEY,
    room_id TEXT NOT NULL,
    word TEXT NOT NULL,
    uses INTEGER NOT NULL,
    UNIQUE (room_id, word)
  );
  CREATE TABLE message_word (
    word_id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (word_id, message_id)
  ) WITHOUT ROWID;
`;

interface MessageRow {
  readonly room_id: string;
  readonly id: string;
  readonly text: string;
}

export function addTextChanges(db: Libsql.Database): void {
  db.exec(TABLES);
  const page = db.prepare(
    "SELECT room_id, id, text FROM message WHERE (room_id, id) > (?, ?) ORDER BY room_id, id LIMIT ?",
  );
  const addWord = db.prepare(
    `INSERT INTO room_word (room_id, word, uses) VALUES (?, ?, 1)
     ON CONFLICT (room_id, word) DO UPDATE SET uses = uses + 1 RETURNING id`,
  );
  const addUse = db.prepare("INSERT INTO message_word (word_id, message_id) VALUES (?, ?)");
  const keepWords = db.prepare("UPDATE message SET words = ? WHERE room_id = ? AND id = ?");
  let last = { room_id: "", id: "" };
  for (;;) {
    const rows = page.all(last.room_id, last.id, BATCH) as MessageRow[];
    for (const row of rows) {
      const words = wordsOf(row.text);
      for (const word of words) {
        const [added] = addWord.all(row.room_id, word) as { id: number }[];
        addUse.run(added?.id ?? 0, row.id);
      }
      keepWords.run(words.join(" "), row.room_id, row.id);
    }
    const end = rows.at(-1);
    if (end === undefined || rows.length < BATCH) return;
    last = end;
  }
}
