// One contract for every Archive. The rules are those of node/src/store/SPEC.md.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Archive, MessageRecord, NewRoom, NewUser } from "../../src/store/archive.ts";
import { MAX_PAGE, MAX_TEXT_CHARS } from "../../src/store/archive.ts";
import type { StoreHarness } from "./harness.ts";
import { Names, race } from "./harness.ts";

export type ArchiveHarness = StoreHarness<Archive>;

export const names = new Names();

export function newUser(handle: string | null, over: Partial<NewUser> = {}): NewUser {
  return {
    id: names.id("user"),
    handle,
    displayName: handle ?? "Guest",
    passwordHash: handle === null ? null : "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    guest: handle === null,
    createdAtMs: 1_700_000_000_000,
    ...over,
  };
}

export function newRoom(slug: string, over: Partial<NewRoom> = {}): NewRoom {
  return {
    id: names.id("room"),
    slug,
    slugKey: slug.toLowerCase(),
    skeleton: `~${slug.toLowerCase()}`,
    title: "Family",
    access: "open",
    capacity: 4,
    ownerId: names.id("owner"),
    createdAtMs: 1_700_000_000_000,
    ...over,
  };
}

export function newMessage(roomId: string, over: Partial<MessageRecord> = {}): MessageRecord {
  return {
    id: names.id("message"),
    roomId,
    authorId: "anna",
    authorName: "Anna",
    text: "hello",
    sentAtMs: 1_700_000_000_000,
    clientId: names.id("client"),
    ...over,
  };
}

export interface ArchiveCapabilities {
  /** False for servers that read, change and write a document in separate steps; no rule but that of racing bumps needs more. */
  readonly atomicUpdates: boolean;
}

