/**
 * One trunk's shell: carries out what the pure TrunkSession decides on the media plane and the mesh, and gives it the
 * answers and the time.
 */
import type { Random } from "#gossip";
import type { MediaPlane, TrunkParameters } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import type { TrackDirectory } from "../room/live-rooms.ts";
import type { StreamKey, WantedStream } from "./demand.ts";
import type { AnswerBody, OfferBody, OpenBody, TrunkTopic, VersionRange } from "./trunk-messages.ts";
import { TrunkSession } from "./trunk-session.ts";
import type { TrunkSink } from "./trunk-sink.ts";

export interface TrunkParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly tracks: Pick<TrackDirectory, "localTrack" | "remoteTrack">;
  readonly log: Log;
  readonly random: Random;
  readonly clock: Clock;
  readonly versions?: VersionRange;
  /** Anything may have changed in this trunk's session: called after each of its steps. */
  readonly stepped?: (trunk: Trunk) => void;
  /** A stream of that track can come in now: those who wait to forward it may try again. */
  readonly arriving?: (track: { readonly roomId: string; readonly trackId: string }) => void;
  /** The other node does not forward `origin`'s streams. */
  readonly wayFailed?: (origin: string, via: string) => void;
}

/** Longer than one retry of the direct message, shorter than anybody's patience. */
export const TRUNK_REQUEST_TIMEOUT_MS = 3_000;

export class Trunk {
  readonly peer: string;
  readonly session: TrunkSession;
  readonly #parts: TrunkParts;
  /** Streams to forward whose track is not here yet. Those of the session, no more. */
  readonly #unsent = new Map<number, OpenBody>();
  #closed = false;
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => undefined;

  constructor(peer: string, parts: TrunkParts) {
    this.peer = peer;
    this.#parts = parts;
    const versions = parts.versions === undefined ? {} : { versions: parts.versions };
    this.session = new TrunkSession(
      { self: parts.mesh.self.name, peer, random: parts.random, ...versions },
      this.#sink(),
    );
  }

  /** Runs something on the session and then sees to its timer. */
  run<T>(work: (session: TrunkSession, nowMs: number) => T): T {
    try {
      return work(this.session, this.#parts.clock.nowMs());
    } finally {
      this.#arm();
      this.#parts.stepped?.(this);
    }
  }

  /** The track can be forwarded now. */
  sendWaiting({ roomId, trackId }: { readonly roomId: string; readonly trackId: string }): void {
    const sent = new Set(this.session.transits().map(({ ssrc }) => ssrc));
    for (const [ssrc, open] of [...this.#unsent]) {
      if (!sent.has(ssrc) || open.trunkId !== this.session.trunkId) this.#unsent.delete(ssrc);
      else if (open.roomId === roomId && open.trackId === trackId) this.#supervise(this.#send(open.trunkId, open));
    }
  }

  setWanted(wanted: ReadonlyMap<StreamKey, WantedStream>): void {
    this.run((session, nowMs) => session.setWanted(wanted, nowMs));
  }

  /** Makes our end for an offer that the session accepted, and answers. */
  async answer(offer: OfferBody, version: number): Promise<AnswerBody> {
    const { trunkId } = offer;
    const parameters = await this.#createEnd(trunkId, "answerer");
    const isCurrent = this.run((session, nowMs) => session.handleAnswering(trunkId, parameters !== undefined, nowMs));
    if (parameters === undefined) throw new MeshError("media_unavailable", "the trunk's end could not be made");
    if (!isCurrent) {
      this.#parts.media.closeTrunk(trunkId);
      throw new MeshError("superseded", "the offer was overtaken");
    }
    this.#parts.media.connectTrunk({ trunkId, remote: offer.parameters });
    return { version, parameters };
  }

  /** Ends everything without a word; idempotent. */
  close(): void {
    this.#closed = true;
    this.session.close();
    this.#unsent.clear();
    this.#cancel();
    this.#armedForMs = Number.NaN;
  }

  #sink(): TrunkSink {
    const { media, mesh } = this.#parts;
    return {
      create: (trunkId) => this.#supervise(this.#create(trunkId)),
      connect: (trunkId, remote) => media.connectTrunk({ trunkId, remote }),
      destroy: (trunkId) => media.closeTrunk(trunkId),
      request: (id, topic, body) => this.#supervise(this.#request(id, topic, body)),
      allocate: (trunkId, id, stream) => this.#supervise(this.#allocate(trunkId, id, stream)),
      release: (trunkId, ssrc) => media.closeTrunkIngress({ trunkId, ssrc }),
      send: (trunkId, stream) => this.#supervise(this.#send(trunkId, stream)),
      stopSending: (trunkId, ssrc) => {
        this.#unsent.delete(ssrc);
        media.closeTrunkEgress({ trunkId, ssrc });
      },
      wayFailed: (origin) => this.#parts.wayFailed?.(origin, this.peer),
      reportSilent: () => mesh.reportSilent(this.peer),
    };
  }

  async #create(trunkId: string): Promise<void> {
    const parameters = await this.#createEnd(trunkId, "offerer");
    this.run((session, nowMs) => session.handleCreated(trunkId, parameters, nowMs));
    if (this.session.trunkId !== trunkId) this.#parts.media.closeTrunk(trunkId);
  }

