// What only the Redis adapter has to prove: ending between two scripts, lost data, and slots of a cluster.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Presence } from "../../src/store/presence.ts";
import { PresenceKeys } from "../../src/store/redis/keys.ts";
import type { FaultPoint } from "../../src/store/redis/redis-presence.ts";
import { openRedisPresence } from "../../src/store/redis/redis-presence.ts";
import { untilAnswered } from "./harness.ts";
import { hasRedisServer, OwnRedis } from "./own-redis.ts";
import { enter, names, newClaim, sessionsIn, TTL_MS } from "./presence-contract.ts";
import { findServer } from "./servers.ts";

const available = findServer("Redis") !== undefined && hasRedisServer();

async function elapse(durationMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** A connection whose next operation ends at the given point, as if the node had crashed there. */
async function crashingAt(url: string, point: FaultPoint): Promise<Presence> {
  return await openRedisPresence({
    url,
    reached: (reached) => {
      if (reached === point) throw new Error(`crashed at ${point}`);
    },
  });
}

function registerCrashes(): void {
  describe("a node that crashes between two scripts", () => {
    const redis = new OwnRedis();
    let presence: Presence;
    let crashing: Presence | undefined;

    beforeAll(async () => {
      await redis.start();
      presence = await openRedisPresence({ url: redis.url });
    });

    afterEach(async () => await crashing?.close());

    afterAll(async () => {
      await presence.close();
      await redis.dispose();
    });

    const crash = async (point: FaultPoint, operation: (store: Presence) => Promise<unknown>) => {
      crashing = await crashingAt(redis.url, point);
      await expect(operation(crashing)).rejects.toThrow(`crashed at ${point}`);
    };

    test("[T44] join, before the place is taken: no seat is lost, and joining again works", async () => {
      const roomId = names.id("room");
      const [anna, bob] = [newClaim(), newClaim()];
      await crash("join.noted", (store) => enter(store, anna, { roomId, capacity: 1 }));
      expect(await presence.occupants(roomId)).toEqual([]);
      expect(
        (await presence.refreshSessions({ node: "node-a", sessionIds: [anna.sessionId], ttlMs: TTL_MS })).rooms.size,
      ).toBe(0);
      expect(await enter(presence, bob, { roomId, capacity: 1 })).toMatchObject({ kind: "joined" });
      expect(await enter(presence, anna, { roomId, capacity: 1 })).toEqual({ kind: "full", people: 1 });
      expect(await presence.getSession(anna.sessionId)).not.toHaveProperty("roomId");
      expect(await enter(presence, anna, { roomId, capacity: 2 })).toMatchObject({ kind: "joined", people: 2 });
    });

    test("[T44] join, after the place is taken: the place holds, and the room left behind runs out", async () => {
      const [room1, room2] = [names.id("room"), names.id("room")];
      const claim = newClaim({ ttlMs: 1500 });
      await enter(presence, claim, { roomId: room1 });
      await crash("join.placed", (store) =>
        store.joinRoom({ roomId: room2, sessionId: claim.sessionId, capacity: 1, joinedAs: {} }),
      );
      expect(await sessionsIn(presence, room1)).toEqual([claim.sessionId]);
      const refresh = { node: "node-a", sessionIds: [claim.sessionId], ttlMs: TTL_MS };
      expect((await presence.refreshSessions(refresh)).rooms.get(claim.sessionId)).toBe(room2);
      await elapse(1600);
      expect(await sessionsIn(presence, room1)).toEqual([]);
      expect(await sessionsIn(presence, room2)).toEqual([claim.sessionId]);
    });

    test("[T44] a resume, before the room names the new node: nobody reaps it, and a refresh mends it", async () => {
      const roomId = names.id("room");
      const claim = newClaim({ node: "node-dead" });
      await enter(presence, claim, { roomId });
      await crash("put.claimed", (store) => store.putSession({ ...claim, node: "node-new", epoch: 2 }));
      expect(await presence.reapNode("node-dead", roomId)).toEqual([]);
      const refresh = { node: "node-new", sessionIds: [claim.sessionId], ttlMs: TTL_MS };
      expect((await presence.refreshSessions(refresh)).rooms.get(claim.sessionId)).toBe(roomId);
      expect(await presence.occupants(roomId)).toMatchObject([{ node: "node-new", epoch: 2 }]);
    });

    test("[T44] leave, before the session knows: it is seen outside, and may come back", async () => {
      const roomId = names.id("room");
      const claim = newClaim();
      await enter(presence, claim, { roomId });
      await crash("leave.left", (store) => store.leaveRoom({ roomId, sessionId: claim.sessionId }));
      const refresh = { node: "node-a", sessionIds: [claim.sessionId], ttlMs: TTL_MS };
      expect(await presence.refreshSessions(refresh)).toEqual({ lost: [], rooms: new Map() });
      expect(await enter(presence, claim, { roomId })).toMatchObject({ kind: "joined", people: 1 });
    });

    test("[T44] removal, before the place is given up: it runs out, or is freed by the reaper", async () => {
      const [room1, room2] = [names.id("room"), names.id("room")];
      for (const [roomId, ttlMs] of [
        [room1, 1500],
        [room2, TTL_MS],
      ] as const) {
        const claim = newClaim({ node: "node-gone", ttlMs });
        await enter(presence, claim, { roomId });
        await crash("remove.removed", (store) => store.removeSession(claim.sessionId, claim));
        await crashing?.close();
        expect(await presence.occupants(roomId)).toHaveLength(1);
      }
      expect(await presence.reapNode("node-gone", room2)).toEqual([]);
      expect(await presence.occupants(room2)).toEqual([]);
      await elapse(1600);
      expect(await enter(presence, newClaim(), { roomId: room1, capacity: 1 })).toMatchObject({
        kind: "joined",
        people: 1,
      });
    });

    test("[T44] a refresh, before the places are renewed: the next one renews them", async () => {
      const roomId = names.id("room");
      const claim = newClaim({ ttlMs: 1500 });
      await enter(presence, claim, { roomId });
      const refresh = { node: "node-a", sessionIds: [claim.sessionId], ttlMs: TTL_MS };
      await crash("refresh.renewed", (store) => store.refreshSessions(refresh));
      expect((await presence.refreshSessions(refresh)).rooms.get(claim.sessionId)).toBe(roomId);
      await elapse(1600);
      expect(await sessionsIn(presence, roomId)).toEqual([claim.sessionId]);
    });
  });
}

function registerRestart(): void {
  describe("a Redis that is killed and comes back empty", () => {
    const redis = new OwnRedis();

    beforeEach(async () => await redis.start());
    afterAll(async () => await redis.dispose());

    test("[T45] nodes learn from their refresh what is lost and put it back; generations go on growing", async () => {
      const presence = await openRedisPresence({ url: redis.url, timeoutMs: 500 });
      const roomId = names.id("room");
      const claim = newClaim();
      const generation = await presence.nextGeneration(claim);
      await enter(presence, claim, { roomId });
      await redis.kill();
      await expect(presence.occupants(roomId)).rejects.toMatchObject({ code: "store_unavailable" });

      await redis.start();
      const refresh = { node: "node-a", sessionIds: [claim.sessionId], ttlMs: TTL_MS };
      expect(await untilAnswered(() => presence.refreshSessions(refresh), 5000)).toEqual({
        lost: [claim.sessionId],
        rooms: new Map(),
      });
      expect(await enter(presence, claim, { roomId })).toMatchObject({ kind: "joined", people: 1 });
      expect(await presence.nextGeneration(claim)).toBeGreaterThan(generation);
      await presence.close();
    });
  });
}

function registerCluster(): void {
  describe("a Redis in cluster mode", () => {
    const redis = new OwnRedis("--cluster-enabled", "yes");
    let presence: Presence;

    beforeAll(async () => {
      await redis.start();
      const slots = Array.from({ length: 16_384 }, (_, slot) => `${slot}`);
      await redis.command("CLUSTER", "ADDSLOTS", ...slots);
      await untilAnswered(() => redis.command("GET", "ready?"), 5000);
      presence = await openRedisPresence({ url: redis.url });
    });

    afterAll(async () => {
      await presence.close();
      await redis.dispose();
    });

    test("[T43] every operation touches one slot at a time", async () => {
      const roomId = names.id("room");
      const claim = newClaim({ generation: await presence.nextGeneration({ userId: "anna", deviceId: "phone" }) });
      const newer = { ...claim, sessionId: names.id("session"), generation: claim.generation + 1 };
      await enter(presence, claim, { roomId });
      expect(await enter(presence, newer, { roomId })).toMatchObject({ superseded: [{ sessionId: claim.sessionId }] });
      await presence.putSession({ ...newer, node: "node-b", epoch: 2 });
      expect(await presence.roomsOfNode("node-b")).toEqual([roomId]);
      expect(
        (await presence.refreshSessions({ node: "node-b", sessionIds: [newer.sessionId], ttlMs: TTL_MS })).rooms.size,
      ).toBe(1);
      expect(await presence.leaveRoom({ roomId, sessionId: newer.sessionId })).toMatchObject({ personInside: false });
      expect(await presence.reapNode("node-b")).toHaveLength(1);
      expect(await presence.clearNode("node-a")).toHaveLength(1);
    });

    test("[T43] a room's list and its places share a slot, whatever the ids look like", async () => {
      const keys = new PresenceKeys("hearsay");
      for (const roomId of ["r", "a:b/c@d", "x".repeat(128), "=-+._"]) {
        const room = keys.room(roomId);
        const slots = [room, `${room}:o:session`, `${room}:o:other`].map((key) =>
          redis.command("CLUSTER", "KEYSLOT", key),
        );
        expect(new Set(await Promise.all(slots)).size).toBe(1);
      }
    });
  });
}

if (available) {
  registerCrashes();
  registerRestart();
  registerCluster();
}
