/**
 * Whether a client can see what was put on its slots: a track in a codec that it cannot decode stays dark, and one that
 * its link has no room for is paused. Said whenever it changes, so that a person is told instead of shown black. Pure.
 */
import type { CodecInfo, MediaEvent } from "./control.ts";

export type SlotStateEvent = Extract<MediaEvent, { kind: "slotState" }>;
type Codec = CodecInfo["name"];

interface Slot {
  readonly peerId: string;
  readonly mid: string;
  codecs: readonly Codec[];
  h264Profiles: readonly string[];
  trackId: string | null;
  paused: boolean;
  said: SlotStateEvent["state"];
}

/** Tracks whose codec is known, the oldest forgotten first: more than a worker serves. */
const MAX_TRACKS = 20_000;

interface Track {
  readonly trackId: string;
  readonly codec: CodecInfo;
}

interface KnownTrack {
  codec: CodecInfo;
  /** The client that publishes it, or the streams that bring it. */
  readonly sources: Set<string>;
}

/** One stream of a trunk as a source of a track; no client can have the name. */
export const streamSource = (trunkId: string, ssrc: number): string => `stream ${trunkId} ${ssrc}`;

export class SlotStates {
  readonly #emit: (event: SlotStateEvent) => void;
  readonly #peers = new Map<string, Map<string, Slot>>();
  readonly #tracks = new Map<string, KnownTrack>();
  /** Ids of what each source has. */
  readonly #ofSource = new Map<string, readonly string[]>();
  /** Slots by the track on them. */
  readonly #shown = new Map<string, Set<Slot>>();

  constructor(emit: (event: SlotStateEvent) => void) {
    this.#emit = emit;
  }

  /** A client's slots after an agreement; those that it had keep what is on them. */
  setSlots(
    peerId: string,
    slots: readonly {
      readonly mid: string;
      readonly codecs?: readonly Codec[];
      readonly h264Profiles?: readonly string[];
    }[],
  ): void {
    const before = this.#peers.get(peerId) ?? new Map<string, Slot>();
    const after = new Map<string, Slot>();
    for (const { mid, codecs = [], h264Profiles = [""] } of slots) {
      const slot = before.get(mid) ?? { peerId, mid, codecs, h264Profiles, trackId: null, paused: false, said: "live" };
      slot.codecs = codecs;
      slot.h264Profiles = h264Profiles;
      after.set(mid, slot);
    }
    for (const [mid, slot] of before) if (!after.has(mid)) this.#show(slot, null);
    this.#peers.set(peerId, after);
    for (const slot of after.values()) this.#say(slot);
  }

  /** Its slots go, and what it publishes. */
  removePeer(peerId: string): void {
    this.setTracks(peerId, []);
    for (const slot of this.#peers.get(peerId)?.values() ?? []) this.#show(slot, null);
    this.#peers.delete(peerId);
  }

  /** What is on a client's slots, as it was said. */
  shownTo(
    peerId: string,
  ): { readonly mid: string; readonly trackId: string; readonly state: SlotStateEvent["state"] }[] {
    return [...(this.#peers.get(peerId)?.values() ?? [])].flatMap(({ mid, trackId, said }) =>
      trackId === null ? [] : [{ mid, trackId, state: said }],
    );
  }

  get trackCount(): number {
    return this.#tracks.size;
  }

  /** All tracks that were agreed with a publisher, or what one stream of a trunk brings; what it had before is void. */
  setTracks(source: string, tracks: readonly Track[]): void {
    const now = new Set(tracks.map(({ trackId }) => trackId));
    for (const trackId of this.#ofSource.get(source) ?? []) if (!now.has(trackId)) this.#letGo(trackId, source);
    if (now.size === 0) this.#ofSource.delete(source);
    else this.#ofSource.set(source, [...now]);
    for (const track of tracks) this.#addTrack(source, track);
  }

  #addTrack(source: string, { trackId, codec }: Track): void {
    const known = this.#tracks.get(trackId) ?? { codec, sources: new Set<string>() };
    known.codec = codec;
    known.sources.add(source);
    this.#tracks.delete(trackId);
    this.#tracks.set(trackId, known);
    const [oldest] = this.#tracks.keys();
    if (this.#tracks.size > MAX_TRACKS && oldest !== undefined) this.#tracks.delete(oldest);
    for (const slot of this.#shown.get(trackId) ?? []) this.#say(slot);
  }

  #letGo(trackId: string, source: string): void {
    const known = this.#tracks.get(trackId);
    known?.sources.delete(source);
    if (known?.sources.size === 0) this.#tracks.delete(trackId);
  }

  assign(input: { readonly peerId: string; readonly mid: string; readonly trackId: string | null }): void {
    const slot = this.#peers.get(input.peerId)?.get(input.mid);
    if (slot === undefined || slot.trackId === input.trackId) return;
    this.#show(slot, input.trackId);
    slot.paused = false;
    // Of another track nothing was said yet, and a client takes what it is not told of for live.
    slot.said = "live";
    this.#say(slot);
  }

  setPaused(input: { readonly peerId: string; readonly mid: string; readonly paused: boolean }): void {
    const slot = this.#peers.get(input.peerId)?.get(input.mid);
    if (slot === undefined) return;
    slot.paused = input.paused;
    this.#say(slot);
  }

  #show(slot: Slot, trackId: string | null): void {
    if (slot.trackId !== null) {
      const shown = this.#shown.get(slot.trackId);
      shown?.delete(slot);
      if (shown?.size === 0) this.#shown.delete(slot.trackId);
    }
    slot.trackId = trackId;
    if (trackId === null) return;
    const shown = this.#shown.get(trackId) ?? new Set<Slot>();
    this.#shown.set(trackId, shown.add(slot));
  }

  #say(slot: Slot): void {
    const { peerId, mid, trackId } = slot;
    if (trackId === null) return;
    const codec = this.#tracks.get(trackId)?.codec;
    const dark = codec !== undefined && !decodes(slot, codec);
    const state = dark ? "unsupportedCodec" : slot.paused ? "paused" : "live";
    if (state === slot.said) return;
    slot.said = state;
    this.#emit({ kind: "slotState", peerId, mid, trackId, state });
  }
}

function decodes({ codecs, h264Profiles }: Slot, { name, profile = "" }: CodecInfo): boolean {
  return codecs.includes(name) && (name !== "H264" || h264Profiles.includes(profile));
}