  async #createEnd(trunkId: string, role: "offerer" | "answerer"): Promise<TrunkParameters | undefined> {
    try {
      return await this.#parts.media.createTrunk({ trunkId, role });
    } catch (error) {
      this.#parts.log.warn({ peer: this.peer, error: String(error) }, "the media plane made no trunk");
      return undefined;
    }
  }

  async #request(id: number, topic: TrunkTopic, body: object): Promise<void> {
    const options = { timeoutMs: TRUNK_REQUEST_TIMEOUT_MS };
    try {
      const reply = await this.#parts.mesh.request(this.peer, topic, body, options);
      this.run((session, nowMs) => session.handleReply(id, { ok: true, body: reply }, nowMs));
    } catch (error) {
      const code = error instanceof MeshError ? error.code : "failed";
      this.#parts.log.debug({ peer: this.peer, topic, code }, "a trunk request failed");
      this.run((session, nowMs) => session.handleReply(id, { ok: false, code }, nowMs));
    }
  }

  async #allocate(trunkId: string, id: number, { roomId, track, layer }: WantedStream): Promise<void> {
    let ssrcs: { readonly ssrc: number; readonly rtxSsrc: number } | undefined;
    try {
      ssrcs = await this.#parts.media.openTrunkIngress({ trunkId, stream: { roomId, track, layer } });
    } catch (error) {
      this.#parts.log.warn({ peer: this.peer, error: String(error) }, "the media plane accepts no stream on a trunk");
    }
    this.run((session, nowMs) => session.handleAllocated(trunkId, id, ssrcs, nowMs));
    if (ssrcs !== undefined) this.#parts.arriving?.({ roomId, trackId: track.trackId });
  }

  /** openTrunkEgress asks the publisher for a keyframe, so the far side's first frame needs no further round trip. */
  async #send(trunkId: string, open: OpenBody): Promise<void> {
    const { roomId, trackId, layer, ssrc, rtxSsrc, transit } = open;
    if (transit !== undefined) this.#unsent.set(ssrc, open);
    const track = transit?.track ?? this.#parts.tracks.localTrack(roomId, trackId);
    const isSent = track !== undefined && (await this.#openEgress(trunkId, { roomId, track, layer, ssrc, rtxSsrc }));
    if (isSent) this.#unsent.delete(ssrc);
    else if (transit === undefined) this.run((session, nowMs) => session.handleSendRefused(trunkId, ssrc, nowMs));
  }

  async #openEgress(trunkId: string, stream: Parameters<MediaPlane["openTrunkEgress"]>[0]["stream"]): Promise<boolean> {
    try {
      return await this.#parts.media.openTrunkEgress({ trunkId, stream });
    } catch (error) {
      this.#parts.log.warn({ peer: this.peer, error: String(error) }, "the media plane sends no stream on a trunk");
      return false;
    }
  }

  /** The one place where work that nobody awaits ends up. */
  #supervise(work: Promise<void>): void {
    work.catch((error: unknown) => this.#parts.log.error({ peer: this.peer, error: String(error) }, "a trunk failed"));
  }

  #arm(): void {
    const deadlineMs = this.session.deadlineMs();
    if (this.#closed || deadlineMs === this.#armedForMs) return;
    this.#cancel();
    this.#armedForMs = deadlineMs;
    this.#cancel = () => undefined;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#parts.clock.after(Math.max(0, deadlineMs - this.#parts.clock.nowMs()), () => {
      this.#armedForMs = Number.NaN;
      this.run((session, nowMs) => session.handleTimeout(nowMs));
    });
  }
}
