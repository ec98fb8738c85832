/**
 * The live rooms of a node: sessions in, messages out, slots to the media plane, words to the other nodes. This is the
 * shell that holds the pure Room, the announcer and the fan-out together. Rules: SPEC.md [P60…P79].
 */
import type { Random } from "#gossip";
import type { ParticipantInfo, ParticipantLeft } from "#protocol";
import type { MediaPlane, TrackDescription } from "../media/control.ts";
import { type Clock, systemClock } from "../mesh/clock.ts";
import { Emitter } from "../mesh/emitter.ts";
import type { Log } from "../mesh/log.ts";
import type { Mesh, MeshEvent } from "../mesh/mesh.ts";
import type { LiveRooms } from "./live-rooms-types.ts";
import type { HttpOrder, RoleChange } from "./moderation.ts";
import { Negotiator, type OfferInput } from "./negotiation.ts";
import { type Member, RoomRegistry } from "./registry.ts";
import type { RoomSink } from "./room.ts";
import { RoomAnnouncer } from "./room-announcements.ts";
import { RoomFanout } from "./room-fanout.ts";
import { RoomMedia } from "./room-media.ts";
import { type RoomClient, RoomError, type RoomJoin, type RoomService } from "./room-service.ts";
import { MAX_LOCAL_PARTICIPANTS, ROOM_REFUSALS, type RoomRefusal } from "./room-state.ts";
import type { NodeState } from "./roster.ts";

export type { LiveRooms, TrackDirectory } from "./live-rooms-types.ts";
export { MEDIA_GONE_MS } from "./media-presence.ts";

export interface LiveRoomsParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly log: Log;
  readonly random: Random;
  /** Default: the system's. */
  readonly clock?: Clock;
}

export function createRoomService(parts: LiveRoomsParts): LiveRooms {
  return new LiveRoomService(parts);
}

class LiveRoomService implements LiveRooms {
  readonly #mesh: Mesh;
  readonly #media: MediaPlane;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #registry: RoomRegistry;
  readonly #announcer: RoomAnnouncer;
  readonly #fanout: RoomFanout;
  readonly #negotiator: Negotiator;
  readonly #mediaGone: Emitter<string>;
  readonly #tracksChanged: Emitter<string>;
  readonly #removed: Emitter<string>;
  readonly #live: RoomMedia;
  readonly #refusals = new Map<RoomRefusal, number>(ROOM_REFUSALS.map((code) => [code, 0]));
  #unsubscribe: (() => void)[] | undefined;

