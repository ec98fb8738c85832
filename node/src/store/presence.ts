// The ephemeral store: which session lives on which node, and who is in which room now. Adapters: store/redis and
// store/sqlite. Rules: SPEC.md [T20…T49].
//
// Nothing here is ever removed by person: every removal names a session (and who owned it), so a late goodbye of an old
// session cannot touch a newer one. Records carry a time to live that the store's own clock counts down; the owning node
// refreshes them. A sensible choice is ttlMs 45,000 with a refresh every 10,000.
//
// How a node uses it:
//   POST /v1/sessions      generation = await nextGeneration({ userId, deviceId })      (kept in the session token)
//   hello (first)          putSession({ …, epoch: 1 })
//   hello (resume)         putSession({ …, epoch: (await getSession(id))?.epoch + 1 })  (room and joinedAs are kept)
//   POST …/join            joinRoom(…) on any node
//   every 10 s             refreshSessions(…): `lost` → putSession and joinRoom again, or drop; compare `rooms` with your own view
//   leave                  leaveRoom(…)
//   socket gone for good   removeSession(…)
//   shutdown               clearNode(me)
//   another node died      roomsOfNode(dead), then reapNode(dead, room) for the rooms that are mine to reap
//
// What can be thrown: StoreUnavailableError (away, within 2 s by default) and StoreUsageError. Everything may be repeated.
//
// Ids (of rooms, sessions, nodes, people, devices) are 1 to 128 of the characters A-Z a-z 0-9 . _ : @ / + = - ; anything
// else is a StoreUsageError, so check what strangers send (a device id) before it comes here.

export type SessionId = string;
export type NodeId = string;
export type DeviceId = string;

/** What the others in a room should know of a participant (name, role, …). JSON, at most MAX_INFO_BYTES when encoded. */
export type ParticipantInfo = Readonly<Record<string, unknown>>;

/** Greatest size of a ParticipantInfo, as UTF-8 JSON. */
export const MAX_INFO_BYTES = 4096;

export interface SessionRecord {
  /** Minted once, never reused. */
  readonly sessionId: SessionId;
  /** The node that holds the session's socket. */
  readonly node: NodeId;
  readonly userId: string;
  readonly deviceId: DeviceId;
  /** Order of the sessions of one device: the greater supersedes the smaller, whatever arrives first. From nextGeneration(). */
  readonly generation: number;
  /** Order of the claims on one session: starts at 1, every resume raises it. */
  readonly epoch: number;
  /** The room the session is in (or is just entering). */
  readonly roomId?: string;
  /** Present with roomId. */
  readonly joinedAs?: ParticipantInfo;
}

export interface Occupant {
  readonly sessionId: SessionId;
  readonly node: NodeId;
  readonly userId: string;
  readonly deviceId: DeviceId;
  readonly generation: number;
  readonly epoch: number;
  readonly joinedAs: ParticipantInfo;
}

export interface PutSession {
  readonly sessionId: SessionId;
  readonly node: NodeId;
  readonly userId: string;
  readonly deviceId: DeviceId;
  readonly generation: number;
  readonly epoch: number;
  /** At least 1. The room record of the session gets the same time. */
  readonly ttlMs: number;
}

export type PutSessionOutcome =
  /** The session is this node's now. A resumed session keeps its room: `record.roomId`. `previousNode` held it before. */
  | { readonly kind: "claimed"; readonly record: SessionRecord; readonly previousNode?: NodeId }
  /** Somebody holds the session with a greater epoch, or with the same epoch on another node; `record` is theirs. */
  | { readonly kind: "stale"; readonly record: SessionRecord };

export interface JoinRoom {
  readonly roomId: string;
  /** Person, device, node, generation and epoch are read from the session's record. */
  readonly sessionId: SessionId;
  /** People. */
  readonly capacity: number;
  readonly joinedAs: ParticipantInfo;
}

