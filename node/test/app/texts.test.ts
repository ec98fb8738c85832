import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type {
  ChangesPage,
  ChatMessage,
  MessageHistory,
  MessagePage,
  ReadMarkers,
  RoomsResponse,
  SearchPage,
  ServerMessage,
  Unread,
} from "#protocol";
import { call, expectStatus, TestMesh, type TestNode } from "./harness.ts";
import type { TestClient } from "./test-client.ts";

describe("text in a room on two nodes", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  const path = "/v1/rooms/parlour";
  const tokens: Record<"grace" | "jo", string> = { grace: "", jo: "" };
  const ids: Record<"grace" | "jo", string> = { grace: "", jo: "" };
  const clients: { grace?: TestClient; jo?: TestClient } = {};

  beforeAll(async () => {
    ada = await mesh.start("ada");
    bell = await mesh.start("bell");
    for (const name of ["grace", "jo"] as const) {
      const { token, user } = await mesh.user(ada, name);
      tokens[name] = token;
      ids[name] = user.userId;
    }
    await mesh.room(ada, tokens.grace, { slug: "parlour" });
    clients.grace = (await mesh.enter(ada, { token: tokens.grace, slug: "parlour" })).client;
    clients.jo = (await mesh.enter(bell, { token: tokens.jo, slug: "parlour" })).client;
    for (const client of Object.values(clients)) client.keepAlive(500);
  });
  afterAll(() => mesh.stop());

  const as = async <T>(who: "grace" | "jo", method: string, rest: string, body?: unknown) =>
    await call<T>(who === "grace" ? bell : ada, method, `${path}${rest}`, {
      token: tokens[who],
      ...(body === undefined ? {} : { body }),
    });
  const say = async (who: "grace" | "jo", text: string, more: object = {}) =>
    expectStatus(201, await as<ChatMessage>(who, "POST", "/messages", { text, ...more }));
  const done = async <T>(who: "grace" | "jo", method: string, rest: string, body?: unknown) =>
    expectStatus(200, await as<T>(who, method, rest, body));
  const heard = async (what: string, fits: (message: ServerMessage) => boolean) => {
    await clients.grace?.until(`${what} here`, fits);
    return await clients.jo?.until(`${what} on the other node`, fits);
  };
  const updated = (id: string, change: string) => (message: ServerMessage) =>
    message.type === "messageUpdated" && message.change === change && message.message.id === id;

  test("[A90] an edit is told to everybody, and what was said before is kept until the message is taken back", async () => {
    const said = await say("grace", "helo @jo, see https://example.org/a.");
    expect(said).toMatchObject({ mentions: [ids.jo], links: ["https://example.org/a"], changeId: said.id });
    const edited = await done<ChatMessage>("grace", "PATCH", `/messages/${said.id}`, { text: "hello all" });
    expect(edited).toMatchObject({ id: said.id, text: "hello all", editedAtMs: expect.any(Number) });
    expect([edited.mentions, edited.links]).toEqual([undefined, undefined]);
    expect((edited.changeId ?? "") > said.id).toBe(true);
    expect(await heard("the edit", updated(said.id, "edited"))).toMatchObject({
      message: { text: "hello all", changeId: edited.changeId },
      userId: ids.grace,
    });
    await done("grace", "PATCH", `/messages/${said.id}`, { text: "hello everybody" });
    const history = await done<MessageHistory>("jo", "GET", `/messages/${said.id}/history`);
    expect(history.revisions).toEqual([
      { text: "helo @jo, see https://example.org/a.", writtenAtMs: said.sentAtMs },
      { text: "hello all", writtenAtMs: edited.editedAtMs },
    ]);
    const gone = await done<ChatMessage>("grace", "DELETE", `/messages/${said.id}`);
    expect(gone).toMatchObject({ id: said.id, text: "", deletedAtMs: expect.any(Number) });
    await heard("the tombstone", updated(said.id, "deleted"));
    expect(await done("jo", "GET", `/messages/${said.id}/history`)).toEqual({ revisions: [] });
    expect((await as("grace", "PATCH", `/messages/${said.id}`, { text: "x" })).body.code).toBe("message_deleted");
  });

  test("[A91] authors change their own messages; owners and moderators may take back and move those of others", async () => {
    const said = await say("jo", "a word");
    const opener = await say("jo", "a subject");
    const mine = await say("grace", "the owner's");
    expect((await as("grace", "PATCH", `/messages/${said.id}`, { text: "forged" })).body.code).toBe("not_allowed");
    expect((await as("jo", "DELETE", `/messages/${mine.id}`)).body.code).toBe("not_allowed");
    const intoThread = { threadId: opener.id };
    expect((await as("jo", "PUT", `/messages/${mine.id}/thread`, intoThread)).body.code).toBe("not_allowed");
    expect(await done("grace", "PUT", `/messages/${said.id}/thread`, intoThread)).toMatchObject(intoThread);
    expect(await done("grace", "DELETE", `/messages/${said.id}`)).toMatchObject({ text: "" });
  });

  test("[A92] reactions are counted, told, and the reader's own are marked for the reader", async () => {
    const { id } = await say("jo", "who is in?");
    const kind = encodeURIComponent("❤");
    await done("grace", "PUT", `/messages/${id}/reactions/${kind}`);
    const twice = await done<ChatMessage>("jo", "PUT", `/messages/${id}/reactions/${encodeURIComponent("❤️")}`);
    expect(twice.reactions).toEqual([{ kind: "❤️", count: 2, userIds: [ids.grace, ids.jo], mine: true }]);
    const told = await heard("the reaction", (message) => updated(id, "reacted")(message));
    expect(told).toMatchObject({ message: { reactions: [{ kind: "❤️", count: 1 }] } });
    await done("jo", "DELETE", `/messages/${id}/reactions/${kind}`);
    const seen = await done<ChatMessage>("jo", "GET", `/messages/${id}`);
    expect(seen.reactions).toEqual([{ kind: "❤️", count: 1, userIds: [ids.grace], mine: false }]);
  });

  test("[A93] threads are opened by saying something in them, read apart, and left by moving", async () => {
    const opener = await say("grace", "plans");
    const inside = await say("jo", "one", { threadId: opener.id });
    const deeper = await say("grace", "two", { threadId: inside.id, replyTo: inside.id });
    expect([inside.threadId, deeper.threadId]).toEqual([opener.id, opener.id]);
    const thread = await done<MessagePage>("jo", "GET", `/messages?thread=${opener.id}`);
    expect(thread.messages.map(({ id }) => id)).toEqual([inside.id, deeper.id]);
    expect((await done<ChatMessage>("jo", "GET", `/messages/${opener.id}`)).threadSize).toBe(2);
    expect((await as("grace", "PUT", `/messages/${opener.id}/thread`, { threadId: inside.id })).body.code).toBe(
      "bad_thread",
    );
    const out = await done<ChatMessage>("jo", "PUT", `/messages/${inside.id}/thread`, { threadId: null });
    expect(out.threadId).toBeUndefined();
    await heard("the move", updated(inside.id, "threaded"));
  });

  test("[A94] a page around a message leads on in both directions", async () => {
    const said: string[] = [];
    for (let index = 0; index < 7; index++) said.push((await say("jo", `line ${index}`)).id);
    const around = await done<MessagePage>("grace", "GET", `/messages?around=${said[3]}&limit=3`);
    expect(around.messages.map(({ id }) => id)).toEqual(said.slice(2, 5));
    const newer = await done<MessagePage>("grace", "GET", `/messages?after=${around.newerCursor}&limit=2`);
    expect(newer.messages.map(({ id }) => id)).toEqual(said.slice(5));
    const older = await done<MessagePage>("grace", "GET", `/messages?before=${around.nextCursor}&limit=2`);
    expect(older.messages.map(({ id }) => id)).toEqual(said.slice(0, 2));
    const last = await done<MessagePage>("grace", "GET", `/messages?around=${said[6]}&limit=3`);
    expect([last.messages.at(-1)?.id, last.newerCursor]).toEqual([said[6], undefined]);
  });

  test("[A95] whoever was away learns what was sent and changed meanwhile, by one cursor", async () => {
    const known = await say("grace", "before");
    const start = await done<ChangesPage>("jo", "GET", "/changes");
    expect([start.messages, start.more]).toEqual([[], false]);
    await say("grace", "meanwhile");
    await done("grace", "PATCH", `/messages/${known.id}`, { text: "after" });
    const seen = new Map<string, string>();
    let cursor = start.cursor;
    for (let more = true; more; ) {
      const page: ChangesPage = await done<ChangesPage>("jo", "GET", `/changes?after=${cursor}&limit=5`);
      for (const message of page.messages) seen.set(message.id, message.text);
      ({ cursor, more } = page);
    }
    expect(seen.get(known.id)).toBe("after");
    expect([...seen.values()].at(-2)).toBe("meanwhile");
    // Asked again at once, the last seconds are told again: what comes twice is the same.
    const again = await done<ChangesPage>("jo", "GET", `/changes?after=${cursor}&limit=100`);
    for (const message of again.messages) expect(seen.get(message.id)).toBe(message.text);
  });

  test("[A96] a read marker is told, never goes back, and counts what is behind it", async () => {
    const first = await say("grace", "one more");
    const second = await say("grace", "hey @jo!");
    const marked = await done<Unread>("jo", "PUT", "/read", { messageId: first.id });
    expect(marked).toEqual({ messageId: first.id, unread: 1, unreadMentions: 1 });
    const isMarker = (message: ServerMessage) => message.type === "read" && message.messageId === first.id;
    expect(await heard("the marker", isMarker)).toMatchObject({ userId: ids.jo });
    const rooms = await call<RoomsResponse>(bell, "GET", "/v1/rooms?mine=true", { token: tokens.jo });
    expect(expectStatus(200, rooms).rooms).toMatchObject([
      { slug: "parlour", unread: 1, unreadMentions: 1, readUpTo: first.id, newestMessageId: second.id },
    ]);
    expect((await done<Unread>("jo", "PUT", "/read", { messageId: second.id })).unread).toBe(0);
    expect(await done("jo", "PUT", "/read", { messageId: first.id })).toMatchObject({ messageId: second.id });
    const markers = await done<ReadMarkers>("grace", "GET", "/read");
    expect(markers).toEqual({ markers: [{ userId: ids.jo, messageId: second.id }] });
  });

  test("[A97] search finds by word, author and time, newest first", async () => {
    const tea = await say("grace", "Tee im GARTEN 🌳");
    const late = await say("jo", "garten, tee?");
    await say("jo", "tee im haus");
    const find = async (query: string) =>
      (await done<SearchPage>("jo", "GET", `/search?${query}`)).messages.map(({ id }) => id);
    expect(await find("q=garten%20TEE")).toEqual([late.id, tea.id]);
    expect(await find(`q=tee+garten&author=${ids.grace}`)).toEqual([tea.id]);
    expect(await find(`q=garten&until=${tea.sentAtMs - 60_000}`)).toEqual([]);
    expect(await find(`q=garten&since=${tea.sentAtMs - 60_000}&before=${late.id}`)).toEqual([tea.id]);
    expect((await find(`author=${ids.jo}&limit=1`)).length).toBe(1);
  });

  test("[A98] typing is seen by the others, and only by them", async () => {
    clients.jo?.send({ type: "typing", typing: true });
    const seen = await clients.grace?.until("typing", (message) => message.type === "typing");
    expect(seen).toMatchObject({ userId: ids.jo, displayName: "jo", typing: true });
    clients.grace?.send({ type: "typing", typing: false });
    await clients.jo?.until("the other's", (message) => message.type === "typing");
    expect(clients.jo?.of("typing").map(({ userId }) => userId)).toEqual([ids.grace]);
  });
});
