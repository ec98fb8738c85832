// Presence on Redis. A session's record and its place in a room lie in different slots of a cluster, so an operation that
// concerns both is a sequence of atomic scripts. The order of each sequence is chosen so that ending after any step leaves
// something that heals (SPEC.md, "Between two steps"):
//
//   join      session notes the room → place taken → session looked at again → older sessions' notes cleared, old place left
//   leave     place given up → session's note cleared
//   put       session claimed → place names the new node
//   refresh   session renewed → place renewed
//   remove    session deleted → place given up

import type { EncodedJoin, PresenceAdapter } from "../guarded-presence.ts";
import { GuardedPresence } from "../guarded-presence.ts";
import type {
  JoinRoomOutcome,
  LeaveRoomOutcome,
  Occupant,
  Presence,
  PutSession,
  PutSessionOutcome,
  RefreshOutcome,
  RemovedSession,
  SessionRecord,
} from "../presence.ts";
import { MAX_BATCH } from "../presence.ts";
import type { RedisCalls, RedisConnectionOptions } from "./connection.ts";
import { RedisConnection } from "./connection.ts";
import { PresenceKeys } from "./keys.ts";
import { integerOf, listOf, occupantOf, sessionOf, textOf } from "./replies.ts";

/** Between which steps an operation can end half done. */
export type FaultPoint =
  | "put.claimed"
  | "join.noted"
  | "join.placed"
  | "leave.left"
  | "remove.removed"
  | "refresh.renewed";

export interface RedisPresenceOptions extends RedisConnectionOptions {
  /** First part of every key. Default "hearsay". */
  readonly prefix?: string;
  /** Called between steps; a test that throws here has the effect of a crash at that place. */
  readonly reached?: (point: FaultPoint) => void;
}

/** For removePlace: nobody asks whether the person is still inside, so the room need not be searched. */
const NOBODY = "*";

/** A node's list of sessions outlives every session in it, and is forgotten some time after the node. */
const NODE_KEPT_MS = 172_800_000;

/** Connects. An unreachable server is no error here: every operation says so until it is back. */
export async function openRedisPresence(options: RedisPresenceOptions): Promise<Presence> {
  const connection = await RedisConnection.open(options);
  return new GuardedPresence(new RedisPresence(connection, options));
}

class RedisPresence implements PresenceAdapter {
  readonly #connection: RedisConnection;
  readonly #keys: PresenceKeys;
  readonly #reached: (point: FaultPoint) => void;

  constructor(connection: RedisConnection, options: Pick<RedisPresenceOptions, "prefix" | "reached">) {
    this.#connection = connection;
    this.#keys = new PresenceKeys(options.prefix ?? "hearsay");
    this.#reached = options.reached ?? (() => {});
  }

  async ping(): Promise<void> {
    await this.#connection.run("ping", (calls) => calls.command("PING"));
  }