export type JoinRoomOutcome =
  | {
      readonly kind: "joined";
      readonly occupant: Occupant;
      /** Older sessions of the same person and device that were in the room; they no longer are. Tell their nodes. */
      readonly superseded: readonly Occupant[];
      /** The room that the session was in before, which it has left by this. */
      readonly leftRoomId?: string;
      /** Distinct people now inside, this one included. */
      readonly people: number;
    }
  | { readonly kind: "full"; readonly people: number }
  | { readonly kind: "no_session" }
  /** A newer session of the same device is inside; this one is history. */
  | { readonly kind: "superseded"; readonly by: Occupant };

export interface LeaveRoomOutcome {
  /** The record that was removed; undefined when the session was not in that room. */
  readonly removed?: Occupant;
  /** True when the same person is still inside with another session (so the others see no leave). */
  readonly personInside: boolean;
}

export interface RefreshOutcome {
  /** Sessions whose record is gone or belongs to another node: no longer yours, unless you claim them again. */
  readonly lost: readonly SessionId[];
  /**
   * Where the store sees each of the others that has a place. A session that you believe to be in a room and that is not
   * here with that room was superseded, or the store lost its data: join again, or tell it.
   */
  readonly rooms: ReadonlyMap<SessionId, string>;
}

/** A session that was removed, with the place it had. */
export interface RemovedSession {
  readonly record: SessionRecord;
  /** As in LeaveRoomOutcome, for record.roomId; false without a room. */
  readonly personInside: boolean;
}

export interface Presence {
  /** Answers when the store is usable now; throws StoreUnavailableError otherwise. For readiness. */
  ping(): Promise<void>;

  /** A number greater than every one given before for this person and device, also after the store lost its data. */
  nextGeneration(device: { readonly userId: string; readonly deviceId: DeviceId }): Promise<number>;

  /** Claims a session. Repeating a claim that holds renews its time. */
  putSession(claim: PutSession): Promise<PutSessionOutcome>;
  getSession(sessionId: SessionId): Promise<SessionRecord | undefined>;
  /** Renews the sessions that name `node`, and their places in rooms. More than MAX_BATCH ids are cut into batches. */
  refreshSessions(refresh: {
    readonly node: NodeId;
    readonly sessionIds: readonly SessionId[];
    readonly ttlMs: number;
  }): Promise<RefreshOutcome>;
  /** Compare and delete: only if the record still names this node and epoch. Leaves its room too. */
  removeSession(
    sessionId: SessionId,
    owner: { readonly node: NodeId; readonly epoch: number },
  ): Promise<RemovedSession | undefined>;

  /** Counts distinct people. Who is inside (with any session) is always let in again. A session is in one room at most. */
  joinRoom(join: JoinRoom): Promise<JoinRoomOutcome>;
  /** Removes that session's place and no other's. */
  leaveRoom(place: { readonly roomId: string; readonly sessionId: SessionId }): Promise<LeaveRoomOutcome>;
  /** Ascending by session id (ULIDs: oldest session first). */
  occupants(roomId: string): Promise<readonly Occupant[]>;

  sessionsOfNode(node: NodeId): Promise<readonly SessionRecord[]>;
  /** Rooms in which sessions of this node are; ascending. */
  roomsOfNode(node: NodeId): Promise<readonly string[]>;
  /**
   * Removes what still names the dead node, and answers what *this* call removed, so that of two reapers only one reports each
   * session. With roomId: the sessions in that room; without: all, also those in no room. A session that has resumed elsewhere is left alone.
   */
  reapNode(node: NodeId, roomId?: string): Promise<readonly RemovedSession[]>;
  /** At shutdown: the same for a node that says itself that it is gone. */
  clearNode(node: NodeId): Promise<readonly RemovedSession[]>;

  /** Idempotent. Every later call throws StoreUsageError "store_closed". */
  close(): Promise<void>;
}

/** Greatest number of sessions per round trip; greater work is cut. */
export const MAX_BATCH = 200;
