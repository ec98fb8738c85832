/**
 * One room as this node sees it: everyone in it, whose tracks are on whose slots, and who speaks. Pure: commands and
 * other nodes' words in, effects through the sink, time as an argument. Rules: SPEC.md [P1…P29].
 */
import type { InstantMs } from "#gossip";
import type { MediaKind, ParticipantInfo, Unsequenced, View } from "#protocol";
import { AudioRanking, SILENT_LEVEL } from "./audio-ranking.ts";
import type { Entry, LiveTrack } from "./entry.ts";
import { Listener, type Placement, type RoomTrack } from "./listener.ts";
import { type ApplyOutcome, type LeftReason, type NodeState, Roster } from "./roster.ts";

export interface RoomSink {
  notify(sessionId: string, message: Unsequenced): void;
  place(sessionId: string, placement: Placement): void;
  /** What this node must tell the others has changed. */
  localChanged(): void;
  /** Levels were looked at; while anything is heard this comes every TICK_MS. */
  levelsSettled(): void;
  /** Tracks came or went, here or elsewhere. */
  tracksChanged(): void;
  /** The session's participant is elsewhere now; it is out of the room already. */
  superseded(sessionId: string): void;
}

/** Levels and speakers are looked at this often at most. */
export const TICK_MS = 200;
/** What other nodes tell of loudness is looked at this often at most. */
export const RANK_MS = 50;
/** A level that another node told holds this long without being told again. */
export const REMOTE_LEVEL_MS = 5_000;
/** -dBov; louder counts as speaking. */
export const SPEAKING_LEVEL = 55;
export const MAX_SPEAKERS = 8;
/** Local audio tracks whose loudness the other nodes are told: enough for every node to name the same speakers. */
export const MAX_TOLD_LEVELS = MAX_SPEAKERS;
/** Departures that a word to other nodes gives reasons for. */
const MAX_DEPARTURES = 32;

export interface Level {
  readonly trackId: string;
  readonly level: number;
}

export class Room {
  readonly roomId: string;
  readonly #sink: RoomSink;
  readonly #roster: Roster;
  readonly #self: string;
  readonly #listeners = new Map<string, { readonly participantId: string; readonly listener: Listener }>();
  readonly #ranking = new AudioRanking();
  #departures: { readonly participantId: string; readonly reason: LeftReason }[] = [];
  #tracks = new Map<string, RoomTrack & { readonly node: string; readonly live: LiveTrack }>();
  #tickDueMs: InstantMs = Number.POSITIVE_INFINITY;
  #tickedAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  #rankDueMs: InstantMs = Number.POSITIVE_INFINITY;
  #rankedAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  #spoken = "[]";

