/** A track of somebody else. It has media only while a slot of ours carries it. */
import type { MediaKind, SlotState, TrackInfo, TrackSource } from "./protocol/messages.ts";

/** The part of HTMLMediaElement that a track needs. */
export interface MediaElementLike {
  srcObject: MediaProvider | null;
}
/** Elements one track can feed; at the bound attach throws RangeError. */
const MAX_ELEMENTS = 16;

export class RemoteTrack {
  readonly participantId: string;
  readonly trackId: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  #muted: boolean;
  #media: MediaStreamTrack | undefined;
  #state: SlotState = "live";
  readonly #elements = new Set<MediaElementLike>();

  constructor(participantId: string, info: TrackInfo) {
    this.participantId = participantId;
    this.trackId = info.trackId;
    this.kind = info.kind;
    this.source = info.source;
    this.#muted = info.muted;
  }

  get muted(): boolean {
    return this.#muted;
  }
  /** Present while a slot carries this track. */
  get mediaTrack(): MediaStreamTrack | undefined {
    return this.#media;
  }

  /** "paused": no room for it on this link now. "unsupportedCodec": this platform cannot decode it. */
  get state(): SlotState {
    return this.#state;
  }
  get paused(): boolean {
    return this.#state === "paused";
  }

  /** Shows the track in `element` now and whenever it gets a slot, until the returned function is called. */
  attach(element: MediaElementLike): () => void {
    if (this.#elements.size >= MAX_ELEMENTS) throw new RangeError(`A track feeds at most ${MAX_ELEMENTS} elements`);
    this.#elements.add(element);
    this.#feed(element);
    return () => {
      if (this.#elements.delete(element)) element.srcObject = null;
    };
  }

  /** For the roster. True when something changed. */
  update(info: TrackInfo): boolean {
    const changed = this.#muted !== info.muted;
    this.#muted = info.muted;
    return changed;
  }

  /** For the roster: the slot's media, or undefined when no slot carries it. True when something changed. */
  carry(media: MediaStreamTrack | undefined): boolean {
    if (this.#media === media) return false;
    this.#media = media;
    this.#state = "live";
    for (const element of this.#elements) this.#feed(element);
    return true;
  }

  /** For the roster. True when something changed. */
  become(state: SlotState): boolean {
    const changed = this.#state !== state;
    this.#state = state;
    return changed;
  }

  #feed(element: MediaElementLike): void {
    const media = this.#media;
    // Until the first picture of a new connection comes, the last one of the old stays: black would flash.
    if (media?.muted === true && element.srcObject !== null) {
      const arrived = (): void => {
        if (this.#media === media && this.#elements.has(element)) element.srcObject = new MediaStream([media]);
      };
      media.addEventListener("unmute", arrived, { once: true });
    } else element.srcObject = media === undefined ? null : new MediaStream([media]);
  }
}
