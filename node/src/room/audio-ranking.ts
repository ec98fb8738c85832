/**
 * The audio tracks of a room, loudest first: the first N of this order are heard. Levels are -dBov, 0 loudest and 127
 * silence (RFC 6464). The node that a track is on decides how loud it counts: a level rises at once and fades slowly, so that
 * the pauses between words change nothing, and counts in steps of more than STEP_DB, so that small differences change nothing.
 * All nodes order by what counts and by nothing else, so they order alike as soon as they have heard of it.
 * Rules: SPEC.md [P4…P7], [P19].
 */
import type { InstantMs } from "#gossip";

export const SILENT_LEVEL = 127;
/** How far a level must move to count as another. */
export const STEP_DB = 3;
/** How fast a level fades towards what was last heard. */
export const FADE_DB_PER_S = 20;

export interface Counted {
  readonly trackId: string;
  readonly level: number;
}

interface Heard {
  readonly trackId: string;
  /** What was heard last. */
  heardLevel: number;
  /** Between heardLevel and something louder that fades. */
  fadingLevel: number;
  /** What counts. */
  level: number;
  /** Until when a level that another node told holds; Infinity for tracks of this node. */
  validUntilMs: InstantMs;
}

export class AudioRanking {
  #order: readonly Heard[] = [];
  #byId = new Map<string, Heard>();
  #fadedAtMs: InstantMs = Number.NEGATIVE_INFINITY;

  /** The tracks that exist now, in an order that all nodes share; known ones keep their level, new ones are silent. */
  setTracks(trackIds: readonly string[]): void {
    const before = this.#byId;
    this.#byId = new Map();
    for (const trackId of trackIds) {
      const silent = { heardLevel: SILENT_LEVEL, fadingLevel: SILENT_LEVEL, level: SILENT_LEVEL };
      const fresh = { trackId, ...silent, validUntilMs: Number.POSITIVE_INFINITY };
      this.#byId.set(trackId, before.get(trackId) ?? fresh);
    }
    this.#order = this.#sorted();
  }

  /** Of a track of this node. Unknown tracks are ignored: a level may overtake the news of its track. */
  hear(trackId: string, level: number): void {
    const heard = this.#byId.get(trackId);
    if (heard === undefined) return;
    heard.heardLevel = level;
    heard.fadingLevel = Math.min(heard.fadingLevel, level);
    heard.validUntilMs = Number.POSITIVE_INFINITY;
  }

  /** Of a track of another node, as it counts there. */
  hearCounted(trackId: string, level: number, validUntilMs: InstantMs): void {
    const heard = this.#byId.get(trackId);
    if (heard === undefined) return;
    for (const name of ["heardLevel", "fadingLevel", "level"] as const) heard[name] = level;
    heard.validUntilMs = validUntilMs;
  }

  /** Fades levels and orders anew; true when the order changed. */
  settle(nowMs: InstantMs): boolean {
    const fadeDb = Math.max(0, ((nowMs - this.#fadedAtMs) / 1_000) * FADE_DB_PER_S);
    this.#fadedAtMs = nowMs;
    for (const heard of this.#byId.values()) {
      if (heard.validUntilMs !== Number.POSITIVE_INFINITY) expire(heard, nowMs);
      else fade(heard, fadeDb);
    }
    const before = this.#order;
    this.#order = this.#sorted();
    return this.#order.some((heard, i) => heard !== before[i]);
  }

  /** True while anything is heard: levels fade, and what others told runs out. */
  get isSounding(): boolean {
    return this.#order.some((heard) => heard.level < SILENT_LEVEL || heard.fadingLevel < SILENT_LEVEL);
  }

  /** Loudest first; the silent ones last, in the order of setTracks. */
  trackIds(): readonly string[] {
    return this.#order.map((heard) => heard.trackId);
  }

  /** Those that are heard, loudest first. */
  sounding(): readonly Counted[] {
    return this.#order.filter((heard) => heard.level < SILENT_LEVEL).map(({ trackId, level }) => ({ trackId, level }));
  }

  level(trackId: string): number {
    return this.#byId.get(trackId)?.level ?? SILENT_LEVEL;
  }

  #sorted(): readonly Heard[] {
    return [...this.#byId.values()].sort((a, b) => {
      if (a.level !== b.level) return a.level - b.level;
      return a.level === SILENT_LEVEL || a.trackId === b.trackId ? 0 : a.trackId < b.trackId ? -1 : 1;
    });
  }
}

function fade(heard: Heard, fadeDb: number): void {
  heard.fadingLevel = Math.min(heard.heardLevel, heard.fadingLevel + fadeDb);
  const { fadingLevel } = heard;
  const isSilent = fadingLevel >= SILENT_LEVEL;
  if (isSilent || Math.abs(fadingLevel - heard.level) > STEP_DB) heard.level = Math.round(fadingLevel);
}

function expire(heard: Heard, nowMs: InstantMs): void {
  if (heard.validUntilMs > nowMs) return;
  for (const name of ["heardLevel", "fadingLevel", "level"] as const) heard[name] = SILENT_LEVEL;
}
