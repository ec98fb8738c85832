import { expect, test } from "@jest/globals";
import { FakeClock, seeded } from "../test/fakes/fake-clock.ts";
import { Chat, type ChatEvents } from "./chat.ts";
import { HearsayError } from "./errors.ts";
import type { ChangesPage, ChatMessage, MessagePage, PostMessage } from "./protocol/messages.ts";
import { RECONNECT_DEFAULTS } from "./reconnect-policy.ts";
import type { HistoryQuery, TextApi } from "./text-api.ts";

const message = (id: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  authorId: "u",
  authorName: "U",
  text: id,
  sentAtMs: 1,
  changeId: id,
  ...more,
});

/** A room's text on a node: a list, and what changed in which order. */
function setUp(post: (body: PostMessage, call: number) => ChatMessage = () => message("m1")) {
  const posts: PostMessage[] = [];
  const waits: number[] = [];
  const told: string[] = [];
  const said: boolean[] = [];
  const stored: ChatMessage[] = [];
  const clock = new FakeClock();
  const calls = { changes: 0 };
  let changesFail = 0;
  const store = (one: ChatMessage): ChatMessage => {
    const at = stored.findIndex(({ id }) => id === one.id);
    if (at >= 0) stored.splice(at, 1);
    stored.push(one);
    return one;
  };
  const byChange = (a: ChatMessage, b: ChatMessage) => ((a.changeId ?? a.id) < (b.changeId ?? b.id) ? -1 : 1);
  const page = ({ before = "~", after = "", around, limit = 50 }: HistoryQuery): MessagePage => {
    const all = [...stored].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (around !== undefined) {
      const at = all.findIndex(({ id }) => id === around);
      const cut = all.slice(Math.max(0, at - 1), at + 2);
      return { messages: cut, nextCursor: cut[0]?.id ?? "", newerCursor: cut.at(-1)?.id ?? "" };
    }
    const inside = all.filter(({ id }) => id < before && id > after);
    const messages = after === "" ? inside.slice(-limit) : inside.slice(0, limit);
    return { messages, ...(messages.length < inside.length ? { nextCursor: messages[0]?.id ?? "" } : {}) };
  };
  const text = {
    post: async (body: PostMessage) => {
      posts.push(body);
      return post(body, posts.length);
    },
    history: async (query: HistoryQuery) => page(query),
    changes: async ({ after, limit = 100 }: { after?: string; limit?: number }): Promise<ChangesPage> => {
      calls.changes += 1;
      if (changesFail > 0) {
        changesFail -= 1;
        throw new HearsayError("network", "down");
      }
      const sorted = [...stored].sort(byChange);
      const newest = sorted.at(-1)?.changeId ?? "";
      if (after === undefined) return { messages: [], cursor: newest, more: false };
      const found = sorted.filter(({ id, changeId = id }) => changeId > after);
      const messages = found.slice(0, limit);
      return { messages, cursor: messages.at(-1)?.changeId ?? after, more: found.length > limit };
    },
    edit: async (id: string, words: string) => store(message(id, { text: words, changeId: "z1", editedAtMs: 2 })),
    react: async (id: string, kind: string) =>
      store(message(id, { changeId: "z2", reactions: [{ kind, count: 1, userIds: ["me"], mine: true }] })),
    markRead: async (messageId: string) => ({ messageId, unread: 1, unreadMentions: 0 }),
  };
  const chat = new Chat({
    text: text as unknown as TextApi,
    wait: async (delayMs) => void waits.push(delayMs),
    sayTyping: (typing) => void said.push(typing),
    tell: (name, value) => {
      if (name === "message") told.push((value as ChatMessage).id);
      if (name === "messageUpdated") {
        const { message: changed, change, userId = "?" } = value as ChatEvents["messageUpdated"];
        told.push(`${changed.id} ${change} by ${userId}`);
      }
    },
    userId: () => "me",
    random: seeded(3),
    policy: RECONNECT_DEFAULTS,
    schedule: clock.schedule,
    nowMs: clock.nowMs,
  });
  const ids = (): string => chat.messages.map(({ id }) => id).join(" ");
  const failChanges = (times: number): void => {
    changesFail = times;
  };
  return { chat, posts, waits, told, said, stored, store, ids, clock, calls, failChanges };
}

