/** The streams that one trunk carries away from this node, by the SSRC that the receiver chose. Pure. */
import type { OpenBody } from "./trunk-messages.ts";
import { MAX_STREAMS_PER_TRUNK } from "./trunk-streams.ts";

export class TrunkEgress {
  readonly #streams = new Map<number, OpenBody>();
  readonly #stop: (ssrc: number) => void;

  /** @param stop is called for every stream that ends while its trunk lives */
  constructor(stop: (ssrc: number) => void) {
    this.#stop = stop;
  }

  /** Changes whenever a stream comes or goes. */
  revision = 0;

  get size(): number {
    return this.#streams.size;
  }

  all(): readonly OpenBody[] {
    return [...this.#streams.values()];
  }

  /** Each layer crosses once: the same layer under another SSRC replaces the older. False when the trunk is full. */
  add(open: OpenBody): boolean {
    for (const [ssrc, known] of [...this.#streams])
      if (ssrc !== open.ssrc && isSameStream(known, open)) this.remove(ssrc);
    if (!this.#streams.has(open.ssrc) && this.#streams.size >= MAX_STREAMS_PER_TRUNK) return false;
    this.#streams.set(open.ssrc, open);
    this.revision += 1;
    return true;
  }

  remove(ssrc: number): void {
    if (this.forget(ssrc)) this.#stop(ssrc);
  }

  keep(isPublished: (roomId: string, trackId: string) => boolean): void {
    for (const [ssrc, { roomId, trackId, transit }] of [...this.#streams])
      if (transit === undefined && !isPublished(roomId, trackId)) this.remove(ssrc);
  }

  /** Forgets without stopping: false when the SSRC was not there. */
  forget(ssrc: number): boolean {
    const was = this.#streams.delete(ssrc);
    if (was) this.revision += 1;
    return was;
  }

  clear(): void {
    if (this.#streams.size > 0) this.revision += 1;
    this.#streams.clear();
  }
}

function isSameStream(a: OpenBody, b: OpenBody): boolean {
  return a.roomId === b.roomId && a.trackId === b.trackId && a.layer === b.layer;
}
