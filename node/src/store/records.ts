// Small records of everything that is kept beside people, rooms and messages: files' descriptions, happenings and answers,
// expenses, webhooks and what they still have to deliver, API tokens. Rules: SPEC.md [T60…T66].
//
// One collection for all of them, because they are asked for in four ways only, each with an index: by kind and id, in
// their owner's order, by what is due, and how much an owner has. What is in `value` is nobody's business here.

/** Closed, so that a reader finds every kind of thing that is kept, and who reads it. */
export const RECORD_KINDS = [
  "memory",
  "upload",
  "picture",
  "happening",
  "answer",
  "reminder",
  "feed",
  "expense",
  "webhook",
  "delivery",
  "entering",
  "token",
  "tokenKey",
  "retention",
  "invite",
  "inviteUse",
  "oldName",
  "readMarker",
  "revision",
  "lock",
  "restriction",
] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

export interface RecordKey {
  readonly kind: RecordKind;
  /** Unique within its kind. An id as everywhere in the stores. */
  readonly id: string;
}

export interface NewRecord extends RecordKey {
  /** Whose it is: a room, a person, another record. */
  readonly owner: string;
  /** Its place among the owner's records of this kind; unique there. Default: the id. Compared by character. */
  readonly order?: string;
  /** Unix milliseconds: when somebody must look at it. Absent: never. */
  readonly dueAtMs?: number;
  /** What it weighs, in units of its kind (files: bytes). Default 0. */
  readonly weight?: number;
  /** Any JSON object up to MAX_VALUE_CHARS as text. */
  readonly value: object;
}

export interface StoredRecord extends NewRecord {
  readonly order: string;
  readonly weight: number;
  /** 1 at first, one more with every replacement. */
  readonly version: number;
}

export type AddRecordOutcome =
  | { readonly kind: "added"; readonly record: StoredRecord }
  /** The id (or the place in the owner's order) is taken; `record` is the one of that id, if there is one. */
  | { readonly kind: "exists"; readonly record: StoredRecord | undefined };

export type ReplaceRecordOutcome =
  | { readonly kind: "replaced"; readonly record: StoredRecord }
  /** Somebody was faster; `record` is how it is now. Or it is gone. */
  | { readonly kind: "changed"; readonly record: StoredRecord | undefined };

export interface RecordRange {
  readonly kind: RecordKind;
  readonly owner: string;
  /** Forward from here (exclusive); else back from `before`, or from the end. */
  readonly after?: string;
  readonly before?: string;
  /** 1…MAX_PAGE. */
  readonly limit: number;
}

/** Greatest length of a value as JSON, in UTF-16 units. */
export const MAX_VALUE_CHARS = 65_536;

/** Every operation may be repeated with the same arguments; errors as in archive.ts. */
export interface Records {
  /** Of many at once who add one id exactly one succeeds: what must happen once is an added record. */
  add(record: NewRecord): Promise<AddRecordOutcome>;
  get(key: RecordKey): Promise<StoredRecord | undefined>;
  /**
   * Puts `record` in the place of the one with its key if that still has `version`. Owner and order stay what they were
   * given as. Atomic on a server that changes a document atomically (T3).
   */
  replace(record: NewRecord, version: number): Promise<ReplaceRecordOutcome>;
  /** Whether it was there. */
  remove(key: RecordKey): Promise<boolean>;
  /** `after` given: ascending from there. Otherwise descending: the last ones first. */
  list(range: RecordRange): Promise<readonly StoredRecord[]>;
  /** Records of a kind that are due at `nowMs`, the longest due first. */
  due(kind: RecordKind, nowMs: number, limit: number): Promise<readonly StoredRecord[]>;
  /** How many records of a kind an owner has, and their weight together. */
  weigh(kind: RecordKind, owner: string): Promise<{ readonly count: number; readonly weight: number }>;
}
