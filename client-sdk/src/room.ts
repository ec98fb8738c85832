/** A room that this person is in: people, tracks, text, and how the connection is. */
import { Chat } from "./chat.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { codeOf } from "./errors.ts";
import { Emitter } from "./events.ts";
import { LocalParticipant, type PublishOptions } from "./local-participant.ts";
import { AUDIO_SLOTS } from "./options.ts";
import { Peer, type PeerState } from "./peer.ts";
import type { Path } from "./placement.ts";
import { Playback } from "./playback.ts";
import type {
  Answer,
  ChatMessage,
  Grants,
  Joined,
  MessagePage,
  OfferedTrack,
  Role,
  TrackSource,
} from "./protocol/messages.ts";
import { judge, type Quality, type QualitySample, sampleOf } from "./quality.ts";
import type { RoomEvents, Speaker } from "./room-types.ts";
import { type RemoteParticipant, Roster } from "./roster.ts";
import type { ConnectionState, RoomMessage, SessionEvent } from "./session-types.ts";
import { ViewTracker, type Visible } from "./view.ts";

const QUALITY_INTERVAL_MS = 3_000;
const NO_GRANTS: Grants = { publish: false, subscribe: false, chat: false, moderate: false };

export class Room extends Emitter<RoomEvents> {
  readonly slug: string;
  readonly local: LocalParticipant;
  readonly #parts: ConnectionParts;
  readonly #connection: Connection;
  readonly #roster: Roster;
  readonly #chat: Chat;
  readonly #view: ViewTracker;
  readonly #playback: Playback;
  #peer: Peer | undefined;
  #peerState: PeerState = "connecting";
  #state: ConnectionState = "connecting";
  #joined: Joined | undefined;
  #path: Path;
  #speakers: readonly Speaker[] = [];
  #visibleVideos = 0;
  #quality: Quality = "good";
  #sample: QualitySample | undefined;
  #cancelQuality: (() => void) | undefined;
  readonly #wakeups = new Set<() => void>();

