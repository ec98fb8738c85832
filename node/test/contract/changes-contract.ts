// One contract for what changes and ends people and rooms. The rules are those of node/src/store/SPEC.md.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Archive, NewRoom } from "../../src/store/archive.ts";
import { diceOf } from "../../src/store/dice.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { names, newMessage, newRoom, newUser } from "./archive-contract.ts";
import { race } from "./harness.ts";

export function registerChangesContract(name: string, makeHarness: () => Promise<ArchiveHarness>): void {
  describe(`${name} as keeper of people and rooms that change`, () => {
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

    const person = async () => {
      const user = newUser(names.id("anna"));
      await archive.createUser(user);
      return user;
    };
    const room = async (over: Partial<NewRoom> = {}) => {
      const made = newRoom(names.id("slug"), over);
      expect((await archive.createRoom(made)).kind).toBe("created");
      return made;
    };
    const namesOf = (slug: string, skeleton = `~${slug}`) => ({ slug, slugKey: slug.toLowerCase(), skeleton });

    describe("people", () => {
      test("[T90] what is given is changed, and nothing else", async () => {
        const user = await person();
        const before = await archive.getUser(user.id);
        const named = await archive.updateUser(user.id, { displayName: "Änna\u0000", pictureId: "p-1" });
        expect(named).toEqual({ ...before, displayName: "Änna\ufffd", pictureId: "p-1" });
        expect(await other.updateUser(user.id, { passwordHash: "other" })).toEqual({ ...named, passwordHash: "other" });
        expect(await archive.updateUser(user.id, { pictureId: null })).not.toHaveProperty("pictureId");
        expect(await archive.updateUser("nobody", { displayName: "x" })).toBeUndefined();
        expect(await other.getUser(user.id)).toEqual({ ...before, displayName: "Änna\ufffd", passwordHash: "other" });
      });

      test("[T91] an account that ends frees its handle and voids its tokens, once", async () => {
        const user = await person();
        await archive.updateUser(user.id, { pictureId: "p-1" });
        expect(await archive.forgetUser(user.id, 77)).toBe(true);
        expect(await other.getUser(user.id)).toEqual({
          ...{ id: user.id, handle: null, handleKey: null, displayName: "", passwordHash: null, guest: false },
          ...{ tokenVersion: 1, createdAtMs: user.createdAtMs, deletedAtMs: 77 },
        });
        expect(await other.forgetUser(user.id, 78)).toBe(false);
        expect(await other.forgetUser("nobody", 78)).toBe(false);
        expect(await other.updateUser(user.id, { displayName: "back" })).toBeUndefined();
        expect(await other.findUserByHandle(user.handle ?? "")).toBeUndefined();
        expect((await other.createUser({ ...newUser(user.handle), id: names.id("heir") })).kind).toBe("created");
      });

      test("[T90] several people are read at once", async () => {
        const [one, two] = [await person(), await person()];
        const found = await other.getUsers([one.id, "nobody", two.id]);
        expect(found.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
        expect(await other.getUsers([])).toEqual([]);
      });
    });

    describe("rooms", () => {
      test("[T92] what is given is changed, and counts", async () => {
        const made = await room({ description: "old" });
        expect(await archive.getRoom(made.id)).toEqual({ ...made, version: 1 });
        const changes = { title: "New", description: "text", pictureId: "p-1", access: "invite", capacity: 9 } as const;
        const changed = { ...made, ...changes, version: 2 };
        expect(await archive.updateRoom(made.id, changes)).toEqual({ kind: "updated", room: changed });
        const plain = await other.updateRoom(made.id, { description: "", pictureId: null, ownerId: "carol" });
        const { description: _d, pictureId: _p, ...rest } = changed;
        expect(plain).toEqual({ kind: "updated", room: { ...rest, ownerId: "carol", version: 3 } });
        expect(await archive.getRoom(made.id)).toEqual({ ...rest, ownerId: "carol", version: 3 });
        expect(await archive.updateRoom("nothing", { title: "x" })).toEqual({ kind: "unknown" });
      });

      test("[T92] a room takes a free name, and no other room's", async () => {
        const [mine, theirs] = [await room(), await room()];
        const fresh = namesOf(names.id("fresh"));
        expect(await archive.updateRoom(mine.id, { names: fresh })).toMatchObject({ kind: "updated", room: fresh });
        expect(await other.getRoomBySlug(mine.slugKey)).toBeUndefined();
        expect((await other.getRoomBySlug(fresh.slugKey))?.id).toBe(mine.id);
        expect(await archive.updateRoom(mine.id, { names: namesOf(theirs.slug) })).toEqual({ kind: "slug_taken" });
        const alike = namesOf(names.id("alike"), theirs.skeleton);
        expect(await archive.updateRoom(mine.id, { names: alike })).toEqual({ kind: "confusable", slug: theirs.slug });
        const sameKey = { ...fresh, skeleton: theirs.skeleton };
        expect(await archive.updateRoom(mine.id, { names: sameKey })).toEqual({
          kind: "confusable",
          slug: theirs.slug,
        });
        expect(await other.getRoom(mine.id)).toMatchObject({ ...fresh, version: 2 });
      });

      test("[T92] of rooms that take one name at once exactly one gets it", async () => {
        const rooms = [await room(), await room(), await room(), await room()];
        const wanted = namesOf(names.id("wanted"));
        const outcomes = await race(4, (index) =>
          (index % 2 ? archive : other).updateRoom(rooms[index]!.id, { names: wanted }),
        );
        expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["slug_taken", "slug_taken", "slug_taken", "updated"]);
      });

      test("[T93] a deleted room is found by nobody, keeps its names, and is cleared piece by piece", async () => {
        const made = await room();
        const kept = await room({ ownerId: made.ownerId });
        for (let count = 0; count < 5; count++) {
          await archive.appendMessage(newMessage(made.id, { text: "tea time" }));
          await archive.appendMessage(newMessage(kept.id, { text: "tea time" }));
        }
        expect(await archive.purgeRoom(made.id, 100)).toBe(true);
        expect((await other.listMessages(made.id, { limit: 9 })).messages).toHaveLength(5);

        expect(await archive.deleteRoom(made.id, 55)).toBe(true);
        expect(await other.deleteRoom(made.id, 56)).toBe(false);
        expect(await other.getRoom(made.id)).toBeUndefined();
        expect(await other.getRoomBySlug(made.slugKey)).toBeUndefined();
        expect(await other.updateRoom(made.id, { title: "x" })).toEqual({ kind: "unknown" });
        expect((await other.listRoomsOf(made.ownerId, { limit: 9 })).map((entry) => entry.room.id)).toEqual([kept.id]);
        expect(await other.createRoom({ ...newRoom(made.slug), id: names.id("room") })).toEqual({ kind: "slug_taken" });
        expect(await other.listDeletedRooms(200)).toContain(made.id);

        expect(await archive.purgeRoom(made.id, 3)).toBe(false);
        expect((await other.listMessages(made.id, { limit: 9 })).messages).toHaveLength(2);
        expect(await archive.purgeRoom(made.id, 3)).toBe(true);
        expect(await archive.purgeRoom(made.id, 3)).toBe(true);
        expect(await other.listMessages(made.id, { limit: 9 })).toEqual({ messages: [], more: false });
        expect(await other.getMember({ roomId: made.id, userId: made.ownerId })).toBeUndefined();
        expect(await other.listDeletedRooms(200)).not.toContain(made.id);
        expect((await other.texts.search({ roomId: made.id, text: "tea", limit: 9 })).messages).toEqual([]);
        expect((await other.texts.search({ roomId: kept.id, text: "tea", limit: 9 })).messages).toHaveLength(5);
      });

      test("[T94] open rooms are picked in an order of their own, from any place on and around", async () => {
        const open = [await room(), await room(), await room()];
        const closed = await room({ access: "invite" });
        const gone = await room();
        await archive.deleteRoom(gone.id, 1);
        const all = (await other.pickOpenRooms(0, 200)).map(({ id }) => id);
        expect(all).toEqual(expect.arrayContaining(open.map(({ id }) => id)));
        for (const { id } of [closed, gone]) expect(all).not.toContain(id);
        const dice = all.map(diceOf);
        expect(dice).toEqual([...dice].sort((one, two) => one - two));
        const around = (await other.pickOpenRooms(diceOf(all.at(-1)!), 2)).map(({ id }) => id);
        expect(around).toEqual([all.at(-1), all[0]]);
      });

      test("[T9] a member that is removed is none, and may be added again", async () => {
        const made = await room();
        const key = { roomId: made.id, userId: names.id("bob") };
        await archive.addMember({ ...key, role: "member", addedAtMs: 1 });
        expect(await other.removeMember(key)).toBe(true);
        expect(await other.removeMember(key)).toBe(false);
        expect(await archive.getMember(key)).toBeUndefined();
        expect((await archive.addMember({ ...key, role: "guest", addedAtMs: 2 })).kind).toBe("added");
      });
    });

    test("[T89] a wrong change is refused and changes nothing", async () => {
      const [user, made] = [await person(), await room()];
      const wrong = { code: "bad_argument" };
      // biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid.
      const untyped = archive as any;
      for (const bad of [{}, { displayName: { $ne: "" } }, { pictureId: { $gt: "" } }, { passwordHash: null }])
        await expect(untyped.updateUser(user.id, bad)).rejects.toMatchObject(wrong);
      for (const bad of [
        {},
        { title: 7 },
        { access: "all" },
        { capacity: 0 },
        { names: { slug: "x" } },
        { ownerId: {} },
      ])
        await expect(untyped.updateRoom(made.id, bad)).rejects.toMatchObject(wrong);
      await expect(untyped.getUsers([{ $ne: "" }])).rejects.toMatchObject(wrong);
      await expect(archive.pickOpenRooms(1, 5)).rejects.toMatchObject(wrong);
      await expect(archive.purgeRoom(made.id, 0)).rejects.toMatchObject(wrong);
      expect(await other.getRoom(made.id)).toEqual({ ...made, version: 1 });
    });
  });
}