test("a message that no node takes is sent again with the same client id until one does", async () => {
  const { chat, posts, waits } = setUp((_body, call) => {
    if (call < 3) throw new HearsayError("network", "down");
    return message("m1");
  });
  const sending = chat.send("hello");
  expect(chat.pending).toMatchObject([{ text: "hello", state: "sending" }]);
  await expect(sending).resolves.toMatchObject({ id: "m1" });
  expect(posts).toHaveLength(3);
  expect(new Set(posts.map(({ clientId }) => clientId)).size).toBe(1);
  expect(waits).toHaveLength(2);
  expect(chat.pending).toEqual([]);
});

test("a message that is refused for good is not sent again, but stays to be sent once more as the same message", async () => {
  const { chat, posts } = setUp((_body, call) => {
    if (call === 1) throw new HearsayError("not_allowed", "muted", { status: 403 });
    return message("m1");
  });
  await expect(chat.send("hello", { threadId: "t" })).rejects.toMatchObject({ code: "not_allowed" });
  expect(chat.pending).toMatchObject([{ state: "failed", code: "not_allowed" }]);
  await chat.retry(chat.pending[0]?.clientId ?? "");
  expect(posts[1]).toEqual(posts[0]);
  expect(chat.pending).toEqual([]);
});

test("a busy node is given the time it asks for", async () => {
  const { chat, waits } = setUp((_body, call) => {
    if (call === 1) throw new HearsayError("rate_limited", "slow down", { status: 429, retryAfterMs: 5_000 });
    return message("m1");
  });
  await chat.send("hello");
  expect(waits).toEqual([5_000]);
});

test("messages keep their order even when the first has to be repeated", async () => {
  const { chat, posts } = setUp((body, call) => {
    if (call === 1) throw new HearsayError("network", "down");
    return message(`m${call}`, { text: body.text });
  });
  await Promise.all([chat.send("one"), chat.send("two")]);
  expect(posts.map(({ text }) => text)).toEqual(["one", "one", "two"]);
});

test("an own message and its echo are told once", async () => {
  const { chat, told } = setUp();
  await chat.send("hello");
  chat.receive(message("m1"));
  expect(told).toEqual(["m1"]);
});

test("a message whose echo is quicker than its answer is not shown twice", async () => {
  const { chat } = setUp((body) => {
    chat.receive(message("m1", { authorId: "me", clientId: body.clientId }));
    expect(chat.pending).toEqual([]);
    return message("m1", { authorId: "me", clientId: body.clientId });
  });
  await chat.send("hello");
  expect(chat.messages).toHaveLength(1);
});

test("after a reconnect what was sent and what was changed is told, once and in place", async () => {
  const { chat, told, store, ids } = setUp();
  for (const id of ["m1", "m2", "m3"]) store(message(id));
  await chat.catchUp();
  await chat.loadOlder();
  store(message("m2", { changeId: "m4", text: "better", editedAtMs: 5 }));
  store(message("m5"));
  store(message("m6", { changeId: "m7", reactions: [{ kind: "👍", count: 1, userIds: ["x"] }] }));
  await chat.catchUp();
  await chat.catchUp();
  expect(told).toEqual(["m2 edited by ?", "m5", "m6"]);
  expect(ids()).toBe("m1 m2 m3 m5 m6");
  expect(chat.messages[1]?.text).toBe("better");
});

test("what comes while the gap is being closed waits, so that the timeline has no gap at any time", async () => {
  const { chat, told, store, failChanges, ids } = setUp();
  store(message("m1"));
  await chat.catchUp();
  await chat.loadOlder();
  store(message("m2"));
  store(message("m3"));
  failChanges(1);
  const closing = chat.catchUp();
  chat.receive(message("m4"));
  expect(ids()).toBe("m1");
  await closing;
  expect(told).toEqual(["m2", "m3", "m4"]);
  expect(ids()).toBe("m1 m2 m3 m4");
});

test("an older record never overwrites a newer one", async () => {
  const { chat, told } = setUp();
  chat.receive(message("m1"));
  chat.updated({
    type: "messageUpdated",
    seq: 1,
    message: message("m1", { changeId: "m9", deletedAtMs: 1, text: "" }),
    change: "deleted",
    userId: "u",
  });
  chat.updated({
    type: "messageUpdated",
    seq: 2,
    message: message("m1", { changeId: "m5" }),
    change: "edited",
    userId: "u",
  });
  expect(told).toEqual(["m1", "m1 deleted by u"]);
  expect(chat.messages[0]?.text).toBe("");
});

