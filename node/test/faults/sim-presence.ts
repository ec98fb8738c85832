/**
 * A Presence in virtual time whose answers come late and out of order, that can be away, forget everything, and lose the
 * node that asks. One store, and one handle for each run of a node.
 */
import type { Random } from "#gossip";
import { type Clock, pause } from "../../src/mesh/clock.ts";
import { StoreUnavailableError } from "../../src/store/errors.ts";
import type {
  JoinRoom,
  JoinRoomOutcome,
  LeaveRoomOutcome,
  Occupant,
  Presence,
  PutSession,
  PutSessionOutcome,
  RefreshOutcome,
  RemovedSession,
  SessionRecord,
} from "../../src/store/presence.ts";

interface Row {
  claim: Omit<PutSession, "ttlMs">;
  place?: { readonly roomId: string; readonly joinedAs: JoinRoom["joinedAs"] };
  ttlMs: number;
  expiresAtMs: number;
}

/** What the store holds; each call is one step. Rules: store/SPEC.md [T20…T39]. */
class PresenceTables {
  readonly #nowMs: () => number;
  #rows = new Map<string, Row>();
  #lastGeneration = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  wipe(): void {
    this.#rows = new Map();
    this.#lastGeneration = 0;
  }

  nextGeneration(): number {
    this.#lastGeneration = Math.max(this.#lastGeneration + 1, Math.floor(this.#nowMs() * 1_000));
    return this.#lastGeneration;
  }

  put({ ttlMs, ...claim }: PutSession): PutSessionOutcome {
    const row = this.#live(claim.sessionId);
    const expiresAtMs = this.#nowMs() + ttlMs;
    if (row === undefined) {
      const fresh = { claim, ttlMs, expiresAtMs };
      this.#rows.set(claim.sessionId, fresh);
      return { kind: "claimed", record: recordOf(fresh) };
    }
    const { epoch, node } = row.claim;
    if (epoch > claim.epoch || (epoch === claim.epoch && node !== claim.node))
      return { kind: "stale", record: recordOf(row) };
    Object.assign(row, { claim, ttlMs, expiresAtMs });
    return { kind: "claimed", record: recordOf(row), previousNode: node };
  }

  get(sessionId: string): SessionRecord | undefined {
    const row = this.#live(sessionId);
    return row === undefined ? undefined : recordOf(row);
  }

  refresh(node: string, sessionIds: readonly string[], ttlMs: number): RefreshOutcome {
    const lost: string[] = [];
    const rooms = new Map<string, string>();
    for (const id of sessionIds) {
      const row = this.#live(id);
      if (row?.claim.node !== node) {
        lost.push(id);
        continue;
      }
      row.expiresAtMs = this.#nowMs() + ttlMs;
      if (row.place !== undefined) rooms.set(id, row.place.roomId);
    }
    return { lost, rooms };
  }

  remove(sessionId: string, owner: { readonly node: string; readonly epoch: number }): RemovedSession | undefined {
    const row = this.#live(sessionId);
    if (row?.claim.node !== owner.node || row.claim.epoch !== owner.epoch) return undefined;
    this.#rows.delete(sessionId);
    return { record: recordOf(row), personInside: this.#isInside(row) };
  }

  join(join: JoinRoom): JoinRoomOutcome {
    const row = this.#live(join.sessionId);
    if (row === undefined) return { kind: "no_session" };
    const { userId, deviceId, generation } = row.claim;
    const inside = this.occupants(join.roomId);
    const sameDevice = inside.filter(
      (one) => one.userId === userId && one.deviceId === deviceId && one.sessionId !== join.sessionId,
    );
    const newer = sameDevice.find((one) => one.generation > generation);
    if (newer !== undefined) return { kind: "superseded", by: newer };
    const people = new Set(inside.map((one) => one.userId));
    if (!people.has(userId) && people.size >= join.capacity) return { kind: "full", people: people.size };
    for (const older of sameDevice) delete this.#rows.get(older.sessionId)?.place;
    row.place = { roomId: join.roomId, joinedAs: join.joinedAs };
    const occupant = { ...row.claim, joinedAs: join.joinedAs };
    return { kind: "joined", occupant, superseded: sameDevice, people: people.add(userId).size };
  }

  leave(place: { readonly roomId: string; readonly sessionId: string }): LeaveRoomOutcome {
    const row = this.#live(place.sessionId);
    if (row?.place?.roomId !== place.roomId) return { personInside: false };
    const removed = { ...row.claim, joinedAs: row.place.joinedAs };
    const before = { ...row };
    delete row.place;
    return { removed, personInside: this.#isInside(before) };
  }

  occupants(roomId: string): readonly Occupant[] {
    return this.#all()
      .flatMap(({ claim, place }) => (place?.roomId === roomId ? [{ ...claim, joinedAs: place.joinedAs }] : []))
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
  }

  ofNode(node: string): readonly SessionRecord[] {
    return this.#all()
      .filter((row) => row.claim.node === node)
      .map(recordOf);
  }

  reap(node: string, roomId?: string): readonly RemovedSession[] {
    const reaped = this.ofNode(node).filter((record) => roomId === undefined || record.roomId === roomId);
    for (const { sessionId } of reaped) this.#rows.delete(sessionId);
    return reaped.map((record) => ({ record, personInside: false }));
  }

  #isInside({ claim, place }: Row): boolean {
    return place !== undefined && this.occupants(place.roomId).some((one) => one.userId === claim.userId);
  }

  #live(sessionId: string): Row | undefined {
    const row = this.#rows.get(sessionId);
    if (row === undefined || row.expiresAtMs > this.#nowMs()) return row;
    this.#rows.delete(sessionId);
    return undefined;
  }

  #all(): readonly Row[] {
    return [...this.#rows.keys()].flatMap((id) => this.#live(id) ?? []);
  }
}

