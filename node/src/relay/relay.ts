/**
 * The relay of a node: from what slots want (demand events) and who publishes it (track directory) to trunks and their
 * streams, one trunk per other node for all rooms. Rules: SPEC.md [Y1…Y69].
 */
import type { Random } from "#gossip";
import type { MediaEvent, MediaPlane, TrunkStats } from "../media/control.ts";
import { type Clock, systemClock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError, type MeshEvent } from "../mesh/mesh.ts";
import type { TrackDirectory } from "../room/live-rooms.ts";
import { Demand, type StreamKey, type WantedStream } from "./demand.ts";
import { Detours } from "./detours.ts";
import { type RelayPeerStats, RelayStats } from "./relay-stats.ts";
import type { TrunkHealth } from "./routes.ts";
import { Transits } from "./transits.ts";
import { Trunk, type TrunkParts } from "./trunk.ts";
import {
  readAsk,
  readEnd,
  readLeg,
  readOffer,
  readOpen,
  readStream,
  TRUNK_REFUSALS,
  TRUNK_TOPICS,
  type TrunkRefusal,
  type TrunkTopic,
  type VersionRange,
} from "./trunk-messages.ts";
import type { TrunkPhase, Verdict } from "./trunk-sink.ts";

export interface RelayParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly tracks: TrackDirectory;
  readonly log: Log;
  readonly random: Random;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Trunk versions to speak; default TRUNK_VERSIONS. */
  readonly versions?: VersionRange;
}

export interface RelayPeer {
  readonly peer: string;
  readonly phase: TrunkPhase;
  /** Streams that come in and go out now. */
  readonly ingress: number;
  readonly egress: number;
}

export interface Relay {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** For /metrics: figures per peer from MediaStats.trunks; counters only grow. */
  relayStats(trunks: readonly TrunkStats[]): readonly RelayPeerStats[];
  /** For the mesh page: the trunks that are or are being made. */
  peers(): readonly RelayPeer[];
  /** Whose trunk this is. */
  peerOf(trunkId: string): string | undefined;
  /** Nodes whose streams come over a third one now. */
  detours(): readonly { readonly owner: string; readonly via: string }[];
  /** Streams that this node forwards between two others now. */
  forwarded(): number;
  /** Trunk messages of other nodes that were refused, by reason. */
  refused(): Readonly<Record<TrunkRefusal, number>>;
}

/** Trunks made ready at once when tracks of many nodes appear; the others wait until something is wanted. */
const MAX_PREPARED = 8;

export function createRelay(parts: RelayParts): Relay {
  return new TrunkRelay(parts);
}

class TrunkRelay implements Relay {
  readonly #mesh: Mesh;
  readonly #media: MediaPlane;
  readonly #tracks: TrackDirectory;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #trunkParts: TrunkParts;
  readonly #demand = new Demand();
  readonly #trunks = new Map<string, Trunk>();
  readonly #detours: Detours;
  readonly #transits: Transits;
  /** What each trunk was told to bring. */
  readonly #assigned = new Map<string, ReadonlyMap<StreamKey, WantedStream>>();
  readonly #revisions = new WeakMap<Trunk, number>();
  readonly #stats = new RelayStats();
  readonly #refusals = new Map<TrunkRefusal, number>(TRUNK_REFUSALS.map((code) => [code, 0]));
  #unsubscribe: (() => void)[] | undefined;
  #begun = 0;
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => undefined;

  constructor(parts: RelayParts) {
    const { mesh, media, tracks, log } = parts;
    this.#mesh = mesh;
    this.#media = media;
    this.#tracks = tracks;
    this.#log = log;
    this.#clock = parts.clock ?? systemClock;
    const versions = parts.versions === undefined ? {} : { versions: parts.versions };
    const { random } = parts;
    this.#trunkParts = { mesh, media, tracks, log, random, clock: this.#clock, ...versions, ...this.#trunkListeners() };
    this.#detours = new Detours({
      ...{ mesh, media, clock: this.#clock },
      health: (node) => this.#health(node),
      peerOf: (trunkId) => this.peerOf(trunkId),
      changed: () => {
        log.info({ detours: this.#detours.all() }, "streams take another way");
        this.#update();
      },
      looked: () => this.#transits.dropBroken(),
      isForwarding: () => this.#transits.count() > 0,
    });
    this.#transits = new Transits({
      self: () => mesh.self,
      trunks: () => [...this.#trunks.values()],
      ways: this.#detours,
    });
  }

  start(): Promise<void> {
    if (this.#unsubscribe !== undefined) return Promise.resolve();
    this.#unsubscribe = [
      this.#media.onEvent((event) => this.#handleMedia(event)),
      this.#mesh.onEvent((event) => this.#handleMesh(event)),
      this.#tracks.onTracksChanged((roomId) => this.#handleTracks(roomId)),
      ...this.#handleTopics(),
    ];
    return Promise.resolve();
  }

