/**
 * The audio tracks of a room, loudest first, with hysteresis: the first N of this order are heard. Levels are -dBov,
 * 0 loudest and 127 silence (RFC 6464). A level rises at once and fades slowly, so that the pauses between words change
 * nothing, and a track overtakes another only when it is clearly louder. Rules: SPEC.md [P4…P7].
 */
import type { InstantMs } from "#gossip";

export const SILENT_LEVEL = 127;
/** How much louder a track must be to overtake. */
export const HYSTERESIS_DB = 6;
/** How fast a level fades towards what was last heard. */
export const FADE_DB_PER_S = 20;

interface Heard {
  readonly trackId: string;
  /** What was heard last. */
  heardLevel: number;
  /** What counts now: between heardLevel and something louder. */
  level: number;
  /** Until when heardLevel holds; Infinity for tracks of this node, whose media plane reports every change. */
  validUntilMs: InstantMs;
}

export class AudioRanking {
  #order: Heard[] = [];
  readonly #byId = new Map<string, Heard>();
  #fadedAtMs: InstantMs = Number.NEGATIVE_INFINITY;

  /** The tracks that exist now; known ones keep place and level, new ones come last, silent. */
  setTracks(trackIds: readonly string[]): void {
    const present = new Set(trackIds);
    if (present.size === this.#byId.size && trackIds.every((trackId) => this.#byId.has(trackId))) return;
    for (const trackId of [...this.#byId.keys()]) if (!present.has(trackId)) this.#byId.delete(trackId);
    this.#order = this.#order.filter((heard) => present.has(heard.trackId));
    for (const trackId of present) {
      if (this.#byId.has(trackId)) continue;
      const heard = { trackId, heardLevel: SILENT_LEVEL, level: SILENT_LEVEL, validUntilMs: Number.POSITIVE_INFINITY };
      this.#byId.set(trackId, heard);
      this.#order.push(heard);
    }
  }

  /** Unknown tracks are ignored: a level may overtake the news of its track. */
  hear(trackId: string, level: number, validUntilMs: InstantMs = Number.POSITIVE_INFINITY): void {
    const heard = this.#byId.get(trackId);
    if (heard === undefined) return;
    heard.heardLevel = level;
    heard.validUntilMs = validUntilMs;
    if (level < heard.level) heard.level = level;
  }

  /** Fades levels and mends the order; true when the order changed. */
  settle(nowMs: InstantMs): boolean {
    const fadeDb = Math.max(0, ((nowMs - this.#fadedAtMs) / 1_000) * FADE_DB_PER_S);
    this.#fadedAtMs = nowMs;
    for (const heard of this.#order) {
      if (heard.validUntilMs <= nowMs) heard.heardLevel = SILENT_LEVEL;
      heard.level = Math.min(heard.heardLevel, heard.level + fadeDb);
    }
    return this.#mendOrder();
  }

  /** True while anything is heard: levels fade, and what others told runs out. */
  get isSounding(): boolean {
    return this.#order.some((heard) => heard.level < SILENT_LEVEL);
  }

  trackIds(): readonly string[] {
    return this.#order.map((heard) => heard.trackId);
  }

  level(trackId: string): number {
    return this.#byId.get(trackId)?.level ?? SILENT_LEVEL;
  }

  /**
   * Insertion: each track goes before the first one that it beats clearly. Afterwards no track is beaten clearly by
   * any later one, so wherever a listener's slots end, nobody left out is more than HYSTERESIS_DB louder.
   */
  #mendOrder(): boolean {
    let changed = false;
    for (let i = 1; i < this.#order.length; i += 1) {
      const heard = this.#order[i] as Heard;
      if (heard.level + HYSTERESIS_DB >= SILENT_LEVEL) continue;
      const place = this.#order.findIndex((other) => heard.level + HYSTERESIS_DB < other.level);
      if (place < 0 || place >= i) continue;
      this.#order.splice(i, 1);
      this.#order.splice(place, 0, heard);
      changed = true;
    }
    return changed;
  }
}