test("one's own deeds and their echoes are told once, and reactions know whether they are mine", async () => {
  const { chat, told } = setUp();
  chat.receive(message("m1"));
  await chat.edit("m1", "new");
  await chat.react("m1", "🎉");
  const echo = message("m1", { changeId: "z2", reactions: [{ kind: "🎉", count: 1, userIds: ["me"] }] });
  chat.updated({ type: "messageUpdated", seq: 1, message: echo, change: "reacted", userId: "me" });
  expect(told).toEqual(["m1", "m1 edited by me", "m1 reacted by me"]);
  const more = message("m1", { changeId: "z3", reactions: [{ kind: "🎉", count: 2, userIds: ["me", "x"] }] });
  chat.updated({ type: "messageUpdated", seq: 2, message: more, change: "reacted", userId: "x" });
  expect(chat.messages[0]?.reactions).toMatchObject([{ count: 2, mine: true }]);
});

test("the window jumps to a message of the past, does not follow the present from there, and finds back", async () => {
  const { chat, store, ids } = setUp();
  for (let n = 10; n < 30; n += 1) store(message(`m${n}`));
  await chat.loadOlder(3);
  expect(ids()).toBe("m27 m28 m29");
  await chat.jumpTo("m15");
  expect(ids()).toBe("m14 m15 m16");
  chat.receive(store(message("m30")));
  expect(ids()).toBe("m14 m15 m16");
  expect([chat.hasOlder, chat.hasNewer]).toEqual([true, true]);
  await chat.loadNewer(2);
  await chat.loadOlder(2);
  expect(ids()).toBe("m12 m13 m14 m15 m16 m17 m18");
  await chat.jumpToNewest(2);
  expect(ids()).toBe("m29 m30");
  expect(chat.hasNewer).toBe(false);
});

test("threads are counted at the message that opened them", () => {
  const { chat } = setUp();
  chat.receive(message("m1"));
  chat.receive(message("m2", { threadId: "m1" }));
  chat.receive(message("m3", { threadId: "m1" }));
  expect(chat.messages[0]?.threadSize).toBe(2);
  const moved = message("m3", { changeId: "m4" });
  chat.updated({ type: "messageUpdated", seq: 1, message: moved, change: "threaded", userId: "u" });
  expect(chat.messages[0]?.threadSize).toBe(1);
});

test("unread counts others' messages and mentions since the marker, of this or another device", async () => {
  const { chat } = setUp();
  chat.receive(message("m1"));
  chat.receive(message("m2", { mentions: ["me"] }));
  chat.receive(message("m3", { authorId: "me" }));
  expect(chat.unread).toEqual({ count: 2, mentions: 1 });
  chat.readTold({ userId: "me", messageId: "m1" });
  expect(chat.unread).toEqual({ count: 1, mentions: 1 });
  const marking = chat.markRead();
  expect(chat.unread.count).toBe(0);
  await marking;
  expect(chat.unread).toEqual({ count: 1, mentions: 0 });
});

test("typing is said every few seconds, and of others it ends by itself or with their message", async () => {
  const { chat, said, clock } = setUp();
  for (let key = 0; key < 20; key += 1) {
    chat.setTyping(true);
    await clock.advance(200);
  }
  expect(said).toEqual([true, true]);
  chat.setTyping(false);
  chat.setTyping(false);
  expect(said).toEqual([true, true, false]);
  const told = { type: "typing", seq: 1, displayName: "X", typing: true } as const;
  chat.typingTold({ ...told, userId: "x" });
  chat.typingTold({ ...told, userId: "y" });
  chat.typingTold({ ...told, userId: "me" });
  expect(chat.typing.map(({ userId }) => userId)).toEqual(["x", "y"]);
  chat.receive(message("m1", { authorId: "x" }));
  expect(chat.typing.map(({ userId }) => userId)).toEqual(["y"]);
  await clock.advance(8_000);
  expect(chat.typing).toEqual([]);
});

test("the outbox is bounded and is emptied by leaving", async () => {
  const { chat } = setUp(() => {
    throw new HearsayError("network", "down");
  });
  const waiting = Array.from({ length: 100 }, (_, n) => chat.send(String(n)));
  await expect(chat.send("too much")).rejects.toMatchObject({ code: "limit" });
  chat.close();
  const results = await Promise.allSettled(waiting);
  expect(results.every((result) => result.status === "rejected")).toBe(true);
  await expect(chat.send("late")).rejects.toMatchObject({ code: "closed" });
});
