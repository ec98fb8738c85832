// One contract for records and contents of every Archive. The rules are those of node/src/store/SPEC.md.

import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Archive } from "../../src/store/archive.ts";
import type { NewRecord, RecordRange, StoredRecord } from "../../src/store/records.ts";
import { MAX_VALUE_CHARS } from "../../src/store/records.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { names } from "./archive-contract.ts";
import { race, untilAnswered } from "./harness.ts";

const SEED = 20_261_122;

interface Asked {
  readonly after: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

function rangeOf(owner: string, { after, before, limit }: Asked): RecordRange {
  const from = after === undefined ? {} : { after };
  return { kind: "memory", owner, limit, ...from, ...(before === undefined ? {} : { before }) };
}

/** The slow twin of a list. */
function listedOf(orders: readonly string[], { after, before, limit }: Asked): readonly string[] {
  const inside = orders.filter((order) => order > (after ?? "") && order < (before ?? "~"));
  const ascending = inside.sort((one, two) => (one < two ? -1 : 1));
  return (after === undefined ? ascending.reverse() : ascending).slice(0, limit);
}

export function registerRecordsContract(
  name: string,
  makeHarness: () => Promise<ArchiveHarness>,
  options: { readonly propertyRuns: number; readonly atomicUpdates: boolean },
): void {
  describe(`${name} as keeper of records and contents`, () => {
    let harness: ArchiveHarness;
    let archive: Archive;
    let other: Archive;

    beforeAll(async () => {
      harness = await makeHarness();
      archive = await harness.open();
      other = await harness.open();
    });

    afterAll(async () => {
      await Promise.all([archive.close(), other.close()]);
      await harness.dispose();
    });

    const newRecord = (over: Partial<NewRecord> = {}): NewRecord => ({
      kind: "memory",
      id: names.id("record"),
      owner: names.id("owner"),
      value: { name: "a" },
      ...over,
    });

    describe("records", () => {
      test("[T60] what is added is found as it was, with version 1, its id as its order and no weight", async () => {
        const record = newRecord({ value: { text: "naïve 🏡", list: [1, null, { $ne: "" }], "a.b": "$x" } });
        const added = await archive.records.add(record);
        const stored = { ...record, order: record.id, weight: 0, version: 1 };
        expect(added).toEqual({ kind: "added", record: stored });
        expect(await other.records.get(record)).toEqual(stored);
        expect(await other.records.get({ kind: "memory", id: names.id("none") })).toBeUndefined();
      });

      test("[T60] lone surrogates and U+0000 in values become U+FFFD", async () => {
        const record = newRecord({ value: { text: "a\ud800b\0c" } });
        await archive.records.add(record);
        expect((await other.records.get(record))?.value).toEqual({ text: "a\ufffdb\ufffdc" });
      });

      test("[T61] an id is added once, whoever else adds it at the same time; the others hear of that record", async () => {
        const id = names.id("claim");
        const outcomes = await race(8, (index) =>
          (index % 2 ? archive : other).records.add(newRecord({ id, value: { index } })),
        );
        const added = outcomes.filter((outcome) => outcome.kind === "added");
        expect(added).toHaveLength(1);
        for (const outcome of outcomes) expect(outcome.record?.value).toEqual(added[0]?.record?.value);
      });

      test("[T61] the same id of another kind is another record; a place in an owner's order is one record's", async () => {
        const record = newRecord({ order: "5" });
        await archive.records.add(record);
        expect((await archive.records.add({ ...record, kind: "expense" })).kind).toBe("added");
        const samePlace = await archive.records.add({ ...record, id: names.id("second") });
        expect(samePlace).toEqual({ kind: "exists", record: undefined });
      });

      test("[T62] a record is replaced only by who has seen its newest version", async () => {
        const record = newRecord();
        await archive.records.add(record);
        const first = await archive.records.replace({ ...record, value: { name: "b" }, weight: 3 }, 1);
        expect(first).toMatchObject({ kind: "replaced", record: { version: 2, weight: 3, value: { name: "b" } } });
        const late = await other.records.replace({ ...record, value: { name: "c" } }, 1);
        expect(late).toEqual({ kind: "changed", record: first.record });
        await archive.records.remove(record);
        expect(await other.records.replace(record, 2)).toEqual({ kind: "changed", record: undefined });
      });

      if (options.atomicUpdates) {
        test("[T62] of many who replace one version at once exactly one does", async () => {
          const record = newRecord();
          await archive.records.add(record);
          const outcomes = await race(8, (index) => (index % 2 ? archive : other).records.replace(record, 1));
          expect(outcomes.filter((outcome) => outcome.kind === "replaced")).toHaveLength(1);
        });
      }

      test("[T63] removing says whether it was there", async () => {
        const record = newRecord();
        await archive.records.add(record);
        expect(await other.records.remove(record)).toBe(true);
        expect(await archive.records.remove(record)).toBe(false);
        expect(await archive.records.get(record)).toBeUndefined();
      });

      test("[T64] what is due is listed by its time, and nothing else is", async () => {
        const due = [30, 10, 20, 40].map((dueAtMs) => newRecord({ kind: "reminder", dueAtMs }));
        for (const record of [...due, newRecord({ kind: "reminder" }), newRecord({ kind: "delivery", dueAtMs: 5 })])
          await archive.records.add(record);
        const listed = await other.records.due("reminder", 30, 10);
        expect(listed.map((record) => record.dueAtMs)).toEqual([10, 20, 30]);
        expect(await other.records.due("reminder", 30, 1)).toEqual([listed[0]]);
        const [first] = listed as [StoredRecord];
        const { version: _, dueAtMs: __, ...never } = first;
        await archive.records.replace(never, first.version);
        expect((await other.records.due("reminder", 30, 10)).map((record) => record.dueAtMs)).toEqual([20, 30]);
        for (const record of due) await archive.records.remove(record);
      });

      test("[T65] an owner's records are counted and weighed, by kind", async () => {
        const owner = names.id("owner");
        expect(await archive.records.weigh("memory", owner)).toEqual({ count: 0, weight: 0 });
        for (const weight of [5, 2 ** 40, 0]) await archive.records.add(newRecord({ owner, weight }));
        await archive.records.add(newRecord({ owner, kind: "expense", weight: 9 }));
        expect(await other.records.weigh("memory", owner)).toEqual({ count: 3, weight: 2 ** 40 + 5 });
      });

      test("[T66] a call that breaks the contract is refused with a code and changes nothing", async () => {
        const wrong = { code: "bad_argument" };
        // biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid.
        const untyped = archive.records as any;
        await expect(untyped.get({ kind: "memory", id: { $gt: "" } })).rejects.toMatchObject(wrong);
        await expect(untyped.get({ kind: "other", id: "a" })).rejects.toMatchObject(wrong);
        await expect(untyped.add({ ...newRecord(), value: [] })).rejects.toMatchObject(wrong);
        await expect(
          untyped.add({ ...newRecord(), value: { text: "x".repeat(MAX_VALUE_CHARS) } }),
        ).rejects.toMatchObject(wrong);
        await expect(archive.records.add(newRecord({ weight: -1 }))).rejects.toMatchObject(wrong);
        await expect(archive.records.add(newRecord({ dueAtMs: 1.5 }))).rejects.toMatchObject(wrong);
        await expect(archive.records.replace(newRecord(), 0)).rejects.toMatchObject(wrong);
        await expect(archive.records.list({ kind: "memory", owner: "o", limit: 0 })).rejects.toMatchObject(wrong);
        for (const id of ["../../etc/passwd", "a/b", "", ".", "a.part", "x".repeat(65)])
          await expect(archive.contents.read(id)).rejects.toMatchObject(wrong);
      });

      test("[T17] records and contents of a closed archive say so", async () => {
        const closed = await harness.open();
        await closed.close();
        await expect(closed.records.get({ kind: "memory", id: "x" })).rejects.toMatchObject({ code: "store_closed" });
        await expect(closed.contents.read("x")).rejects.toMatchObject({ code: "store_closed" });
      });

      test("[T18] while the server is away a record is refused with a clear error, and it works again on return", async () => {
        const record = newRecord();
        await archive.ping();
        await harness.break();
        const refused = await archive.records.add(record).catch((thrown: unknown) => thrown);
        await harness.heal();
        expect(refused).toMatchObject({ code: "store_unavailable", store: "archive", operation: "addRecord" });
        const outcome = await untilAnswered(() => archive.records.add(record), 5000);
        expect(outcome.record?.value).toEqual(record.value);
        await untilAnswered(() => other.ping(), 5000);
      });

      // For every set of places and every range: what a sorted array would answer.
      test("[T67] lists go by the owner's order, forward from `after`, else back from `before` or the end", async () => {
        const places = fc.uniqueArray(fc.constantFrom("a", "B", "c", "01", "1", "10", "2", "z"), { maxLength: 8 });
        const edge = fc.option(fc.constantFrom("0", "10", "B", "c", "zz"), { nil: undefined });
        const range = fc.record({ after: edge, before: edge, limit: fc.integer({ min: 1, max: 4 }) });
        await fc.assert(
          fc.asyncProperty(places, range, async (orders, { after, before, limit }) => {
            const owner = names.id("owner");
            for (const order of orders) await archive.records.add(newRecord({ owner, order }));
            await archive.records.add(newRecord({ owner, kind: "expense", order: "b" }));
            const asked = rangeOf(owner, { after, before, limit });
            const expected = listedOf(orders, { after, before, limit });
            expect((await other.records.list(asked)).map((record) => record.order)).toEqual(expected);
          }),
          { seed: SEED, numRuns: options.propertyRuns },
        );
      });
    });

    describe("contents", () => {
      const id = (): string => names.id("content");

      async function* pieces(bytes: Buffer, size = 70_000): AsyncIterable<Buffer> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      async function readAll(from: Archive, name: string, range?: { start: number; end: number }): Promise<Buffer> {
        const found = await from.contents.read(name, range);
        const chunks: Buffer[] = [];
        for await (const chunk of found?.stream ?? []) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      }

      test("[T70] what was written is read back, whole and in part, on every node", async () => {
        const bytes = randomBytes(600_000);
        const name = id();
        expect(await archive.contents.write(name, pieces(bytes))).toBe(bytes.length);
        const whole = await other.contents.read(name);
        expect(whole?.totalBytes).toBe(bytes.length);
        whole?.stream.destroy();
        const hash = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
        expect(hash(await readAll(other, name))).toBe(hash(bytes));
        for (const [start, end] of [
          [0, 0],
          [261_000, 262_500],
          [599_999, 599_999],
        ] as const)
          expect(await readAll(other, name, { start, end })).toEqual(bytes.subarray(start, end + 1));
      });

      test("[T70] nothing at all is a content too", async () => {
        const name = id();
        expect(await archive.contents.write(name, pieces(Buffer.alloc(0)))).toBe(0);
        const empty = await other.contents.read(name);
        expect(empty?.totalBytes).toBe(0);
        empty?.stream.destroy();
        expect(await readAll(other, name)).toHaveLength(0);
      });

      test("[T71] what fails half-way throws what its source threw, is never read, and is dropped", async () => {
        const name = id();
        async function* breaking(): AsyncIterable<Buffer> {
          yield randomBytes(300_000);
          throw new RangeError("too much");
        }
        await expect(archive.contents.write(name, breaking())).rejects.toThrow("too much");
        expect(await other.contents.read(name)).toBeUndefined();
        await other.contents.drop(name);
        expect(await archive.contents.write(name, pieces(Buffer.from("second try")))).toBe(10);
        expect((await readAll(other, name)).toString()).toBe("second try");
      });

      test("[T72] dropping is final and may be repeated", async () => {
        const name = id();
        await archive.contents.write(name, pieces(Buffer.from("gone")));
        await other.contents.drop(name);
        await other.contents.drop(name);
        expect(await archive.contents.read(name)).toBeUndefined();
      });
    });
  });
}