  async nextGeneration(device: { readonly userId: string; readonly deviceId: string }): Promise<number> {
    return await this.#connection.run("nextGeneration", async (calls) =>
      integerOf(await calls.script("nextGeneration", this.#keys.generation(device))),
    );
  }

  async putSession(claim: PutSession): Promise<PutSessionOutcome> {
    return await this.#connection.run("putSession", async (calls) => {
      // Listed first: an id too many in the list is harmless, a session that the list lacks could not be reaped.
      await this.#list(calls, claim.node, [claim.sessionId]);
      const [status, previousNode, fields] = listOf(
        await calls.script(
          "putSession",
          this.#keys.session(claim.sessionId),
          claim.sessionId,
          claim.node,
          claim.userId,
          claim.deviceId,
          claim.generation,
          claim.epoch,
          claim.ttlMs,
        ),
      );
      const record = sessionOf(fields);
      if (status === "stale") return { kind: "stale", record };
      this.#reached("put.claimed");
      if (record.roomId !== undefined) await this.#renewPlace(calls, { ...record, roomId: record.roomId }, claim.ttlMs);
      return { kind: "claimed", record, ...(previousNode !== "" && { previousNode: textOf(previousNode) }) };
    });
  }

  async getSession(sessionId: string): Promise<SessionRecord | undefined> {
    return await this.#connection.run("getSession", (calls) => this.#read(calls, sessionId));
  }

  async refreshSessions(refresh: {
    readonly node: string;
    readonly sessionIds: readonly string[];
    readonly ttlMs: number;
  }): Promise<RefreshOutcome> {
    const { node, sessionIds, ttlMs } = refresh;
    if (sessionIds.length === 0) return { lost: [], rooms: new Map() };
    return await this.#connection.run("refreshSessions", async (calls) => {
      await this.#list(calls, node, sessionIds);
      const renewed = await Promise.all(
        sessionIds.map(async (sessionId) => {
          const reply = await calls.script("refreshSession", this.#keys.session(sessionId), node, ttlMs);
          if (reply === null) return { sessionId, epoch: 0, roomId: "" };
          const [epoch, roomId] = listOf(reply);
          return { sessionId, epoch: integerOf(epoch), roomId: textOf(roomId) };
        }),
      );
      this.#reached("refresh.renewed");
      const placed = await Promise.all(
        renewed.map(
          async (session) => session.roomId !== "" && (await this.#renewPlace(calls, { ...session, node }, ttlMs)),
        ),
      );
      return {
        lost: renewed.filter((session) => session.epoch === 0).map((session) => session.sessionId),
        rooms: new Map(
          renewed.filter((_, index) => placed[index]).map((session) => [session.sessionId, session.roomId]),
        ),
      };
    });
  }

  async removeSession(
    sessionId: string,
    owner: { readonly node: string; readonly epoch: number },
  ): Promise<RemovedSession | undefined> {
    return await this.#connection.run("removeSession", async (calls) => {
      const [status, fields] = listOf(
        await calls.script("removeSession", this.#keys.session(sessionId), owner.node, owner.epoch),
      );
      if (status !== "removed") return undefined;
      const record = sessionOf(fields);
      return { record, personInside: await this.#afterRemoval(calls, record, record.userId) };
    });
  }

  async joinRoom(join: EncodedJoin): Promise<JoinRoomOutcome> {
    return await this.#connection.run("joinRoom", async (calls) => {
      const noted = await calls.script("enterRoom", this.#keys.session(join.sessionId), join.roomId, join.joinedAs);
      if (noted === null) return { kind: "no_session" };
      this.#reached("join.noted");
      const [ttl, roomBefore, joinedAsBefore, fields] = listOf(noted);
      const ttlMs = integerOf(ttl);
      const session = sessionOf(fields);
      const before = { roomId: textOf(roomBefore), joinedAs: textOf(joinedAsBefore) };
      const [status, people, detail] = listOf(await this.#takePlace(calls, { session, join, ttlMs }));
      this.#reached("join.placed");
      if (status !== "joined") return await this.#refused(calls, { join, before, people: integerOf(people), detail });

      const holder = await this.#settle(calls, { session, ttlMs }, join.roomId);
      if (holder === undefined) return { kind: "no_session" };
      const superseded = bySessionId(listOf(detail).flatMap((place) => occupantOf(place) ?? []));
      await Promise.all(superseded.map((older) => this.#clearNote(calls, older.sessionId, join.roomId)));
      const { roomId: _, joinedAs = {}, ...claim } = holder;
      const outcome = {
        kind: "joined",
        occupant: { ...claim, joinedAs },
        superseded,
        people: integerOf(people),
      } as const;
      if (before.roomId === "" || before.roomId === join.roomId) return outcome;
      await calls.script("removePlace", this.#keys.room(before.roomId), join.sessionId, "", "", NOBODY);
      return { ...outcome, leftRoomId: before.roomId };
    });
  }

  async leaveRoom(place: { readonly roomId: string; readonly sessionId: string }): Promise<LeaveRoomOutcome> {
    return await this.#connection.run("leaveRoom", async (calls) => {
      const [personInside, fields] = listOf(
        await calls.script("removePlace", this.#keys.room(place.roomId), place.sessionId, "", "", ""),
      );
      this.#reached("leave.left");
      await this.#clearNote(calls, place.sessionId, place.roomId);
      const removed = occupantOf(fields);
      return { personInside: personInside === 1, ...(removed !== undefined && { removed }) };
    });
  }

  async occupants(roomId: string): Promise<readonly Occupant[]> {
    return await this.#connection.run("occupants", (calls) => this.#places(calls, roomId));
  }

  async sessionsOfNode(node: string): Promise<readonly SessionRecord[]> {
    return await this.#connection.run("sessionsOfNode", (calls) => this.#sessionsOf(calls, node));
  }

  async roomsOfNode(node: string): Promise<readonly string[]> {
    const sessions = await this.#connection.run("roomsOfNode", (calls) => this.#sessionsOf(calls, node));
    const rooms = new Set(sessions.flatMap((session) => (session.roomId === undefined ? [] : [session.roomId])));
    return [...rooms].sort();
  }

  async reapNode(node: string, roomId?: string): Promise<readonly RemovedSession[]> {
    return await this.#connection.run("reapNode", async (calls) => {
      const sessions = await this.#sessionsOf(calls, node);
      const doomed = sessions.filter((session) => roomId === undefined || session.roomId === roomId);
      const removed: SessionRecord[] = [];
      for (let start = 0; start < doomed.length; start += MAX_BATCH) {
        const batch = doomed.slice(start, start + MAX_BATCH);
        const reaped = await Promise.all(batch.map((session) => this.#reap(calls, node, session.sessionId)));
        removed.push(...reaped.filter((record) => record !== undefined));
      }
      if (roomId !== undefined) await this.#dropOrphans(calls, node, roomId);
      return await this.#withPeopleLeft(calls, removed);
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #read(calls: RedisCalls, sessionId: string): Promise<SessionRecord | undefined> {
    const fields = listOf(await calls.script("readSession", this.#keys.session(sessionId)));
    return fields.length === 0 ? undefined : sessionOf(fields);
  }

  async #list(calls: RedisCalls, node: string, sessionIds: readonly string[]): Promise<void> {
    const key = this.#keys.node(node);
    await Promise.all([calls.command("SADD", key, ...sessionIds), calls.command("PEXPIRE", key, NODE_KEPT_MS)]);
  }

  /** The sessions whose records name the node; ids that are in its list for nothing are dropped from it. */
  async #sessionsOf(calls: RedisCalls, node: string): Promise<readonly SessionRecord[]> {
    const key = this.#keys.node(node);
    const listed = listOf(await calls.command("SMEMBERS", key)).map(textOf);
    const sessions: SessionRecord[] = [];
    for (let start = 0; start < listed.length; start += MAX_BATCH) {
      const batch = listed.slice(start, start + MAX_BATCH);
      const records = await Promise.all(batch.map((sessionId) => this.#read(calls, sessionId)));
      const stale = batch.filter((_, index) => records[index]?.node !== node);
      if (stale.length > 0) await calls.command("SREM", key, ...stale);
      sessions.push(...records.filter((record) => record?.node === node).filter((record) => record !== undefined));
    }
    return bySessionId(sessions);
  }

  async #places(calls: RedisCalls, roomId: string): Promise<readonly Occupant[]> {
    const places = listOf(await calls.script("listPlaces", this.#keys.room(roomId)));
    return bySessionId(places.flatMap((fields) => occupantOf(fields) ?? []));
  }

  async #takePlace(
    calls: RedisCalls,
    { session, join, ttlMs }: { readonly session: SessionRecord; readonly join: EncodedJoin; readonly ttlMs: number },
  ): Promise<unknown> {
    return await calls.script(
      "joinRoom",
      this.#keys.room(join.roomId),
      session.sessionId,
      session.node,
      session.userId,
      session.deviceId,
      session.generation,
      session.epoch,
      join.joinedAs,
      join.capacity,
      ttlMs,
    );
  }

  async #refused(
    calls: RedisCalls,
    refusal: {
      readonly join: EncodedJoin;
      readonly before: { readonly roomId: string; readonly joinedAs: string };
      readonly people: number;
      readonly detail: unknown;
    },
  ): Promise<JoinRoomOutcome> {
    const { join, before, people, detail } = refusal;
    // A session that was in this very room has lost its place to the newer one.
    const back = before.roomId === join.roomId ? { roomId: "", joinedAs: "" } : before;
    const key = this.#keys.session(join.sessionId);
    await calls.script("restoreRoom", key, join.roomId, back.roomId, back.joinedAs);
    const by = detail === undefined ? undefined : occupantOf(detail);
    return by === undefined ? { kind: "full", people } : { kind: "superseded", by };
  }

  /** After the place was taken: is the session still there, still bound for this room, still on that node? */
  async #settle(
    calls: RedisCalls,
    { session, ttlMs }: { readonly session: SessionRecord; readonly ttlMs: number },
    roomId: string,
  ): Promise<SessionRecord | undefined> {
    const now = await this.#read(calls, session.sessionId);
    if (now?.roomId !== roomId) {
      await calls.script("removePlace", this.#keys.room(roomId), session.sessionId, "", session.epoch, NOBODY);
      return undefined;
    }
    if (now.epoch !== session.epoch) await this.#renewPlace(calls, { ...now, roomId }, ttlMs);
    return now;
  }

  async #renewPlace(
    calls: RedisCalls,
    session: { readonly sessionId: string; readonly node: string; readonly epoch: number; readonly roomId: string },
    ttlMs: number,
  ): Promise<boolean> {
    const key = this.#keys.room(session.roomId);
    return (await calls.script("renewPlace", key, session.sessionId, session.node, session.epoch, ttlMs)) === 1;
  }

  async #clearNote(calls: RedisCalls, sessionId: string, roomId: string): Promise<void> {
    await calls.script("restoreRoom", this.#keys.session(sessionId), roomId, "", "");
  }

  /** Whoever deletes the record reports it; of two reapers that is one. */
  async #reap(calls: RedisCalls, node: string, sessionId: string): Promise<SessionRecord | undefined> {
    const [status, fields] = listOf(await calls.script("removeSession", this.#keys.session(sessionId), node, ""));
    if (status !== "removed") return undefined;
    const record = sessionOf(fields);
    await this.#afterRemoval(calls, record, NOBODY);
    return record;
  }

  /** Gives up the place of a session whose record is gone; answers whether the person has another place in the room. */
  async #afterRemoval(calls: RedisCalls, record: SessionRecord, userId: string): Promise<boolean> {
    this.#reached("remove.removed");
    await calls.command("SREM", this.#keys.node(record.node), record.sessionId);
    if (record.roomId === undefined) return false;
    const key = this.#keys.room(record.roomId);
    const [personInside] = listOf(await calls.script("removePlace", key, record.sessionId, "", record.epoch, userId));
    return personInside === 1;
  }

  /** Places of the dead node whose session somebody deleted without getting as far as the place. */
  async #dropOrphans(calls: RedisCalls, node: string, roomId: string): Promise<void> {
    for (const place of await this.#places(calls, roomId)) {
      if (place.node !== node || (await this.#read(calls, place.sessionId)) !== undefined) continue;
      await calls.script("removePlace", this.#keys.room(roomId), place.sessionId, node, place.epoch, NOBODY);
    }
  }

  async #withPeopleLeft(calls: RedisCalls, removed: readonly SessionRecord[]): Promise<readonly RemovedSession[]> {
    const peopleOf = new Map<string, ReadonlySet<string>>();
    for (const { roomId } of removed) {
      if (roomId === undefined || peopleOf.has(roomId)) continue;
      peopleOf.set(roomId, new Set((await this.#places(calls, roomId)).map((place) => place.userId)));
    }
    return removed.map((record) => ({
      record,
      personInside: record.roomId !== undefined && peopleOf.get(record.roomId)?.has(record.userId) === true,
    }));
  }
}

function bySessionId<Item extends { readonly sessionId: string }>(items: readonly Item[]): readonly Item[] {
  return [...items].sort((one, other) => (one.sessionId < other.sessionId ? -1 : 1));
}
