/**
 * One local session as a receiver: its slots, what it wants to see, and what is on each slot now. Pure: it answers what
 * must change. Rules: SPEC.md [P1…P3], [P8], [P9].
 */
import type { MediaKind, SlotInfo, TrackSource, View } from "#protocol";
import type { LayerTarget } from "../media/control.ts";
import { assignStable } from "./slot-assignment.ts";

/** A track that somebody in the room publishes and that can be put on a slot. */
export interface RoomTrack {
  readonly trackId: string;
  readonly participantId: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly muted: boolean;
}

export interface Placement {
  readonly mid: string;
  readonly trackId: string | null;
  readonly target?: LayerTarget;
}

interface Slot {
  readonly kind: MediaKind;
  trackId: string | null;
  target: LayerTarget | undefined;
}

/** Slots of one session; a client grows them with its layout. Those beyond are left empty. */
export const MAX_SLOTS = 64;
export const MAX_VIEW_ENTRIES = 100;

export class Listener {
  readonly #slots = new Map<string, Slot>();
  #view: View["visible"] | undefined;

  /** The slots of the latest answer. A fresh transport carries nothing yet; otherwise known slots keep their tracks. */
  setSlots(slots: readonly { readonly mid: string; readonly kind: MediaKind }[], fresh: boolean): void {
    const before = new Map(this.#slots);
    this.#slots.clear();
    for (const { mid, kind } of slots.slice(0, MAX_SLOTS)) {
      const known = fresh ? undefined : before.get(mid);
      this.#slots.set(mid, known?.kind === kind ? known : { kind, trackId: null, target: undefined });
    }
  }

  trackOn(mid: string): string | undefined {
    return this.#slots.get(mid)?.trackId ?? undefined;
  }

  setView(visible: View["visible"]): void {
    this.#view = visible.slice(0, MAX_VIEW_ENTRIES);
  }

  /**
   * What must be put where, in the order to do it; empty when nothing changes.
   * @param tracks of others, in the order of their participants
   * @param loudest ids of audio tracks, loudest first
   * @param sounding how many of them are heard; of the silent ones those that have a slot keep it
   */
  place(tracks: readonly RoomTrack[], loudest: readonly string[], sounding = loudest.length): readonly Placement[] {
    const available = new Map(tracks.filter((track) => !track.muted).map((track) => [track.trackId, track]));
    const onSlots = new Set([...this.#slots.values()].map((slot) => slot.trackId));
    const silent = loudest.slice(sounding);
    const [staying, waiting] = [silent.filter((id) => onSlots.has(id)), silent.filter((id) => !onSlots.has(id))];
    const audio = [...loudest.slice(0, sounding), ...staying, ...waiting].filter(
      (trackId) => available.get(trackId)?.kind === "audio",
    );
    const video = this.#wantedVideo([...available.values()].filter((track) => track.kind === "video"));
    return [
      ...this.#placeKind("audio", new Map(audio.map((trackId) => [trackId, undefined]))),
      ...this.#placeKind("video", video),
    ];
  }

  infos(find: (trackId: string) => RoomTrack | undefined): readonly SlotInfo[] {
    return [...this.#slots].map(([mid, { kind, trackId }]) => {
      const track = trackId === null ? undefined : find(trackId);
      if (track === undefined) return { mid, kind };
      return { mid, kind, participantId: track.participantId, trackId: track.trackId, source: track.source };
    });
  }

  /** By view, or until the client has sent one: everybody, screens before faces. */
  #wantedVideo(tracks: readonly RoomTrack[]): ReadonlyMap<string, LayerTarget | undefined> {
    if (this.#view === undefined) {
      const isScreen = (track: RoomTrack): number => (track.source === "screen" ? 0 : 1);
      const ordered = [...tracks].sort((a, b) => isScreen(a) - isScreen(b));
      return new Map(ordered.map((track) => [track.trackId, undefined]));
    }
    const byName = new Map(tracks.map((track) => [`${track.source} ${track.participantId}`, track.trackId]));
    const wanted = new Map<string, LayerTarget>();
    for (const { participantId, source, width, height } of this.#view) {
      const trackId = byName.get(`${source} ${participantId}`);
      if (trackId !== undefined && !wanted.has(trackId)) wanted.set(trackId, { width, height });
    }
    return wanted;
  }

  #placeKind(kind: MediaKind, wanted: ReadonlyMap<string, LayerTarget | undefined>): readonly Placement[] {
    const slots = [...this.#slots].filter(([, slot]) => slot.kind === kind);
    const next = assignStable(new Map(slots.map(([mid, slot]) => [mid, slot.trackId])), [...wanted.keys()]);
    const placements: Placement[] = [];
    for (const [mid, slot] of slots) {
      const trackId = next.get(mid) ?? null;
      const target = trackId === null ? undefined : wanted.get(trackId);
      if (slot.trackId === trackId && isSameTarget(slot.target, target)) continue;
      slot.trackId = trackId;
      slot.target = target;
      placements.push(target === undefined ? { mid, trackId } : { mid, trackId, target });
    }
    return placements;
  }
}

function isSameTarget(a: LayerTarget | undefined, b: LayerTarget | undefined): boolean {
  return a?.width === b?.width && a?.height === b?.height;
}
