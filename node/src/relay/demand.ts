/**
 * Which streams this node wants from which other node: what its slots want now, seen through who publishes the track.
 * However many subscribers wait here, each layer of a track is in the answer once. A stream that is no longer wanted
 * lingers a little, so that a change of layers leaves no gap and flapping costs nothing. Pure. Rules: SPEC.md [Y1…Y9].
 */
import type { InstantMs } from "#gossip";
import type { TrackDescription } from "../media/control.ts";

export interface WantedStream {
  readonly roomId: string;
  readonly track: TrackDescription;
  readonly layer: string;
  /** Set where it comes over another node than the one that publishes it: that one. */
  readonly origin?: string;
}
/** A stream that this node forwards for another. */
export interface TransitStream {
  readonly origin: string;
  readonly stream: WantedStream;
}
export type StreamKey = string;

/** Answers who publishes a remote track; undefined when nobody that is alive does. */
export type FindOwner = (
  roomId: string,
  trackId: string,
) => { readonly node: string; readonly track: TrackDescription } | undefined;

export const LINGER_MS = 2_000;
/** Tracks that slots of this node may want at once; at the bound one that nobody publishes any more makes place. */
export const MAX_WANTED_TRACKS = 4_096;

interface Want {
  readonly roomId: string;
  readonly trackId: string;
  readonly layers: readonly string[];
  /** Nobody published it when it was looked for last. */
  isOrphan: boolean;
}
interface Held {
  readonly node: string;
  readonly stream: WantedStream;
  /** Infinity while wanted. */
  releaseAtMs: InstantMs;
}

export class Demand {
  readonly #wants = new Map<string, Want>();
  readonly #held = new Map<StreamKey, Held>();

  /** The layers that slots want now replace what they wanted of this track; none: []. False when the bound is reached. */
  want(roomId: string, trackId: string, layers: readonly string[]): boolean {
    const key = JSON.stringify([roomId, trackId]);
    if (layers.length === 0) {
      this.#wants.delete(key);
      return true;
    }
    if (!this.#wants.has(key) && !this.#hasPlace()) return false;
    this.#wants.set(key, { roomId, trackId, layers, isOrphan: false });
    return true;
  }

  /** Looks at everything anew; to be called after want(), when tracks came or went, and at the deadline. */
  update(findOwner: FindOwner, nowMs: InstantMs, transits: readonly TransitStream[] = []): void {
    const wanted = this.#wantedNow(findOwner);
    for (const { origin, stream } of transits) wanted.set(streamKey(origin, stream), { node: origin, stream });
    for (const [key, held] of [...this.#held]) {
      const now = wanted.get(key);
      if (now !== undefined) this.#held.set(key, { ...now, releaseAtMs: Number.POSITIVE_INFINITY });
      else if (!this.#mayLinger(held, findOwner, nowMs)) this.#held.delete(key);
    }
    for (const [key, { node, stream }] of wanted)
      if (!this.#held.has(key)) this.#held.set(key, { node, stream, releaseAtMs: Number.POSITIVE_INFINITY });
  }

  /** Nodes from which something is wanted. */
  nodes(): ReadonlySet<string> {
    return new Set([...this.#held.values()].map((held) => held.node));
  }

  streamsFrom(node: string): ReadonlyMap<StreamKey, WantedStream> {
    return new Map([...this.#held].filter(([, held]) => held.node === node).map(([key, held]) => [key, held.stream]));
  }

  deadlineMs(): InstantMs {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) earliestMs = Math.min(earliestMs, held.releaseAtMs);
    return earliestMs;
  }

  #hasPlace(): boolean {
    if (this.#wants.size < MAX_WANTED_TRACKS) return true;
    for (const [key, want] of this.#wants) if (want.isOrphan) return this.#wants.delete(key);
    return false;
  }

  #wantedNow(findOwner: FindOwner): Map<StreamKey, { readonly node: string; readonly stream: WantedStream }> {
    const wanted = new Map<StreamKey, { readonly node: string; readonly stream: WantedStream }>();
    for (const want of this.#wants.values()) {
      const { roomId, trackId, layers } = want;
      const owner = findOwner(roomId, trackId);
      want.isOrphan = owner === undefined;
      if (owner === undefined) continue;
      for (const layer of layersOf(owner.track, layers)) {
        const stream = { roomId, track: owner.track, layer };
        wanted.set(streamKey(owner.node, stream), { node: owner.node, stream });
      }
    }
    return wanted;
  }

  /** A track that is gone has nothing to linger for. */
  #mayLinger(held: Held, findOwner: FindOwner, nowMs: InstantMs): boolean {
    const { roomId, track } = held.stream;
    if (findOwner(roomId, track.trackId)?.node !== held.node) return false;
    if (held.releaseAtMs === Number.POSITIVE_INFINITY) held.releaseAtMs = nowMs + LINGER_MS;
    return held.releaseAtMs > nowMs;
  }
}

/** The node is part of the key: a track that moved is another stream. */
function streamKey(node: string, stream: WantedStream): StreamKey {
  return JSON.stringify([node, stream.roomId, stream.track.trackId, stream.layer]);
}

/** A slot that does not know a track's layers yet asks for [""]: it gets the lowest, and asks again by name. */
function layersOf(track: TrackDescription, layers: readonly string[]): readonly string[] {
  const known = track.layers.filter((layer) => layers.includes(layer));
  return known.length > 0 ? known : track.layers.slice(0, 1);
}
