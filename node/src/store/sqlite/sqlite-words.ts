// The index of words in the embedded store: which messages hold a word, newest first, and how many do.

import type { SqliteDatabase, SqlValue } from "./database.ts";
import { integerOf, textOf } from "./rows.ts";

/** Messages with the rarest word that one search looks at; the next page goes on behind them. */
export const SEARCH_BUDGET = 4000;

export interface WordsOfMessage {
  readonly roomId: string;
  readonly id: string;
  readonly words: readonly string[];
}

export function addWords(db: SqliteDatabase, { roomId, id, words }: WordsOfMessage): void {
  for (const word of words) {
    const row = db.first(
      `INSERT INTO room_word (room_id, word, uses) VALUES (?, ?, 1)
       ON CONFLICT (room_id, word) DO UPDATE SET uses = uses + 1 RETURNING id`,
      roomId,
      word,
    );
    if (row !== undefined)
      db.change("INSERT INTO message_word (word_id, message_id) VALUES (?, ?)", integerOf(row, "id"), id);
  }
}

export function removeWords(db: SqliteDatabase, { roomId, id, words }: WordsOfMessage): void {
  for (const word of words) {
    const known = findWord(db, roomId, word);
    if (known === undefined) continue;
    db.change("DELETE FROM message_word WHERE word_id = ? AND message_id = ?", known.id, id);
    if (known.uses > 1) db.change("UPDATE room_word SET uses = uses - 1 WHERE id = ?", known.id);
    else db.change("DELETE FROM room_word WHERE id = ?", known.id);
  }
}

export interface WordQuery {
  readonly roomId: string;
  readonly words: readonly string[];
  readonly authorId: string | undefined;
  readonly after: string;
  readonly before: string;
  readonly limit: number;
}

/** Ids of messages with all the words, newest first, and where to go on. */
export function idsWithWords(
  db: SqliteDatabase,
  query: WordQuery,
): { readonly ids: readonly string[]; readonly next?: string } {
  const known = query.words.map((word) => findWord(db, query.roomId, word));
  const words = known.filter((word) => word !== undefined).sort((one, other) => one.uses - other.uses);
  const [rarest, ...others] = words;
  if (rarest === undefined || words.length < known.length) return { ids: [] };

  const end = endOfBudget(db, [rarest.id, query.after, query.before]);
  const also = others.map(
    () => "AND EXISTS (SELECT 1 FROM message_word WHERE word_id = ? AND message_id = found.message_id)",
  );
  const byAuthor = "AND EXISTS (SELECT 1 FROM message WHERE room_id = ? AND id = found.message_id AND author_id = ?)";
  // One bound, so that the index is used for it: a blank is below all characters of ids.
  const from = end ?? `${query.after} `;
  const values: SqlValue[] = [rarest.id, from, query.before, ...others.map((word) => word.id)];
  if (query.authorId !== undefined) values.push(query.roomId, query.authorId);
  const rows = db.all(
    `SELECT message_id FROM message_word AS found
     WHERE word_id = ? AND message_id >= ? AND message_id < ?
     ${also.join(" ")} ${query.authorId === undefined ? "" : byAuthor} ORDER BY message_id DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  );
  const ids = rows.map((row) => textOf(row, "message_id"));
  const shown = ids.slice(0, query.limit);
  const next = ids.length > query.limit ? shown.at(-1) : end;
  return next === undefined ? { ids: shown } : { ids: shown, next };
}

/** The last message that the budget lets a search look at; undefined when the budget is enough for all. */
function endOfBudget(db: SqliteDatabase, range: readonly [number, string, string]): string | undefined {
  const row = db.first(
    `SELECT message_id FROM message_word WHERE word_id = ? AND message_id > ? AND message_id < ?
     ORDER BY message_id DESC LIMIT 1 OFFSET ?`,
    ...range,
    SEARCH_BUDGET - 1,
  );
  return row === undefined ? undefined : textOf(row, "message_id");
}

function findWord(
  db: SqliteDatabase,
  roomId: string,
  word: string,
): { readonly id: number; readonly uses: number } | undefined {
  const row = db.first("SELECT id, uses FROM room_word WHERE room_id = ? AND word = ?", roomId, word);
  return row === undefined ? undefined : { id: integerOf(row, "id"), uses: integerOf(row, "uses") };
}
