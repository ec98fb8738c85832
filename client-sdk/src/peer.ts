/**
 * The one peer connection of a session: own tracks sendonly, slots recvonly, always offered by us. The platform's
 * RTCPeerConnection is given, so a fake can play the browser (test/fakes).
 */
import type { MediaKind, OfferedTrack, TrackSource } from "./protocol/messages.ts";

/** Lowest quality first, as nodes name the layers; scales are of the captured size. */
const SIMULCAST: readonly RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const SCREEN: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];
const CAMERA: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 1_700_000 }];

export const kindOf = (source: TrackSource): MediaKind =>
  source === "microphone" || source === "screenAudio" ? "audio" : "video";

export interface OwnTrack {
  readonly source: TrackSource;
  /** Null while muted in a way that closed the device. */
  readonly track: MediaStreamTrack | null;
  readonly simulcast: boolean;
}
export interface Slot {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly track: MediaStreamTrack;
}
export type PeerState = "connecting" | "connected" | "disconnected" | "failed";

export interface PeerListener {
  state(state: PeerState): void;
}

interface OwnLine {
  readonly transceiver: RTCRtpTransceiver;
  published: boolean;
}

export class Peer {
  readonly #connection: RTCPeerConnection;
  readonly #own = new Map<TrackSource, OwnLine>();
  readonly #slots: { readonly kind: MediaKind; readonly transceiver: RTCRtpTransceiver }[] = [];

  constructor(Connection: typeof RTCPeerConnection, listener: PeerListener) {
    this.#connection = new Connection({ bundlePolicy: "max-bundle" });
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
      sendEncodings: encodings(own),
    });
    this.#own.set(own.source, { transceiver, published: true });
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

  /** Makes sure of at least `count` slots of this kind. True when an offer is needed. */
  growSlots(kind: MediaKind, count: number): boolean {
    let missing = count - this.#slots.filter((slot) => slot.kind === kind).length;
    const grows = missing > 0;
    for (; missing > 0; missing -= 1)
      this.#slots.push({ kind, transceiver: this.#connection.addTransceiver(kind, { direction: "recvonly" }) });
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

function encodings(own: OwnTrack): RTCRtpEncodingParameters[] {
  if (kindOf(own.source) === "audio") return [{}];
  if (own.source === "screen") return SCREEN.map((encoding) => ({ ...encoding }));
  return (own.simulcast ? SIMULCAST : CAMERA).map((encoding) => ({ ...encoding }));
}
