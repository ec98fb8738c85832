// The part of the contract of records and contents that does not depend on the server: argument checks, defaults, closed state.

import { MAX_PAGE } from "./archive.ts";
import {
  ANY_COUNT,
  bad,
  POSITIVE,
  requireId,
  requireInteger,
  requireOneOf,
  requireText,
  storableText,
} from "./checks.ts";
import { CONTENT_ID, type Contents } from "./contents.ts";
import type { NewRecord, RecordKey, RecordRange, Records } from "./records.ts";
import { MAX_VALUE_CHARS, RECORD_KINDS } from "./records.ts";

/** A record with its value as text, as adapters keep it. */
export interface EncodedRecord extends RecordKey {
  readonly owner: string;
  readonly order: string;
  readonly dueAtMs?: number;
  readonly weight: number;
  readonly version: number;
  readonly json: string;
}

export type EncodedAdd = { readonly added: boolean; readonly record: EncodedRecord | undefined };

/** What an adapter supplies: arguments are checked, values are text. */
export interface RecordsAdapter {
  add(record: EncodedRecord): Promise<EncodedAdd>;
  get(key: RecordKey): Promise<EncodedRecord | undefined>;
  /** `record` has the new version, one above the one that must be there. */
  replace(record: EncodedRecord): Promise<EncodedAdd>;
  remove(key: RecordKey): Promise<boolean>;
  list(range: RecordRange): Promise<readonly EncodedRecord[]>;
  due(kind: string, nowMs: number, limit: number): Promise<readonly EncodedRecord[]>;
  weigh(kind: string, owner: string): Promise<{ readonly count: number; readonly weight: number }>;
}

const ORDER = { min: 1, max: 256 } as const;
const PAGE = { min: 1, max: MAX_PAGE } as const;

export function guardRecords(open: () => RecordsAdapter): Records {
  return {
    add: async (record) => {
      const encoded = encode(record, 1);
      const { added, record: stored } = await open().add(encoded);
      if (added) return { kind: "added", record: decode(encoded) };
      return { kind: "exists", record: stored && decode(stored) };
    },
    get: async (key) => {
      requireKey(key);
      const found = await open().get(key);
      return found && decode(found);
    },
    replace: async (record, version) => {
      requireInteger(version, "version", POSITIVE);
      const encoded = encode(record, version + 1);
      const { added, record: stored } = await open().replace(encoded);
      if (added) return { kind: "replaced", record: decode(encoded) };
      return { kind: "changed", record: stored && decode(stored) };
    },
    remove: async (key) => {
      requireKey(key);
      return await open().remove(key);
    },
    list: async (range) => {
      requireRange(range);
      return (await open().list(range)).map(decode);
    },
    due: async (kind, nowMs, limit) => {
      requireOneOf(kind, "kind", RECORD_KINDS);
      requireInteger(nowMs, "nowMs", ANY_COUNT);
      requireInteger(limit, "limit", PAGE);
      return (await open().due(kind, nowMs, limit)).map(decode);
    },
    weigh: async (kind, owner) => {
      requireOneOf(kind, "kind", RECORD_KINDS);
      requireId(owner, "owner");
      return await open().weigh(kind, owner);
    },
  };
}

export function guardContents(open: () => Contents): Contents {
  return {
    write: async (id, source) => await open().write(contentId(id), source),
    read: async (id, range) => {
      if (range !== undefined) {
        requireInteger(range.start, "start", ANY_COUNT);
        requireInteger(range.end, "end", { min: range.start, max: Number.MAX_SAFE_INTEGER });
      }
      const found = await open().read(contentId(id), range);
      // Whoever reads hears of errors by reading; nobody listening yet must not end the process.
      found?.stream.on("error", () => undefined);
      return found;
    },
    drop: async (id) => await open().drop(contentId(id)),
  };
}

function contentId(id: unknown): string {
  if (typeof id !== "string" || !CONTENT_ID.test(id)) throw bad("id is no content's id");
  return id;
}

function requireKey(key: RecordKey): void {
  requireOneOf(key.kind, "kind", RECORD_KINDS);
  requireId(key.id, "id");
}

function requireRange(range: RecordRange): void {
  requireOneOf(range.kind, "kind", RECORD_KINDS);
  requireId(range.owner, "owner");
  if (range.after !== undefined) requireText(range.after, "after", ORDER);
  if (range.before !== undefined) requireText(range.before, "before", ORDER);
  requireInteger(range.limit, "limit", PAGE);
}

function encode(record: NewRecord, version: number): EncodedRecord {
  requireKey(record);
  requireId(record.owner, "owner");
  const { kind, id, owner, order = id, weight = 0, dueAtMs } = record;
  requireId(order, "order");
  requireInteger(weight, "weight", ANY_COUNT);
  if (dueAtMs !== undefined) requireInteger(dueAtMs, "dueAtMs", ANY_COUNT);
  if (typeof record.value !== "object" || record.value === null || Array.isArray(record.value))
    throw bad("value is not an object");
  const json = JSON.stringify(record.value, (_, value: unknown) =>
    typeof value === "string" ? storableText(value) : value,
  );
  requireText(json, "value", { min: 2, max: MAX_VALUE_CHARS });
  return { kind, id, owner, order, weight, version, json, ...(dueAtMs === undefined ? {} : { dueAtMs }) };
}

function decode({ json, ...fields }: EncodedRecord): NewRecord & { order: string; weight: number; version: number } {
  return { ...fields, value: JSON.parse(json) as object };
}
