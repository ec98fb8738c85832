/**
 * The one peer connection of a session: own tracks sendonly, slots recvonly, always offered by us. The platform's
 * RTCPeerConnection is given, so a fake can play the browser (test/fakes).
 */
import { DataChannels } from "./data-channels.ts";
import type { DataFrame } from "./protocol/data-frame.ts";
import type { MediaKind, OfferedTrack, TrackSource } from "./protocol/messages.ts";
import { applyLayers, describeLayers, encodingsOf, preferCodec, preferRed, type VideoCodec } from "./send-layers.ts";
import { kindOf } from "./source-kind.ts";

export interface OwnTrack {
  readonly source: TrackSource;
  /** Null while muted in a way that closed the device. */
  readonly track: MediaStreamTrack | null;
  readonly simulcast: boolean;
  /** Preferred for video; default: the platform's choice. */
  readonly codec?: VideoCodec | undefined;
}
export interface Slot {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly track: MediaStreamTrack;
}
export type PeerState = "connecting" | "connected" | "disconnected" | "failed";

export interface PeerOptions {
  /** Offer speech with redundancy first. */
  readonly red: boolean;
}

export interface PeerListener {
  state(state: PeerState): void;
  data(frame: DataFrame, lossy: boolean): void;
}

interface OwnLine {
  readonly transceiver: RTCRtpTransceiver;
  published: boolean;
  /** One change of its parameters at a time. */
  changing: Promise<void>;
}

export class Peer {
  readonly #connection: RTCPeerConnection;
  readonly #red: boolean;
  readonly #channels: DataChannels;
  readonly #own = new Map<TrackSource, OwnLine>();
  readonly #slots: { readonly kind: MediaKind; readonly transceiver: RTCRtpTransceiver }[] = [];

  constructor(Connection: typeof RTCPeerConnection, listener: PeerListener, { red }: PeerOptions) {
    this.#red = red;
    this.#connection = new Connection({ bundlePolicy: "max-bundle" });
    this.#channels = new DataChannels(this.#connection, (frame, lossy) => listener.data(frame, lossy));
    this.#connection.onconnectionstatechange = () => {
      const state = this.#connection.connectionState;
      if (state === "new" || state === "closed") return;
      listener.state(state);
    };
  }

  /** Adds or revives the line of this source. True when an offer is needed. */
  publish(own: OwnTrack): boolean {
    const line = this.#own.get(own.source);
    if (line !== undefined) return this.#revive(line, own);
    const track = own.track ?? kindOf(own.source);
    const transceiver = this.#connection.addTransceiver(track, {
      direction: "sendonly",
      sendEncodings: encodingsOf(own),
    });
    if (kindOf(own.source) === "video") preferCodec(transceiver, own.codec);
    else if (this.#red) preferRed(transceiver);
    this.#own.set(own.source, { transceiver, published: true, changing: Promise.resolve() });
    return true;
  }

  /** Keeps the line for later; an offer without it tells the node. */
  unpublish(source: TrackSource): boolean {
    const line = this.#own.get(source);
    if (line === undefined || !line.published) return false;
    line.published = false;
    line.transceiver.direction = "inactive";
    this.#replace(line, null);
    return true;
  }

  /** Sends another track (or nothing) on the line of this source, without an offer. */
  replace(source: TrackSource, track: MediaStreamTrack | null): void {
    const line = this.#own.get(source);
    if (line !== undefined) this.#replace(line, track);
  }

  /** Layers of this source that anybody wants; others are not even encoded. Sound is always sent: who is loud is heard. */
  setLayers(source: TrackSource, layers: readonly string[]): void {
    const line = this.#own.get(source);
    if (line === undefined || kindOf(source) === "audio") return;
    const { sender } = line.transceiver;
    line.changing = line.changing
      .then(async () => {
        const parameters = sender.getParameters();
        if (applyLayers(parameters.encodings, layers)) await sender.setParameters(parameters);
        // A connection that was closed meanwhile sends nothing anyway.
      })
      .catch(() => undefined);
  }

  /** False when there is no open channel now. */
  sendData(frame: Uint8Array<ArrayBuffer>, lossy: boolean): boolean {
    return this.#channels.send(frame, lossy);
  }

  /** Makes sure of at least `count` slots of this kind. True when an offer is needed. */
  growSlots(kind: MediaKind, count: number): boolean {
    let missing = count - this.#slots.filter((slot) => slot.kind === kind).length;
    const grows = missing > 0;
    for (; missing > 0; missing -= 1) {
      const transceiver = this.#connection.addTransceiver(kind, { direction: "recvonly" });
      if (kind === "video") describeLayers(transceiver);
      else if (this.#red) preferRed(transceiver);
      this.#slots.push({ kind, transceiver });
    }
    return grows;
  }

  /** Slots whose media line is negotiated at least on our side. */
  slots(): readonly Slot[] {
    return this.#slots.flatMap(({ kind, transceiver }) =>
      transceiver.mid === null ? [] : [{ mid: transceiver.mid, kind, track: transceiver.receiver.track }],
    );
  }

  sourceOf(mid: string): TrackSource | undefined {
    return [...this.#own].find(([, line]) => line.transceiver.mid === mid)?.[0];
  }

  /** Rejects when the browser refuses; the connection is then of no use. */
  async offer(isMuted: (source: TrackSource) => boolean): Promise<{ sdp: string; tracks: readonly OfferedTrack[] }> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    const tracks = [...this.#own].flatMap(([source, { transceiver, published }]) =>
      published && transceiver.mid !== null
        ? [{ mid: transceiver.mid, kind: kindOf(source), source, muted: isMuted(source) }]
        : [],
    );
    return { sdp: this.#connection.localDescription?.sdp ?? "", tracks };
  }

  async answer(sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** Another number whenever something arrived on one of these lines; cheap. */
  arrivals(mids: ReadonlySet<string>): number {
    let newest = 0;
    for (const { transceiver } of this.#slots)
      if (mids.has(transceiver.mid ?? ""))
        for (const { timestamp } of transceiver.receiver.getSynchronizationSources?.() ?? [])
          newest = Math.max(newest, timestamp);
    return newest;
  }

  async stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #revive(line: OwnLine, own: OwnTrack): boolean {
    this.#replace(line, own.track);
    if (line.published) return false;
    line.published = true;
    line.transceiver.direction = "sendonly";
    return true;
  }

  #replace(line: OwnLine, track: MediaStreamTrack | null): void {
    // Rejects only for a closed connection or another kind of track; both mean that there is nothing left to send on.
    line.transceiver.sender.replaceTrack(track).catch(() => undefined);
  }
}
