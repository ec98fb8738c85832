import { expect, test } from "@jest/globals";
import type { ChatMessage } from "./protocol/messages.ts";
import { Unread, type UnreadCount } from "./unread.ts";

const message = (id: string): ChatMessage => ({ id, authorId: "ann", authorName: "Ann", text: "", sentAtMs: 1 });

function setUp() {
  const told: UnreadCount[] = [];
  return { told, unread: new Unread((count) => told.push(count)) };
}

test("the node's count is where counting starts, and what it knows is not counted twice", () => {
  const { unread, told } = setUp();
  unread.start({ unread: 7, unreadMentions: 1, readUpTo: "m010", newestMessageId: "m020" });
  unread.arrived(message("m020"), { isMention: false });
  unread.arrived(message("m021"), { isMention: true });
  expect(told).toEqual([
    { count: 7, mentions: 1 },
    { count: 8, mentions: 2 },
  ]);
});

test("what was read is not unread, and a late count of the node changes nothing", () => {
  const { unread, told } = setUp();
  expect(unread.read("m030")).toBe(true);
  expect(unread.read("m030")).toBe(false);
  unread.start({ unread: 7, readUpTo: "m010", newestMessageId: "m020" });
  unread.arrived(message("m025"), { isMention: false });
  expect(unread.count).toEqual({ count: 0, mentions: 0 });
  unread.set({ count: 0, mentions: 0 });
  expect(told).toEqual([]);
});