const recordOf = ({ claim, place }: Row): SessionRecord => ({ ...claim, ...place });

/** Longest way to the store, and back; each draws its own, so calls overtake each other. */
const MAX_WAY_MS = 40;
/** How long a caller waits for a store that is away. */
const GIVE_UP_MS = 2_000;

export class SimStore {
  readonly tables: PresenceTables;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Silent: accepted, never answered. Down: refused at once. */
  mode: "up" | "silent" | "down" = "up";

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.tables = new PresenceTables(() => clock.nowMs());
  }

  /** What a node that runs asks; when it has died, nobody hears an answer. */
  handle(isAlive: () => boolean): Presence {
    const ask = async <T>(operation: string, work: (tables: PresenceTables) => T): Promise<T> => {
      const answer = await this.#ask(operation, work, isAlive);
      if (!isAlive()) await new Promise<never>(() => undefined);
      return answer;
    };
    return {
      ping: () => ask("ping", () => undefined),
      nextGeneration: () => ask("nextGeneration", (t) => t.nextGeneration()),
      putSession: (claim) => ask("putSession", (t) => t.put(claim)),
      getSession: (id) => ask("getSession", (t) => t.get(id)),
      refreshSessions: (r) => ask("refreshSessions", (t) => t.refresh(r.node, r.sessionIds, r.ttlMs)),
      removeSession: (id, owner) => ask("removeSession", (t) => t.remove(id, owner)),
      joinRoom: (join) => ask("joinRoom", (t) => t.join(join)),
      leaveRoom: (place) => ask("leaveRoom", (t) => t.leave(place)),
      occupants: (roomId) => ask("occupants", (t) => t.occupants(roomId)),
      sessionsOfNode: (node) => ask("sessionsOfNode", (t) => t.ofNode(node)),
      roomsOfNode: (node) => ask("roomsOfNode", (t) => roomsOf(t.ofNode(node))),
      reapNode: (node, roomId) => ask("reapNode", (t) => t.reap(node, roomId)),
      clearNode: (node) => ask("clearNode", (t) => t.reap(node)),
      close: () => Promise.resolve(),
    };
  }

  async #ask<T>(operation: string, work: (tables: PresenceTables) => T, isAlive: () => boolean): Promise<T> {
    await pause(this.#clock, this.#random.next() * MAX_WAY_MS);
    // A word that left before its node died may still arrive.
    if (!isAlive() && this.#random.next() < 0.5) await new Promise<never>(() => undefined);
    if (this.mode === "down") throw away(operation, "no");
    if (this.mode === "silent") {
      // It may have been carried out before the answer was lost.
      if (this.#random.next() < 0.3) work(this.tables);
      await pause(this.#clock, GIVE_UP_MS);
      throw away(operation, "unknown");
    }
    const answer = work(this.tables);
    await pause(this.#clock, this.#random.next() * MAX_WAY_MS);
    return answer;
  }
}

const away = (operation: string, stateChanged: "no" | "unknown"): StoreUnavailableError =>
  new StoreUnavailableError({ store: "presence", operation, stateChanged, cause: new Error("taken away") });

const roomsOf = (records: readonly SessionRecord[]): readonly string[] =>
  [...new Set(records.flatMap((record) => record.roomId ?? []))].sort();
