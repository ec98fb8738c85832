// Records in MongoDB.

import type { EncodedAdd, EncodedRecord, RecordsAdapter } from "../guarded-records.ts";
import type { RecordKey, RecordKind, RecordRange } from "../records.ts";
import type { MongoConnection } from "./connection.ts";
import { isDuplicate } from "./duplicates.ts";
import type { ArchiveModels, RecordDocument } from "./schemas.ts";

export function mongoRecords(db: MongoConnection): RecordsAdapter {
  return {
    add: (record) => db.run("addRecord", (models) => add(models, record)),
    get: (key) => db.run("getRecord", (models) => find(models, key)),
    replace: (record) => db.run("replaceRecord", (models) => replace(models, record)),
    remove: (key) =>
      db.run("removeRecord", async ({ records }) => (await records.deleteOne({ _id: idOf(key) })).deletedCount === 1),
    list: (range) => db.run("listRecords", (models) => list(models, range)),
    due: (kind, nowMs, limit) => db.run("dueRecords", (models) => due(models, { kind, nowMs, limit })),
    weigh: (kind, owner) => db.run("weighRecords", (models) => weigh(models, kind, owner)),
  };
}

async function add({ records }: ArchiveModels, record: EncodedRecord): Promise<EncodedAdd> {
  try {
    await records.create(documentOf(record));
    return { added: true, record };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  return { added: false, record: await find({ records }, record) };
}

async function find({ records }: Pick<ArchiveModels, "records">, key: RecordKey): Promise<EncodedRecord | undefined> {
  const found = await records.findById(idOf(key)).lean<RecordDocument>();
  return found === null ? undefined : recordOf(found);
}

async function replace(models: ArchiveModels, record: EncodedRecord): Promise<EncodedAdd> {
  const { _id, ...fields } = documentOf(record);
  try {
    const { matchedCount } = await models.records.replaceOne({ _id, version: record.version - 1 }, fields);
    if (matchedCount === 1) return { added: true, record };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  return { added: false, record: await find(models, record) };
}

async function list({ records }: ArchiveModels, range: RecordRange): Promise<EncodedRecord[]> {
  const { kind, owner, after, before, limit } = range;
  const place = { ...(after !== undefined && { $gt: after }), ...(before !== undefined && { $lt: before }) };
  const found = await records
    .find(Object.keys(place).length === 0 ? { kind, owner } : { kind, owner, place })
    .sort({ place: after === undefined ? -1 : 1 })
    .limit(limit)
    .lean<RecordDocument[]>();
  return found.map(recordOf);
}

async function due(
  { records }: ArchiveModels,
  { kind, nowMs, limit }: { readonly kind: string; readonly nowMs: number; readonly limit: number },
): Promise<EncodedRecord[]> {
  const found = await records
    .find({ kind, dueAtMs: { $lte: nowMs } })
    .sort({ dueAtMs: 1 })
    .limit(limit)
    .lean<RecordDocument[]>();
  return found.map(recordOf);
}

/** Added up here and not by an aggregation, which compatible servers do not all get right; owners' numbers are bounded. */
async function weigh(
  { records }: ArchiveModels,
  kind: string,
  owner: string,
): Promise<{ count: number; weight: number }> {
  const found = await records.find({ kind, owner }, { weight: 1 }).lean<{ weight: number }[]>();
  return { count: found.length, weight: found.reduce((sum, { weight }) => sum + weight, 0) };
}

const idOf = (key: RecordKey): string => `${key.kind} ${key.id}`;

function documentOf({ order, ...fields }: EncodedRecord): RecordDocument {
  return { _id: idOf(fields), ...fields, place: order };
}

function recordOf({ _id, place, kind, ...fields }: RecordDocument): EncodedRecord {
  return { ...fields, kind: kind as RecordKind, order: place };
}
