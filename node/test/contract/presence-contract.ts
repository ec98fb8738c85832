// One contract for every Presence: sessions and places. The rules are those of node/src/store/SPEC.md.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { JoinRoom, JoinRoomOutcome, Presence, PutSession } from "../../src/store/presence.ts";
import type { StoreHarness } from "./harness.ts";
import { Names, race } from "./harness.ts";

export type PresenceHarness = StoreHarness<Presence>;

export const names = new Names();

/** Long enough that nothing runs out during a test that is not about running out. */
export const TTL_MS = 60_000;

export function newClaim(over: Partial<PutSession> = {}): PutSession {
  return {
    sessionId: names.id("session"),
    node: "node-a",
    userId: names.id("user"),
    deviceId: "phone",
    generation: 1,
    epoch: 1,
    ttlMs: TTL_MS,
    ...over,
  };
}

/** Puts a session in a room; the capacity is out of the way unless given. */
export async function enter(
  presence: Presence,
  claim: PutSession,
  join: Partial<JoinRoom> & { readonly roomId: string },
): Promise<JoinRoomOutcome> {
  await presence.putSession(claim);
  return await presence.joinRoom({ sessionId: claim.sessionId, capacity: 1000, joinedAs: { name: "Anna" }, ...join });
}

export async function sessionsIn(presence: Presence, roomId: string): Promise<string[]> {
  return (await presence.occupants(roomId)).map((occupant) => occupant.sessionId);
}