  /** The trunks end without a word; the other nodes hear from gossip that this one is gone. */
  stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe ?? []) unsubscribe();
    this.#unsubscribe = undefined;
    this.#cancel();
    this.#detours.stop();
    for (const trunk of this.#trunks.values()) trunk.close();
    this.#trunks.clear();
    this.#assigned.clear();
    return Promise.resolve();
  }

  relayStats(trunks: readonly TrunkStats[]): readonly RelayPeerStats[] {
    return this.#stats.read(trunks, (trunkId) => this.peerOf(trunkId));
  }

  peers(): readonly RelayPeer[] {
    return [...this.#trunks.values()]
      .filter(({ session }) => session.phase !== "idle")
      .map(({ peer, session: { phase, ingressCount, egressCount } }) => {
        return { peer, phase, ingress: ingressCount, egress: egressCount };
      });
  }

  peerOf(trunkId: string): string | undefined {
    for (const trunk of this.#trunks.values()) if (trunk.session.trunkId === trunkId) return trunk.peer;
    return undefined;
  }

  detours(): readonly { readonly owner: string; readonly via: string }[] {
    return this.#detours.all();
  }

  forwarded(): number {
    return this.#transits.count();
  }

  refused(): Readonly<Record<TrunkRefusal, number>> {
    return Object.fromEntries(this.#refusals) as Record<TrunkRefusal, number>;
  }

  // ---------------------------------------------------------------- what changes the demand

  #handleMedia(event: MediaEvent): void {
    if (event.kind === "demand") {
      if (!this.#demand.want(event.roomId, event.trackId, event.layers))
        this.#log.warn({ roomId: event.roomId }, "too many remote tracks are wanted at once; one goes without");
      this.#update();
    } else if (event.kind === "trunkState") {
      const peer = this.peerOf(event.trunkId);
      if (peer === undefined) return;
      this.#log.info({ peer, state: event.state }, "a trunk changed state");
      this.#trunks.get(peer)?.run((session, nowMs) => session.handleTransport(event.trunkId, event.state, nowMs));
    }
  }

  #handleMesh(event: MeshEvent): void {
    if (event.kind === "nodeDown") {
      this.#trunks.get(event.name)?.close();
      this.#trunks.delete(event.name);
      this.#assigned.delete(event.name);
      this.#detours.forget(event.name);
      this.#update();
    } else if (event.kind === "nodeUp") this.#update();
  }

  #handleTracks(roomId: string): void {
    const isPublished = (roomId: string, trackId: string): boolean =>
      this.#tracks.localTrack(roomId, trackId) !== undefined;
    for (const trunk of this.#trunks.values()) trunk.run((session, nowMs) => session.keepSending(isPublished, nowMs));
    for (const node of [...this.#tracks.trackNodes(roomId)].slice(0, MAX_PREPARED))
      this.#trunk(node)?.run((session, nowMs) => session.prepare(nowMs));
    this.#update();
  }

  #update(): void {
    if (this.#unsubscribe === undefined) return;
    const findOwner = (roomId: string, trackId: string) => this.#tracks.remoteTrack(roomId, trackId);
    this.#demand.update(findOwner, this.#clock.nowMs(), this.#transits.wanted());
    const wanted = this.#wantedByTrunk();
    // What takes another way now is let go of first: two ways must never bring one stream.
    for (const [node, before] of this.#assigned) {
      const kept = new Map([...before].filter(([key]) => wanted.get(node)?.has(key) === true));
      if (kept.size < before.size) this.#assign(node, kept);
    }
    for (const node of new Set([...wanted.keys(), ...this.#trunks.keys()]))
      this.#assign(node, wanted.get(node) ?? NOTHING);
    for (const [node, trunk] of this.#trunks)
      trunk.run((session, nowMs) => session.setNeeded(this.#detours.isBroken(node), nowMs));
    this.#detours.watch(this.#demand.nodes());
    this.#arm();
  }

  #wantedByTrunk(): ReadonlyMap<string, ReadonlyMap<StreamKey, WantedStream>> {
    const wanted = new Map<string, Map<StreamKey, WantedStream>>();
    for (const owner of this.#demand.nodes()) {
      const via = this.#detours.viaOf(owner);
      const streams = wanted.get(via ?? owner) ?? new Map<StreamKey, WantedStream>();
      wanted.set(via ?? owner, streams);
      for (const [key, stream] of this.#demand.streamsFrom(owner))
        streams.set(key, via === undefined ? stream : { ...stream, origin: owner });
    }
    return wanted;
  }

  #assign(node: string, streams: ReadonlyMap<StreamKey, WantedStream>): void {
    const trunk = this.#trunk(node);
    if (trunk === undefined) return;
    if (streams.size === 0) this.#assigned.delete(node);
    else this.#assigned.set(node, streams);
    trunk.setWanted(streams);
  }

  #arm(): void {
    const deadlineMs = this.#demand.deadlineMs();
    if (deadlineMs === this.#armedForMs) return;
    this.#cancel();
    this.#armedForMs = deadlineMs;
    this.#cancel = () => undefined;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.after(Math.max(0, deadlineMs - this.#clock.nowMs()), () => {
      this.#armedForMs = Number.NaN;
      this.#update();
    });
  }

  /** The trunk with a node of the mesh, begun when there is none yet; undefined for nodes that are not there. */
  #trunk(node: string): Trunk | undefined {
    const known = this.#trunks.get(node);
    if (known !== undefined || this.#mesh.node(node) === undefined || node === this.#mesh.self.name) return known;
    // A generator of its own for every session with a node, or the ids of its trunks would come again after a return.
    this.#begun += 1;
    const random = this.#trunkParts.random.fork(`session ${this.#begun}`);
    const trunk = new Trunk(node, { ...this.#trunkParts, random });
    this.#trunks.set(node, trunk);
    return trunk;
  }

  // ---------------------------------------------------------------- ways over third nodes

  #trunkListeners(): Pick<TrunkParts, "stepped" | "arriving" | "wayFailed"> {
    return {
      stepped: (trunk) => {
        const { egressRevision } = trunk.session;
        if ((this.#revisions.get(trunk) ?? 0) === egressRevision) return;
        this.#revisions.set(trunk, egressRevision);
        this.#update();
      },
      arriving: (track) => {
        for (const trunk of this.#trunks.values()) trunk.sendWaiting(track);
      },
      // A turn later: the trunk that says so is in the middle of a step.
      wayFailed: (origin, via) => this.#clock.after(0, () => this.#detours.failed(origin, via)),
    };
  }

  #health(node: string): TrunkHealth {
    const phase = this.#trunks.get(node)?.session.phase ?? "idle";
    if (phase === "connected") return "up";
    if (phase === "silent") return "silent";
    return phase === "resting" ? "down" : "coming";
  }

  // ---------------------------------------------------------------- what other nodes say

  #handleTopics(): readonly (() => void)[] {
    return [
      this.#topic(TRUNK_TOPICS.ask, readAsk, (trunk, ask) =>
        trunk.run((session, nowMs) => session.handleAsk(ask, nowMs)),
      ),
      this.#mesh.handle(TRUNK_TOPICS.offer, (from, body) => this.#receiveOffer(from, body)),
      this.#mesh.handle(TRUNK_TOPICS.leg, (from, body) => {
        const leg = readLeg(body);
        if (leg === undefined) throw this.#refuse("bad_shape", from);
        return this.#detours.legTo(leg.to);
      }),
      this.#topic(TRUNK_TOPICS.open, readOpen, (trunk, open) => {
        const refusal = this.#transits.refusal(trunk, open);
        if (refusal !== undefined) return { ok: false, code: refusal };
        const local = this.#tracks.localTrack(open.roomId, open.trackId);
        const isPublished = open.transit !== undefined || local?.layers.includes(open.layer) === true;
        return trunk.run((session, nowMs) => session.handleOpen(open, isPublished, nowMs));
      }),
      this.#topic(TRUNK_TOPICS.close, readStream, (trunk, close) =>
        trunk.run((session, nowMs) => session.handleClose(close, nowMs)),
      ),
      this.#topic(TRUNK_TOPICS.stopped, readStream, (trunk, stopped) =>
        trunk.run((session, nowMs) => session.handleStopped(stopped, nowMs)),
      ),
      this.#topic(TRUNK_TOPICS.end, readEnd, (trunk, end) =>
        trunk.run((session, nowMs) => session.handleEnd(end.trunkId, nowMs)),
      ),
    ];
  }

  #topic<Body>(
    topic: TrunkTopic,
    read: (body: unknown) => Body | undefined,
    handle: (trunk: Trunk, body: Body) => Verdict,
  ): () => void {
    return this.#mesh.handle(topic, (from, body) => {
      const message = read(body);
      if (message === undefined) throw this.#refuse("bad_shape", from);
      const verdict = handle(this.#trunkOf(from), message);
      if (!verdict.ok) throw this.#refuse(verdict.code, from);
      return { ok: true };
    });
  }

  async #receiveOffer(from: string, body: unknown): Promise<object> {
    const offer = readOffer(body);
    if (offer === undefined) throw this.#refuse("bad_shape", from);
    const trunk = this.#trunkOf(from);
    const verdict = trunk.run((session, nowMs) => session.handleOffer(offer, nowMs));
    if (!verdict.ok) throw this.#refuse(verdict.code, from);
    return await trunk.answer(offer, verdict.version);
  }

  #trunkOf(from: string): Trunk {
    const trunk = this.#trunk(from);
    if (trunk === undefined) throw this.#refuse("unknown_node", from);
    return trunk;
  }

  #refuse(code: TrunkRefusal, from: string): MeshError {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    this.#log.debug({ code, from }, "a trunk message was refused");
    return new MeshError(code, "the trunk message was refused; nothing changed");
  }
}

const NOTHING: ReadonlyMap<StreamKey, WantedStream> = new Map();
