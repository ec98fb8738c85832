import { expect, test } from "@jest/globals";
import { seeded } from "../test/fakes/fake-clock.ts";
import { Chat, type ChatHost } from "./chat.ts";
import { HearsayError } from "./errors.ts";
import type { ChatMessage, PostMessage } from "./protocol/messages.ts";
import { RECONNECT_DEFAULTS } from "./reconnect-policy.ts";

const message = (id: string, text = id): ChatMessage => ({ id, authorId: "u", authorName: "U", text, sentAtMs: 1 });

function setUp(post: (body: PostMessage, call: number) => ChatMessage) {
  const posts: PostMessage[] = [];
  const waits: number[] = [];
  const told: string[] = [];
  const queries: object[] = [];
  const past: ChatMessage[] = [];
  const host: ChatHost = {
    post: async (body) => {
      posts.push(body);
      return post(body, posts.length);
    },
    history: async (query) => {
      queries.push(query);
      return { messages: past.filter(({ id }) => id > (query.after ?? "")) };
    },
    wait: async (delayMs) => void waits.push(delayMs),
    message: ({ id }) => told.push(id),
    random: seeded(3),
    policy: RECONNECT_DEFAULTS,
  };
  return { chat: new Chat(host), posts, waits, told, past, queries };
}

test("a message that no node takes is sent again with the same client id until one does", async () => {
  const { chat, posts, waits } = setUp((_body, call) => {
    if (call < 3) throw new HearsayError("network", "down");
    return message("m1");
  });
  await expect(chat.send("hello")).resolves.toMatchObject({ id: "m1" });
  expect(posts).toHaveLength(3);
  expect(new Set(posts.map(({ clientId }) => clientId)).size).toBe(1);
  expect(waits).toHaveLength(2);
});

test("a message that is refused for good is not sent again", async () => {
  const { chat, posts } = setUp(() => {
    throw new HearsayError("not_allowed", "muted", { status: 403 });
  });
  await expect(chat.send("hello")).rejects.toMatchObject({ code: "not_allowed" });
  expect(posts).toHaveLength(1);
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
    return message(`m${call}`, body.text);
  });
  await Promise.all([chat.send("one"), chat.send("two")]);
  expect(posts.map(({ text }) => text)).toEqual(["one", "one", "two"]);
});

test("an own message and its echo are told once", async () => {
  const { chat, told } = setUp(() => message("m1"));
  await chat.send("hello");
  chat.receive(message("m1"));
  expect(told).toEqual(["m1"]);
});

test("after a reconnect only what came after the last known message is fetched and told", async () => {
  const { chat, told, past, queries } = setUp(() => message("m9"));
  past.push(message("m1"), message("m2"));
  await chat.history({});
  past.push(message("m3"), message("m4"));
  await chat.catchUp();
  await chat.catchUp();
  expect(told).toEqual(["m3", "m4"]);
  expect(queries.at(-1)).toMatchObject({ after: "m4" });
});

test("without any known message there is no gap to close", async () => {
  const { chat, queries } = setUp(() => message("m1"));
  await chat.catchUp();
  expect(queries).toEqual([]);
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
