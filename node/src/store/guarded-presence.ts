// The part of Presence's contract that does not depend on the server: argument checks, batches, closed state.

import { ANY_COUNT, bad, POSITIVE, requireId, requireInteger, requireOptionalId } from "./checks.ts";
import { StoreUsageError } from "./errors.ts";
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
} from "./presence.ts";
import { MAX_BATCH, MAX_INFO_BYTES } from "./presence.ts";

/** A day: no session outlives it without a refresh, whatever a caller asks. */
const TTL = { min: 1, max: 86_400_000 } as const;

/** What an adapter must supply: the same operations with arguments already checked, the participant's info already encoded. */
export interface PresenceAdapter extends Omit<Presence, "joinRoom" | "clearNode"> {
  joinRoom(join: EncodedJoin): Promise<JoinRoomOutcome>;
}

export interface EncodedJoin extends Omit<JoinRoom, "joinedAs"> {
  /** JSON. */
  readonly joinedAs: string;
}

export class GuardedPresence implements Presence {
  readonly #inner: PresenceAdapter;
  #closing: Promise<void> | undefined;

  constructor(inner: PresenceAdapter) {
    this.#inner = inner;
  }

  async ping(): Promise<void> {
    await this.#open().ping();
  }

  async nextGeneration(device: { readonly userId: string; readonly deviceId: string }): Promise<number> {
    requireId(device.userId, "userId");
    requireId(device.deviceId, "deviceId");
    return await this.#open().nextGeneration(device);
  }

  async putSession(claim: PutSession): Promise<PutSessionOutcome> {
    for (const name of ["sessionId", "node", "userId", "deviceId"] as const) requireId(claim[name], name);
    requireInteger(claim.generation, "generation", ANY_COUNT);
    requireInteger(claim.epoch, "epoch", POSITIVE);
    requireInteger(claim.ttlMs, "ttlMs", TTL);
    return await this.#open().putSession(claim);
  }

  async getSession(sessionId: string): Promise<SessionRecord | undefined> {
    requireId(sessionId, "sessionId");
    return await this.#open().getSession(sessionId);
  }

  async refreshSessions(refresh: {
    readonly node: string;
    readonly sessionIds: readonly string[];
    readonly ttlMs: number;
  }): Promise<RefreshOutcome> {
    requireId(refresh.node, "node");
    requireInteger(refresh.ttlMs, "ttlMs", TTL);
    for (const sessionId of refresh.sessionIds) requireId(sessionId, "sessionId");
    const inner = this.#open();
    const sessionIds = [...new Set(refresh.sessionIds)];
    const lost: string[] = [];
    const rooms = new Map<string, string>();
    for (let start = 0; start < sessionIds.length; start += MAX_BATCH) {
      const batch = sessionIds.slice(start, start + MAX_BATCH);
      const outcome = await inner.refreshSessions({ ...refresh, sessionIds: batch });
      lost.push(...outcome.lost);
      for (const [sessionId, roomId] of outcome.rooms) rooms.set(sessionId, roomId);
    }
    return { lost, rooms };
  }

  async removeSession(
    sessionId: string,
    owner: { readonly node: string; readonly epoch: number },
  ): Promise<RemovedSession | undefined> {
    requireId(sessionId, "sessionId");
    requireId(owner.node, "node");
    requireInteger(owner.epoch, "epoch", POSITIVE);
    return await this.#open().removeSession(sessionId, owner);
  }

  async joinRoom(join: JoinRoom): Promise<JoinRoomOutcome> {
    requireId(join.roomId, "roomId");
    requireId(join.sessionId, "sessionId");
    requireInteger(join.capacity, "capacity", POSITIVE);
    return await this.#open().joinRoom({ ...join, joinedAs: encodeInfo(join.joinedAs) });
  }

  async leaveRoom(place: { readonly roomId: string; readonly sessionId: string }): Promise<LeaveRoomOutcome> {
    requireId(place.roomId, "roomId");
    requireId(place.sessionId, "sessionId");
    return await this.#open().leaveRoom(place);
  }

  async occupants(roomId: string): Promise<readonly Occupant[]> {
    requireId(roomId, "roomId");
    return await this.#open().occupants(roomId);
  }

  async sessionsOfNode(node: string): Promise<readonly SessionRecord[]> {
    requireId(node, "node");
    return await this.#open().sessionsOfNode(node);
  }

  async roomsOfNode(node: string): Promise<readonly string[]> {
    requireId(node, "node");
    return await this.#open().roomsOfNode(node);
  }

  async reapNode(node: string, roomId?: string): Promise<readonly RemovedSession[]> {
    requireId(node, "node");
    requireOptionalId(roomId, "roomId");
    return await this.#open().reapNode(node, roomId);
  }

  async clearNode(node: string): Promise<readonly RemovedSession[]> {
    requireId(node, "node");
    return await this.#open().reapNode(node);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#inner.close();
    await this.#closing;
  }

  #open(): PresenceAdapter {
    if (this.#closing !== undefined) throw new StoreUsageError("store_closed", "the presence store is closed");
    return this.#inner;
  }
}

function encodeInfo(info: unknown): string {
  if (typeof info !== "object" || info === null || Array.isArray(info)) throw bad("joinedAs is not an object");
  let json: string;
  try {
    json = JSON.stringify(info);
  } catch (cause) {
    throw bad(`joinedAs is not JSON (${String(cause)})`);
  }
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_INFO_BYTES) throw bad(`joinedAs takes ${bytes} bytes, more than ${MAX_INFO_BYTES}`);
  return json;
}