  /** Use Hearsay.join; a room is entered by it. */
  constructor(parts: ConnectionParts, path: Path) {
    super();
    this.#parts = parts;
    this.slug = parts.slug;
    this.#path = path;
    const { options, api } = parts;
    this.#connection = new Connection(parts, {
      event: (event) => this.#handle(event),
      makeOffer: (fresh) => this.#makeOffer(fresh),
      useAnswer: (answer) => this.#useAnswer(answer),
      placed: (placed) => {
        this.#path = placed;
      },
    });
    this.#roster = this.#makeRoster();
    this.local = this.#makeLocal();
    this.#chat = new Chat({
      post: (body) => api.post(this.slug, body),
      history: (query) => api.history(this.slug, query),
      wait: (delayMs) => this.#wait(delayMs),
      message: (message) => this.emit("message", message),
      random: options.random,
      policy: options.reconnect,
    });
    this.#view = new ViewTracker(options.schedule, (visible) => this.#sayView(visible));
    this.#playback = new Playback((blocked) => this.emit("playbackBlocked", blocked));
  }

  get state(): ConnectionState {
    return this.#state;
  }
  /** Empty before the room was entered. */
  get participantId(): string {
    return this.#joined?.participantId ?? "";
  }
  get title(): string {
    return this.#joined?.room.title ?? this.slug;
  }
  get roomId(): string {
    return this.#joined?.room.roomId ?? "";
  }
  get role(): Role {
    return this.#joined?.role ?? "guest";
  }
  get grants(): Grants {
    return this.#joined?.grants ?? NO_GRANTS;
  }
  /** Everyone else, by participantId. */
  get participants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#roster.people;
  }
  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }
  get quality(): Quality {
    return this.#quality;
  }
  /** Which node serves us, and why. */
  get path(): Path {
    return this.#path;
  }
  get playbackBlocked(): boolean {
    return this.#playback.blocked;
  }
  /** Messages of nodes that were ignored, by reason. */
  get ignored(): ReadonlyMap<string, number> {
    return this.#connection.ignored;
  }

  /** For Hearsay.join. */
  start(): void {
    this.#connection.start(this.#path.node.url.replace(/\/+$/, ""));
    this.#watchQuality();
  }

  /** Publishes without rejecting: a refused device is told as "deviceError", the call goes on without it. */
  async tryPublish(source: TrackSource, options: PublishOptions = {}): Promise<void> {
    try {
      await this.local.publish(source, options);
    } catch (error) {
      if (this.#state !== "closed") this.emit("deviceError", { source, code: codeOf(error) });
    }
  }

  /** Resolves when the message is stored; sends again through reconnects until then. Rejects when refused for good. */
  send(text: string, options: { readonly replyTo?: string; readonly clientId?: string } = {}): Promise<ChatMessage> {
    return this.#chat.send(text, options);
  }
  /** Oldest first; `before` is a message id or a page's nextCursor. */
  history(query: { readonly before?: string; readonly limit?: number } = {}): Promise<MessagePage> {
    return this.#chat.history(query);
  }

  /** Says what is shown, for applications that do not use observe(). Most important first; device pixels. */
  setView(visible: Visible): void {
    this.#view.set(visible);
  }
  /** Adaptive video: `element` shows this source; its visibility and size decide what is sent. Returns how to stop. */
  observe(element: Element, participantId: string, source: TrackSource = "camera"): () => void {
    return this.#view.observe(element, participantId, source);
  }

  /** Call from a click when "playbackBlocked" was told. */
  async startAudio(): Promise<void> {
    await this.#playback.start();
  }
  setSpeaker(deviceId: string): void {
    this.#playback.setSpeaker(deviceId);
  }

  /** The browser's own statistics; undefined before the first offer. */
  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#peer?.stats();
  }

  /** Leaves at once: others see it, devices are closed. Idempotent. */
  leave(): void {
    this.#connection.leave();
  }

  // ------------------------------------------------------------ what the session says

  #handle(event: Exclude<SessionEvent, { readonly kind: "answer" }>): void {
    switch (event.kind) {
      case "state":
        this.#state = event.state;
        if (event.state === "connected") this.#wake();
        this.emit("state", event.state);
        break;
      case "joined":
        this.#entered(event.joined);
        break;
      case "resumed":
        this.local.repeatMutes();
        this.#view.repeat();
        this.#catchUp();
        if (this.#peerState === "failed") this.#connection.requestOffer(true);
        break;
      case "moved":
        this.emit("moved", { from: event.from, to: event.to, path: this.#path });
        break;
      case "offerRefused":
        this.emit("refused", { request: "offer", code: event.code, detail: event.detail });
        break;
      case "requestRefused":
        this.emit("refused", event);
        break;
      case "room":
        this.#told(event.message);
        break;
      case "closed":
        this.#end();
        this.emit("closed", { code: event.code, detail: event.detail });
        this.removeAllListeners();
        break;
    }
  }

  #entered(joined: Joined): void {
    this.#joined = joined;
    this.#speakers = [];
    this.#roster.setSlots([]);
    this.#roster.reset(joined.participants);
    this.#view.repeat();
    this.emit("joined", undefined);
    this.#catchUp();
  }

  #told(message: RoomMessage): void {
    switch (message.type) {
      case "participantJoined":
      case "participantUpdated":
        this.#upsert(message.participant);
        break;
      case "participantLeft":
        this.#roster.leave(message.participantId, message.reason);
        break;
      case "slots":
        this.#roster.setSlots(message.slots);
        this.#remap();
        this.emit("slots", message.slots);
        break;
      case "speakers":
        this.#speakers = message.speakers;
        this.emit("speakers", message.speakers);
        break;
      case "message":
        this.#chat.receive(message.message);
        break;
      case "media":
        this.emit("mediaState", message.state === "gone" ? "failed" : message.state);
        break;
      default: // Changes of text, people and the room itself; a client reads them from the lists meanwhile.
        break;
    }
  }

  #upsert(participant: Parameters<Roster["upsert"]>[0]): void {
    // A node may tell of ourselves too; this person is not a remote one.
    if (participant.participantId === this.participantId) return;
    this.#roster.upsert(participant);
    this.#remap();
  }

  #catchUp(): void {
    // What stays missing is read with the next reconnect or by history().
    this.#chat.catchUp().catch(() => undefined);
  }

  #end(): void {
    this.#cancelQuality?.();
    this.#view.close();
    this.#playback.close();
    this.local.close();
    this.#peer?.close();
    this.#peer = undefined;
    this.#chat.close();
    this.#wake();
  }

  // ------------------------------------------------------------ media

  async #makeOffer(fresh: boolean): Promise<{ sdp: string; tracks: readonly OfferedTrack[] }> {
    const peer = fresh || this.#peer === undefined ? this.#newPeer() : this.#peer;
    const { videoSlots, maxVideoSlots } = this.#parts.options;
    peer.growSlots("audio", AUDIO_SLOTS);
    peer.growSlots("video", Math.min(maxVideoSlots, Math.max(videoSlots, this.#visibleVideos)));
    return peer.offer((source) => this.local.isMuted(source));
  }

  #newPeer(): Peer {
    this.#peer?.close();
    const Connection = this.#parts.options.RTCPeerConnection;
    if (Connection === undefined) throw new Error("This platform has no RTCPeerConnection.");
    const peer = new Peer(Connection, { state: (state) => this.#peerChanged(peer, state) });
    this.#peer = peer;
    this.#peerState = "connecting";
    this.#sample = undefined;
    for (const own of this.local.own()) peer.publish(own);
    return peer;
  }

  async #useAnswer(answer: Answer): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return;
    await peer.answer(answer.sdp);
    for (const { mid, trackId } of answer.tracks) {
      const source = peer.sourceOf(mid);
      if (source !== undefined) this.local.named(source, trackId);
    }
    // Somebody may have muted between the offer and its answer.
    this.local.repeatMutes();
    this.#remap();
    this.#playback.play(peer.slots());
  }

  #peerChanged(peer: Peer, state: PeerState): void {
    if (peer !== this.#peer) return;
    this.#peerState = state;
    this.emit("mediaState", state === "disconnected" ? "reconnecting" : state);
    if (state === "failed") this.#connection.requestOffer(true);
  }

  #remap(): void {
    const media = new Map((this.#peer?.slots() ?? []).map(({ mid, track }) => [mid, track]));
    this.#roster.remap((mid) => media.get(mid));
  }

  #sayView(visible: Visible): void {
    const videos = visible.length;
    const grows = videos > Math.max(this.#visibleVideos, this.#parts.options.videoSlots);
    this.#visibleVideos = Math.max(this.#visibleVideos, videos);
    this.#connection.setView(visible);
    if (grows && this.#peer !== undefined) this.#connection.requestOffer(false);
  }

  #watchQuality(): void {
    this.#cancelQuality = this.#parts.options.schedule(() => {
      void this.#measureQuality().finally(() => {
        if (this.#state !== "closed") this.#watchQuality();
      });
    }, QUALITY_INTERVAL_MS);
  }

  async #measureQuality(): Promise<void> {
    const report = await this.#peer?.stats();
    if (report === undefined || this.#state === "closed") return;
    const sample = sampleOf(report as unknown as Iterable<[string, unknown]>);
    const connected = this.#state === "connected" && this.#peerState !== "disconnected" && this.#peerState !== "failed";
    const quality = judge(this.#sample, sample, connected);
    this.#sample = sample;
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.emit("quality", quality);
  }

  // ------------------------------------------------------------ parts

  /** Until the delay is over, or the connection is back: then it is worth trying at once. */
  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#wakeups.delete(done);
        resolve();
      };
      const cancel = this.#parts.options.schedule(done, delayMs);
      this.#wakeups.add(done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#wakeups]) wake();
  }

  #makeRoster(): Roster {
    return new Roster({
      joined: (participant) => this.emit("participantJoined", participant),
      updated: (participant) => this.emit("participantUpdated", participant),
      left: (participant, reason) => this.emit("participantLeft", { participant, reason }),
      subscribed: (participant, track) => this.emit("trackSubscribed", { participant, track }),
      unsubscribed: (participant, track) => this.emit("trackUnsubscribed", { participant, track }),
    });
  }

  #makeLocal(): LocalParticipant {
    const host = {
      published: (own: Parameters<Peer["publish"]>[0]) => {
        if (this.#peer?.publish(own) === true) this.#connection.requestOffer(false);
      },
      unpublished: (source: TrackSource) => {
        if (this.#peer?.unpublish(source) === true) this.#connection.requestOffer(false);
      },
      replaced: (source: TrackSource, track: MediaStreamTrack | null) => this.#peer?.replace(source, track),
      sayMuted: (trackId: string, muted: boolean) => this.#connection.setMuted(trackId, muted),
      changed: () => this.emit("localChanged", undefined),
      deviceLost: (source: TrackSource) => this.emit("deviceError", { source, code: "device_missing" }),
    };
    return new LocalParticipant(host, this.#parts.options.mediaDevices);
  }
}