export function registerPresenceContract(name: string, makeHarness: () => Promise<PresenceHarness>): void {
  describe(`${name} as Presence`, () => {
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

    describe("sessions", () => {
      test("[T20] generations of a device grow, and no two callers get the same", async () => {
        const device = { userId: names.id("user"), deviceId: "phone" };
        const first = await presence.nextGeneration(device);
        const racing = await race(20, (index) => (index % 2 ? presence : other).nextGeneration(device));
        const last = await other.nextGeneration(device);
        expect(new Set([first, ...racing, last]).size).toBe(22);
        expect(Math.min(...racing)).toBeGreaterThan(first);
        expect(last).toBeGreaterThan(Math.max(...racing));
      });

      test("[T21] a claim on a new session is granted and read back; repeating it holds", async () => {
        const claim = newClaim();
        const { ttlMs, ...record } = claim;
        expect(await presence.getSession(claim.sessionId)).toBeUndefined();
        expect(await presence.putSession(claim)).toEqual({ kind: "claimed", record });
        expect(await other.getSession(claim.sessionId)).toEqual(record);
        expect(await presence.putSession(claim)).toEqual({ kind: "claimed", record, previousNode: "node-a" });
        expect(ttlMs).toBe(TTL_MS);
      });

      test("[T22] a claim with a lower epoch, or the same epoch on another node, is refused and changes nothing", async () => {
        const claim = newClaim({ epoch: 5 });
        const { ttlMs, ...record } = claim;
        await presence.putSession(claim);
        for (const late of [{ epoch: 4 }, { epoch: 4, node: "node-b" }, { epoch: 5, node: "node-b" }]) {
          expect(await other.putSession({ ...claim, ...late })).toEqual({ kind: "stale", record });
        }
        expect(await presence.getSession(claim.sessionId)).toEqual(record);
        expect(ttlMs).toBe(TTL_MS);
      });

      test("[T22] of nodes that claim one epoch at once exactly one gets it", async () => {
        const claim = newClaim();
        await presence.putSession(claim);
        const outcomes = await race(8, (index) =>
          (index % 2 ? presence : other).putSession({ ...claim, epoch: 2, node: `node-${index}` }),
        );
        const winner = outcomes.findIndex((outcome) => outcome.kind === "claimed");
        expect(outcomes.filter((outcome) => outcome.kind === "claimed")).toHaveLength(1);
        expect((await presence.getSession(claim.sessionId))?.node).toBe(`node-${winner}`);
      });

      test("[T23] a session that resumes on another node keeps its room, and the room names the new node", async () => {
        const roomId = names.id("room");
        const claim = newClaim();
        await enter(presence, claim, { roomId, joinedAs: { name: "Anna", role: "owner" } });
        const outcome = await other.putSession({ ...claim, node: "node-b", epoch: 2 });

        expect(outcome).toMatchObject({ kind: "claimed", previousNode: "node-a" });
        expect(outcome.record).toMatchObject({
          node: "node-b",
          epoch: 2,
          roomId,
          joinedAs: { name: "Anna", role: "owner" },
        });
        expect(await presence.occupants(roomId)).toEqual([
          {
            sessionId: claim.sessionId,
            node: "node-b",
            userId: claim.userId,
            deviceId: claim.deviceId,
            generation: 1,
            epoch: 2,
            joinedAs: { name: "Anna", role: "owner" },
          },
        ]);
      });

      test("[T24] a session that nobody refreshes is gone after its time, together with its place", async () => {
        const roomId = names.id("room");
        const [short, long] = [newClaim({ ttlMs: 1000 }), newClaim({ ttlMs: 60_000 })];
        await enter(presence, short, { roomId });
        await enter(presence, long, { roomId });
        expect(await sessionsIn(other, roomId)).toEqual([short.sessionId, long.sessionId]);

        await harness.elapse(1100);
        expect(await other.getSession(short.sessionId)).toBeUndefined();
        expect(await sessionsIn(other, roomId)).toEqual([long.sessionId]);
        expect(await other.joinRoom({ roomId, sessionId: short.sessionId, capacity: 9, joinedAs: {} })).toEqual({
          kind: "no_session",
        });
      });

      test("[T24] a session that was refreshed outlives its first time, together with its place", async () => {
        const roomId = names.id("room");
        const claim = newClaim({ ttlMs: 1000 });
        await enter(presence, claim, { roomId });
        await presence.refreshSessions({ node: "node-a", sessionIds: [claim.sessionId], ttlMs: 60_000 });
        await harness.elapse(1100);
        expect(await other.getSession(claim.sessionId)).toMatchObject({ roomId });
        expect(await sessionsIn(other, roomId)).toEqual([claim.sessionId]);
      });

      test("[T24] a session that ran out and is claimed anew begins without a room", async () => {
        const roomId = names.id("room");
        const claim = newClaim({ ttlMs: 1000 });
        await enter(presence, claim, { roomId });
        await harness.elapse(1100);
        const outcome = await other.putSession({ ...claim, ttlMs: TTL_MS });
        expect(outcome).toEqual({
          kind: "claimed",
          record: expect.not.objectContaining({ roomId: expect.anything() }),
        });
        expect(await sessionsIn(other, roomId)).toEqual([]);
      });

      test("[T25] a refresh renews its own sessions, names the lost ones, and says where each is", async () => {
        const roomId = names.id("room");
        const [outside, inside, taken] = [newClaim(), newClaim(), newClaim()];
        await presence.putSession(outside);
        await enter(presence, inside, { roomId });
        await presence.putSession(taken);
        await other.putSession({ ...taken, node: "node-b", epoch: 2 });
        const unknown = names.id("session");

        const outcome = await presence.refreshSessions({
          node: "node-a",
          sessionIds: [outside.sessionId, inside.sessionId, taken.sessionId, unknown],
          ttlMs: TTL_MS,
        });
        expect(outcome.lost).toEqual([taken.sessionId, unknown]);
        expect([...outcome.rooms]).toEqual([[inside.sessionId, roomId]]);
        expect(await presence.refreshSessions({ node: "node-a", sessionIds: [], ttlMs: 1 })).toEqual({
          lost: [],
          rooms: new Map(),
        });
      });

      test("[T25] more sessions than one batch are refreshed too", async () => {
        const claims = Array.from({ length: 450 }, () => newClaim({ node: "node-many" }));
        for (const claim of claims) await presence.putSession(claim);
        const sessionIds = claims.map((claim) => claim.sessionId);
        const outcome = await other.refreshSessions({
          node: "node-many",
          sessionIds: [...sessionIds, "none"],
          ttlMs: TTL_MS,
        });
        expect(outcome.lost).toEqual(["none"]);
        expect(await presence.sessionsOfNode("node-many")).toHaveLength(450);
        expect(await presence.clearNode("node-many")).toHaveLength(450);
      });

      test("[T26] only the owner named by node and epoch removes a session, and its place goes with it", async () => {
        const roomId = names.id("room");
        const claim = newClaim({ epoch: 3 });
        await enter(presence, claim, { roomId });
        for (const wrong of [
          { node: "node-b", epoch: 3 },
          { node: "node-a", epoch: 2 },
          { node: "node-a", epoch: 4 },
        ]) {
          expect(await other.removeSession(claim.sessionId, wrong)).toBeUndefined();
        }
        expect(await sessionsIn(other, roomId)).toEqual([claim.sessionId]);

        const removed = await other.removeSession(claim.sessionId, { node: "node-a", epoch: 3 });
        expect(removed).toMatchObject({ record: { sessionId: claim.sessionId, roomId }, personInside: false });
        expect(await presence.getSession(claim.sessionId)).toBeUndefined();
        expect(await sessionsIn(presence, roomId)).toEqual([]);
        expect(await presence.removeSession(claim.sessionId, { node: "node-a", epoch: 3 })).toBeUndefined();
      });
    });

    describe("nodes", () => {
      test("[T37] a node's sessions and rooms are those whose records name it", async () => {
        const [nodeA, nodeB] = [names.id("node"), names.id("node")];
        const [room1, room2] = [names.id("room"), names.id("room")];
        const claims = [nodeA, nodeA, nodeA, nodeB].map((node) => newClaim({ node }));
        await enter(presence, claims[0]!, { roomId: room2 });
        await enter(presence, claims[1]!, { roomId: room1 });
        await presence.putSession(claims[2]!);
        await enter(presence, claims[3]!, { roomId: room1 });

        expect((await other.sessionsOfNode(nodeA)).map((record) => record.sessionId)).toEqual(
          claims.slice(0, 3).map((claim) => claim.sessionId),
        );
        expect(await other.roomsOfNode(nodeA)).toEqual([room1, room2]);
        expect(await other.roomsOfNode(nodeB)).toEqual([room1]);

        await presence.putSession({ ...claims[1]!, node: nodeB, epoch: 2 });
        expect(await other.roomsOfNode(nodeA)).toEqual([room2]);
        expect(await other.sessionsOfNode(names.id("node"))).toEqual([]);
        expect(await other.roomsOfNode(names.id("node"))).toEqual([]);
      });

      test("[T38] reaping removes what still names the dead node, and leaves who resumed elsewhere", async () => {
        const [dead, alive, roomId] = [names.id("node"), names.id("node"), names.id("room")];
        const claims = [dead, dead, alive].map((node) => newClaim({ node }));
        for (const claim of claims) await enter(presence, claim, { roomId });
        await presence.putSession({ ...claims[0]!, node: alive, epoch: 2 });

        const removed = await other.reapNode(dead, roomId);
        expect(removed.map((session) => session.record.sessionId)).toEqual([claims[1]!.sessionId]);
        expect(removed[0]).toMatchObject({
          record: { node: dead, roomId, userId: claims[1]!.userId },
          personInside: false,
        });
        expect(await sessionsIn(presence, roomId)).toEqual([claims[0]!.sessionId, claims[2]!.sessionId]);
        expect(await presence.getSession(claims[1]!.sessionId)).toBeUndefined();
        expect(await other.reapNode(dead, roomId)).toEqual([]);
      });

      test("[T38] reaping one room leaves the dead node's other rooms and idle sessions for others", async () => {
        const [dead, room1, room2] = [names.id("node"), names.id("room"), names.id("room")];
        const claims = Array.from({ length: 3 }, () => newClaim({ node: dead }));
        await enter(presence, claims[0]!, { roomId: room1 });
        await enter(presence, claims[1]!, { roomId: room2 });
        await presence.putSession(claims[2]!);

        expect(await other.reapNode(dead, room1)).toHaveLength(1);
        expect(await other.roomsOfNode(dead)).toEqual([room2]);
        expect((await other.reapNode(dead)).map((session) => session.record.sessionId)).toEqual([
          claims[1]!.sessionId,
          claims[2]!.sessionId,
        ]);
        expect(await sessionsIn(presence, room2)).toEqual([]);
      });

      test("[T38] of several reapers at once each session is reported by exactly one", async () => {
        const [dead, roomId] = [names.id("node"), names.id("room")];
        for (let index = 0; index < 12; index++) await enter(presence, newClaim({ node: dead }), { roomId });
        const reports = await race(4, (index) => (index % 2 ? presence : other).reapNode(dead, roomId));
        const reported = reports.flat().map((session) => session.record.sessionId);
        expect(reported).toHaveLength(12);
        expect(new Set(reported).size).toBe(12);
        expect(await sessionsIn(presence, roomId)).toEqual([]);
      });

      test("[T38] a person whose session was reaped while another is inside is reported as still inside", async () => {
        const [dead, roomId] = [names.id("node"), names.id("room")];
        const claim = newClaim({ node: dead });
        await enter(presence, claim, { roomId });
        await enter(presence, newClaim({ userId: claim.userId, deviceId: "laptop" }), { roomId });
        expect(await other.reapNode(dead, roomId)).toMatchObject([{ personInside: true }]);
      });

      test("[T39] a node that shuts down takes all of its sessions and places with it, and nobody else's", async () => {
        const [leaving, roomId] = [names.id("node"), names.id("room")];
        const stays = newClaim();
        await enter(presence, stays, { roomId });
        await enter(presence, newClaim({ node: leaving }), { roomId });
        await presence.putSession(newClaim({ node: leaving }));
        expect(await presence.clearNode(leaving)).toHaveLength(2);
        expect(await other.sessionsOfNode(leaving)).toEqual([]);
        expect(await sessionsIn(other, roomId)).toEqual([stays.sessionId]);
        expect(await presence.clearNode(leaving)).toEqual([]);
      });
    });
  });
}