  constructor(parts: LiveRoomsParts) {
    this.#mesh = parts.mesh;
    this.#media = parts.media;
    this.#log = parts.log;
    this.#clock = parts.clock ?? systemClock;
    const shared = { mesh: this.#mesh, clock: this.#clock, log: this.#log };
    const identity = { self: this.#mesh.self.name, clock: this.#clock };
    this.#registry = new RoomRegistry(identity, (roomId) => this.#sink(roomId));
    this.#announcer = new RoomAnnouncer({ ...shared, random: parts.random }, this.#announced());
    this.#fanout = new RoomFanout(shared, {
      hear: (roomId, node, levels) => {
        this.#registry.find(roomId)?.hear(node, levels, this.#clock.nowMs());
        this.#registry.arm(roomId);
      },
      refused: (code, from) => this.#refuse(code, from),
    });
    this.#negotiator = new Negotiator(parts);
    this.#mediaGone = new Emitter("media gone", this.#log);
    this.#tracksChanged = new Emitter("tracks changed", this.#log);
    this.#removed = new Emitter("removed", this.#log);
    const peersOf = (roomId: string): readonly string[] => this.#announcer.peersOf(roomId);
    const among = { ...shared, media: this.#media, registry: this.#registry, boot: this.#announcer.boot, peersOf };
    this.#live = new RoomMedia(among, {
      mediaGone: (sessionId) => this.#mediaGone.emit(sessionId),
      remove: (member) => this.#removed.emit(member.sessionId),
      update: (member) => this.#update(member),
      refused: (code, from) => this.#refuse(code, from),
    });
  }

  start(): Promise<void> {
    if (this.#unsubscribe !== undefined) return Promise.resolve();
    this.#announcer.start();
    this.#fanout.start();
    this.#live.start();
    this.#unsubscribe = [
      this.#mesh.onEvent((event) => this.#handleMesh(event)),
      this.#media.onEvent((event) => this.#live.handle(event)),
    ];
    return Promise.resolve();
  }

  /** Says nothing to the other nodes: to them the people here are reconnecting, and may resume elsewhere. */
  stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe ?? []) unsubscribe();
    this.#unsubscribe = undefined;
    this.#announcer.stop();
    this.#fanout.stop();
    this.#live.stop();
    this.#registry.clear();
    return Promise.resolve();
  }

  async join(input: RoomJoin, client: RoomClient): Promise<readonly ParticipantInfo[]> {
    const { roomId, sessionId, participantId } = input;
    if (this.#unsubscribe === undefined) throw new RoomError("media_unavailable", "the node is not running");
    const before = this.#registry.member(sessionId);
    if (before !== undefined && before.roomId !== roomId) this.leave(sessionId, "left");
    const room = this.#registry.open(roomId);
    const claim = { generation: input.generation ?? 0, sessionId, epoch: input.epoch };
    const rival = this.#registry.memberOf(roomId, participantId);
    const refusal = room.isOutdated(participantId, claim)
      ? new RoomError("superseded", "a newer session of this participant is in the room")
      : rival === undefined && room.localCount >= MAX_LOCAL_PARTICIPANTS
        ? new RoomError("room_node_full", "this node serves as many people of the room as it can")
        : undefined;
    if (refusal !== undefined) {
      this.#registry.closeIfEmpty(roomId);
      throw refusal;
    }
    if (rival !== undefined && rival.sessionId !== sessionId) this.#takeOver(rival);
    const member = this.#enter(input, client, rival?.sessionId === sessionId ? rival : undefined);
    await this.#announcer.sync(roomId);
    if (this.#registry.member(sessionId) !== member)
      throw new RoomError("superseded", "the session ended while it entered");
    room.addListener(sessionId, participantId);
    return room.participants().filter((participant) => participant.participantId !== participantId);
  }

  leave(sessionId: string, reason: ParticipantLeft["reason"]): void {
    const member = this.#registry.member(sessionId);
    if (member === undefined) return;
    this.#registry.remove(member);
    this.#media.closePeer(sessionId);
    const room = this.#registry.find(member.roomId);
    room?.removeListener(sessionId);
    room?.removeLocal(member.entry.participantId, reason);
    this.#close(member.roomId);
  }

  setReconnecting(sessionId: string, reconnecting: boolean, client?: RoomClient): void {
    const member = this.#registry.member(sessionId);
    if (member === undefined) return;
    if (client !== undefined) member.client = client;
    member.socketLost = reconnecting;
    this.#update(member);
  }

  async offer(
    sessionId: string,
    input: OfferInput,
  ): Promise<{ readonly sdp: string; readonly tracks: readonly { readonly mid: string; readonly trackId: string }[] }> {
    const member = this.#joined(sessionId);
    return await this.#negotiator.inTurn(member, async () => {
      if (this.#registry.member(sessionId) !== member) throw new RoomError("not_joined", "the session has left");
      const result = await this.#negotiator.negotiate(member, input);
      if (this.#registry.member(sessionId) !== member) {
        if (this.#registry.member(sessionId) === undefined) this.#media.closePeer(sessionId);
        throw new RoomError("not_joined", "the session left while its offer was answered");
      }
      this.#live.presence.answered(member, result.transport);
      if (input.fresh) this.#live.presence.returned(member);
      this.#update(member, { tracks: this.#negotiator.takeTracks(member, input, result) });
      member.slots = result.slots;
      const room = this.#registry.find(member.roomId);
      room?.setSlots(sessionId, member.grants.subscribe ? result.slots : [], input);
      // A turn later, so that the answer is on its way before the news of what its slots carry.
      this.#clock.after(0, () => this.#registry.find(member.roomId)?.refresh());
      return { sdp: result.sdp, tracks: result.tracks.map(({ mid, trackId }) => ({ mid, trackId })) };
    });
  }

  setMuted(sessionId: string, trackId: string, muted: boolean): void {
    const member = this.#joined(sessionId);
    const track = member.tracks.find((candidate) => candidate.trackId === trackId);
    if (track === undefined) throw new RoomError("unknown_track", "the session publishes no such track");
    if (track.muted === muted) return;
    this.#media.setTrackMuted({ trackId, muted });
    this.#update(member, { tracks: member.tracks.map((known) => (known === track ? { ...known, muted } : known)) });
  }

  setView(sessionId: string, visible: Parameters<RoomService["setView"]>[1]): void {
    const member = this.#joined(sessionId);
    this.#registry.find(member.roomId)?.setView(sessionId, visible);
  }

  async moderate(sessionId: string, deed: Parameters<RoomService["moderate"]>[1]): Promise<void> {
    await this.#live.moderation.moderate(this.#joined(sessionId), deed);
  }

  order(node: string, order: HttpOrder): Promise<void> {
    return this.#live.moderation.order(node, order);
  }

  roleChanged(change: RoleChange): void {
    this.#live.moderation.roleChanged(change);
  }

  report(sessionId: string, { frozenRatio }: { readonly frozenRatio: number }): void {
    const member = this.#registry.member(sessionId);
    if (member !== undefined) this.#live.quality.report(member, frozenRatio);
  }

  onScore(observe: (score: number) => void): void {
    this.#live.quality.onScore(observe);
  }

  onRemoved(listener: (sessionId: string) => void): () => void {
    return this.#removed.add(listener);
  }

  meet(roomId: string, nodes: readonly string[]): void {
    if (this.#registry.find(roomId) === undefined) return;
    this.#announcer.addPeers(roomId, nodes);
    this.#announcer.changed(roomId);
  }

  forgetNode(node: string): void {
    if (this.#mesh.node(node) === undefined) this.#nodeDown(node, "failed");
  }

  participants(roomId: string): readonly ParticipantInfo[] {
    return this.#registry.find(roomId)?.participants() ?? [];
  }

  onMediaGone(listener: (sessionId: string) => void): () => void {
    return this.#mediaGone.add(listener);
  }

  meanQuality(): number | undefined {
    return this.#live.quality.mean();
  }

  snapshot(): readonly { readonly roomId: string; readonly local: number; readonly remote: number }[] {
    return this.#registry
      .rooms()
      .map(({ roomId, localCount, remoteCount }) => ({ roomId, local: localCount, remote: remoteCount }));
  }

  localTrack(roomId: string, trackId: string): TrackDescription | undefined {
    return this.#registry.localTrack(roomId, trackId);
  }

  remoteTrack(
    roomId: string,
    trackId: string,
  ): { readonly node: string; readonly track: TrackDescription } | undefined {
    return this.#registry.remoteTrack(roomId, trackId);
  }

  trackNodes(roomId: string): ReadonlySet<string> {
    return this.#registry.find(roomId)?.trackNodes() ?? new Set();
  }

  onTracksChanged(listener: (roomId: string) => void): () => void {
    return this.#tracksChanged.add(listener);
  }

  counters(): ReturnType<LiveRooms["counters"]> {
    const refused = Object.fromEntries(this.#refusals) as Record<RoomRefusal, number>;
    const [data, moderation] = [this.#live.data.counters(), this.#live.moderation.counters()];
    return { refused, data, moderation };
  }

  // ---------------------------------------------------------------- sessions

  #joined(sessionId: string): Member {
    const member = this.#registry.member(sessionId);
    if (member === undefined) throw new RoomError("not_joined", "the session is in no room on this node");
    return member;
  }

  /** `known` is this very session, entering again (resumed): it keeps its tracks and its media. */
  #enter(input: RoomJoin, client: RoomClient, known: Member | undefined): Member {
    const { roomId, sessionId, participantId, userId, displayName, role, grants, epoch } = input;
    const room = this.#registry.open(roomId);
    const joinedAtMs = room.joinedAtMs(participantId) ?? Math.floor(this.#clock.wallMs());
    const claim = { generation: input.generation ?? 0, sessionId, epoch };
    const person = { participantId, userId, displayName, role, claim, joinedAtMs };
    const member: Member = {
      // A session that enters again does not shed what a moderator took from it.
      ...{ sessionId, roomId, grants: known?.grants ?? grants, client, socketLost: false },
      entry: { ...person, state: "active", tracks: [] },
      tracks: known?.tracks ?? [],
      slots: known?.slots ?? [],
      mediaLost: known?.mediaLost ?? false,
      lines: known?.lines ?? new Map(),
      offers: known?.offers ?? Promise.resolve(),
      waitingOffers: 0,
      cancelGone: undefined,
    };
    if (known !== undefined) this.#registry.remove(known);
    this.#registry.add(member);
    this.#announcer.addPeers(roomId, input.otherNodes);
    this.#update(member);
    return member;
  }

  /** The older session of the same participant ends without a word to the others: the newer one goes on in its place. */
  #takeOver(rival: Member): void {
    this.#registry.remove(rival);
    this.#registry.find(rival.roomId)?.removeListener(rival.sessionId);
    this.#media.closePeer(rival.sessionId);
    rival.client.notify({ type: "closing", reason: "superseded" });
  }

  #update(member: Member, change: { readonly tracks?: Member["tracks"] } = {}): void {
    const state = member.socketLost || member.mediaLost ? "reconnecting" : "active";
    member.tracks = change.tracks ?? member.tracks;
    // What is not forwarded is not there for others.
    member.entry = { ...member.entry, tracks: member.grants.publish ? member.tracks : [], state };
    this.#registry.find(member.roomId)?.putLocal(member.entry);
    this.#registry.arm(member.roomId);
  }

  #close(roomId: string): void {
    const departures = this.#registry.find(roomId)?.localState().departures ?? [];
    if (this.#registry.closeIfEmpty(roomId)) {
      this.#announcer.ended(roomId, departures);
      this.#fanout.forget(roomId);
      this.#live.quality.forget(roomId);
    } else this.#registry.arm(roomId);
  }

  // ---------------------------------------------------------------- mesh

  #handleMesh(event: MeshEvent): void {
    if (event.kind === "nodeDown") this.#nodeDown(event.name, event.how);
    else if (event.kind === "nodeUp") this.#announcer.nodeUp(event.node.name);
  }

  #nodeDown(node: string, how: "failed" | "left"): void {
    this.#live.data.forgetNode(node);
    for (const room of this.#registry.rooms()) {
      room.nodeDown(node, how, this.#clock.nowMs());
      this.#registry.arm(room.roomId);
    }
  }

  #announced(): ConstructorParameters<typeof RoomAnnouncer>[1] {
    return {
      localState: (roomId) => this.#registry.find(roomId)?.localState(),
      stampOf: (roomId, node) => this.#registry.find(roomId)?.stampOf(node),
      apply: (roomId, node, state) => this.#apply(roomId, node, state),
      vanished: (roomId, node) => {
        this.#registry.find(roomId)?.nodeDown(node, "failed", this.#clock.nowMs());
        this.#registry.arm(roomId);
      },
      refused: (code, from) => this.#refuse(code, from),
    };
  }

  /** A word that overtakes the news that its node died must not bring it back: only nodes of the mesh are heard. */
  #apply(roomId: string, node: string, state: NodeState): RoomRefusal | undefined {
    if (this.#mesh.node(node) === undefined) return "unknown_node";
    const room = this.#registry.find(roomId);
    const outcome = room?.apply(node, state) ?? "same";
    this.#close(roomId);
    return outcome === "applied" || outcome === "same" ? undefined : outcome;
  }

  #refuse(code: RoomRefusal, from: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    this.#log.debug({ code, from }, "another node's word about a room was refused");
  }

  #sink(roomId: string): RoomSink {
    return {
      notify: (sessionId, message) => this.#registry.member(sessionId)?.client.notify(message),
      place: (sessionId, placement) => this.#media.assignSlot({ peerId: sessionId, ...placement }),
      localChanged: () => this.#announcer.changed(roomId),
      tracksChanged: () => this.#tracksChanged.emit(roomId),
      levelsSettled: () => this.#tellLevels(roomId),
      superseded: (sessionId) => {
        const member = this.#registry.member(sessionId);
        if (member !== undefined) this.#takeOver(member);
      },
    };
  }

  #tellLevels(roomId: string): void {
    const nodes = this.#announcer.peersOf(roomId);
    const levels = this.#registry.find(roomId)?.loudestLocal() ?? [];
    this.#fanout.tellLevels(roomId, { boot: this.#announcer.boot, levels, nodes });
  }
}
