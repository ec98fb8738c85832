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
import { Demand } from "./demand.ts";
import { type RelayPeerStats, RelayStats } from "./relay-stats.ts";
import { Trunk, type TrunkParts } from "./trunk.ts";
import {
  readAsk,
  readEnd,
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
    this.#trunkParts = { mesh, media, tracks, log, random: parts.random, clock: this.#clock, ...versions };
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
    for (const trunk of this.#trunks.values()) trunk.close();
    this.#trunks.clear();
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
    this.#demand.update((roomId, trackId) => this.#tracks.remoteTrack(roomId, trackId), this.#clock.nowMs());
    for (const node of new Set([...this.#demand.nodes(), ...this.#trunks.keys()]))
      this.#trunk(node)?.setWanted(this.#demand.streamsFrom(node));
    this.#arm();
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

  // ---------------------------------------------------------------- what other nodes say

  #handleTopics(): readonly (() => void)[] {
    return [
      this.#topic(TRUNK_TOPICS.ask, readAsk, (trunk, ask) =>
        trunk.run((session, nowMs) => session.handleAsk(ask, nowMs)),
      ),
      this.#mesh.handle(TRUNK_TOPICS.offer, (from, body) => this.#receiveOffer(from, body)),
      this.#topic(TRUNK_TOPICS.open, readOpen, (trunk, open) => {
        const isPublished = this.#tracks.localTrack(open.roomId, open.trackId)?.layers.includes(open.layer) === true;
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
