/** Who else is here, what they publish, and which slot carries what. Changes come out as events; no IO. */
import type { ParticipantInfo, ParticipantLeft, Role, SlotInfo, SlotState, TrackSource } from "./protocol/messages.ts";
import { RemoteTrack } from "./remote-track.ts";

/** People known at a time; at the bound a newcomer is not listed (their voice still arrives). */
const MAX_PARTICIPANTS = 5_000;

export interface RemoteParticipant {
  readonly participantId: string;
  readonly userId: string;
  readonly displayName: string;
  readonly role: Role;
  readonly node: string;
  readonly state: "active" | "reconnecting";
  readonly joinedAtMs: number;
  readonly tracks: ReadonlyMap<string, RemoteTrack>;
  /** The track of this source, if published. */
  track(source: TrackSource): RemoteTrack | undefined;
}

export interface RosterListener {
  joined(participant: RemoteParticipant): void;
  updated(participant: RemoteParticipant): void;
  left(participant: RemoteParticipant, reason: ParticipantLeft["reason"]): void;
  subscribed(participant: RemoteParticipant, track: RemoteTrack): void;
  unsubscribed(participant: RemoteParticipant, track: RemoteTrack): void;
  /** Paused, live again, or not to be decoded here. */
  stateChanged(participant: RemoteParticipant, track: RemoteTrack): void;
}

class Remote implements RemoteParticipant {
  info: ParticipantInfo;
  readonly tracks = new Map<string, RemoteTrack>();

  constructor(info: ParticipantInfo) {
    this.info = info;
  }
  get participantId(): string {
    return this.info.participantId;
  }
  get userId(): string {
    return this.info.userId;
  }
  get displayName(): string {
    return this.info.displayName;
  }
  get role(): Role {
    return this.info.role;
  }
  get node(): string {
    return this.info.node;
  }
  get state(): "active" | "reconnecting" {
    return this.info.state;
  }
  get joinedAtMs(): number {
    return this.info.joinedAtMs;
  }
  track(source: TrackSource): RemoteTrack | undefined {
    return [...this.tracks.values()].find((track) => track.source === source);
  }
}

export class Roster {
  readonly #listener: RosterListener;
  readonly #people = new Map<string, Remote>();
  #slots: readonly SlotInfo[] = [];

  constructor(listener: RosterListener) {
    this.#listener = listener;
  }

  get people(): ReadonlyMap<string, RemoteParticipant> {
    return this.#people;
  }
  get slots(): readonly SlotInfo[] {
    return this.#slots;
  }

  /** The truth of a join: who is not in it has left meanwhile, who stays keeps their identity here. */
  reset(participants: readonly ParticipantInfo[]): void {
    const present = new Set(participants.map((info) => info.participantId));
    for (const id of [...this.#people.keys()]) if (!present.has(id)) this.leave(id, "timeout");
    for (const info of participants) this.upsert(info);
  }

  upsert(info: ParticipantInfo): void {
    const known = this.#people.get(info.participantId);
    if (known === undefined && this.#people.size >= MAX_PARTICIPANTS) return;
    const person = known ?? new Remote(info);
    person.info = info;
    this.#people.set(info.participantId, person);
    this.#updateTracks(person, info);
    if (known === undefined) this.#listener.joined(person);
    else this.#listener.updated(person);
  }

  leave(participantId: string, reason: ParticipantLeft["reason"]): void {
    const person = this.#people.get(participantId);
    if (person === undefined) return;
    for (const track of person.tracks.values()) this.#carry(person, track, undefined);
    this.#people.delete(participantId);
    this.#listener.left(person, reason);
  }

  /** Lines on which something should arrive now. */
  due(): ReadonlySet<string> {
    const isDue = ({ participantId = "", trackId = "" }: SlotInfo): boolean => {
      const person = this.#people.get(participantId);
      const track = person?.tracks.get(trackId);
      return person?.state === "active" && track?.muted === false && track.state === "live";
    };
    return new Set(this.#slots.filter(isDue).map(({ mid }) => mid));
  }

  setSlots(slots: readonly SlotInfo[]): void {
    this.#slots = slots;
  }

  setState(trackId: string, state: SlotState): void {
    for (const person of this.#people.values()) {
      const track = person.tracks.get(trackId);
      if (track?.become(state) === true) this.#listener.stateChanged(person, track);
    }
  }

  /** Gives every track the media of its slot; `mediaOf` knows the connection's lines. Repeat after slots, answers and joins. */
  remap(mediaOf: (mid: string) => MediaStreamTrack | undefined): void {
    const carried = new Map<string, MediaStreamTrack>();
    for (const { mid, trackId } of this.#slots) {
      const media = mediaOf(mid);
      if (trackId !== undefined && media !== undefined) carried.set(trackId, media);
    }
    // First let go, then take: an element must never show two people, even for a moment.
    for (const wanted of [false, true])
      for (const person of this.#people.values())
        for (const track of person.tracks.values())
          if (carried.has(track.trackId) === wanted) this.#carry(person, track, carried.get(track.trackId));
  }

  #updateTracks(person: Remote, info: ParticipantInfo): void {
    const published = new Set(info.tracks.map((track) => track.trackId));
    for (const track of [...person.tracks.values()])
      if (!published.has(track.trackId)) {
        this.#carry(person, track, undefined);
        person.tracks.delete(track.trackId);
      }
    for (const trackInfo of info.tracks) {
      const track = person.tracks.get(trackInfo.trackId);
      if (track === undefined) person.tracks.set(trackInfo.trackId, new RemoteTrack(info.participantId, trackInfo));
      else track.update(trackInfo);
    }
  }

  #carry(person: Remote, track: RemoteTrack, media: MediaStreamTrack | undefined): void {
    if (!track.carry(media)) return;
    if (media === undefined) this.#listener.unsubscribed(person, track);
    else this.#listener.subscribed(person, track);
  }
}
