/** Loudness of the local tracks of each room, from the RFC 6464 header extension. */
import type { ResolvedRouterOptions } from "./options.ts";
import type { InstantMs, RouterEvent } from "./types.ts";

const SILENCE = 127;
/** Without packets for this long, a track is silent (discontinuous transmission, mute). */
const STALE_MS = 600;

interface Entry {
  readonly roomId: string;
  /** Loudest since the last report. */
  loudest: number;
  reported: number;
  heardAtMs: InstantMs;
}

export class AudioLevels {
  readonly #options: ResolvedRouterOptions;
  readonly #entries = new Map<string, Entry>();
  #nextMs: InstantMs = Number.NEGATIVE_INFINITY;

  constructor(options: ResolvedRouterOptions) {
    this.#options = options;
  }

  add(trackId: string, roomId: string): void {
    this.#entries.set(trackId, {
      roomId,
      loudest: SILENCE,
      reported: SILENCE,
      heardAtMs: Number.NEGATIVE_INFINITY,
    });
  }

  remove(trackId: string): void {
    this.#entries.delete(trackId);
  }

  note(trackId: string, level: number, nowMs: InstantMs): void {
    const entry = this.#entries.get(trackId);
    if (entry === undefined) return;
    entry.heardAtMs = nowMs;
    if (level < entry.loudest) entry.loudest = level;
  }

  /** One event per room in which some level changed since its last, with all its tracks. */
  takeEvents(nowMs: InstantMs): readonly RouterEvent[] {
    if (nowMs < this.#nextMs || this.#entries.size === 0) return [];
    this.#nextMs = nowMs + this.#options.levelIntervalMs;
    const changed = new Set<string>();
    for (const entry of this.#entries.values()) {
      const fresh = entry.loudest !== SILENCE;
      // Between two packets of a slow sender nothing is known; the old value holds until it is stale.
      const level = fresh || nowMs - entry.heardAtMs > STALE_MS ? entry.loudest : entry.reported;
      entry.loudest = SILENCE;
      if (level === entry.reported) continue;
      entry.reported = level;
      changed.add(entry.roomId);
    }
    return [...changed].map((roomId) => ({ kind: "levels", roomId, levels: this.#levelsOf(roomId) }));
  }

  #levelsOf(roomId: string): { trackId: string; level: number }[] {
    const levels: { trackId: string; level: number }[] = [];
    for (const [trackId, entry] of this.#entries) {
      if (entry.roomId === roomId) levels.push({ trackId, level: entry.reported });
    }
    return levels;
  }
}
