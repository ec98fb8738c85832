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

/** Tracks whose codec is remembered, the oldest forgotten first: more than a worker serves. */
const MAX_TRACKS = 20_000;

export class SlotStates {
  readonly #emit: (event: SlotStateEvent) => void;
  readonly #peers = new Map<string, Map<string, Slot>>();
  readonly #codecs = new Map<string, CodecInfo>();
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

  removePeer(peerId: string): void {
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

  /** A track was agreed with its publisher, or announced by a trunk. */
  addTrack({ trackId, codec }: { readonly trackId: string; readonly codec: CodecInfo }): void {
    this.#codecs.delete(trackId);
    this.#codecs.set(trackId, codec);
    const [oldest] = this.#codecs.keys();
    if (this.#codecs.size > MAX_TRACKS && oldest !== undefined) this.#codecs.delete(oldest);
    for (const slot of this.#shown.get(trackId) ?? []) this.#say(slot);
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
    const codec = this.#codecs.get(trackId);
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
