/**
 * The rooms that this node serves and the sessions in them, and which node publishes which track. A room exists here
 * while somebody of this node is in it. Shell only in that it keeps one timer a room.
 */
import type { Grants, MediaKind, TrackSource } from "#protocol";
import type { TrackDescription } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Entry, LiveTrack } from "./entry.ts";
import { Room, type RoomSink } from "./room.ts";
import type { RoomClient } from "./room-service.ts";

/** One session of this node in a room. */
export interface Member {
  readonly sessionId: string;
  readonly roomId: string;
  /** A moderator can change them. */
  grants: Grants;
  client: RoomClient;
  entry: Entry;
  /** What it publishes; the entry has them while it may. */
  tracks: readonly LiveTrack[];
  /** Slots of its last answer. */
  slots: readonly { readonly mid: string; readonly kind: MediaKind }[];
  socketLost: boolean;
  mediaLost: boolean;
  /** Own tracks by media line, as the last answer has them. */
  lines: ReadonlyMap<string, { readonly trackId: string; readonly source: TrackSource }>;
  /** Offers are answered one after the other. */
  offers: Promise<unknown>;
  waitingOffers: number;
  cancelGone: (() => void) | undefined;
}

interface Host {
  readonly room: Room;
  armedForMs: number;
  cancel: () => void;
}

export class RoomRegistry {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #hosts = new Map<string, Host>();
  readonly #members = new Map<string, Member>();
  readonly #sinkFor: (roomId: string) => RoomSink;

  constructor(identity: { readonly self: string; readonly clock: Clock }, sinkFor: (roomId: string) => RoomSink) {
    this.#self = identity.self;
    this.#clock = identity.clock;
    this.#sinkFor = sinkFor;
  }

  rooms(): readonly Room[] {
    return [...this.#hosts.values()].map((host) => host.room);
  }

  find(roomId: string): Room | undefined {
    return this.#hosts.get(roomId)?.room;
  }

  open(roomId: string): Room {
    const known = this.find(roomId);
    if (known !== undefined) return known;
    const room = new Room({ roomId, self: this.#self }, this.#sinkFor(roomId));
    this.#hosts.set(roomId, { room, armedForMs: Number.POSITIVE_INFINITY, cancel: () => undefined });
    return room;
  }

  /** Forgets the room when nobody of this node is in it any more; true when it did. */
  closeIfEmpty(roomId: string): boolean {
    const host = this.#hosts.get(roomId);
    if (host === undefined || host.room.localCount > 0) return false;
    host.cancel();
    return this.#hosts.delete(roomId);
  }

  /** To be called after everything that may have changed when the room wants time. */
  arm(roomId: string): void {
    const host = this.#hosts.get(roomId);
    if (host === undefined) return;
    const deadlineMs = host.room.deadlineMs();
    if (deadlineMs === host.armedForMs) return;
    host.cancel();
    host.armedForMs = deadlineMs;
    host.cancel = deadlineMs === Number.POSITIVE_INFINITY ? () => undefined : this.#startTimer(roomId, host);
  }

  member(sessionId: string): Member | undefined {
    return this.#members.get(sessionId);
  }

  members(): readonly Member[] {
    return [...this.#members.values()];
  }

  memberOf(roomId: string, participantId: string): Member | undefined {
    for (const member of this.#members.values())
      if (member.roomId === roomId && member.entry.participantId === participantId) return member;
    return undefined;
  }

  /** Whose track this is, also while it is not forwarded. */
  publisherOf(roomId: string, trackId: string): Member | undefined {
    for (const member of this.#members.values())
      if (member.roomId === roomId && member.tracks.some((track) => track.trackId === trackId)) return member;
    return undefined;
  }

  add(member: Member): void {
    this.#members.set(member.sessionId, member);
  }

  remove(member: Member): void {
    member.cancelGone?.();
    if (this.#members.get(member.sessionId) === member) this.#members.delete(member.sessionId);
  }

  localTrack(roomId: string, trackId: string): TrackDescription | undefined {
    const found = this.find(roomId)?.findTrack(trackId);
    return found?.node === this.#self ? found.live : undefined;
  }

  remoteTrack(
    roomId: string,
    trackId: string,
  ): { readonly node: string; readonly track: TrackDescription } | undefined {
    const found = this.find(roomId)?.findTrack(trackId);
    return found === undefined || found.node === this.#self ? undefined : { node: found.node, track: found.live };
  }

  clear(): void {
    for (const host of this.#hosts.values()) host.cancel();
    for (const member of this.#members.values()) member.cancelGone?.();
    this.#hosts.clear();
    this.#members.clear();
  }

  #startTimer(roomId: string, host: Host): () => void {
    const delayMs = Math.max(0, host.armedForMs - this.#clock.nowMs());
    return this.#clock.after(delayMs, () => {
      host.armedForMs = Number.NEGATIVE_INFINITY;
      host.room.handleTimeout(this.#clock.nowMs());
      this.arm(roomId);
    });
  }
}
