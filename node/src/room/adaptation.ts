/**
 * What the media plane fits to links and to what is watched, passed on to the clients that it concerns: publishers hear
 * which of their layers anybody anywhere watches, subscribers whether their slots are live. Rules: SPEC.md [P80…P83].
 */
import type { MediaEvent } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import { LayerNews } from "./layer-news.ts";
import type { Member, RoomRegistry } from "./registry.ts";

type DemandEvent = Extract<MediaEvent, { readonly kind: "localDemand" }>;
type SlotEvent = Extract<MediaEvent, { readonly kind: "slotState" }>;

interface Told {
  readonly news: LayerNews;
  cancel: () => void;
}

export class Adaptation {
  readonly #registry: RoomRegistry;
  readonly #clock: Clock;
  readonly #told = new WeakMap<Member, Map<string, Told>>();

  constructor(registry: RoomRegistry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** The slots and the trunks of this node together, so it is the whole mesh that speaks here. */
  demanded({ roomId, trackId, layers }: DemandEvent): void {
    const member = this.#registry.publisherOf(roomId, trackId);
    const track = member?.tracks.find((known) => known.trackId === trackId);
    // The loudness of sound is learnt from its packets: a microphone that sends nothing would never be heard again.
    if (member === undefined || track?.kind !== "video") return;
    const told = this.#toldOf(member, trackId, track.layers);
    this.#tell(member, trackId, told.news.want(layers, this.#clock.nowMs()));
    this.#arm(member, trackId, told);
  }

  /** Only of what is on the slot now: a word about an earlier track comes too late. */
  slotChanged({ peerId, mid, trackId, state }: SlotEvent): void {
    const member = this.#registry.member(peerId);
    if (member === undefined || this.#registry.find(member.roomId)?.trackOn(peerId, mid) !== trackId) return;
    member.client.notify({ type: "slotState", mid, trackId, state });
  }

  #toldOf(member: Member, trackId: string, layers: readonly string[]): Told {
    const tracks = this.#told.get(member) ?? new Map<string, Told>();
    this.#told.set(member, tracks);
    const told = tracks.get(trackId) ?? { news: new LayerNews(layers), cancel: () => undefined };
    for (const known of [...tracks.keys()])
      if (!member.tracks.some((track) => track.trackId === known)) tracks.delete(known);
    tracks.set(trackId, told);
    return told;
  }

  #tell(member: Member, trackId: string, layers: readonly string[] | undefined): void {
    if (layers !== undefined) member.client.notify({ type: "layers", trackId, layers });
  }

  #arm(member: Member, trackId: string, told: Told): void {
    told.cancel();
    told.cancel = () => undefined;
    const dueMs = told.news.deadlineMs();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    told.cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      if (this.#registry.publisherOf(member.roomId, trackId) !== member) return;
      this.#tell(member, trackId, told.news.handleTimeout(this.#clock.nowMs()));
      // A timer may come a little early: then there is still something to wait for.
      this.#arm(member, trackId, told);
    });
  }
}
