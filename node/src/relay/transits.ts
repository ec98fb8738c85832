/**
 * What this node forwards between two others: which streams it needs for that, which it refuses, and which it gives back
 * because its own way to them broke. Everything follows from the streams that go out now; nothing else is kept.
 * Rules: SPEC.md [Y80…Y89].
 */
import type { MeshNode } from "../mesh/mesh.ts";
import type { TransitStream } from "./demand.ts";
import type { LegReply, OpenBody, TrunkRefusal } from "./trunk-messages.ts";
import type { TrunkSession } from "./trunk-session.ts";

/** Over all trunks; more are refused. */
export const MAX_TRANSIT_STREAMS = 512;

export interface TransitTrunk {
  readonly peer: string;
  readonly session: TrunkSession;
  run<T>(work: (session: TrunkSession, nowMs: number) => T): T;
}
export interface TransitParts {
  readonly self: () => MeshNode;
  readonly trunks: () => readonly TransitTrunk[];
  readonly ways: { viaOf(owner: string): string | undefined; legTo(node: string): LegReply };
}

export class Transits {
  readonly #parts: TransitParts;

  constructor(parts: TransitParts) {
    this.#parts = parts;
  }

  count(): number {
    return this.#parts.trunks().reduce((sum, { session }) => sum + session.transits().length, 0);
  }

  /** Straight from where they are published, or not at all: so no stream makes more than two hops. */
  wanted(): readonly TransitStream[] {
    const { trunks, ways } = this.#parts;
    return trunks().flatMap(({ session }) =>
      session.transits().flatMap(({ roomId, layer, transit }) => {
        if (transit === undefined || ways.viaOf(transit.origin) !== undefined) return [];
        return [{ origin: transit.origin, stream: { roomId, track: transit.track, layer } }];
      }),
    );
  }

  /** Why this stream is not forwarded; undefined also for what is this node's own. */
  refusal(to: TransitTrunk, { transit, trunkId, ssrc }: OpenBody): TrunkRefusal | undefined {
    if (transit === undefined) return undefined;
    const { origin } = transit;
    const self = this.#parts.self();
    if (self.forwards !== true || self.draining || origin === to.peer || origin === self.name) return "not_forwarding";
    if (!this.#parts.ways.legTo(origin).forwards) return "no_way";
    const isKnown = to.session.trunkId === trunkId && to.session.transits().some((known) => known.ssrc === ssrc);
    return !isKnown && this.count() >= MAX_TRANSIT_STREAMS ? "too_many_streams" : undefined;
  }

  /** Whoever wanted them is told, and may find another way. */
  dropBroken(): void {
    const { trunks, ways } = this.#parts;
    const streams = trunks().flatMap(({ session }) => session.transits());
    for (const origin of new Set(streams.flatMap(({ transit }) => (transit === undefined ? [] : [transit.origin])))) {
      if (ways.legTo(origin).forwards) continue;
      for (const trunk of trunks()) trunk.run((session, nowMs) => session.stopTransit(origin, nowMs));
    }
  }
}
