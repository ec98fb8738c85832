import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ulid } from "ulid";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { toChatMessage } from "../chat/message-view.ts";
import { silentLog } from "../mesh/log.ts";
import type { Archive, MessageRecord, UserRecord } from "../store/archive.ts";
import { StoreUnavailableError } from "../store/errors.ts";
import { openSqliteArchive } from "../store/sqlite/sqlite-archive.ts";
import { EventJournal, repairWorker } from "./event-journal.ts";
import { networks } from "./public-address.ts";
import type { EventOutcome } from "./webhook-metrics.ts";
import { type DeliveryValue, type RoomEvent, Webhooks } from "./webhooks.ts";

describe("events of messages", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-journal-"));
  const archive = openSqliteArchive({ path: join(folder, "a.db") });
  const clock = new ManualClock();
  let count = 0;
  afterAll(async () => {
    await archive.close();
    rmSync(folder, { recursive: true });
  });

  /** A node's part in it, on the archive as that node sees it. */
  function node(on: Archive = archive) {
    const counted: EventOutcome[] = [];
    const webhooks = new Webhooks({
      ...{ archive: on, clock, log: silentLog, allowed: networks([]), nudge: () => undefined },
      count: (outcome) => counted.push(outcome),
    });
    const wants = (roomId: string) => webhooks.hearsMessages(roomId);
    const journal = new EventJournal({ archive: on, clock, log: silentLog, wants });
    const repair = repairWorker(on, (...event) => webhooks.enter(...event), {
      ...{ clock, log: silentLog, random: () => 0.5 },
    });
    return { webhooks, journal, repair, counted };
  }

  async function room(events: Parameters<Webhooks["add"]>[2]["events"] = ["message.posted", "message.changed"]) {
    count += 1;
    const roomId = `room-${count}`;
    const { webhookId } = await node().webhooks.add(roomId, { id: "u" } as UserRecord, {
      url: "https://example.com/",
      events,
    });
    return { roomId, webhookId };
  }

  async function store(roomId: string, text: string): Promise<MessageRecord> {
    const id = ulid(clock.wallMs());
    const names = { authorId: "anna", authorName: "Anna", clientId: id };
    const outcome = await archive.appendMessage({ id, roomId, ...names, text, sentAtMs: clock.wallMs() });
    if (outcome.kind !== "appended") throw new Error(outcome.kind);
    return outcome.message;
  }

  const told = (record: MessageRecord): RoomEvent => ({
    ...{ event: "message.posted", data: { type: "message", message: toChatMessage(record) } },
    key: record.id,
  });
  const notes = (roomId: string) => archive.records.weigh("entering", roomId);
  const deliveries = async (webhookId: string) =>
    (await archive.records.list({ kind: "delivery", owner: webhookId, limit: 50 })).map(({ id, value }) => ({
      id,
      value: value as DeliveryValue,
    }));

  test("[W5] a node that dies between storing and entering loses no event: another enters what it stored", async () => {
    const { roomId, webhookId } = await room();
    const dying = node();
    await dying.journal.open(roomId);
    const [one, two] = [await store(roomId, "one"), await store(roomId, "two")];
    await clock.advance(2);
    const changeId = ulid(clock.wallMs());
    const edit = { kind: "edit", text: "two!", mentions: [], atMs: clock.wallMs(), changeId } as const;
    await archive.texts.change({ roomId, id: two.id }, edit);

    const survivor = node();
    expect(await survivor.repair.look()).toBe(0);
    await clock.advance(10);
    // The dead node's timers are gone with it; only the note is left.
    expect((await notes(roomId)).count).toBe(1);
    for (const note of await archive.records.list({ kind: "entering", owner: roomId, limit: 5 }))
      await archive.records.replace({ ...note, dueAtMs: clock.wallMs() }, note.version);
    expect(await survivor.repair.look()).toBe(1);
    const entered = await deliveries(webhookId);
    expect(entered.map(({ id }) => id).sort()).toEqual(
      [one.id, two.id, changeId].map((id) => `${webhookId}.${id}`).sort(),
    );
    const changed = entered.find(({ id }) => id.endsWith(changeId));
    expect(changed?.value).toMatchObject({
      ...{ event: "message.changed", data: { change: "edited", userId: "anna", message: { text: "two!" } } },
    });
    expect((await notes(roomId)).count).toBe(0);
    expect(survivor.counted).toEqual(["entered", "entered", "entered"]);
  });

  test("[W5] a node that lives takes its note away, and each event is entered once", async () => {
    const { roomId, webhookId } = await room();
    const { webhooks, journal, repair } = node();
    for (let i = 0; i < 3; i++) {
      await journal.open(roomId);
      webhooks.tell(roomId, told(await store(roomId, `text ${i}`)), journal);
      await clock.advance(1);
    }
    expect((await notes(roomId)).count).toBe(1);
    await clock.advance(30_000);
    expect((await notes(roomId)).count).toBe(0);
    await clock.advance(60_000);
    expect(await repair.look()).toBe(0);
    expect(await deliveries(webhookId)).toHaveLength(3);
  });

  test("[W5] a room whose webhooks hear nothing of messages needs no note", async () => {
    const { roomId } = await room(["file.added"]);
    const { journal } = node();
    await journal.open(roomId);
    await journal.open("a room without webhooks".replaceAll(" ", "-"));
    expect((await notes(roomId)).count).toBe(0);
  });

  test("[W6] an event that the archive does not take now is entered later; one of anything else is counted", async () => {
    const { roomId, webhookId } = await room(["message.posted", "room.changed"]);
    let isAway = false;
    const records: Archive["records"] = {
      ...archive.records,
      add: async (record) => {
        if (!isAway || record.kind !== "delivery") return await archive.records.add(record);
        const cause = new Error("taken away");
        throw new StoreUnavailableError({ store: "archive", operation: "addRecord", stateChanged: "no", cause });
      },
    };
    const { webhooks, journal, repair, counted } = node({
      ...{ records, texts: archive.texts },
    } as Archive);
    await journal.open(roomId);
    isAway = true;
    const message = await store(roomId, "kept");
    webhooks.tell(roomId, told(message), journal);
    webhooks.tell(roomId, { event: "room.changed", data: {} });
    await clock.advance(1);
    expect(counted).toEqual(["dropped"]);
    isAway = false;
    await clock.advance(60_000);
    expect((await notes(roomId)).count).toBe(1);
    expect(await repair.look()).toBe(1);
    expect((await deliveries(webhookId)).map(({ id }) => id)).toEqual([`${webhookId}.${message.id}`]);
  });
});
