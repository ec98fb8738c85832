// A small Presence in plain maps, the reference for the property test. It knows no time: nothing runs out during a run.

import fc from "fast-check";
import type { Presence, PutSession, SessionRecord } from "../../src/store/presence.ts";

type Place = { readonly roomId: string; readonly joinedAs: { readonly tag: number } };
type Entry = { claim: Omit<PutSession, "ttlMs">; place?: Place };

export type PresenceStep =
  | { readonly kind: "put"; readonly session: number; readonly node: number; readonly epoch: number }
  | { readonly kind: "get"; readonly session: number }
  | { readonly kind: "refresh"; readonly node: number; readonly sessions: readonly number[] }
  | { readonly kind: "remove"; readonly session: number; readonly node: number; readonly epoch: number }
  | {
      readonly kind: "join";
      readonly session: number;
      readonly room: number;
      readonly capacity: number;
      readonly tag: number;
    }
  | { readonly kind: "leave"; readonly session: number; readonly room: number }
  | { readonly kind: "occupants"; readonly room: number }
  | { readonly kind: "ofNode"; readonly node: number }
  | { readonly kind: "reap"; readonly node: number; readonly room?: number };

export function presenceSteps(): fc.Arbitrary<PresenceStep[]> {
  const session = fc.integer({ min: 0, max: 7 });
  const node = fc.integer({ min: 0, max: 1 });
  const room = fc.integer({ min: 0, max: 1 });
  const epoch = fc.integer({ min: 1, max: 3 });
  const kind = <Kind extends string>(value: Kind) => fc.constant(value);
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: kind("put"), session, node, epoch }) },
      { weight: 1, arbitrary: fc.record({ kind: kind("get"), session }) },
      { weight: 1, arbitrary: fc.record({ kind: kind("refresh"), node, sessions: fc.uniqueArray(session) }) },
      { weight: 1, arbitrary: fc.record({ kind: kind("remove"), session, node, epoch }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: kind("join"),
          session,
          room,
          capacity: fc.integer({ min: 1, max: 3 }),
          tag: fc.nat(9),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: kind("leave"), session, room }) },
      { weight: 2, arbitrary: fc.record({ kind: kind("occupants"), room }) },
      { weight: 1, arbitrary: fc.record({ kind: kind("ofNode"), node }) },
      { weight: 1, arbitrary: fc.record({ kind: kind("reap"), node, room }, { requiredKeys: ["kind", "node"] }) },
    ),
    { minLength: 1, maxLength: 30 },
  );
}