export function registerArchiveContract(
  name: string,
  makeHarness: () => Promise<ArchiveHarness>,
  capabilities: ArchiveCapabilities,
): void {
  describe(`${name} as Archive`, () => {
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

    describe("people", () => {
      test("[T1] a handle is unique in every spelling that folds to the same key", async () => {
        const handle = names.id("Straße");
        const created = await archive.createUser(newUser(handle));
        const again = await other.createUser(newUser(handle.toUpperCase()));
        const found = await other.findUserByHandle(handle.toUpperCase());

        expect(created).toMatchObject({ kind: "created", user: { handle, tokenVersion: 0 } });
        expect(again).toEqual({ kind: "handle_taken" });
        expect(created.kind === "created" && found).toEqual(created.kind === "created" && created.user);
      });

      test("[T1] guests have no handle, and there may be any number of them", async () => {
        const guests = [newUser(null, { guestRoomId: "room-1" }), newUser(null), newUser(null)];
        for (const guest of guests) expect((await archive.createUser(guest)).kind).toBe("created");
        expect(await other.getUser(guests[0]!.id)).toEqual({ ...guests[0], handleKey: null, tokenVersion: 0 });
        expect(await other.getUser(guests[1]!.id)).not.toHaveProperty("guestRoomId");
      });

      test("[T1] of many at once who want one handle exactly one gets it", async () => {
        const handle = names.id("popular");
        const outcomes = await race(8, (index) => (index % 2 ? archive : other).createUser(newUser(handle)));
        expect(outcomes.filter((outcome) => outcome.kind === "created")).toHaveLength(1);
      });

      test("[T2] creating the same user again changes nothing and answers created", async () => {
        const user = newUser(names.id("anna"));
        await archive.createUser(user);
        await archive.bumpTokenVersion(user.id);
        const repeated = await other.createUser({ ...user, displayName: "Someone else" });
        expect(repeated).toMatchObject({ kind: "created", user: { displayName: user.displayName, tokenVersion: 1 } });
      });

      test("[T2] nobody is undefined", async () => {
        expect(await archive.getUser("nobody")).toBeUndefined();
        expect(await archive.findUserByHandle(names.id("nobody"))).toBeUndefined();
      });

      test("[T3] a bump answers a version above every one given before it", async () => {
        const user = newUser(names.id("bob"));
        await archive.createUser(user);
        expect(await archive.bumpTokenVersion(user.id)).toBe(1);
        expect(await other.bumpTokenVersion(user.id)).toBe(2);
        expect((await archive.getUser(user.id))?.tokenVersion).toBe(2);
        expect(await archive.bumpTokenVersion("nobody")).toBeUndefined();
      });

      if (capabilities.atomicUpdates) {
        test("[T3] of bumps at once none is lost", async () => {
          const user = newUser(names.id("carol"));
          await archive.createUser(user);
          const versions = await race(8, (index) => (index % 2 ? archive : other).bumpTokenVersion(user.id));
          expect(versions.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
        });
      }
    });

    describe("rooms", () => {
      test("[T4] a slug key belongs to one room", async () => {
        const slug = names.id("Tran-Family🏡");
        const room = newRoom(slug);
        expect(await archive.createRoom(room)).toEqual({ kind: "created", room: { ...room, version: 1 } });
        expect(await other.createRoom(newRoom(slug, { skeleton: names.id("else") }))).toEqual({ kind: "slug_taken" });
        expect(await other.getRoomBySlug(room.slugKey)).toEqual({ ...room, version: 1 });
        expect(await other.getRoom(room.id)).toEqual({ ...room, version: 1 });
        expect(await other.getRoomBySlug(names.id("none"))).toBeUndefined();
        expect(await other.getRoom("none")).toBeUndefined();
      });

      test("[T5] a look-alike is refused and told whose name it resembles", async () => {
        const room = newRoom(names.id("paypal"));
        await archive.createRoom(room);
        const outcome = await other.createRoom(newRoom(names.id("pаypal"), { skeleton: room.skeleton }));
        expect(outcome).toEqual({ kind: "confusable", slug: room.slug });
      });

      test("[T6] of many who make one room at once exactly one succeeds, and the others leave no trace", async () => {
        const slug = names.id("rush");
        const rooms = Array.from({ length: 8 }, () => newRoom(slug));
        const outcomes = await race(8, (index) => (index % 2 ? archive : other).createRoom(rooms[index]!));

        expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(["created", ...Array(7).fill("slug_taken")]);
        const winner = rooms[outcomes.findIndex((outcome) => outcome.kind === "created")]!;
        expect((await archive.getRoomBySlug(slug))?.id).toBe(winner.id);
        for (const room of rooms) {
          expect(await other.listRoomsOf(room.ownerId, { limit: 10 })).toHaveLength(room === winner ? 1 : 0);
          if (room !== winner) expect(await other.getMember({ roomId: room.id, userId: room.ownerId })).toBeUndefined();
        }
      });

      test("[T7] the maker is the owner, also when the creation is repeated", async () => {
        const room = newRoom(names.id("mine"));
        await archive.createRoom(room);
        expect(await other.createRoom({ ...room, title: "Other" })).toEqual({
          kind: "created",
          room: { ...room, version: 1 },
        });
        expect(await other.getMember({ roomId: room.id, userId: room.ownerId })).toMatchObject({ role: "owner" });
      });

      test("[T8] a person's rooms are listed newest first, page by page, with the role", async () => {
        const userId = names.id("user");
        const rooms = Array.from({ length: 5 }, (_, index) =>
          newRoom(names.id("slug"), index % 2 ? { ownerId: userId } : {}),
        );
        for (const room of rooms) {
          await archive.createRoom(room);
          if (room.ownerId !== userId) {
            await archive.addMember({ roomId: room.id, userId, role: "guest", addedAtMs: 1 });
          }
        }
        const first = await other.listRoomsOf(userId, { limit: 3 });
        const rest = await other.listRoomsOf(userId, { limit: 3, before: first[2]!.room.id });
        expect([...first, ...rest].map((entry) => entry.room.id)).toEqual(rooms.map((room) => room.id).reverse());
        expect([...first, ...rest].map((entry) => entry.role)).toEqual(["guest", "owner", "guest", "owner", "guest"]);
      });
    });

    describe("members", () => {
      test("[T9] adding a member again does not change the role; only setRole does", async () => {
        const key = { roomId: names.id("room"), userId: names.id("user") };
        const member = { ...key, role: "moderator", addedAtMs: 5 } as const;
        expect(await archive.addMember(member)).toEqual({ kind: "added", member });
        expect(await other.addMember({ ...key, role: "guest", addedAtMs: 9 })).toEqual({
          kind: "already_member",
          member,
        });
        expect(await other.setRole({ ...key, role: "member" })).toEqual({
          kind: "set",
          member: { ...member, role: "member" },
        });
        expect(await archive.getMember(key)).toEqual({ ...member, role: "member" });
        expect(await archive.setRole({ ...key, userId: "nobody", role: "member" })).toEqual({ kind: "not_member" });
        expect(await archive.getMember({ ...key, userId: "nobody" })).toBeUndefined();
      });

      test("[T10] members are listed in the order of their ids, page by page", async () => {
        const roomId = names.id("room");
        const userIds = ["b", "a", "d", "c"].map((letter) => `${letter}-${roomId}`);
        for (const userId of userIds) await archive.addMember({ roomId, userId, role: "member", addedAtMs: 1 });
        const first = await other.listMembers(roomId, { limit: 3 });
        const rest = await other.listMembers(roomId, { limit: 3, after: first[2]!.userId });
        expect([...first, ...rest].map((member) => member.userId)).toEqual([...userIds].sort());
      });
    });

    describe("messages", () => {
      test("[T11] sending again with the same client id answers the first message", async () => {
        const roomId = names.id("room");
        const message = newMessage(roomId, { threadId: "thread-1", replyTo: "message-1" });
        const repeated = { ...newMessage(roomId), clientId: message.clientId, text: "again" };

        expect(await archive.appendMessage(message)).toEqual({ kind: "appended", message });
        expect(await other.appendMessage(repeated)).toEqual({ kind: "duplicate", message });
        expect(await archive.appendMessage(message)).toEqual({ kind: "duplicate", message });
        expect(await other.getMessage({ roomId, id: message.id })).toEqual(message);
        expect(await other.getMessage({ roomId, id: repeated.id })).toBeUndefined();
      });

      test("[T11] the client id is one author's in one room", async () => {
        const message = newMessage(names.id("room"));
        await archive.appendMessage(message);
        const outcomes = [
          await archive.appendMessage({ ...message, id: names.id("message"), authorId: "bob" }),
          await archive.appendMessage({ ...message, roomId: names.id("room") }),
        ];
        expect(outcomes.map((outcome) => outcome.kind)).toEqual(["appended", "appended"]);
      });

      test("[T11] of many sendings of one client id at once exactly one is kept", async () => {
        const message = newMessage(names.id("room"));
        const outcomes = await race(12, (index) =>
          (index % 2 ? archive : other).appendMessage({ ...message, id: names.id("message"), text: `try ${index}` }),
        );
        const kept = (await archive.listMessages(message.roomId, { limit: 50 })).messages;
        expect(kept).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome.kind === "appended")).toHaveLength(1);
        for (const outcome of outcomes) expect(outcome).toHaveProperty("message", kept[0]);
      });

      test("[T12] an id that another message of the room has is refused", async () => {
        const message = newMessage(names.id("room"));
        await archive.appendMessage(message);
        expect(await other.appendMessage({ ...message, clientId: names.id("client") })).toEqual({ kind: "id_taken" });
      });

      test("[T13] history is ordered by id, whatever the order of arrival", async () => {
        const roomId = names.id("room");
        const messages = Array.from({ length: 6 }, () => newMessage(roomId));
        expect(await other.newestMessageId(roomId)).toBeUndefined();
        for (const index of [3, 0, 5, 1, 4, 2]) await archive.appendMessage(messages[index]!);
        expect((await other.listMessages(roomId, { limit: 50 })).messages).toEqual(messages);
        expect(await other.newestMessageId(roomId)).toBe(messages[5]!.id);
      });

      test("[T14] pages go back from the newest and forward from what is known, and say whether there is more", async () => {
        const roomId = names.id("room");
        const ids = Array.from({ length: 7 }, () => newMessage(roomId));
        for (const message of ids) await archive.appendMessage(message);
        const page = async (range: { before?: number; after?: number; limit: number }) => {
          const { messages, more } = await other.listMessages(roomId, {
            limit: range.limit,
            ...(range.before !== undefined && { before: ids[range.before]!.id }),
            ...(range.after !== undefined && { after: ids[range.after]!.id }),
          });
          return [messages.map((message) => ids.findIndex((known) => known.id === message.id)).join(" "), more];
        };

        expect(await page({ limit: 3 })).toEqual(["4 5 6", true]);
        expect(await page({ before: 4, limit: 3 })).toEqual(["1 2 3", true]);
        expect(await page({ before: 1, limit: 3 })).toEqual(["0", false]);
        expect(await page({ before: 3, limit: 3 })).toEqual(["0 1 2", false]);
        expect(await page({ after: 2, limit: 3 })).toEqual(["3 4 5", true]);
        expect(await page({ after: 3, limit: 3 })).toEqual(["4 5 6", false]);
        expect(await page({ after: 6, limit: 3 })).toEqual(["", false]);
        expect(await page({ after: 1, before: 6, limit: 3 })).toEqual(["2 3 4", true]);
        expect(await page({ after: 1, before: 3, limit: 3 })).toEqual(["2", false]);
        expect(await page({ limit: MAX_PAGE })).toEqual(["0 1 2 3 4 5 6", false]);
        expect(await archive.listMessages(names.id("empty"), { limit: 3 })).toEqual({ messages: [], more: false });
      });

      test("[T15] text comes back as it was; what no store can hold becomes U+FFFD", async () => {
        const roomId = names.id("room");
        const texts = [
          "",
          "🏡👨‍👩‍👧‍👦 Xin chào\r\n\t",
          "$where: {$gt: ''}",
          "'; DROP TABLE message; --",
          "é",
          "x".repeat(MAX_TEXT_CHARS),
        ];
        for (const text of [...texts, "a\0b\ud800c"]) await archive.appendMessage(newMessage(roomId, { text }));
        const read = (await other.listMessages(roomId, { limit: 50 })).messages.map((message) => message.text);
        expect(read).toEqual([...texts, "a\ufffdb\ufffdc"]);
      });

      test("[T16] what was answered is there after every connection was closed", async () => {
        const message = newMessage(names.id("room"));
        const passing = await harness.open();
        await passing.appendMessage(message);
        await passing.close();
        const later = await harness.open();
        expect(await later.getMessage(message)).toEqual(message);
        await later.close();
      });
    });
  });
}
