// One contract for what happens to messages after they were sent. The rules are those of node/src/store/SPEC.md.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Archive, MessageRecord } from "../../src/store/archive.ts";
import { MAX_EDITS, MAX_REACTION_KINDS, MAX_UNREAD, type TextChange } from "../../src/store/texts.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { names, newMessage } from "./archive-contract.ts";
import { race } from "./harness.ts";

const SEED = 20_261_122;
type WithoutId<C> = C extends unknown ? Omit<C, "changeId"> : never;

export function registerTextsContract(
  name: string,
  makeHarness: () => Promise<ArchiveHarness>,
  options: { readonly propertyRuns: number; readonly atomicUpdates: boolean },
): void {
  describe(`${name} as keeper of texts`, () => {
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

    const post = async (roomId: string, over: Partial<MessageRecord> = {}): Promise<MessageRecord> => {
      const message = newMessage(roomId, over);
      expect((await archive.appendMessage(message)).kind).toBe("appended");
      return message;
    };
    const change = (message: MessageRecord, what: WithoutId<TextChange>, store = archive) =>
      store.texts.change(message, { ...what, changeId: names.id("change") } as TextChange);
    const react = (message: MessageRecord, userId: string, reaction: string, on = true) =>
      change(message, { kind: "react", userId, reaction, on });
    const edit = (message: MessageRecord, text: string) =>
      change(message, { kind: "edit", text, mentions: [], atMs: 7 });
    /** As a node does: a change whose id somebody took is tried with another. */
    const reactAnyhow = async (message: MessageRecord, index: number): Promise<void> => {
      const what = { kind: "react", userId: `user-${index}`, reaction: "👍", on: true } as const;
      while ((await change(message, what, index % 2 ? archive : other)).kind === "id_taken");
    };
    const found = async (roomId: string, text: string, over: object = {}) =>
      (await other.texts.search({ roomId, text, limit: 50, ...over })).messages.map(({ id }) => id);

    describe("changes", () => {
      test("[T80] an edit changes the text, and counts; the same text is no edit", async () => {
        const message = await post(names.id("room"), { mentions: ["bob"] });
        const changeId = names.id("change");
        const edited = { kind: "edit", text: "helo", mentions: ["carol"], atMs: 9, changeId } as const;
        const expected = { ...message, text: "helo", mentions: ["carol"], changeId, edits: 1, editedAtMs: 9 };
        expect(await archive.texts.change(message, edited)).toEqual({ kind: "changed", message: expected });
        expect(await other.getMessage(message)).toEqual(expected);
        const again = { ...edited, changeId: names.id("change") };
        expect(await other.texts.change(message, again)).toEqual({ kind: "same", message: expected });
        expect(await edit(message, "")).toMatchObject({ kind: "changed", message: { text: "", edits: 2 } });
        expect(await other.getMessage(message)).not.toHaveProperty("mentions");
      });

      test("[T80] a message is edited so often and not more", async () => {
        const message = await post(names.id("room"));
        for (let count = 1; count <= MAX_EDITS; count++) await edit(message, `text ${count}`);
        expect(await edit(message, "once more")).toEqual({ kind: "too_many" });
        expect((await other.getMessage(message))?.text).toBe(`text ${MAX_EDITS}`);
      });

      test("[T81] a tombstone keeps its place and author, has nothing to say, and changes no more", async () => {
        const roomId = names.id("room");
        const [opener, message, last] = [await post(roomId), await post(roomId), await post(roomId)];
        await edit(message, "secret words");
        await react(message, "bob", "👍");
        await change(message, { kind: "move", threadId: opener.id });
        const outcome = await change(message, { kind: "delete", atMs: 11 });
        const { id, authorId, authorName, sentAtMs, clientId } = message;
        const tombstone = { id, roomId, authorId, authorName, sentAtMs, clientId, threadId: opener.id, text: "" };
        expect(outcome).toEqual({
          kind: "changed",
          message: { ...tombstone, deletedAtMs: 11, changeId: expect.any(String) },
        });
        expect((await other.listMessages(roomId, { limit: 9 })).messages.map((one) => one.id)).toEqual([
          opener.id,
          id,
          last.id,
        ]);
        expect((await change(message, { kind: "delete", atMs: 12 })).kind).toBe("same");
        for (const what of [
          { kind: "edit", text: "back", mentions: [], atMs: 1 },
          { kind: "react", userId: "bob", reaction: "👍", on: true },
          { kind: "move", threadId: null },
        ] as const)
          expect(await change(message, what)).toEqual({ kind: "deleted" });
        expect(await found(roomId, "secret")).toEqual([]);
      });

      test("[T82] a reaction is one person's once, and gone when nobody has it", async () => {
        const message = await post(names.id("room"));
        expect(await react(message, "bob", "👍")).toMatchObject({
          message: { reactions: [{ kind: "👍", userIds: ["bob"] }] },
        });
        expect((await react(message, "bob", "👍")).kind).toBe("same");
        await react(message, "carol", "👍");
        await react(message, "bob", "🎉");
        expect(await react(message, "bob", "👍", false)).toMatchObject({
          message: {
            reactions: [
              { kind: "👍", userIds: ["carol"] },
              { kind: "🎉", userIds: ["bob"] },
            ],
          },
        });
        expect((await react(message, "bob", "👍", false)).kind).toBe("same");
        await react(message, "carol", "👍", false);
        await react(message, "bob", "🎉", false);
        expect(await other.getMessage(message)).not.toHaveProperty("reactions");
      });

      test("[T82] kinds of reactions are bounded; a known kind is open to others all the same", async () => {
        const message = await post(names.id("room"));
        for (let kind = 0; kind < MAX_REACTION_KINDS; kind++) await react(message, "bob", `k${kind}`);
        expect(await react(message, "bob", "one-more")).toEqual({ kind: "too_many" });
        expect((await react(message, "carol", "k0")).kind).toBe("changed");
        expect((await other.getMessage(message))?.reactions).toHaveLength(MAX_REACTION_KINDS);
      });

      if (options.atomicUpdates) {
        test("[T82] of reactions at once none is lost", async () => {
          const message = await post(names.id("room"));
          await race(8, (index) => reactAnyhow(message, index));
          const [reaction] = (await other.getMessage(message))?.reactions ?? [];
          expect([...(reaction?.userIds ?? [])].sort()).toEqual(Array.from({ length: 8 }, (_, i) => `user-${i}`));
        });
      }

      test("[T83] a message moves into a thread, into another, and out", async () => {
        const roomId = names.id("room");
        const [one, two, message] = [await post(roomId), await post(roomId), await post(roomId)];
        expect(await change(message, { kind: "move", threadId: one.id })).toMatchObject({
          kind: "changed",
          message: { threadId: one.id },
        });
        expect((await change(message, { kind: "move", threadId: one.id })).kind).toBe("same");
        await change(message, { kind: "move", threadId: two.id });
        expect((await other.listMessages(roomId, { threadId: two.id, limit: 5 })).messages).toMatchObject([
          { id: message.id, threadId: two.id },
        ]);
        expect((await other.listMessages(roomId, { threadId: one.id, limit: 5 })).messages).toEqual([]);
        await change(message, { kind: "move", threadId: null });
        expect(await other.getMessage(message)).not.toHaveProperty("threadId");
      });

      test("[T83] threads are one deep: what is no opener opens none, and an opener moves into none", async () => {
        const roomId = names.id("room");
        const [opener, inside, message] = [await post(roomId), await post(roomId), await post(roomId)];
        const elsewhere = await post(names.id("room"));
        const dead = await post(roomId);
        await change(dead, { kind: "delete", atMs: 1 });
        await change(inside, { kind: "move", threadId: opener.id });
        for (const threadId of [message.id, inside.id, elsewhere.id, dead.id, names.id("nothing")])
          expect(await change(message, { kind: "move", threadId })).toEqual({ kind: "bad_thread" });
        expect(await change(opener, { kind: "move", threadId: message.id })).toEqual({ kind: "bad_thread" });
      });

      test("[T80] what is not there, or is another room's, is not changed", async () => {
        const message = await post(names.id("room"));
        const nowhere = { ...message, roomId: names.id("room") };
        expect(await edit(nowhere, "x")).toEqual({ kind: "unknown" });
        expect(await other.getMessage(message)).toEqual(message);
      });
    });

    describe("order of changes", () => {
      test("[T84] sendings and changes are read in their order, each message once, as it is now", async () => {
        const roomId = names.id("room");
        expect(await other.texts.newestChangeId(roomId)).toBeUndefined();
        const [one, two, three] = [await post(roomId), await post(roomId), await post(roomId)];
        await edit(one, "later");
        await react(two, "bob", "👍");
        const last = await edit(one, "last");
        const read = async (page: { after?: string; limit: number }) => {
          const { messages, more } = await other.texts.listChanged(roomId, page);
          return [messages.map((message) => [message.id, message.text]), more];
        };
        const all = [
          [three.id, "hello"],
          [two.id, "hello"],
          [one.id, "last"],
        ];
        expect(await read({ limit: 10 })).toEqual([all, false]);
        expect(await read({ limit: 2 })).toEqual([all.slice(0, 2), true]);
        expect(await read({ after: three.id, limit: 2 })).toEqual([all.slice(1), false]);
        const newest = last.kind === "changed" ? last.message.changeId : "";
        expect(await other.texts.newestChangeId(roomId)).toBe(newest);
        expect(await read({ after: newest ?? "", limit: 2 })).toEqual([[], false]);
      });

      test("[T84] an id is one change's of the room, a sending's included", async () => {
        const roomId = names.id("room");
        const [one, two] = [await post(roomId), await post(roomId)];
        const changeId = names.id("change");
        const what = { kind: "react", userId: "bob", reaction: "👍", on: true, changeId } as const;
        expect((await archive.texts.change(one, what)).kind).toBe("changed");
        expect(await other.texts.change(two, what)).toEqual({ kind: "id_taken" });
        expect(await other.appendMessage(newMessage(roomId, { id: changeId }))).toEqual({ kind: "id_taken" });
        expect(await other.getMessage({ roomId, id: changeId })).toBeUndefined();
      });
    });

    describe("threads and unread messages", () => {
      test("[T85] threads are paged as the room is, and counted", async () => {
        const roomId = names.id("room");
        const opener = await post(roomId);
        const inside: string[] = [];
        for (let index = 0; index < 5; index++) {
          inside.push((await post(roomId, { threadId: opener.id })).id);
          await post(roomId);
        }
        const page = async (range: object) => {
          const { messages, more } = await other.listMessages(roomId, { threadId: opener.id, limit: 2, ...range });
          return [messages.map(({ id }) => inside.indexOf(id)), more];
        };
        expect(await page({})).toEqual([[3, 4], true]);
        expect(await page({ before: inside[3] })).toEqual([[1, 2], true]);
        expect(await page({ after: inside[3] })).toEqual([[4], false]);
        const sizes = await other.texts.threadSizes(roomId, [opener.id, inside[0]!, names.id("none")]);
        expect([...sizes]).toEqual([[opener.id, 5]]);
        expect([...(await other.texts.threadSizes(roomId, []))]).toEqual([]);
      });

      test("[T86] unread are those of others that are no tombstones, and those among them that name the person", async () => {
        const roomId = names.id("room");
        const read = await post(roomId);
        await post(roomId, { authorId: "me" });
        const gone = await post(roomId, { authorId: "bob", mentions: ["me"] });
        await change(gone, { kind: "delete", atMs: 1 });
        await post(roomId, { authorId: "bob" });
        const naming = await post(roomId, { authorId: "bob", mentions: ["carol", "me"] });
        const unread = (after: string) => other.texts.unread({ roomId, userId: "me", after });
        expect(await unread(read.id)).toEqual({ messages: 2, mentions: 1 });
        expect(await unread(naming.id)).toEqual({ messages: 0, mentions: 0 });
      });

      test("[T86] counting unread messages ends at its bound", async () => {
        const roomId = names.id("room");
        const first = await post(roomId);
        for (let count = 0; count < MAX_UNREAD + 3; count++) await post(roomId, { authorId: "bob" });
        const unread = await other.texts.unread({ roomId, userId: "me", after: first.id });
        expect(unread).toEqual({ messages: MAX_UNREAD, mentions: 0 });
      });
    });

    describe("search", () => {
      test("[T87] a message is found by all of its words, in any order, case and script", async () => {
        const roomId = names.id("room");
        const texts = [
          "Les œufs à la CAFÉTÉRIA",
          "Дорогая Ёлка, ёжик",
          "東京都に行きました",
          "สวัสดีชาวโลก",
          "مَرْحَبًا بالعالم",
          "Straße 🎉",
        ];
        const ids: string[] = [];
        for (const text of texts) ids.push((await post(roomId, { text })).id);
        await post(names.id("room"), { text: texts.join(" ") });
        const searches: readonly (readonly [string, readonly number[]])[] = [
          ["cafeteria LES", [0]],
          ["елка", [1]],
          ["京都", [2]],
          ["都", [2]],
          ["ชาวโลก", [3]],
          ["مرحبا", [4]],
          ["STRASSE", [5]],
          ["🎉", [5]],
          ["les straße", []],
          ["caf", []],
          ["... !", []],
        ];
        for (const [text, expected] of searches)
          expect([text, await found(roomId, text)]).toEqual([text, expected.map((index) => ids[index])]);
      });

      test("[T87] what was edited is found by what it says now", async () => {
        const roomId = names.id("room");
        const message = await post(roomId, { text: "old common" });
        const another = await post(roomId, { text: "old other" });
        await edit(message, "new common");
        expect(await found(roomId, "old")).toEqual([another.id]);
        expect(await found(roomId, "new")).toEqual([message.id]);
        expect(await found(roomId, "common")).toEqual([message.id]);
      });

      test("[T88] searches narrow by author and time, go newest first and page by page", async () => {
        const roomId = names.id("room");
        const ids: string[] = [];
        for (let index = 0; index < 6; index++)
          ids.push((await post(roomId, { text: "tea time", authorId: index % 2 ? "bob" : "anna" })).id);
        const gone = await post(roomId, { authorId: "bob", text: "tea time" });
        await change(gone, { kind: "delete", atMs: 1 });
        const indexes = async (text: string, over: object) =>
          (await found(roomId, text, over)).map((id) => ids.indexOf(id));
        for (const text of ["tea", "time tea", ""]) {
          expect(await indexes(text, {})).toEqual([5, 4, 3, 2, 1, 0]);
          expect(await indexes(text, { authorId: "bob" })).toEqual([5, 3, 1]);
          expect(await indexes(text, { after: ids[1], before: ids[5] })).toEqual([4, 3, 2]);
          expect(await indexes(text, { authorId: "anna", before: ids[4], limit: 1 })).toEqual([2]);
          const first = await other.texts.search({ roomId, text, limit: 4 });
          expect([first.messages.length, first.next]).toEqual([4, ids[2]]);
          const rest = await other.texts.search({ roomId, text, limit: 4, before: ids[2]! });
          expect([rest.messages.map(({ id }) => id), rest.next]).toEqual([[ids[1], ids[0]], undefined]);
        }
      });
    });

    test("[T89] a wrong argument is refused and changes nothing", async () => {
      const message = await post(names.id("room"));
      const wrong = { code: "bad_argument" };
      // biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid.
      const texts = archive.texts as any;
      const changeId = names.id("change");
      for (const bad of [
        { kind: "shout", changeId },
        { kind: "edit", changeId, text: { $set: 1 }, mentions: [], atMs: 1 },
        { kind: "edit", changeId, text: "x", mentions: [{ $ne: "" }], atMs: 1 },
        { kind: "react", changeId, userId: "bob", reaction: "", on: true },
        { kind: "react", changeId, userId: "bob", reaction: "👍", on: 1 },
        { kind: "move", changeId, threadId: { $ne: null } },
        { kind: "delete", changeId: { $gt: "" }, atMs: 1 },
      ])
        await expect(texts.change(message, bad)).rejects.toMatchObject(wrong);
      await expect(texts.change({ roomId: { $ne: "" }, id: "x" }, {})).rejects.toMatchObject(wrong);
      await expect(texts.search({ roomId: "r", text: { $ne: "" }, limit: 5 })).rejects.toMatchObject(wrong);
      await expect(texts.search({ roomId: "r", text: "", limit: 0 })).rejects.toMatchObject(wrong);
      await expect(texts.unread({ roomId: "r", userId: {}, after: "x" })).rejects.toMatchObject(wrong);
      await expect(texts.listChanged("r", { limit: 201 })).rejects.toMatchObject(wrong);
      expect(await other.getMessage(message)).toEqual(message);
    });

    // For every list of texts, a search finds what a slow look at all words finds.
    test("[T87] a search finds exactly the messages that hold its words", async () => {
      const word = fc.constantFrom("anna", "BOB", "tée", "茶", "茶会", "x");
      const sentence = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
      await fc.assert(
        fc.asyncProperty(fc.array(sentence, { maxLength: 8 }), sentence, async (texts, wanted) => {
          const roomId = names.id("room");
          const ids: string[] = [];
          for (const text of texts) ids.push((await post(roomId, { text })).id);
          const holds = (text: string) =>
            wanted.split(" ").every((part) => part === "" || ` ${text} `.includes(part === "茶" ? part : ` ${part} `));
          const expected = ids.filter((_, index) => holds(texts[index]!)).reverse();
          expect(await found(roomId, wanted)).toEqual(expected);
        }),
        { seed: SEED, numRuns: options.propertyRuns },
      );
    });
  });
}
