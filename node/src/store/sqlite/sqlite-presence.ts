// Presence in a file of its own beside the embedded archive's: the archive's writers wait for the disk while they hold its
// lock, and what blocks the event loop must never wait for that. A session's place in a room is a part of its row, and every
// operation is one statement or one transaction, so nothing can be half done. Time is the machine's wall clock, which all
// processes share.

import { join, parse } from "node:path";
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
import type { Row } from "./database.ts";
import { SqliteDatabase } from "./database.ts";
import { integerOf, occupantOf, sessionOf, textOf } from "./rows.ts";

export interface SqlitePresenceOptions {
  /** The archive's file; presencePathOf() says which one is used. Made when missing, shared with other processes of this machine. */
  readonly path: string;
  /** How long to wait for another process's write. Default 1000 ms. */
  readonly busyTimeoutMs?: number;
  /** Unix milliseconds; one clock for all processes of the machine. Default Date.now. */
  readonly nowMs?: () => number;
}

/** Generations count from the wall clock, so a row untouched for a day can go: the next one will be greater anyway. */
const GENERATION_KEPT_MS = 86_400_000;

/** "data/hearsay.sqlite" has its presence in "data/hearsay.presence.sqlite". */
export function presencePathOf(path: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.presence${ext}`);
}

/** Opens the file (and migrates it). Throws StoreUnavailableError when it cannot be opened or stays locked for 5 s. */
export function openSqlitePresence(options: SqlitePresenceOptions): Presence {
  const db = SqliteDatabase.open({ ...options, path: presencePathOf(options.path), store: "presence", durable: false });
  return new GuardedPresence(new SqlitePresence(db, options.nowMs ?? Date.now));
}

class SqlitePresence implements PresenceAdapter {
  readonly #db: SqliteDatabase;
  readonly #nowMs: () => number;

  constructor(db: SqliteDatabase, nowMs: () => number) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  async ping(): Promise<void> {
    this.#db.run("ping", () => this.#db.first("SELECT 1 AS one FROM session LIMIT 1"));
  }

  async nextGeneration(device: { readonly userId: string; readonly deviceId: string }): Promise<number> {
    return this.#db.transact("nextGeneration", () => {
      const nowMs = this.#nowMs();
      this.#db.change(
        "DELETE FROM generation WHERE (user_id, device_id) IN (SELECT user_id, device_id FROM generation WHERE value < ? LIMIT ?)",
        nowMs - GENERATION_KEPT_MS,
        MAX_BATCH,
      );
      const row = this.#db.first(
        `INSERT INTO generation (user_id, device_id, value) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value`,
        device.userId,
        device.deviceId,
        nowMs,
      );
      if (row === undefined) throw new TypeError("an upsert answered no row");
      return integerOf(row, "value");
    });
  }

  async putSession(claim: PutSession): Promise<PutSessionOutcome> {
    return this.#db.transact("putSession", () => {
      const nowMs = this.#nowMs();
      this.#forgetExpired(nowMs);
      // The line above is bounded; what has run out must not lend this claim its place.
      this.#db.change("DELETE FROM session WHERE session_id = ? AND expires_at_ms <= ?", claim.sessionId, nowMs);
      const earlier = this.#live(claim.sessionId, nowMs);
      if (earlier !== undefined) {
        const holds = earlier.epoch === claim.epoch && earlier.node === claim.node;
        if (earlier.epoch >= claim.epoch && !holds) return { kind: "stale", record: earlier };
      }
      const row = this.#db.first(
        `INSERT INTO session (session_id, node, user_id, device_id, generation, epoch, expires_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET node = excluded.node, epoch = excluded.epoch, expires_at_ms = excluded.expires_at_ms
         RETURNING *`,
        claim.sessionId,
        claim.node,
        claim.userId,
        claim.deviceId,
        claim.generation,
        claim.epoch,
        nowMs + claim.ttlMs,
      );
      if (row === undefined) throw new TypeError("an upsert answered no row");
      const record = sessionOf(row);
      return { kind: "claimed", record, ...(earlier !== undefined && { previousNode: earlier.node }) };
    });
  }

  async getSession(sessionId: string): Promise<SessionRecord | undefined> {
    return this.#db.run("getSession", () => this.#live(sessionId, this.#nowMs()));
  }

  async refreshSessions(refresh: {
    readonly node: string;
    readonly sessionIds: readonly string[];
    readonly ttlMs: number;
  }): Promise<RefreshOutcome> {
    return this.#db.transact("refreshSessions", () => {
      const nowMs = this.#nowMs();
      const lost: string[] = [];
      const rooms = new Map<string, string>();
      for (const sessionId of refresh.sessionIds) {
        const row = this.#db.first(
          "UPDATE session SET expires_at_ms = ? WHERE session_id = ? AND node = ? AND expires_at_ms > ? RETURNING room_id",
          nowMs + refresh.ttlMs,
          sessionId,
          refresh.node,
          nowMs,
        );
        if (row === undefined) lost.push(sessionId);
        else if (row["room_id"] !== null) rooms.set(sessionId, textOf(row, "room_id"));
      }
      this.#forgetExpired(nowMs);
      return { lost, rooms };
    });
  }

  async removeSession(
    sessionId: string,
    owner: { readonly node: string; readonly epoch: number },
  ): Promise<RemovedSession | undefined> {
    return this.#db.transact("removeSession", () => {
      const nowMs = this.#nowMs();
      const row = this.#db.first(
        "DELETE FROM session WHERE session_id = ? AND node = ? AND epoch = ? AND expires_at_ms > ? RETURNING *",
        sessionId,
        owner.node,
        owner.epoch,
        nowMs,
      );
      return row === undefined ? undefined : this.#removed(row, nowMs);
    });
  }

  async joinRoom(join: EncodedJoin): Promise<JoinRoomOutcome> {
    return this.#db.transact("joinRoom", () => {
      const nowMs = this.#nowMs();
      const session = this.#live(join.sessionId, nowMs);
      if (session === undefined) return { kind: "no_session" };

      const inside = this.#occupantsAt(join.roomId, nowMs);
      const sameDevice = inside.filter(
        (other) =>
          other.sessionId !== session.sessionId &&
          other.userId === session.userId &&
          other.deviceId === session.deviceId,
      );
      const newer = sameDevice.find((other) => isNewer(other, session));
      if (newer !== undefined) return { kind: "superseded", by: newer };

      const people = new Set(inside.map((occupant) => occupant.userId));
      if (!people.has(session.userId) && people.size >= join.capacity) return { kind: "full", people: people.size };

      people.add(session.userId);
      for (const older of sameDevice) this.#takePlace(older.sessionId);
      const row = this.#db.first(
        "UPDATE session SET room_id = ?, joined_as = ? WHERE session_id = ? RETURNING *",
        join.roomId,
        join.joinedAs,
        join.sessionId,
      );
      if (row === undefined) throw new TypeError("a row vanished within a transaction");
      const leftRoomId = session.roomId === join.roomId ? undefined : session.roomId;
      return {
        kind: "joined",
        occupant: occupantOf(row),
        superseded: sameDevice,
        ...(leftRoomId !== undefined && { leftRoomId }),
        people: people.size,
      };
    });
  }

  async leaveRoom(place: { readonly roomId: string; readonly sessionId: string }): Promise<LeaveRoomOutcome> {
    return this.#db.transact("leaveRoom", () => {
      const nowMs = this.#nowMs();
      const session = this.#live(place.sessionId, nowMs);
      if (session?.roomId !== place.roomId || session.joinedAs === undefined) return { personInside: false };
      this.#takePlace(place.sessionId);
      const { roomId, joinedAs, ...claim } = session;
      return { removed: { ...claim, joinedAs }, personInside: this.#personInside(roomId, session.userId, nowMs) };
    });
  }

  async occupants(roomId: string): Promise<readonly Occupant[]> {
    return this.#db.run("occupants", () => this.#occupantsAt(roomId, this.#nowMs()));
  }

  async sessionsOfNode(node: string): Promise<readonly SessionRecord[]> {
    return this.#db.run("sessionsOfNode", () =>
      this.#db
        .all("SELECT * FROM session WHERE node = ? AND expires_at_ms > ? ORDER BY session_id", node, this.#nowMs())
        .map(sessionOf),
    );
  }

  async roomsOfNode(node: string): Promise<readonly string[]> {
    return this.#db.run("roomsOfNode", () =>
      this.#db
        .all(
          "SELECT DISTINCT room_id FROM session WHERE node = ? AND room_id IS NOT NULL AND expires_at_ms > ? ORDER BY room_id",
          node,
          this.#nowMs(),
        )
        .map((row) => textOf(row, "room_id")),
    );
  }

  async reapNode(node: string, roomId?: string): Promise<readonly RemovedSession[]> {
    return this.#db.transact("reapNode", () => {
      const nowMs = this.#nowMs();
      this.#forgetExpired(nowMs);
      const rows =
        roomId === undefined
          ? this.#db.all("DELETE FROM session WHERE node = ? AND expires_at_ms > ? RETURNING *", node, nowMs)
          : this.#db.all(
              "DELETE FROM session WHERE node = ? AND room_id = ? AND expires_at_ms > ? RETURNING *",
              node,
              roomId,
              nowMs,
            );
      return rows
        .map((row) => this.#removed(row, nowMs))
        .sort((one, other) => (one.record.sessionId < other.record.sessionId ? -1 : 1));
    });
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #live(sessionId: string, nowMs: number): SessionRecord | undefined {
    const row = this.#db.first("SELECT * FROM session WHERE session_id = ? AND expires_at_ms > ?", sessionId, nowMs);
    return row === undefined ? undefined : sessionOf(row);
  }

  #occupantsAt(roomId: string, nowMs: number): readonly Occupant[] {
    return this.#db
      .all("SELECT * FROM session WHERE room_id = ? AND expires_at_ms > ? ORDER BY session_id", roomId, nowMs)
      .map(occupantOf);
  }

  #personInside(roomId: string, userId: string, nowMs: number): boolean {
    return this.#occupantsAt(roomId, nowMs).some((occupant) => occupant.userId === userId);
  }

  #takePlace(sessionId: string): void {
    this.#db.change("UPDATE session SET room_id = NULL, joined_as = NULL WHERE session_id = ?", sessionId);
  }

  /** After the row was deleted. */
  #removed(row: Row, nowMs: number): RemovedSession {
    const record = sessionOf(row);
    const personInside = record.roomId !== undefined && this.#personInside(record.roomId, record.userId, nowMs);
    return { record, personInside };
  }

  /** Bounded work per call; every put and refresh removes more than it adds. */
  #forgetExpired(nowMs: number): void {
    this.#db.change(
      "DELETE FROM session WHERE session_id IN (SELECT session_id FROM session WHERE expires_at_ms <= ? LIMIT ?)",
      nowMs,
      MAX_BATCH,
    );
  }
}

/** Which of two sessions of one device is the later one: by generation, never by arrival. */
function isNewer(one: { readonly generation: number; readonly sessionId: string }, other: typeof one): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  return one.sessionId > other.sessionId;
}
