// The contract of Presence, second part: joining and leaving rooms, where refreshes, capacity and late goodbyes meet.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Presence } from "../../src/store/presence.ts";
import { race } from "./harness.ts";
import type { PresenceHarness } from "./presence-contract.ts";
import { enter, names, newClaim, sessionsIn, TTL_MS } from "./presence-contract.ts";

export function registerPresenceRoomContract(name: string, makeHarness: () => Promise<PresenceHarness>): void {
  describe(`${name} as Presence, rooms`, () => {
    let harness: PresenceHarness;
    let presence: Presence;
    let other: Presence;

    beforeAll(async () => {
      harness = await makeHarness();
      presence = await harness.open();
      other = await harness.open();
    });

    afterAll(async () => {
      await Promise.all([presence.close(), other.close()]);
      await harness.dispose();
    });

    test("[T27] nobody joins without a live session, and trying leaves nothing behind", async () => {
      const roomId = names.id("room");
      const sessionId = names.id("session");
      expect(await presence.joinRoom({ roomId, sessionId, capacity: 4, joinedAs: {} })).toEqual({ kind: "no_session" });
      expect(await other.occupants(roomId)).toEqual([]);
      expect(await other.getSession(sessionId)).toBeUndefined();
    });

    test("[T28] capacity counts people: a second device takes no seat, a stranger beyond it is refused", async () => {
      const roomId = names.id("room");
      const [anna, bob, carol] = [newClaim(), newClaim(), newClaim()];
      const tablet = newClaim({ userId: anna.userId, deviceId: "tablet" });
      expect(await enter(presence, anna, { roomId, capacity: 2 })).toMatchObject({ kind: "joined", people: 1 });
      expect(await enter(presence, tablet, { roomId, capacity: 2 })).toMatchObject({ kind: "joined", people: 1 });
      expect(await enter(presence, bob, { roomId, capacity: 2 })).toMatchObject({ kind: "joined", people: 2 });
      expect(await enter(other, carol, { roomId, capacity: 2 })).toEqual({ kind: "full", people: 2 });

      expect(await sessionsIn(other, roomId)).toEqual([anna, bob, tablet].map((claim) => claim.sessionId).sort());
      expect(await other.getSession(carol.sessionId)).not.toHaveProperty("roomId");
      await presence.leaveRoom({ roomId, sessionId: bob.sessionId });
      expect(await enter(other, carol, { roomId, capacity: 2 })).toMatchObject({ kind: "joined", people: 2 });
    });

    test("[T29] in a full room a person who refreshes the page gets back in, again and again", async () => {
      const roomId = names.id("room");
      const people = Array.from({ length: 4 }, () => newClaim());
      for (const claim of people) await enter(presence, claim, { roomId, capacity: 4 });

      let last = people[0]!;
      for (let generation = 2; generation <= 30; generation++) {
        const next = { ...last, sessionId: names.id("session"), generation };
        const outcome = await enter(other, next, { roomId, capacity: 4 });
        expect(outcome).toMatchObject({ kind: "joined", people: 4, superseded: [{ sessionId: last.sessionId }] });
        // The goodbye of the old socket comes late, as in the page's own race.
        expect((await presence.leaveRoom({ roomId, sessionId: last.sessionId })).removed).toBeUndefined();
        await presence.removeSession(last.sessionId, { node: last.node, epoch: last.epoch });
        last = next;
      }
      expect(await presence.occupants(roomId)).toHaveLength(4);
    });

    test("[T29] who is inside is let in again even when the capacity has been lowered", async () => {
      const roomId = names.id("room");
      const [anna, bob] = [newClaim(), newClaim()];
      for (const claim of [anna, bob]) await enter(presence, claim, { roomId, capacity: 2 });
      expect(await enter(other, bob, { roomId, capacity: 1 })).toMatchObject({ kind: "joined", people: 2 });
    });

    test("[T30] a newer session of a device supersedes the older at once", async () => {
      const roomId = names.id("room");
      const older = newClaim({ generation: 7, node: "node-b" });
      const newer = { ...older, sessionId: names.id("session"), generation: 8, node: "node-a" };
      await enter(presence, older, { roomId, joinedAs: { name: "old" } });
      const outcome = await enter(other, newer, { roomId, joinedAs: { name: "new" } });

      expect(outcome).toMatchObject({
        kind: "joined",
        occupant: { sessionId: newer.sessionId, generation: 8, joinedAs: { name: "new" } },
        superseded: [{ sessionId: older.sessionId, node: "node-b", joinedAs: { name: "old" } }],
        people: 1,
      });
      expect(await sessionsIn(presence, roomId)).toEqual([newer.sessionId]);
      // The older session lives on, in no room, until its socket is closed.
      expect(await presence.getSession(older.sessionId)).not.toHaveProperty("roomId");
      const refreshed = await presence.refreshSessions({
        node: "node-b",
        sessionIds: [older.sessionId],
        ttlMs: TTL_MS,
      });
      expect(refreshed).toEqual({ lost: [], rooms: new Map() });
    });

    test("[T31] an older session cannot displace a newer one, whatever arrives last", async () => {
      const roomId = names.id("room");
      const newer = newClaim({ generation: 8 });
      const older = { ...newer, sessionId: names.id("session"), generation: 7, epoch: 99 };
      await enter(presence, newer, { roomId });
      expect(await enter(other, older, { roomId })).toMatchObject({
        kind: "superseded",
        by: { sessionId: newer.sessionId },
      });
      expect(await sessionsIn(presence, roomId)).toEqual([newer.sessionId]);
    });

    test("[T32] another device of the same person stays beside", async () => {
      const roomId = names.id("room");
      const phone = newClaim({ generation: 1 });
      const laptop = { ...phone, sessionId: names.id("session"), deviceId: "laptop", generation: 2 };
      await enter(presence, phone, { roomId });
      expect(await enter(other, laptop, { roomId })).toMatchObject({ kind: "joined", superseded: [], people: 1 });
      expect(await sessionsIn(presence, roomId)).toEqual([phone.sessionId, laptop.sessionId]);
    });

    test("[T32] another person on the same device stays beside", async () => {
      const roomId = names.id("room");
      const anna = newClaim({ deviceId: "kiosk" });
      const bob = newClaim({ deviceId: "kiosk", generation: 2 });
      await enter(presence, anna, { roomId });
      expect(await enter(other, bob, { roomId })).toMatchObject({ kind: "joined", superseded: [], people: 2 });
    });

    test("[T33] a session that joins another room leaves the first; refused there, it stays", async () => {
      const [room1, room2, room3] = [names.id("room"), names.id("room"), names.id("room")];
      const claim = newClaim();
      await enter(presence, newClaim(), { roomId: room3, capacity: 1 });
      await enter(presence, claim, { roomId: room1, joinedAs: { name: "one" } });

      const refused = await other.joinRoom({
        roomId: room3,
        sessionId: claim.sessionId,
        capacity: 1,
        joinedAs: { name: "3" },
      });
      expect(refused.kind).toBe("full");
      expect(await presence.getSession(claim.sessionId)).toMatchObject({ roomId: room1, joinedAs: { name: "one" } });
      expect(await sessionsIn(presence, room1)).toEqual([claim.sessionId]);

      const moved = await other.joinRoom({ roomId: room2, sessionId: claim.sessionId, capacity: 1, joinedAs: {} });
      expect(moved).toMatchObject({ kind: "joined", leftRoomId: room1 });
      expect(await sessionsIn(presence, room1)).toEqual([]);
      expect(await sessionsIn(presence, room2)).toEqual([claim.sessionId]);
    });

    test("[T33] joining the same room again renews what the others know", async () => {
      const roomId = names.id("room");
      const claim = newClaim();
      await enter(presence, claim, { roomId, joinedAs: { name: "Anna" } });
      const outcome = await enter(other, claim, { roomId, joinedAs: { name: "Anna 🏡" } });
      expect(outcome).toMatchObject({ kind: "joined", superseded: [], people: 1 });
      expect(outcome).not.toHaveProperty("leftRoomId");
      expect(await presence.occupants(roomId)).toMatchObject([{ joinedAs: { name: "Anna 🏡" } }]);
    });

    test("[T34] leaving removes that session's place and no other's", async () => {
      const roomId = names.id("room");
      const anna = newClaim();
      const laptop = newClaim({ userId: anna.userId, deviceId: "laptop" });
      const bob = newClaim();
      for (const claim of [anna, laptop, bob]) await enter(presence, claim, { roomId });

      expect(await other.leaveRoom({ roomId, sessionId: anna.sessionId })).toMatchObject({
        removed: { sessionId: anna.sessionId, userId: anna.userId },
        personInside: true,
      });
      expect(await other.leaveRoom({ roomId, sessionId: anna.sessionId })).not.toHaveProperty("removed");
      expect(await other.leaveRoom({ roomId, sessionId: laptop.sessionId })).toMatchObject({ personInside: false });
      expect(await other.leaveRoom({ roomId: names.id("room"), sessionId: bob.sessionId })).toEqual({
        personInside: false,
      });
      expect(await sessionsIn(presence, roomId)).toEqual([bob.sessionId]);
      expect(await presence.getSession(anna.sessionId)).not.toHaveProperty("roomId");
      expect(await presence.getSession(bob.sessionId)).toMatchObject({ roomId });
    });

    test("[T35] however many join at once, no more people than the capacity get in", async () => {
      const roomId = names.id("room");
      const claims = Array.from({ length: 24 }, () => newClaim());
      for (const claim of claims) await presence.putSession(claim);
      const outcomes = await race(24, (index) =>
        (index % 2 ? presence : other).joinRoom({
          roomId,
          sessionId: claims[index]!.sessionId,
          capacity: 5,
          joinedAs: {},
        }),
      );
      expect(outcomes.filter((outcome) => outcome.kind === "joined")).toHaveLength(5);
      expect(outcomes.filter((outcome) => outcome.kind === "full")).toHaveLength(19);
      expect(await presence.occupants(roomId)).toHaveLength(5);
      for (const [index, outcome] of outcomes.entries()) {
        const record = await other.getSession(claims[index]!.sessionId);
        expect(record?.roomId).toBe(outcome.kind === "joined" ? roomId : undefined);
      }
    });

    test("[T35] sessions of one device that join at once leave exactly one inside: the newest", async () => {
      const roomId = names.id("room");
      const first = newClaim();
      const claims = Array.from({ length: 10 }, (_, index) => ({
        ...first,
        sessionId: names.id("session"),
        generation: index + 1,
      }));
      for (const claim of claims) await presence.putSession(claim);
      await race(10, (index) =>
        (index % 2 ? presence : other).joinRoom({
          roomId,
          sessionId: claims[index]!.sessionId,
          capacity: 1,
          joinedAs: {},
        }),
      );
      expect(await sessionsIn(presence, roomId)).toEqual([claims[9]!.sessionId]);
    });

    test("[T35] joining while the session is being removed leaves no ghost", async () => {
      const roomId = names.id("room");
      for (let round = 0; round < 40; round++) {
        const claim = newClaim();
        await presence.putSession(claim);
        const [joined] = await Promise.all([
          presence.joinRoom({ roomId, sessionId: claim.sessionId, capacity: 100, joinedAs: {} }),
          other.removeSession(claim.sessionId, { node: claim.node, epoch: claim.epoch }),
        ]);
        expect(["joined", "no_session"]).toContain(joined.kind);
      }
      expect(await presence.occupants(roomId)).toEqual([]);
    });

    test("[T36] occupants are listed in the order of their session ids, as every node sees them", async () => {
      const roomId = names.id("room");
      const claims = Array.from({ length: 6 }, () => newClaim());
      for (const index of [4, 1, 5, 0, 3, 2]) await enter(presence, claims[index]!, { roomId });
      expect(await sessionsIn(presence, roomId)).toEqual(claims.map((claim) => claim.sessionId));
      expect(await other.occupants(roomId)).toEqual(await presence.occupants(roomId));
      expect(await other.occupants(names.id("room"))).toEqual([]);
    });
  });
}
