/**
 * Who is in a room, as far as this node knows: its own participants and the latest word of every other node that serves
 * the room. The newest claim on a participant is shown and all older ones are void, so every order of arrival ends the
 * same, and a participant that moves between nodes never leaves. Pure. Rules: SPEC.md [P10…P19].
 */
import type { InstantMs } from "#gossip";
import type { ParticipantInfo, ParticipantLeft } from "#protocol";
import { type Claim, compareClaims } from "./claim.ts";
import { type Entry, toInfo } from "./entry.ts";

export type LeftReason = ParticipantLeft["reason"];

/** One node's word: everything it serves in this room. `boot` names one run of that node, `version` counts within it. */
export interface NodeState {
  readonly boot: string;
  readonly version: number;
  readonly participants: readonly Entry[];
  readonly departures: readonly { readonly participantId: string; readonly reason: LeftReason }[];
}

export interface RosterSink {
  joined(participant: ParticipantInfo): void;
  updated(participant: ParticipantInfo): void;
  left(participantId: string, reason: LeftReason): void;
  /** A participant of this node has a newer claim elsewhere, and is no longer this node's. */
  localLost(entry: Entry): void;
}

export type ApplyOutcome = "applied" | "same" | "stale" | "foreign_track" | "too_many_nodes";

export interface Shown {
  readonly node: string;
  readonly entry: Entry;
  readonly info: ParticipantInfo;
  /** Its node is thought dead; nothing of its media can arrive. */
  readonly nodeDown: boolean;
}

/** How long the participants of a dead node are shown as reconnecting. */
export const RESUME_MS = 20_000;
/** How long somebody is kept who vanished from a node's word without having left: another node is about to speak of them. */
export const MOVING_MS = 10_000;
export const MAX_NODES_PER_ROOM = 256;
/** Claims remembered so that an older word about the same participant stays void; at the bound the oldest is forgotten. */
const MAX_CLAIMS = 4_096;
/**
 * The claim of somebody who left is forgotten after this time, or up to twice as long: sessions that nobody resumes end
 * after RESUME_MS everywhere, and what a node says every 15 s does not name them after that.
 */
export const CLAIM_KEPT_MS = 300_000;
/** Runs of a node whose late messages are still recognised. */
const MAX_RETIRED_BOOTS = 4;

interface RemoteNode {
  boot: string;
  version: number;
  retired: readonly string[];
  entries: Map<string, Entry>;
  down: { readonly untilMs: InstantMs; readonly reason: LeftReason } | undefined;
}

export class Roster {
  readonly #self: string;
  readonly #sink: RosterSink;
  readonly #local = new Map<string, Entry>();
  readonly #remote = new Map<string, RemoteNode>();
  readonly #newest = new Map<string, Claim>();
  /** Who had left when claims were looked at last. */
  #faded = new Set<string>();
  #claimsDueMs: InstantMs | undefined;
  readonly #shown = new Map<string, Shown>();
  /** Participants between two nodes: shown as they were. The time is set when the clock is next heard of. */
  readonly #moving = new Map<
    string,
    { readonly node: string; readonly entry: Entry; untilMs: InstantMs | undefined }
  >();

  constructor(self: string, sink: RosterSink) {
    this.#self = self;
    this.#sink = sink;
  }

  get localCount(): number {
    return this.#local.size;
  }

  /** Participants of whom the newest claim is remembered: those shown, and who left a while ago. */
  get claimCount(): number {
    return this.#newest.size;
  }

