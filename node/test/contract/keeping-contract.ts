// What invites and names of rooms promise under races, over every Archive: the services on top of the two stores.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ApiError } from "../../src/http/problems.ts";
import { systemClock } from "../../src/mesh/clock.ts";
import { Invites } from "../../src/session/invites.ts";
import { MAX_OLD_NAMES, RoomNames } from "../../src/session/room-names.ts";
import type { Archive, RoomRecord } from "../../src/store/archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { names, newRoom, newUser } from "./archive-contract.ts";
import { race } from "./harness.ts";

export function registerKeepingContract(name: string, makeHarness: () => Promise<ArchiveHarness>): void {
  describe(`${name} under invites and names`, () => {
    let harness: ArchiveHarness;
    let archives: [Archive, Archive];

    beforeAll(async () => {
      harness = await makeHarness();
      archives = [await harness.open(), await harness.open()];
    });

    afterAll(async () => {
      await Promise.all(archives.map((archive) => archive.close()));
      await harness.dispose();
    });

    const namesOf = (slug: string, skeleton = `~${slug}`) => ({ slug, slugKey: slug.toLowerCase(), skeleton });
    const made = async (): Promise<RoomRecord> => {
      const outcome = await archives[0].createRoom(newRoom(names.id("slug")));
      if (outcome.kind !== "created") throw new Error("not made");
      return outcome.room;
    };
    const codeOf = (error: unknown) => (error instanceof ApiError ? error.code : String(error));

    describe("invites", () => {
      const services = () => archives.map((archive) => new Invites({ archive, clock: systemClock }));
      const maker = { ...newUser("maker"), handleKey: "maker", tokenVersion: 0 };

      test("[A104] of many who use an invite at once exactly as many get in as may, each at a place of their own", async () => {
        const [one, other] = services() as [Invites, Invites];
        const room = await made();
        const { code = "", inviteId } = await one.create(room, maker, { role: "member", maxUses: 5 });
        const invite = await other.find(code);
        const outcomes = await race(16, (index) =>
          (index % 2 ? one : other).use(invite, `user-${index}`).then(() => "in", codeOf),
        );
        expect(outcomes.filter((outcome) => outcome === "in")).toHaveLength(5);
        expect(outcomes.filter((outcome) => outcome === "invite_used_up")).toHaveLength(11);
        expect((await other.list(room, { limit: 5 })).invites).toMatchObject([{ inviteId, uses: 5 }]);
        // Whoever is in uses no place again, also when it is full.
        await expect(one.use(invite, `user-${outcomes.indexOf("in")}`)).resolves.toBeUndefined();
      });

      test("[A104] one person who accepts many times at once takes one place", async () => {
        const [one, other] = services() as [Invites, Invites];
        const { code = "" } = await one.create(await made(), maker, { role: "guest", maxUses: 3 });
        const invite = await one.find(code);
        await race(8, (index) => (index % 2 ? one : other).use(invite, "anna"));
        await one.use(invite, "bob");
        await one.use(invite, "carol");
        await expect(other.use(invite, "dave")).rejects.toMatchObject({ code: "invite_used_up" });
      });

      test("[A104] the store holds no code", async () => {
        const [one] = services() as [Invites, Invites];
        const room = await made();
        const { code = "" } = await one.create(room, maker, { role: "member" });
        const [record] = await archives[1].records.list({ kind: "invite", owner: room.id, limit: 5 });
        expect(JSON.stringify(record)).not.toContain(code);
      });

      test("[A106] an invite ends by its time, and by being revoked", async () => {
        let nowMs = 1_000_000;
        const clock = { ...systemClock, wallMs: () => nowMs };
        const invites = new Invites({ archive: archives[0], clock });
        const room = await made();
        const timed = await invites.create(room, maker, { role: "member", expiresInMs: 1_000 });
        nowMs += 999;
        const found = await invites.find(timed.code ?? "");
        nowMs += 1;
        await expect(invites.find(timed.code ?? "")).rejects.toMatchObject({ code: "invite_over" });
        await invites.revoke(room, timed.inviteId);
        await expect(invites.find(timed.code ?? "")).rejects.toMatchObject({ code: "unknown_invite" });
        await expect(invites.use(found, "late")).rejects.toMatchObject({ code: "invite_over" });
        await expect(invites.revoke(room, timed.inviteId)).rejects.toMatchObject({ code: "unknown_invite" });
      });
    });

    describe("names", () => {
      test("[A100] a name that was given up leads to its room, and neither it nor a look-alike is another's", async () => {
        const [one, other] = [new RoomNames(archives[0]), new RoomNames(archives[1])];
        const room = await made();
        const fresh = namesOf(names.id("fresh"));
        expect(await one.rename(room, fresh)).toMatchObject({ kind: "updated", room: fresh });
        expect((await other.movedTo(room.slugKey))?.id).toBe(room.id);
        expect(await other.create(newRoom(room.slug))).toEqual({ kind: "slug_taken" });
        const alike = newRoom(names.id("alike"), { skeleton: room.skeleton });
        expect(await other.create(alike)).toEqual({ kind: "confusable", slug: room.slug });
        const neighbour = await made();
        expect(await other.rename(neighbour, namesOf(room.slug))).toEqual({ kind: "slug_taken" });
        expect(await other.movedTo(neighbour.slugKey)).toBeUndefined();
        const now = (await archives[1].getRoom(room.id)) as RoomRecord;
        expect((await one.rename(now, room)).kind).toBe("updated");
        expect((await one.movedTo(fresh.slugKey))?.id).toBe(room.id);
      });

      test("[A100] of those who leave a name and those who take it at once, no two end with it", async () => {
        for (let round = 0; round < 5; round++) {
          const room = await made();
          const rival = newRoom(room.slug, { skeleton: room.skeleton });
          await Promise.all([
            new RoomNames(archives[0]).rename(room, namesOf(names.id("away"))),
            new RoomNames(archives[1]).create(rival),
          ]);
          const now = await archives[0].getRoomBySlug(room.slugKey);
          expect(now?.id ?? room.id).toBe(room.id);
        }
      });

      test("[A100] a room leaves so many names and not more", async () => {
        const rooms = new RoomNames(archives[0]);
        let room = await made();
        for (let count = 0; count < MAX_OLD_NAMES; count++) {
          const outcome = await rooms.rename(room, namesOf(names.id("next")));
          if (outcome.kind !== "updated") throw new Error(outcome.kind);
          room = outcome.room;
        }
        expect(await rooms.rename(room, namesOf(names.id("more")))).toEqual({ kind: "too_many" });
        expect(await archives[1].getRoom(room.id)).toEqual(room);
      });
    });
  });
}
