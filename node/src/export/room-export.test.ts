import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Happenings } from "../happenings/happenings.ts";
import { oneChunk } from "../memories/byte-stream.ts";
import { type MemoryValue, memoryRecord } from "../memories/memory-record.ts";
import { systemClock } from "../mesh/clock.ts";
import type { Archive, RoomRecord } from "../store/archive.ts";
import { openSqliteArchive } from "../store/sqlite/sqlite-archive.ts";
import { linesOf } from "./lines.ts";
import { exportRoom } from "./room-export.ts";

describe("an export", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-export-"));
  const archive = openSqliteArchive({ path: join(folder, "a.db") });
  const clock = systemClock;
  const happenings = new Happenings({ archive, clock, changed: () => undefined });
  const room = {
    id: "room",
    slug: "room",
    title: "Room",
    access: "open",
    capacity: 2,
    createdAtMs: 0,
  } as unknown as RoomRecord;
  const fileId = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  afterAll(async () => {
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  test("[X1] ends badly, and without a ZIP's end, when a file cannot be read to its end", async () => {
    await archive.contents.write(fileId, oneChunk(Buffer.from("hello")));
    await archive.records.add(
      memoryRecord("room", fileId, { name: "a.txt", type: "text/plain", bytes: 5 } as MemoryValue),
    );
    const whole = await buffer(await exportRoom({ archive, happenings, clock }, room));
    expect(whole.includes("PK\x05\x06")).toBe(true);

    async function* breaking(): AsyncIterable<Buffer> {
      yield Buffer.from("he");
      throw new RangeError("the disk is gone");
    }
    const contents = {
      ...archive.contents,
      read: async () => ({ totalBytes: 5, stream: Readable.from(breaking(), { objectMode: false }) }),
    };
    const broken = new Proxy<Archive>(archive, {
      get: (target, key) => {
        if (key === "contents") return contents;
        const member: unknown = Reflect.get(target, key);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const chunks: Buffer[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of await exportRoom({ archive: broken, happenings, clock }, room))
        chunks.push(chunk as Buffer);
    };
    await expect(read()).rejects.toThrow("the disk is gone");
    expect(Buffer.concat(chunks).includes("PK\x05\x06")).toBe(false);
  });

  test("[X3] lines come as objects however their bytes are cut", async () => {
    const text = Buffer.from('{"a":"é🏡"}\n\n{"b":2}\n{"c":[]}');
    for (let size = 1; size < text.length; size++) {
      const cut = async function* (): AsyncIterable<Buffer> {
        for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
      };
      const found: object[] = [];
      for await (const line of linesOf(cut(), { whole: false })) found.push(line);
      expect(found).toEqual([{ a: "é🏡" }, { b: 2 }, { c: [] }]);
    }
  });
});