  get remoteCount(): number {
    return [...this.#shown.values()].filter((shown) => shown.node !== this.#self).length;
  }

  localEntries(): readonly Entry[] {
    return [...this.#local.values()];
  }

  shown(participantId: string): Shown | undefined {
    return this.#shown.get(participantId);
  }

  /** Everyone, in the order in which they came. */
  inOrder(): readonly Shown[] {
    return [...this.#shown.values()].sort(
      (a, b) => a.info.joinedAtMs - b.info.joinedAtMs || (a.info.participantId < b.info.participantId ? -1 : 1),
    );
  }

  /** What was last heard of a node, for it to know whether we need more; of a node thought dead everything is needed. */
  stampOf(node: string): { readonly boot: string; readonly version: number } | undefined {
    const remote = this.#remote.get(node);
    return remote === undefined || remote.down !== undefined
      ? undefined
      : { boot: remote.boot, version: remote.version };
  }

  /** True when a newer claim than this one is known: it comes too late. */
  isOutdated(participantId: string, claim: Claim): boolean {
    const newest = this.#newest.get(participantId);
    return newest !== undefined && compareClaims(claim, newest) < 0;
  }

  putLocal(entry: Entry): void {
    this.#local.set(entry.participantId, entry);
    this.#witness(entry);
    this.#resolve(entry.participantId, "left");
  }

  removeLocal(participantId: string, reason: LeftReason): void {
    if (this.#local.delete(participantId)) this.#resolve(participantId, reason);
  }

  /** The whole word of another node replaces its older one; refused words change nothing. */
  apply(node: string, state: NodeState): ApplyOutcome {
    const known = this.#remote.get(node);
    const age = known === undefined ? "newer" : ageOf(known, state);
    if (age === "older") return "stale";
    if (this.#hasForeignTrack(node, state)) return "foreign_track";
    if (known === undefined && !this.#hasPlace()) return "too_many_nodes";
    if (age === "same") return this.#revive(node);
    const spokenOf = [...state.participants, ...state.departures].map(({ participantId }) => participantId);
    const touched = new Set([...(known?.entries.keys() ?? []), ...spokenOf]);
    this.#remote.set(node, {
      boot: state.boot,
      version: state.version,
      retired: retiredBoots(known, state.boot),
      entries: new Map(state.participants.map((entry) => [entry.participantId, entry])),
      down: undefined,
    });
    for (const entry of state.participants) this.#witness(entry);
    const reasons = new Map(state.departures.map((departure) => [departure.participantId, departure.reason]));
    this.#keepMoving(node, known, reasons);
    for (const participantId of touched) this.#resolve(participantId, reasons.get(participantId) ?? "left");
    return "applied";
  }

  /** Its participants may still come back, here or elsewhere: they are shown as reconnecting until the resume time is over. */
  nodeDown(node: string, reason: LeftReason, nowMs: InstantMs): void {
    const remote = this.#remote.get(node);
    if (remote === undefined || remote.down !== undefined) return;
    if (remote.entries.size === 0) {
      this.#remote.delete(node);
      return;
    }
    remote.down = { untilMs: nowMs + RESUME_MS, reason };
    for (const participantId of [...remote.entries.keys()]) this.#resolve(participantId, reason);
  }

  deadlineMs(): InstantMs {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const remote of this.#remote.values())
      if (remote.down !== undefined) earliestMs = Math.min(earliestMs, remote.down.untilMs);
    for (const { untilMs } of this.#moving.values()) earliestMs = Math.min(earliestMs, untilMs ?? 0);
    if (this.#newest.size > this.#shown.size) earliestMs = Math.min(earliestMs, this.#claimsDueMs ?? 0);
    return earliestMs;
  }

  handleTimeout(nowMs: InstantMs): void {
    this.#timeMoving(nowMs);
    for (const [node, remote] of [...this.#remote]) {
      if (remote.down === undefined || remote.down.untilMs > nowMs) continue;
      this.#remote.delete(node);
      for (const participantId of remote.entries.keys()) this.#resolve(participantId, remote.down.reason);
    }
    this.#forgetClaims(nowMs);
  }

  /** A look every CLAIM_KEPT_MS: who had left by the last one and is still gone is forgotten. */
  #forgetClaims(nowMs: InstantMs): void {
    this.#claimsDueMs ??= nowMs + CLAIM_KEPT_MS;
    if (this.#claimsDueMs > nowMs) return;
    const gone = [...this.#newest.keys()].filter((participantId) => !this.#shown.has(participantId));
    for (const participantId of gone) if (this.#faded.has(participantId)) this.#newest.delete(participantId);
    this.#faded = new Set(gone.filter((participantId) => this.#newest.has(participantId)));
    this.#claimsDueMs = this.#faded.size > 0 ? nowMs + CLAIM_KEPT_MS : undefined;
  }

  /**
   * A node that lost somebody to a newer claim stops speaking of them, and its word may be here before that of the node
   * with the claim. Who left is among its departures; nobody else is seen leaving.
   */
  #keepMoving(node: string, known: RemoteNode | undefined, left: ReadonlyMap<string, unknown>): void {
    const now = this.#remote.get(node)?.entries;
    for (const [participantId, entry] of known?.entries ?? [])
      if (now?.has(participantId) === false && !left.has(participantId))
        this.#moving.set(participantId, {
          node,
          entry: { ...entry, state: "reconnecting", tracks: [] },
          untilMs: undefined,
        });
    for (const participantId of left.keys()) this.#endMoving(participantId, node);
  }

  #endMoving(participantId: string, node: string): void {
    if (this.#moving.get(participantId)?.node === node) this.#moving.delete(participantId);
  }

  #timeMoving(nowMs: InstantMs): void {
    for (const [participantId, moving] of [...this.#moving]) {
      moving.untilMs ??= nowMs + MOVING_MS;
      if (moving.untilMs > nowMs) continue;
      this.#moving.delete(participantId);
      this.#resolve(participantId, "left");
    }
  }

  /** Nodes that left the room are remembered only while there is place. */
  #hasPlace(): boolean {
    if (this.#remote.size < MAX_NODES_PER_ROOM) return true;
    for (const [node, remote] of this.#remote) if (remote.entries.size === 0) return this.#remote.delete(node);
    return false;
  }

  #revive(node: string): ApplyOutcome {
    const remote = this.#remote.get(node);
    if (remote?.down === undefined) return "same";
    remote.down = undefined;
    for (const participantId of [...remote.entries.keys()]) this.#resolve(participantId, "left");
    return "applied";
  }

  /** Track ids are unique in the mesh: a word that names a track of another node is not that node's to say. */
  #hasForeignTrack(node: string, state: NodeState): boolean {
    const owners = new Map<string, string>();
    for (const entry of this.#local.values()) for (const track of entry.tracks) owners.set(track.trackId, this.#self);
    for (const [other, remote] of this.#remote)
      for (const entry of remote.entries.values()) for (const track of entry.tracks) owners.set(track.trackId, other);
    return state.participants.some((entry) =>
      entry.tracks.some((track) => (owners.get(track.trackId) ?? node) !== node),
    );
  }

  #witness(entry: Entry): void {
    this.#faded.delete(entry.participantId);
    const newest = this.#newest.get(entry.participantId);
    if (newest !== undefined && compareClaims(newest, entry.claim) >= 0) return;
    this.#newest.delete(entry.participantId);
    this.#newest.set(entry.participantId, entry.claim);
    if (this.#newest.size <= MAX_CLAIMS) return;
    for (const participantId of this.#newest.keys()) {
      if (this.#shown.has(participantId) || participantId === entry.participantId) continue;
      this.#newest.delete(participantId);
      return;
    }
  }

  #resolve(participantId: string, reason: LeftReason): void {
    const best = this.#best(participantId);
    const local = this.#local.get(participantId);
    if (local !== undefined && best?.entry !== local) {
      this.#local.delete(participantId);
      this.#sink.localLost(local);
    }
    const before = this.#shown.get(participantId);
    if (best === undefined) {
      if (this.#shown.delete(participantId)) this.#sink.left(participantId, reason);
      return;
    }
    const joinedAtMs = Math.min(best.entry.joinedAtMs, before?.info.joinedAtMs ?? Number.POSITIVE_INFINITY);
    const state = best.nodeDown ? "reconnecting" : best.entry.state;
    const info: ParticipantInfo = { ...toInfo(best.entry, best.node), state, joinedAtMs };
    this.#shown.set(participantId, { ...best, info });
    if (before === undefined) this.#sink.joined(info);
    else if (JSON.stringify(before.info) !== JSON.stringify(info) || before.nodeDown !== best.nodeDown)
      this.#sink.updated(info);
  }

  #best(participantId: string): Omit<Shown, "info"> | undefined {
    let best: Omit<Shown, "info"> | undefined;
    const consider = (node: string, entry: Entry | undefined, nodeDown: boolean): void => {
      if (entry === undefined || this.isOutdated(participantId, entry.claim)) return;
      const order = best === undefined ? 1 : compareClaims(entry.claim, best.entry.claim);
      // Equal claims on two nodes break the rule of Presence; the name decides, so that all nodes choose alike.
      if (best === undefined || order > 0 || (order === 0 && node < best.node)) best = { node, entry, nodeDown };
    };
    consider(this.#self, this.#local.get(participantId), false);
    for (const [node, remote] of this.#remote)
      consider(node, remote.entries.get(participantId), remote.down !== undefined);
    if (best !== undefined) this.#moving.delete(participantId);
    const moving = this.#moving.get(participantId);
    if (moving !== undefined) consider(moving.node, moving.entry, true);
    return best;
  }
}

function ageOf(known: RemoteNode, state: NodeState): "newer" | "same" | "older" {
  if (known.boot !== state.boot) return known.retired.includes(state.boot) ? "older" : "newer";
  if (known.version === state.version) return "same";
  return state.version > known.version ? "newer" : "older";
}

function retiredBoots(known: RemoteNode | undefined, boot: string): readonly string[] {
  if (known === undefined) return [];
  return known.boot === boot ? known.retired : [...known.retired, known.boot].slice(-MAX_RETIRED_BOOTS);
}
