// Fills an archive's file with one room of many messages, past the archive's own slow and safe path: one transaction, without
// waiting for the disk. What is written is what the archive itself would have written; run.mjs checks that with a sample.

import Libsql from "libsql";
import { ulid } from "ulid";

export const ROOM = "01HISTORY0000000000000R00M";
export const READER = "01HISTORY000000000READER00";
const AUTHORS = 40;
const VOCABULARY = 30_000;
const STARTED_MS = Date.UTC(2020, 0, 1);
const APART_MS = 120_000;

/** mulberry32. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const authorId = (index) => `01HISTORY0000000000AUTH${String(index).padStart(3, "0")}`;
/** Words by how often they are used: word 0 is in a good part of all messages, word 29,999 in a few. */
export const word = (index) => `w${index.toString(36)}`;

/** Zipf's law as one draw: density 1/x. */
const drawWord = (random) => Math.floor(VOCABULARY ** random()) - 1;

/** Answers ids of all messages, oldest first, and the words of a few. */
export function fill(path, { messages, seed, wordsOf }) {
  const random = randomOf(seed);
  const db = new Libsql(path);
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
  addPeople(db);
  const uses = Array.from({ length: VOCABULARY }, () => []);
  const ids = [];
  const insert = db.prepare(
    `INSERT INTO message (room_id, id, author_id, author_name, text, sent_at_ms, client_id, thread_id, change_id, words)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (let index = 0; index < messages; index++) {
    const sentAtMs = STARTED_MS + index * APART_MS;
    const id = ulid(sentAtMs, random);
    const drawn = Array.from({ length: 3 + Math.floor(random() * 12) }, () => drawWord(random));
    const distinct = [...new Set(drawn)];
    const text = drawn.map(word).join(" ");
    const words = distinct.map(word).join(" ");
    if (index % 50_000 === 0 && wordsOf(text).join(" ") !== words) throw new Error(`words of "${text}" are others`);
    const author = authorId(Math.floor(random() * AUTHORS));
    const threadId = index > 1000 && random() < 0.1 ? ids[index - 1 - Math.floor(random() * 500)] : null;
    insert.run(ROOM, id, author, "An author", text, sentAtMs, `c${index}`, threadId, id, words);
    for (const use of distinct) uses[use].push(index);
    ids.push(id);
  }
  addWords(db, uses, ids);
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  return { ids, counts: uses.map((list) => list.length) };
}

function addPeople(db) {
  const user = db.prepare(
    `INSERT INTO user (id, handle, handle_key, display_name, guest, token_version, created_at_ms)
     VALUES (?, ?, ?, 'An author', 0, 0, 1)`,
  );
  for (let index = 0; index < AUTHORS; index++) user.run(authorId(index), `a${index}`, `a${index}`);
  db.prepare(
    `INSERT INTO room (id, slug, slug_key, skeleton, title, access, capacity, owner_id, created_at_ms, version)
     VALUES (?, 'history', 'history', 'history', 'History', 'open', 16, ?, 1, 1)`,
  ).run(ROOM, authorId(0));
}

function addWords(db, uses, ids) {
  const addWord = db.prepare("INSERT INTO room_word (id, room_id, word, uses) VALUES (?, ?, ?, ?)");
  const addUse = db.prepare("INSERT INTO message_word (word_id, message_id) VALUES (?, ?)");
  for (const [index, list] of uses.entries()) {
    if (list.length === 0) continue;
    addWord.run(index + 1, ROOM, word(index), list.length);
    for (const at of list) addUse.run(index + 1, ids[at]);
  }
}