  constructor(identity: { readonly roomId: string; readonly self: string }, sink: RoomSink) {
    this.roomId = identity.roomId;
    this.#self = identity.self;
    this.#sink = sink;
    this.#roster = new Roster(identity.self, {
      joined: (participant) => this.#broadcast({ type: "participantJoined", participant }),
      updated: (participant) => this.#broadcast({ type: "participantUpdated", participant }),
      left: (participantId, reason) => this.#broadcast({ type: "participantLeft", participantId, reason }),
      localLost: (entry) => this.#loseLocal(entry),
    });
  }

  get localCount(): number {
    return this.#roster.localCount;
  }

  get remoteCount(): number {
    return this.#roster.remoteCount;
  }

  participants(): readonly ParticipantInfo[] {
    return this.#roster.inOrder().map((shown) => shown.info);
  }

  /** Who serves this participant, and as what it is here; undefined when it is not. */
  nodeOf(participantId: string): string | undefined {
    return this.#roster.shown(participantId)?.node;
  }

  roleOf(participantId: string): ParticipantInfo["role"] | undefined {
    return this.#roster.shown(participantId)?.info.role;
  }

  /** What is on a slot of a session now. */
  trackOn(sessionId: string, mid: string): string | undefined {
    return this.#listeners.get(sessionId)?.listener.trackOn(mid);
  }

  /** The participant's earlier joining time, when it is known, so that a move keeps its place in the order. */
  joinedAtMs(participantId: string): number | undefined {
    return this.#roster.shown(participantId)?.info.joinedAtMs;
  }

  isOutdated(participantId: string, claim: Entry["claim"]): boolean {
    return this.#roster.isOutdated(participantId, claim);
  }

  /** Everything the other nodes must know, for the announcer to number and send. */
  localState(): Pick<NodeState, "participants" | "departures"> {
    return { participants: this.#roster.localEntries(), departures: this.#departures };
  }

  stampOf(node: string): { readonly boot: string; readonly version: number } | undefined {
    return this.#roster.stampOf(node);
  }

  findTrack(trackId: string): { readonly node: string; readonly live: LiveTrack } | undefined {
    return this.#tracks.get(trackId);
  }

  /** Other nodes whose tracks are in this room. */
  trackNodes(): ReadonlySet<string> {
    const nodes = new Set([...this.#tracks.values()].map((track) => track.node));
    nodes.delete(this.#self);
    return nodes;
  }

  // ---------------------------------------------------------------- local sessions

  /** Enters or replaces this participant's entry. The caller has checked isOutdated. */
  putLocal(entry: Entry): void {
    const { participantId } = entry;
    this.#departures = this.#departures.filter((departure) => departure.participantId !== participantId);
    this.#roster.putLocal(entry);
    this.#localChanged();
  }

  removeLocal(participantId: string, reason: LeftReason): void {
    this.#departures = [...this.#departures, { participantId, reason }].slice(-MAX_DEPARTURES);
    this.#roster.removeLocal(participantId, reason);
    this.#localChanged();
  }

  /** From now on this session hears of the room. */
  addListener(sessionId: string, participantId: string): void {
    if (!this.#listeners.has(sessionId)) this.#listeners.set(sessionId, { participantId, listener: new Listener() });
  }

  removeListener(sessionId: string): void {
    this.#listeners.delete(sessionId);
  }

  /** Placing waits for refresh(), so that the answer can overtake the news of its slots. */
  setSlots(
    sessionId: string,
    slots: readonly { readonly mid: string; readonly kind: MediaKind }[],
    options: { readonly fresh: boolean },
  ): void {
    this.#listeners.get(sessionId)?.listener.setSlots(slots, options.fresh);
  }

  setView(sessionId: string, visible: View["visible"]): void {
    const listening = this.#listeners.get(sessionId);
    if (listening === undefined) return;
    listening.listener.setView(visible);
    this.#refreshOne(sessionId, this.#roomTracks());
  }

  /** Puts tracks on slots as they are wanted now, and tells each listener whose slots changed. */
  refresh(): void {
    const tracks = this.#roomTracks();
    for (const sessionId of this.#listeners.keys()) this.#refreshOne(sessionId, tracks);
  }

  // ---------------------------------------------------------------- other nodes

  apply(node: string, state: NodeState): ApplyOutcome {
    const outcome = this.#roster.apply(node, state);
    if (outcome === "applied") this.#changed();
    return outcome;
  }

  nodeDown(node: string, how: "failed" | "left", nowMs: InstantMs): void {
    this.#roster.nodeDown(node, how === "failed" ? "nodeFailed" : "timeout", nowMs);
    this.#changed();
  }

  // ---------------------------------------------------------------- loudness and time

  /** Levels of tracks of `node`; those of tracks that are not its own are ignored. Another node tells all that it hears. */
  hear(node: string, levels: readonly Level[], nowMs: InstantMs): void {
    if (node === this.#self) this.#hearLocal(levels);
    else this.#hearRemote(node, levels, nowMs);
    this.#tickDueMs = Math.min(this.#tickDueMs, Math.max(nowMs, this.#tickedAtMs + TICK_MS));
    this.handleTimeout(nowMs);
  }

  /** The loudest tracks of this node as they count, for the others; silent ones are not told. */
  loudestLocal(): readonly Level[] {
    return this.#ranking
      .sounding()
      .filter(({ trackId }) => this.#tracks.get(trackId)?.node === this.#self)
      .slice(0, MAX_TOLD_LEVELS);
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#tickDueMs, this.#rankDueMs, this.#roster.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    if (this.#tickDueMs <= nowMs) this.#tick(nowMs);
    else if (this.#rankDueMs <= nowMs) this.#rank(nowMs);
    if (this.#roster.deadlineMs() > nowMs) return;
    this.#roster.handleTimeout(nowMs);
    this.#changed();
  }

  #hearLocal(levels: readonly Level[]): void {
    for (const { trackId, level } of levels)
      if (this.#tracks.get(trackId)?.node === this.#self) this.#ranking.hear(trackId, level);
  }

  #hearRemote(node: string, levels: readonly Level[], nowMs: InstantMs): void {
    const told = new Map(levels.map(({ trackId, level }) => [trackId, level]));
    for (const track of this.#tracks.values()) {
      if (track.node !== node || track.kind !== "audio") continue;
      this.#ranking.hearCounted(track.trackId, told.get(track.trackId) ?? SILENT_LEVEL, nowMs + REMOTE_LEVEL_MS);
    }
    this.#rankDueMs = Math.min(this.#rankDueMs, Math.max(nowMs, this.#rankedAtMs + RANK_MS));
  }

  #rank(nowMs: InstantMs): void {
    this.#rankedAtMs = nowMs;
    this.#rankDueMs = Number.POSITIVE_INFINITY;
    if (!this.#ranking.settle(nowMs)) return;
    this.refresh();
    this.#tellSpeakers();
  }

  #tick(nowMs: InstantMs): void {
    this.#tickedAtMs = nowMs;
    this.#rank(nowMs);
    this.#tellSpeakers();
    this.#sink.levelsSettled();
    this.#tickDueMs = this.#ranking.isSounding ? nowMs + TICK_MS : Number.POSITIVE_INFINITY;
  }

  #tellSpeakers(): void {
    const speakers = this.#ranking
      .sounding()
      .flatMap(({ trackId, level }) => {
        const track = this.#tracks.get(trackId);
        if (track === undefined || track.muted || track.source !== "microphone" || level > SPEAKING_LEVEL) return [];
        return [{ participantId: track.participantId, level }];
      })
      .slice(0, MAX_SPEAKERS);
    const spoken = JSON.stringify(speakers);
    if (spoken === this.#spoken) return;
    this.#spoken = spoken;
    this.#broadcast({ type: "speakers", speakers });
  }

  // ---------------------------------------------------------------- inside

  #localChanged(): void {
    this.#changed();
    this.#sink.localChanged();
  }

  #loseLocal(entry: Entry): void {
    const { sessionId } = entry.claim;
    this.#listeners.delete(sessionId);
    this.#sink.superseded(sessionId);
    this.#sink.localChanged();
  }

  #changed(): void {
    const before = this.#tracks;
    this.#tracks = new Map();
    for (const shown of this.#roster.inOrder()) {
      if (shown.nodeDown) continue;
      const { participantId } = shown.entry;
      for (const live of shown.entry.tracks) {
        const { trackId, kind, source, muted } = live;
        this.#tracks.set(trackId, { trackId, participantId, kind, source, muted, node: shown.node, live });
      }
    }
    this.#ranking.setTracks([...this.#tracks.values()].filter((t) => t.kind === "audio").map((t) => t.trackId));
    this.refresh();
    const isSame = before.size === this.#tracks.size && [...before.keys()].every((id) => this.#tracks.has(id));
    if (!isSame) this.#sink.tracksChanged();
  }

  #roomTracks(): readonly RoomTrack[] {
    return [...this.#tracks.values()];
  }

  #refreshOne(sessionId: string, tracks: readonly RoomTrack[]): void {
    const listening = this.#listeners.get(sessionId);
    if (listening === undefined) return;
    const others = tracks.filter((track) => track.participantId !== listening.participantId);
    const placements = listening.listener.place(others, this.#ranking.trackIds(), this.#ranking.sounding().length);
    if (placements.length === 0) return;
    for (const placement of placements) this.#sink.place(sessionId, placement);
    const slots = listening.listener.infos((trackId) => this.#tracks.get(trackId));
    this.#sink.notify(sessionId, { type: "slots", slots });
  }

  /** To every listener but the participant that it is about. */
  #broadcast(message: Unsequenced): void {
    const about = subjectOf(message);
    for (const [sessionId, { participantId }] of this.#listeners)
      if (participantId !== about) this.#sink.notify(sessionId, message);
  }
}

function subjectOf(message: Unsequenced): string | undefined {
  if (message.type === "participantJoined" || message.type === "participantUpdated")
    return message.participant.participantId;
  return message.type === "participantLeft" ? message.participantId : undefined;
}
