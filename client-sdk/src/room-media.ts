/** The media of a room: the peer connection and its renewals, slots, what is shown, layers, data, and how good it is. */
import { HearsayError } from "./errors.ts";
import type { Interruptions } from "./interruptions.ts";
import type { LocalParticipant } from "./local-participant.ts";
import { MediaWatch } from "./media-watch.ts";
import { AUDIO_SLOTS, type ResolvedOptions } from "./options.ts";
import { Peer, type PeerListener, type PeerState } from "./peer.ts";
import { Playback } from "./playback.ts";
import { encodeData, MAX_DATA_BYTES } from "./protocol/data-frame.ts";
import type { Answer, OfferedTrack, Report, View } from "./protocol/messages.ts";
import { arrivedOf, frozenRatio, judge, type Quality, type QualitySample, sampleOf } from "./quality.ts";
import type { DataMessage, RoomEvents } from "./room-types.ts";
import type { Roster } from "./roster.ts";
import { ViewTracker, type Visible } from "./view.ts";

const QUALITY_INTERVAL_MS = 3_000;

export interface MediaHost {
  readonly options: ResolvedOptions;
  readonly local: () => LocalParticipant;
  readonly roster: Roster;
  readonly isClosed: () => boolean;
  readonly isConnected: () => boolean;
  requestOffer(fresh: boolean): void;
  probe(): Promise<boolean>;
  readonly interruptions: Interruptions;
  setView(visible: View["visible"]): void;
  report(message: Report): void;
  tell<K extends keyof RoomEvents>(name: K, value: RoomEvents[K]): void;
}

export interface SendDataOptions {
  /** What it is about, so that listeners find theirs; at most 255 bytes. Default "". */
  readonly topic?: string;
  /** True: not in order, never sent again; for what the next one makes worthless. Default false. */
  readonly lossy?: boolean;
}

export class RoomMedia {
  readonly view: ViewTracker;
  readonly playback: Playback;
  readonly #watch: MediaWatch;
  readonly #host: MediaHost;
  /** The last word on the layers of each own track. */
  readonly #layers = new Map<string, readonly string[]>();
  readonly #scores = new Map<string, number>();
  #peer: Peer | undefined;
  #peerState: PeerState = "connecting";
  #wasConnected = false;
  #visibleVideos = 0;
  #quality: Quality = "good";
  #sample: { readonly sample: QualitySample; readonly atMs: number } | undefined;
  #cancelQuality: (() => void) | undefined;