export class PresenceModel {
  readonly #prefix: string;
  readonly #sessions = new Map<string, Entry>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Does the step here and on the store under test, and answers both results. */
  async apply(
    step: PresenceStep,
    presence: Presence,
  ): Promise<{ readonly expected: unknown; readonly actual: unknown }> {
    switch (step.kind) {
      case "put": {
        const claim = this.#claim(step);
        return { expected: this.#put(claim), actual: await presence.putSession({ ...claim, ttlMs: 600_000 }) };
      }
      case "get": {
        const id = this.#name("s", step.session);
        return { expected: this.#record(id), actual: await presence.getSession(id) };
      }
      case "refresh": {
        const node = this.#name("n", step.node);
        const sessionIds = step.sessions.map((number) => this.#name("s", number));
        const actual = await presence.refreshSessions({ node, sessionIds, ttlMs: 600_000 });
        return { expected: this.#refresh(node, sessionIds), actual };
      }
      case "remove": {
        const owner = { node: this.#name("n", step.node), epoch: step.epoch };
        const id = this.#name("s", step.session);
        return { expected: this.#remove(id, owner), actual: await presence.removeSession(id, owner) };
      }
      case "join": {
        const joinedAs = { tag: step.tag };
        const join = { roomId: this.#name("r", step.room), sessionId: this.#name("s", step.session), joinedAs };
        const capacity = step.capacity;
        return { expected: this.#join({ ...join, capacity }), actual: await presence.joinRoom({ ...join, capacity }) };
      }
      case "leave": {
        const place = { roomId: this.#name("r", step.room), sessionId: this.#name("s", step.session) };
        return { expected: this.#leave(place), actual: await presence.leaveRoom(place) };
      }
      case "occupants": {
        const roomId = this.#name("r", step.room);
        return { expected: this.#occupants(roomId), actual: await presence.occupants(roomId) };
      }
      case "ofNode": {
        const node = this.#name("n", step.node);
        const actual = [await presence.sessionsOfNode(node), await presence.roomsOfNode(node)];
        return { expected: this.#ofNode(node), actual };
      }
      case "reap": {
        const node = this.#name("n", step.node);
        const roomId = step.room === undefined ? undefined : this.#name("r", step.room);
        return { expected: this.#reap(node, roomId), actual: await presence.reapNode(node, roomId) };
      }
      default:
        throw new TypeError("no such step");
    }
  }

  #name(kind: string, number: number): string {
    return `${this.#prefix}-${kind}${number}`;
  }

  /** Eight sessions: two people, two devices each, two generations of each. */
  #claim(step: { readonly session: number; readonly node: number; readonly epoch: number }): Omit<PutSession, "ttlMs"> {
    return {
      sessionId: this.#name("s", step.session),
      node: this.#name("n", step.node),
      userId: this.#name("u", step.session & 1),
      deviceId: `device-${(step.session >> 1) & 1}`,
      generation: step.session >> 2,
      epoch: step.epoch,
    };
  }

  #record(id: string): SessionRecord | undefined {
    const entry = this.#sessions.get(id);
    return entry && { ...entry.claim, ...entry.place };
  }

  #put(claim: Omit<PutSession, "ttlMs">): unknown {
    const entry = this.#sessions.get(claim.sessionId);
    if (entry === undefined) {
      this.#sessions.set(claim.sessionId, { claim });
      return { kind: "claimed", record: claim };
    }
    const { epoch, node } = entry.claim;
    if (epoch > claim.epoch || (epoch === claim.epoch && node !== claim.node)) {
      return { kind: "stale", record: this.#record(claim.sessionId) };
    }
    entry.claim = claim;
    return { kind: "claimed", record: this.#record(claim.sessionId), previousNode: node };
  }

  #refresh(node: string, sessionIds: readonly string[]): unknown {
    const mine = sessionIds.filter((id) => this.#sessions.get(id)?.claim.node === node);
    const rooms = new Map<string, string>();
    for (const id of mine) {
      const roomId = this.#sessions.get(id)?.place?.roomId;
      if (roomId !== undefined) rooms.set(id, roomId);
    }
    return { lost: sessionIds.filter((id) => !mine.includes(id)), rooms };
  }

  #remove(id: string, owner: { readonly node: string; readonly epoch: number }): unknown {
    const record = this.#record(id);
    if (record?.node !== owner.node || record.epoch !== owner.epoch) return undefined;
    this.#sessions.delete(id);
    return { record, personInside: this.#personInside(record) };
  }

  #join(join: Place & { readonly sessionId: string; readonly capacity: number }): unknown {
    const entry = this.#sessions.get(join.sessionId);
    if (entry === undefined) return { kind: "no_session" };
    const { userId, deviceId, generation } = entry.claim;
    const inside = this.#occupants(join.roomId);
    const sameDevice = inside.filter(
      (one) => one.userId === userId && one.deviceId === deviceId && one.sessionId !== join.sessionId,
    );
    const newer = sameDevice.find((one) => one.generation > generation);
    if (newer) return { kind: "superseded", by: newer };
    const people = new Set(inside.map((one) => one.userId));
    if (!people.has(userId) && people.size >= join.capacity) return { kind: "full", people: people.size };
    for (const older of sameDevice) delete this.#sessions.get(older.sessionId)?.place;
    const leftRoomId = entry.place?.roomId;
    entry.place = { roomId: join.roomId, joinedAs: join.joinedAs };
    return {
      kind: "joined",
      occupant: { ...entry.claim, joinedAs: join.joinedAs },
      superseded: sameDevice,
      ...(leftRoomId !== undefined && leftRoomId !== join.roomId && { leftRoomId }),
      people: people.add(userId).size,
    };
  }

  #leave(place: { readonly roomId: string; readonly sessionId: string }): unknown {
    const removed = this.#occupants(place.roomId).find((one) => one.sessionId === place.sessionId);
    if (removed === undefined) return { personInside: false };
    delete this.#sessions.get(place.sessionId)?.place;
    return { removed, personInside: this.#personInside({ ...removed, roomId: place.roomId }) };
  }

  #occupants(roomId: string) {
    return [...this.#sessions.values()]
      .flatMap(({ claim, place }) => (place?.roomId === roomId ? [{ ...claim, joinedAs: place.joinedAs }] : []))
      .sort((one, other) => (one.sessionId < other.sessionId ? -1 : 1));
  }

  #personInside(record: { readonly roomId?: string; readonly userId: string }): boolean {
    return record.roomId !== undefined && this.#occupants(record.roomId).some((one) => one.userId === record.userId);
  }

  #ofNode(node: string): [readonly (SessionRecord | undefined)[], readonly string[]] {
    const records = [...this.#sessions.keys()]
      .sort()
      .map((id) => this.#record(id))
      .filter((record) => record?.node === node);
    const rooms = new Set(records.flatMap((record) => (record?.roomId === undefined ? [] : [record.roomId])));
    return [records, [...rooms].sort()];
  }

  #reap(node: string, roomId: string | undefined): unknown {
    const [records] = this.#ofNode(node);
    const reaped = records.flatMap((record) =>
      record !== undefined && (roomId === undefined || record.roomId === roomId) ? [record] : [],
    );
    for (const record of reaped) this.#sessions.delete(record.sessionId);
    return reaped.map((record) => ({ record, personInside: this.#personInside(record) }));
  }
}
