// Measured round trips of others: each member's row, as it told us or as others passed it on. Up to a few hundred members
// the table of measurements is a better guide than any model of it (net/REPORT.md section 4.3).
//
//   body = [names, rows]     row = [index of its member, age in seconds, [tenths of a millisecond per name, 0: unknown]]

import type { DropReason } from "../sink.ts";
import { type DurationMs, type InstantMs, type NodeName, nodeName } from "../types.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** Rows kept and told, and members named in one. Larger meshes go by coordinates. */
export const MAX_ROWS = 256;
/** A row that nobody has renewed for so long says nothing any more. */
export const MAX_ROW_AGE_MS = 30 * 60_000;
const MAX_NAME_LENGTH = 128;
const TENTHS_PER_MS = 10;
/** Nobody is probed for longer. */
const MAX_RTT_MS = 60_000;

export type RttRow = ReadonlyMap<NodeName, DurationMs>;

interface Kept {
  /** When its member told it. */
  readonly toldMs: InstantMs;
  readonly row: RttRow;
}

export interface RowListener {
  readonly nowMs: InstantMs;
  readonly self: NodeName;
  isMember(name: NodeName): boolean;
}

interface ReadRow {
  readonly member: number;
  readonly ageMs: DurationMs;
  readonly tenths: readonly number[];
}

export class RttRows {
  readonly #rows = new Map<NodeName, Kept>();

  get size(): number {
    return this.#rows.size;
  }

  row(of: NodeName): RttRow | undefined {
    return this.#rows.get(of)?.row;
  }

  /** By the row of either; of two the smaller, because a minimum is what both are. */
  between(a: NodeName, b: NodeName): DurationMs | undefined {
    const [there, back] = [this.row(a)?.get(b), this.row(b)?.get(a)];
    return there === undefined || back === undefined ? (there ?? back) : Math.min(there, back);
  }

  forget(name: NodeName): void {
    this.#rows.delete(name);
  }

  /** Forgets rows that are too old, and those of whom `keep` refuses. */
  expire(nowMs: InstantMs, keep: (name: NodeName) => boolean): void {
    for (const [name, { toldMs }] of this.#rows) {
      if (nowMs - toldMs > MAX_ROW_AGE_MS || !keep(name)) this.#rows.delete(name);
    }
  }

  /** Our own row and all we know of others. */
  encode(self: NodeName, own: RttRow, nowMs: InstantMs): Uint8Array {
    const rows = new Map<NodeName, Kept>([[self, { toldMs: nowMs, row: own }], ...this.#rows]);
    const names = namesOf(rows);
    const index = new Map(names.map((name, at) => [name, at]));
    const told = [...rows].filter(([name]) => index.has(name));
    const out = new Writer("gossip", 64 + names.length * (16 + 3 * told.length));
    out.list(2);
    out.list(names.length);
    for (const name of names) out.text(name);
    out.list(told.length);
    for (const [name, { toldMs, row }] of told) {
      out.list(3);
      out.int(index.get(name) ?? 0);
      // Rounded up, so that no row grows younger by going round.
      out.int(Math.ceil((nowMs - toldMs) / 1000));
      out.list(names.length);
      for (const other of names) out.int(tenthsOf(row.get(other)));
    }
    return out.take();
  }

  /** Takes over newer rows of members about members; nothing changes when anything cannot be read. */
  learn(body: Uint8Array, listener: RowListener): DropReason | undefined {
    const reader = new Reader(body);
    if (reader.list() !== 2) reader.fail("bad_field");
    const names = readNames(reader);
    const rows = readRows(reader, names.length);
    if (reader.problem !== undefined) return reader.problem;
    const known = names.map((name) => listener.isMember(name));
    for (const { member, ageMs, tenths } of rows) {
      const name = names[member];
      if (name === undefined || known[member] !== true || name === listener.self || ageMs > MAX_ROW_AGE_MS) continue;
      this.#take(name, listener.nowMs - ageMs, () => rowOf(names, tenths, known));
    }
    return undefined;
  }

  #take(name: NodeName, toldMs: InstantMs, row: () => RttRow): void {
    const kept = this.#rows.get(name);
    if (kept === undefined && this.#rows.size >= MAX_ROWS) return;
    if (kept === undefined || toldMs > kept.toldMs) this.#rows.set(name, { toldMs, row: row() });
  }
}

/** Everybody who has a row or is named in one, as far as there is room. */
function namesOf(rows: ReadonlyMap<NodeName, Kept>): NodeName[] {
  const names = new Set<NodeName>(rows.keys());
  for (const { row } of rows.values()) for (const name of row.keys()) names.add(name);
  return [...names].slice(0, MAX_ROWS);
}

function tenthsOf(rttMs: DurationMs | undefined): number {
  if (rttMs === undefined) return 0;
  return Math.max(1, Math.round(Math.min(rttMs, MAX_RTT_MS) * TENTHS_PER_MS));
}

function rowOf(names: readonly NodeName[], tenths: readonly number[], known: readonly boolean[]): RttRow {
  const row = new Map<NodeName, DurationMs>();
  for (const [at, value] of tenths.entries()) {
    const name = names[at];
    if (value > 0 && name !== undefined && known[at] === true) row.set(name, value / TENTHS_PER_MS);
  }
  return row;
}

function readNames(reader: Reader): NodeName[] {
  const count = reader.list();
  if (count > MAX_ROWS) reader.fail("too_many");
  const names: NodeName[] = [];
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const name = reader.text();
    if (name.length > MAX_NAME_LENGTH) reader.fail("bad_name");
    names.push(nodeName(name));
  }
  return names;
}

function readRows(reader: Reader, nameCount: number): ReadRow[] {
  const count = reader.list();
  if (count > MAX_ROWS) reader.fail("too_many");
  const rows: ReadRow[] = [];
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    if (reader.list() !== 3) reader.fail("bad_field");
    const member = reader.uint(MAX_ROWS);
    const ageMs = reader.uint32() * 1000;
    if (reader.list() !== nameCount) reader.fail("bad_field");
    const tenths: number[] = [];
    for (let at = 0; at < nameCount && !reader.isFailed; at += 1) {
      tenths.push(reader.uint(MAX_RTT_MS * TENTHS_PER_MS));
    }
    rows.push({ member, ageMs, tenths });
  }
  return rows;
}
