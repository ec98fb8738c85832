// Records in the embedded store.

import type { EncodedAdd, EncodedRecord, RecordsAdapter } from "../guarded-records.ts";
import type { RecordKey, RecordKind, RecordRange } from "../records.ts";
import type { Row, SqliteDatabase } from "./database.ts";
import { integerOf, textOf } from "./rows.ts";
import type { Writer } from "./writes.ts";

/** Sorts after every order: "~" is above all characters of ids. */
const LAST = "~";

// Reads are synchronous; being async functions turns what they throw into rejections.
export function sqliteRecords(db: SqliteDatabase, writer: Writer): RecordsAdapter {
  return {
    add: (record) => writer.write("addRecord", record),
    get: async (key) => db.run("getRecord", () => find(db, key)),
    replace: (record) => writer.write("replaceRecord", record),
    remove: (key) => writer.write("removeRecord", key),
    list: async (range) => db.run("listRecords", () => list(db, range)),
    due: async (kind, nowMs, limit) =>
      db.run("dueRecords", () =>
        db
          .all("SELECT * FROM record WHERE kind = ? AND due_at_ms <= ? ORDER BY due_at_ms LIMIT ?", kind, nowMs, limit)
          .map(recordOf),
      ),
    weigh: async (kind, owner) =>
      db.run("weighRecords", () => {
        const row = db.first(
          "SELECT count(*) AS count, coalesce(sum(weight), 0) AS weight FROM record WHERE kind = ? AND owner = ?",
          kind,
          owner,
        );
        return row === undefined
          ? { count: 0, weight: 0 }
          : { count: integerOf(row, "count"), weight: integerOf(row, "weight") };
      }),
  };
}

export function addRecord(db: SqliteDatabase, record: EncodedRecord): EncodedAdd {
  return db.run("addRecord", () => {
    const added = db.change(
      `INSERT INTO record (kind, id, owner, place, due_at_ms, weight, version, json)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      record.kind,
      record.id,
      record.owner,
      record.order,
      record.dueAtMs ?? null,
      record.weight,
      record.version,
      record.json,
    );
    return { added: added === 1, record: added === 1 ? record : find(db, record) };
  });
}

export function replaceRecord(db: SqliteDatabase, record: EncodedRecord): EncodedAdd {
  return db.run("replaceRecord", () => {
    const changed = db.change(
      `UPDATE OR IGNORE record SET due_at_ms = ?, weight = ?, version = ?, json = ?, owner = ?, place = ?
       WHERE kind = ? AND id = ? AND version = ?`,
      record.dueAtMs ?? null,
      record.weight,
      record.version,
      record.json,
      record.owner,
      record.order,
      record.kind,
      record.id,
      record.version - 1,
    );
    return { added: changed === 1, record: changed === 1 ? record : find(db, record) };
  });
}

export function removeRecord(db: SqliteDatabase, key: RecordKey): boolean {
  return db.run(
    "removeRecord",
    () => db.change("DELETE FROM record WHERE kind = ? AND id = ?", key.kind, key.id) === 1,
  );
}

function find(db: SqliteDatabase, key: RecordKey): EncodedRecord | undefined {
  const row = db.first("SELECT * FROM record WHERE kind = ? AND id = ?", key.kind, key.id);
  return row === undefined ? undefined : recordOf(row);
}

function list(db: SqliteDatabase, { kind, owner, after, before = LAST, limit }: RecordRange): EncodedRecord[] {
  const rows =
    after === undefined
      ? db.all(
          "SELECT * FROM record WHERE kind = ? AND owner = ? AND place < ? ORDER BY place DESC LIMIT ?",
          kind,
          owner,
          before,
          limit,
        )
      : db.all(
          "SELECT * FROM record WHERE kind = ? AND owner = ? AND place > ? AND place < ? ORDER BY place LIMIT ?",
          kind,
          owner,
          after,
          before,
          limit,
        );
  return rows.map(recordOf);
}

function recordOf(row: Row): EncodedRecord {
  return {
    kind: textOf(row, "kind") as RecordKind,
    id: textOf(row, "id"),
    owner: textOf(row, "owner"),
    order: textOf(row, "place"),
    ...(row["due_at_ms"] === null ? {} : { dueAtMs: integerOf(row, "due_at_ms") }),
    weight: integerOf(row, "weight"),
    version: integerOf(row, "version"),
    json: textOf(row, "json"),
  };
}
