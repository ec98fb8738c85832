// The measured round trips of the whole mesh: each Hearsay member knows its own row and tells it to who asks.

import type { Member } from "../src/sink.ts";

export const MEASURED_TOPIC = "gossip.measured-rtts";

/** From this member to others, in milliseconds. */
export type MeasuredRow = ReadonlyMap<string, number>;

export interface RowSource {
  localMember(): Member;
  members(): readonly Member[];
  measuredRtts(): MeasuredRow;
  request(node: string, topic: string, body: unknown, options: { readonly timeoutMs: number }): Promise<unknown>;
}

/** Members asked; in a larger mesh the others have no row. */
const MAX_ASKED = 256;
const ASKED_AT_ONCE = 16;
const TIMEOUT_MS = 1_500;
const MAX_ROW = 4096;

/** As it is told to others. */
export const rowBody = (row: MeasuredRow): unknown => [...row];

/** Our row, and those of all living members that answer in time. */
export async function collectRows(source: RowSource): Promise<ReadonlyMap<string, MeasuredRow>> {
  const self = source.localMember().name;
  const rows = new Map<string, MeasuredRow>([[self, source.measuredRtts()]]);
  const asked = source
    .members()
    .filter(({ name, status, tags }) => name !== self && status === "alive" && Number(tags["hearsay"] ?? 0) >= 1)
    .slice(0, MAX_ASKED)
    .map(({ name }) => name);
  const askNext = async (): Promise<void> => {
    for (let name = asked.shift(); name !== undefined; name = asked.shift()) {
      // Who does not answer has no row.
      const body = await source.request(name, MEASURED_TOPIC, null, { timeoutMs: TIMEOUT_MS }).catch(() => undefined);
      const row = readRow(body);
      if (row !== undefined) rows.set(name, row);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askNext));
  return rows;
}

/** Undefined for anything but a list of names and positive numbers. */
export function readRow(body: unknown): MeasuredRow | undefined {
  if (!Array.isArray(body) || body.length > MAX_ROW) return undefined;
  const row = new Map<string, number>();
  for (const pair of body) {
    const [name, rttMs] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof name !== "string" || typeof rttMs !== "number" || !(rttMs >= 0 && rttMs < 60_000)) return undefined;
    row.set(name, rttMs);
  }
  return row;
}