  constructor(host: MediaHost) {
    this.#host = host;
    this.view = new ViewTracker(host.options.schedule, (visible) => this.#sayView(visible));
    this.playback = new Playback((blocked) => host.tell("playbackBlocked", blocked));
    this.#watch = this.#makeWatch();
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }
  get quality(): Quality {
    return this.#quality;
  }
  get hasFailed(): boolean {
    return this.#peerState === "failed";
  }
  scoreOf(participantId: string): number | undefined {
    return this.#scores.get(participantId);
  }

  async makeOffer(fresh: boolean): Promise<{ sdp: string; tracks: readonly OfferedTrack[] }> {
    const peer = fresh || this.#peer === undefined ? this.#newPeer() : this.#peer;
    const { videoSlots, maxVideoSlots } = this.#host.options;
    peer.growSlots("audio", AUDIO_SLOTS);
    peer.growSlots("video", Math.min(maxVideoSlots, Math.max(videoSlots, this.#visibleVideos)));
    return peer.offer((source) => this.#host.local().isMuted(source));
  }

  async useAnswer(answer: Answer): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return;
    await peer.answer(answer.sdp);
    const local = this.#host.local();
    for (const { mid, trackId } of answer.tracks) {
      const source = peer.sourceOf(mid);
      if (source !== undefined) local.named(source, trackId);
    }
    if (this.#peerState === "connecting") this.#watch.answered();
    for (const [trackId, layers] of this.#layers) this.setLayers(trackId, layers);
    // Somebody may have muted between the offer and its answer.
    local.repeatMutes();
    this.remap();
    this.playback.play(peer.slots());
  }

  /** Which layers of an own track anybody wants. It may come before the answer that names the track. */
  setLayers(trackId: string, layers: readonly string[]): void {
    const source = this.#host.local().sourceOf(trackId);
    // Tracks that are no more are forgotten with the next connection.
    this.#layers.set(trackId, layers);
    if (source !== undefined) this.#peer?.setLayers(source, layers);
  }

  setScores(scores: readonly { readonly participantId: string; readonly score: number }[]): void {
    for (const { participantId, score } of scores) {
      this.#scores.set(participantId, score);
      this.#host.tell("connectionQuality", { participantId, score });
    }
  }
  forget(participantId: string): void {
    this.#scores.delete(participantId);
  }

  sendData(data: Uint8Array | string, { topic = "", lossy = false }: SendDataOptions): boolean {
    const payload = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const frame = encodeData(topic, payload);
    if (frame === undefined)
      throw new HearsayError("invalid_argument", `A message with its topic has at most ${MAX_DATA_BYTES} bytes.`);
    return this.#peer?.sendData(frame, lossy) ?? false;
  }

  /** Gives every remote track the media of its slot. */
  remap(): void {
    const media = new Map((this.#peer?.slots() ?? []).map(({ mid, track }) => [mid, track]));
    this.#host.roster.remap((mid) => media.get(mid));
  }

  watchQuality(): void {
    this.#cancelQuality = this.#host.options.schedule(() => {
      void this.#measureQuality().finally(() => {
        if (!this.#host.isClosed()) this.watchQuality();
      });
    }, QUALITY_INTERVAL_MS);
  }

  /** Another network (`sure`), or something about it changed. */
  networkChanged(sure: boolean): void {
    if (this.#peer === undefined) return;
    if (sure) this.#watch.broken();
    else this.#watch.doubted({ due: false });
  }

  close(): void {
    this.#watch.close();
    this.#cancelQuality?.();
    this.view.close();
    this.playback.close();
    this.#peer?.close();
    this.#peer = undefined;
  }

  #newPeer(): Peer {
    this.#peer?.close();
    this.#watch.replaced();
    const Connection = this.#host.options.RTCPeerConnection;
    if (Connection === undefined) throw new Error("This platform has no RTCPeerConnection.");
    const listener: PeerListener = {
      state: (state) => this.#peerChanged(peer, state),
      data: ({ sender, topic, payload }, lossy) => {
        const participant = this.#host.roster.people.get(sender);
        const message: DataMessage = { participantId: sender, participant, topic, payload, lossy };
        this.#host.tell("data", message);
      },
    };
    const peer = new Peer(Connection, listener, { red: this.#host.options.audio.red });
    this.#peer = peer;
    this.#peerState = "connecting";
    this.#sample = undefined;
    this.#layers.clear();
    for (const own of this.#host.local().own()) peer.publish(own);
    return peer;
  }

  #peerChanged(peer: Peer, state: PeerState): void {
    if (peer !== this.#peer) return;
    this.#peerState = state;
    if (state === "connected") this.#arrived();
    else this.#interrupted(state);
    if (state === "failed") this.#watch.broken();
    if (state === "disconnected") this.#watch.doubted({ due: true });
  }

  #arrived(): void {
    this.#wasConnected = true;
    this.#host.tell("mediaState", "connected");
    this.#host.interruptions.over("media");
    this.#watch.connected();
  }

  #interrupted(state: Exclude<PeerState, "connected">): void {
    const isBack = this.#wasConnected && state !== "failed";
    this.#host.tell("mediaState", isBack || state === "disconnected" ? "reconnecting" : state);
    if (this.#wasConnected) this.#host.interruptions.begin("media");
  }

  #makeWatch(): MediaWatch {
    const { schedule, nowMs } = this.#host.options;
    return new MediaWatch({
      schedule,
      nowMs,
      beat: () => {
        const due = this.#host.roster.due();
        return due.size === 0 ? undefined : this.#peer?.arrivals(due);
      },
      packets: async () => {
        const report = await this.#peer?.stats();
        return report === undefined ? undefined : arrivedOf(report as unknown as Iterable<[string, unknown]>);
      },
      probe: () => this.#host.probe(),
      sends: () => this.#host.local().tracks.some(({ kind, muted }) => kind === "video" && !muted),
      rebuild: () => {
        this.#interrupted("connecting");
        this.#host.requestOffer(true);
      },
    });
  }

  #sayView(visible: Visible): void {
    const videos = visible.length;
    const grows = videos > Math.max(this.#visibleVideos, this.#host.options.videoSlots);
    this.#visibleVideos = Math.max(this.#visibleVideos, videos);
    this.#host.setView(visible);
    if (grows && this.#peer !== undefined) this.#host.requestOffer(false);
  }

  async #measureQuality(): Promise<void> {
    const report = await this.#peer?.stats();
    if (report === undefined || this.#host.isClosed()) return;
    const atMs = this.#host.options.nowMs();
    const sample = sampleOf(report as unknown as Iterable<[string, unknown]>);
    const before = this.#sample;
    this.#sample = { sample, atMs };
    // A node that tells no scores does not know of reports.
    if (this.#scores.size > 0 && before !== undefined && sample.videos > 0)
      this.#host.report({
        type: "report",
        frozenRatio: frozenRatio(before.sample, sample, atMs - before.atMs),
      });
    const isThere = this.#peerState !== "disconnected" && this.#peerState !== "failed";
    const quality = judge(before?.sample, sample, this.#host.isConnected() && isThere);
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.#host.tell("quality", quality);
  }
}
