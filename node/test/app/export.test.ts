import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { monotonicFactory } from "ulid";
import { fromBuffer } from "yauzl";
import { ZipFile } from "yazl";
import type {
  ExpensePage,
  FileInfo,
  GalleryPage,
  HappeningPage,
  MembersResponse,
  MessageHistory,
  MessagePage,
  Retention,
} from "#protocol";
import { type Answer, call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

type Entries = Record<string, string | Buffer>;

async function zipOf(
  entries: Entries,
  change: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(entries)) zip.addBuffer(Buffer.from(content), path);
  zip.end();
  return new Uint8Array(change(await buffer(zip.outputStream)));
}

async function entriesOf(bytes: Buffer): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await new Promise<void>((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error !== null) return reject(error);
      zip.on("end", resolve).on("error", reject);
      zip.on("entry", (entry) =>
        zip.openReadStream(entry, (failure, stream) => {
          if (failure !== null) return reject(failure);
          buffer(stream).then((content) => {
            found.set(entry.fileName, content);
            zip.readEntry();
          }, reject);
        }),
      );
      zip.readEntry();
    });
  });
  return found;
}

describe("rooms that are taken along", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  let owner: string;
  let guest: string;
  let importer: string;
  let exported: Buffer;
  let edited: string;

  const send = async <T = unknown>(path: string, bytes: Uint8Array<ArrayBuffer>, token: string): Promise<Answer<T>> => {
    const form = new FormData();
    form.append("file", new Blob([bytes]), "room.zip");
    const response = await fetch(`${bell.app.url}${path}`, {
      method: "POST",
      body: form,
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer<T>["body"] };
  };
  const get = async <T>(path: string, token = owner): Promise<T> =>
    expectStatus(200, await call<T>(bell, "GET", path, { token }));

  beforeAll(async () => {
    ada = await mesh.start("ada", { config: { roomMegabytes: 20, fileMegabytes: 1 } });
    bell = await mesh.start("bell", { config: { roomMegabytes: 20, fileMegabytes: 1 } });
    const user = await mesh.user(ada, "owner");
    owner = user.token;
    importer = (await mesh.user(ada, "importer")).token;
    guest = (await mesh.guest(ada, "Jo")).token;
    await mesh.room(ada, owner, { slug: "house", title: "Our house" });
    (await mesh.enter(ada, { token: guest, slug: "house" })).client.keepAlive(500);
    const say = async (body: object, token = owner): Promise<{ id: string }> =>
      expectStatus(201, await call<{ id: string }>(ada, "POST", "/v1/rooms/house/messages", { token, body }));
    const opener = await say({ text: "first ✨\nline" });
    await say({ text: "an answer", threadId: opener.id, replyTo: opener.id }, guest);
    const doomed = await say({ text: "secret" });
    expectStatus(200, await call(ada, "DELETE", `/v1/rooms/house/messages/${doomed.id}`, { token: owner }));
    for (let i = 0; i < 5; i++) edited = (await say({ text: `line ${i}` })).id;
    const message = `/v1/rooms/house/messages/${edited}`;
    for (const text of ["line five", "line six"])
      expectStatus(200, await call(ada, "PATCH", message, { token: owner, body: { text } }));
    for (const token of [owner, guest])
      expectStatus(200, await call(ada, "PUT", `${message}/reactions/${encodeURIComponent("👍")}`, { token }));
    const photo = new Uint8Array(
      await sharp({ create: { width: 50, height: 40, channels: 3, background: "red" } })
        .png()
        .toBuffer(),
    );
    expectStatus(201, (await send<FileInfo>("/v1/rooms/house/files?caption=red", photo, owner)) as Answer<FileInfo>);
    expectStatus(
      201,
      (await send<FileInfo>(
        "/v1/rooms/house/files",
        new Uint8Array(Buffer.from("plain words")),
        guest,
      )) as Answer<FileInfo>,
    );
    const plan = { title: "Dinner", startsAt: "2031-01-01T18:00", timeZone: "Europe/Amsterdam", remindMinutes: [60] };
    const planned = expectStatus(
      201,
      await call<{ happeningId: string }>(ada, "POST", "/v1/rooms/house/happenings", { token: owner, body: plan }),
    );
    expectStatus(
      200,
      await call(ada, "PUT", `/v1/rooms/house/happenings/${planned.happeningId}/answer`, {
        token: guest,
        body: { reply: "yes" },
      }),
    );
    const me = user.user.userId;
    const expense = {
      title: "Soup",
      amountMinor: 999,
      currency: "EUR",
      payerId: me,
      split: "equal",
      shares: [{ userId: me }],
    };
    expectStatus(201, await call(ada, "POST", "/v1/rooms/house/expenses", { token: owner, body: expense }));
  });
  afterAll(() => mesh.stop());

  test("[X1] a room is exported as a ZIP that other programs read", async () => {
    const response = await fetch(`${bell.app.url}/v1/rooms/house/export`, {
      headers: { authorization: `Bearer ${owner}` },
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/zip"]);
    expect(response.headers.get("content-disposition")).toContain('filename="house.zip"');
    exported = Buffer.from(await response.arrayBuffer());
    const entries = await entriesOf(exported);
    expect(JSON.parse(String(entries.get("room.json")))).toMatchObject({
      format: "hearsay-room",
      version: 1,
      room: { slug: "house", title: "Our house" },
      members: [{ handle: "owner", role: "owner" }],
    });
    expect(String(entries.get("messages.ndjson")).trim().split("\n")).toHaveLength(8);
    expect(exported.includes("secret")).toBe(false);
    expect([...entries.keys()].filter((path) => path.startsWith("files/"))).toHaveLength(2);
    expect([...entries.values()].map(String)).toContain("plain words");
  });

  test("[X2] brought into an empty room of other people, everything is there again; [X4] in nobody's name", async () => {
    await mesh.room(ada, importer, { slug: "copy" });
    const answer = await send("/v1/rooms/copy/import", new Uint8Array(exported), importer);
    expect(expectStatus(200, answer)).toEqual({ messages: 8, files: 2, happenings: 1, expenses: 1 });
    const { messages } = await get<MessagePage>("/v1/rooms/copy/messages", importer);
    const original = await get<MessagePage>("/v1/rooms/house/messages");
    const essence = (page: MessagePage) =>
      page.messages.map(
        ({ id, authorName, text, sentAtMs, threadId, replyTo, deletedAtMs, editedAtMs, reactions }) => ({
          ...{ id, authorName, text, sentAtMs, threadId, replyTo, deletedAtMs, editedAtMs },
          reactions: reactions?.map(({ kind, count }) => ({ kind, count })),
        }),
      );
    expect(essence({ messages })).toEqual(essence(original));
    for (const { authorId } of messages) expect(authorId).toMatch(/^imported\./);
    expect(messages.at(-1)?.reactions).toMatchObject([{ kind: "👍", count: 2 }]);
    const history = (slug: string, token: string) =>
      get<MessageHistory>(`/v1/rooms/${slug}/messages/${edited}/history`, token);
    expect((await history("copy", importer)).revisions.map(({ text }) => text)).toEqual(["line 4", "line five"]);
    expect(await history("copy", importer)).toEqual(await history("house", owner));
    const [copy, house] = [
      await get<GalleryPage>("/v1/rooms/copy/gallery", importer),
      await get<GalleryPage>("/v1/rooms/house/gallery"),
    ];
    const named = ({ files }: GalleryPage) =>
      files
        .map(({ name, type, caption, uploaderName, createdAtMs }) => ({
          name,
          type,
          caption,
          uploaderName,
          createdAtMs,
        }))
        .sort((a, b) => a.createdAtMs - b.createdAtMs);
    expect(named(copy)).toEqual(named(house));
    const { happenings } = await get<HappeningPage>("/v1/rooms/copy/happenings", importer);
    expect(happenings).toMatchObject([
      { title: "Dinner", remindMinutes: [60], answers: [{ displayName: "Jo", reply: "yes" }] },
    ]);
    const { expenses } = await get<ExpensePage>("/v1/rooms/copy/expenses", importer);
    expect(expenses).toMatchObject([{ title: "Soup", amountMinor: 999, owed: [{ amountMinor: 999 }] }]);
    expect(expenses[0]?.payerId).toMatch(/^imported\./);
    const again = await send("/v1/rooms/copy/import", new Uint8Array(exported), importer);
    expect([again.status, again.body.code]).toEqual([409, "changed_meanwhile"]);
  });

  test("[X7] whoever has the handle of an exported member is a plain member again", async () => {
    const { members } = await get<MembersResponse>("/v1/rooms/copy/members", importer);
    const roles = members.map(({ handle, role }) => [handle, role]).sort();
    expect(roles).toEqual([
      ["importer", "owner"],
      ["owner", "member"],
    ]);
  });

  test("[X3] an export without earlier texts keeps that there was an edit", async () => {
    await mesh.room(ada, importer, { slug: "older" });
    const line = { id: "01J00000000000000000000001", authorId: "x", authorName: "X", text: "now", sentAtMs: 1 };
    const entries = {
      "room.json": JSON.stringify({ format: "hearsay-room", version: 1 }),
      "messages.ndjson": JSON.stringify({ ...line, edits: 2, editedAtMs: 5 }),
    };
    expectStatus(200, await send("/v1/rooms/older/import", await zipOf(entries), importer));
    const { messages } = await get<MessagePage>("/v1/rooms/older/messages", importer);
    expect(messages).toMatchObject([{ text: "now", editedAtMs: 5 }]);
  });

  test("[X5] guests and strangers neither export nor import nor let forget", async () => {
    for (const [token, code] of [
      [guest, "not_allowed"],
      [importer, "not_member"],
    ] as const) {
      expect((await call(ada, "GET", "/v1/rooms/house/export", { token })).body.code).toBe(code);
      expect((await call(ada, "PUT", "/v1/rooms/house/retention", { token, body: { messageDays: 1 } })).body.code).toBe(
        code,
      );
      expect((await send("/v1/rooms/house/import", new Uint8Array(exported), token)).body.code).toBe(code);
    }
    for (const body of [{ messageDays: 0 }, { fileDays: "1" }, { messageDays: 1.5 }, { days: 1 }])
      expect((await call(ada, "PUT", "/v1/rooms/house/retention", { token: owner, body })).body.code).toBe(
        "invalid_input",
      );
    expect(await get<Retention>("/v1/rooms/house/retention")).toEqual({});
  });

  const head = { format: "hearsay-room", version: 1 };
  const room = JSON.stringify(head);
  const message = { id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", authorId: "a", authorName: "A", text: "x", sentAtMs: 1 };
  const lines = (...each: object[]): string => each.map((line) => JSON.stringify(line)).join("\n");
  const fileId = "01ARZ3NDEKTSV4RRFFQ69G5FAW";
  const file = { fileId, name: "x", uploaderId: "a", uploaderName: "A", createdAtMs: 1 };
  /** The directory says that an entry is smaller than it is. */
  const lieAboutSize = (bytes: Buffer): Buffer => {
    const at = bytes.indexOf(Buffer.from("PK\x01\x02", "latin1"));
    bytes.writeUInt32LE(5, at + 24);
    return bytes;
  };
  const climb = (bytes: Buffer): Buffer =>
    Buffer.from(bytes.toString("latin1").replaceAll("aa/bb/cc", "../../cc"), "latin1");

  test.each([
    ["no ZIP", async () => new Uint8Array(Buffer.from("hello")), "bad_import"],
    ["an empty ZIP", () => zipOf({}), "bad_import"],
    ["another format", () => zipOf({ "room.json": '{"format":"other","version":1}' }), "bad_import"],
    ["a later version", () => zipOf({ "room.json": JSON.stringify({ ...head, version: 99 }) }), "bad_import"],
    ["a head that is no JSON", () => zipOf({ "room.json": "{" }), "bad_import"],
    [
      "a message of no shape",
      () => zipOf({ "room.json": room, "messages.ndjson": lines({ ...message, text: { $ne: 1 } }) }),
      "bad_import",
    ],
    [
      "a message with an id of its own kind",
      () => zipOf({ "room.json": room, "messages.ndjson": lines({ ...message, id: "$gt" }) }),
      "bad_import",
    ],
    [
      "a line without end",
      () => zipOf({ "room.json": room, "messages.ndjson": `{"a":"${"x".repeat(300_000)}` }),
      "bad_import",
    ],
    [
      "an expense that does not add up",
      () =>
        zipOf({
          "room.json": room,
          "expenses.ndjson": lines({
            title: "x",
            amountMinor: 5,
            currency: "EUR",
            payerId: "a",
            split: "exact",
            shares: [{ userId: "a", exactMinor: 4 }],
            createdAtMs: 1,
          }),
        }),
      "bad_import",
    ],
    [
      "a plan at no time",
      () =>
        zipOf({
          "room.json": room,
          "happenings.ndjson": lines({ title: "x", startsAt: "2030-02-30T10:00", timeZone: "UTC" }),
        }),
      "invalid_input",
    ],
    ["a path that climbs", () => zipOf({ "room.json": room, "aa/bb/cc": "x" }, climb), "bad_import"],
    ["an entry that is larger than it says", () => zipOf({ "room.json": room }, lieAboutSize), "bad_import"],
    ["a bomb", () => zipOf({ "room.json": room, bomb: Buffer.alloc(41 * 1024 ** 2) }), "too_large"],
    [
      "a file beyond the limit",
      () => zipOf({ "room.json": room, "files.ndjson": lines(file), [`files/${fileId}/x`]: Buffer.alloc(1_100_000) }),
      "too_large",
    ],
    [
      "a picture that is none",
      () =>
        zipOf({
          "room.json": room,
          "files.ndjson": lines(file),
          [`files/${fileId}/x`]: Buffer.from("\x89PNG\r\n\x1a\n...", "latin1"),
        }),
      "bad_picture",
    ],
  ] as const)("[X3] %s is refused with its code", async (...row) => {
    const [what, make, code] = row;
    const slug = `x-${what.replaceAll(/[^a-z]+/g, "-")}`;
    await mesh.room(ada, importer, { slug });
    const answer = await send(`/v1/rooms/${slug}/import`, await make(), importer);
    expect([answer.body.code, answer.status < 500]).toEqual([code, true]);
    expect((await get<MessagePage>(`/v1/rooms/${slug}/messages`, importer)).messages).toEqual([]);
    expect((await get<GalleryPage>(`/v1/rooms/${slug}/gallery`, importer)).files).toEqual([]);
  });

  test("[X6] a room forgets what is older than it wants, and keeps the rest", async () => {
    await mesh.room(ada, importer, { slug: "old" });
    const mint = monotonicFactory(() => 0.5);
    const days = (count: number): number => Date.now() - count * 86_400_000;
    const told = [400, 300, 31, 29, 1].map((age) => ({
      ...message,
      id: mint(days(age)),
      text: `${age} days`,
      sentAtMs: days(age),
    }));
    expectStatus(
      200,
      await send(
        "/v1/rooms/old/import",
        await zipOf({ "room.json": room, "messages.ndjson": lines(...told) }),
        importer,
      ),
    );
    expectStatus(
      200,
      await call(bell, "PUT", "/v1/rooms/old/retention", { token: importer, body: { messageDays: 30 } }),
    );
    const texts = async () =>
      (await get<MessagePage>("/v1/rooms/old/messages", importer)).messages.map(({ text }) => text);
    await until("the old ones to be forgotten", async () => (await texts()).filter((text) => text !== "").length === 2);
    expect(await texts()).toEqual(["", "", "", "29 days", "1 days"]);
    expect(await get<Retention>("/v1/rooms/old/retention", importer)).toEqual({ messageDays: 30 });
    expectStatus(200, await call(ada, "PUT", "/v1/rooms/old/retention", { token: importer, body: {} }));
    expect(await get<Retention>("/v1/rooms/old/retention", importer)).toEqual({});
  });
});
