import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { openSqliteArchive } from "../store/sqlite/sqlite-archive.ts";
import { Happenings } from "./happenings.ts";
import { type Announce, reminderText, reminderWorker } from "./reminders.ts";
import { localAt } from "./zoned-time.ts";

describe("reminders", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-reminders-"));
  const archive: Archive = openSqliteArchive({ path: join(folder, "a.db") });
  const clock = new ManualClock();
  const user = { id: "u", displayName: "Anna" } as UserRecord;
  const happenings = new Happenings({ archive, clock, changed: () => undefined });
  const inMinutes = (minutes: number): string => localAt(clock.wallMs() + minutes * 60_000, "UTC");
  const workerThat = (announce: Announce) =>
    reminderWorker(archive, { clock, log: silentLog, random: () => 0.5, announce });
  let rooms = 0;
  async function newRoom(): Promise<string> {
    rooms += 1;
    const id = `room-${rooms}`;
    const name = { slug: id, slugKey: id, skeleton: id, title: id };
    await archive.createRoom({ id, ...name, access: "open", capacity: 3, ownerId: "u", createdAtMs: 0 });
    return id;
  }
  afterAll(async () => {
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  test("[C4] a node that dies after posting and before striking off leaves a reminder that is posted under the same key", async () => {
    await happenings.add(await newRoom(), user, {
      title: "A",
      startsAt: inMinutes(30),
      timeZone: "UTC",
      remindMinutes: [10],
    });
    const keys: string[] = [];
    const dying = workerThat(async (_, __, key) => {
      keys.push(key);
      throw new Error("dead");
    });
    const living = workerThat(async (_, __, key) => void keys.push(key));
    await clock.advance(20 * 60_000);
    await dying.look();
    await living.look();
    expect(keys).toHaveLength(1);
    await clock.advance(61_000);
    await living.look();
    await living.look();
    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
  });

  test("[C5] put off, drawn nearer, called off: reminders follow", async () => {
    const roomId = await newRoom();
    const input = { title: "B", timeZone: "UTC", remindMinutes: [10] };
    const add = (minutes: number) => happenings.add(roomId, user, { ...input, startsAt: inMinutes(minutes) });
    const posted: string[] = [];
    const worker = workerThat(async (_, text) => void posted.push(text));
    const [off, nearer, gone] = [await add(60), await add(600), await add(60)];
    const change = async (id: string, minutes: number) =>
      await happenings.change(await happenings.get(roomId, id), user, {
        ...input,
        startsAt: inMinutes(minutes),
        version: 1,
      });
    const putOff = await change(off.happeningId, 120);
    const drawn = await change(nearer.happeningId, 30);
    await happenings.remove(await happenings.get(roomId, gone.happeningId), user);
    for (let minute = 0; minute < 130; minute++) {
      await clock.advance(60_000);
      await worker.look();
    }
    const text = (startsAt: string) => `⏰ B · ${startsAt.replace("T", " ")} UTC · −10 min`;
    expect(posted).toEqual([text(drawn.startsAt), text(putOff.startsAt)]);
    expect((await archive.records.due("reminder", clock.wallMs() + 10 ** 9, 10)).length).toBe(0);
  });

  test.each([0, 1, 2])(
    "[C7] answers go with their happening, when the store goes away after %i calls, too",
    async (left) => {
      const roomId = await newRoom();
      const { happeningId } = await happenings.add(roomId, user, {
        title: "D",
        startsAt: inMinutes(600),
        timeZone: "UTC",
      });
      const record = await happenings.get(roomId, happeningId);
      await happenings.answer(record, user, "yes");
      let calls = left;
      const away = (): Promise<never> => Promise.reject(new Error("away"));
      const records = new Proxy(archive.records, {
        get: (target, key) => (calls-- > 0 ? Reflect.get(target, key) : away),
      });
      const failing = new Happenings({ archive: { ...archive, records }, clock, changed: () => undefined });
      const isTold = await failing.remove(record, user).then(
        () => true,
        () => false,
      );
      expect(isTold).toBe(left === 2);
      const worker = workerThat(async () => undefined);
      for (let minute = 0; minute < 5; minute++) {
        await clock.advance(60_000);
        await worker.look();
      }
      const isKept = (await archive.records.get({ kind: "happening", id: happeningId })) !== undefined;
      expect(isKept).toBe(left < 2);
      expect((await archive.records.weigh("answer", happeningId)).count).toBe(isKept ? 1 : 0);
      expect((await archive.records.weigh("reminder", happeningId)).count).toBe(0);
    },
  );

  test("[C5] long after the start nobody is reminded any more", async () => {
    await happenings.add(await newRoom(), user, {
      title: "C",
      startsAt: inMinutes(30),
      timeZone: "UTC",
      remindMinutes: [10],
    });
    const posted: string[] = [];
    await clock.advance(3 * 3_600_000);
    await workerThat(async (_, text) => void posted.push(text)).look();
    expect(posted).toEqual([]);
  });

  test("[C6] a reminder speaks no language", () => {
    const value = { title: "D", startsAt: "2030-01-02T03:04", timeZone: "UTC", place: "home" };
    const text = (minutes: number) => reminderText({ ...value } as Parameters<typeof reminderText>[0], minutes);
    expect([text(0), text(1_505)]).toEqual([
      "⏰ D · 2030-01-02 03:04 UTC · home",
      "⏰ D · 2030-01-02 03:04 UTC · home · −1 d 1 h 5 min",
    ]);
  });
});
