/** A room that this person is in: people, tracks, text, what it keeps, and how the connection is. */
import { Bills } from "./bills.ts";
import { Chat, type SendOptions } from "./chat.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { codeOf } from "./errors.ts";
import { Emitter } from "./events.ts";
import { Happenings } from "./happenings.ts";
import { Interruptions } from "./interruptions.ts";
import { LocalParticipant, type PublishOptions } from "./local-participant.ts";
import { Memories } from "./memories.ts";
import type { OwnTrack } from "./peer.ts";
import type { Path } from "./placement.ts";
import type { ChatMessage, Grants, Joined, MessagePage, Role, RoomUpdated, TrackSource } from "./protocol/messages.ts";
import type { Quality } from "./quality.ts";
import { RoomMedia, type SendDataOptions } from "./room-media.ts";
import type { RoomEvents, Speaker } from "./room-types.ts";
import { Rooms } from "./rooms.ts";
import { type RemoteParticipant, Roster } from "./roster.ts";
import type { ConnectionState, RoomMessage, SessionEvent } from "./session-types.ts";
import { type HistoryQuery, TextApi } from "./text-api.ts";
import type { Visible } from "./view.ts";
import { Wakeups } from "./wakeups.ts";

const NO_GRANTS: Grants = { publish: false, subscribe: false, chat: false, moderate: false };

export class Room extends Emitter<RoomEvents> {
  readonly local: LocalParticipant;
  readonly chat: Chat;
  readonly memories: Memories;
  readonly happenings: Happenings;
  readonly bills: Bills;
  readonly #parts: ConnectionParts;
  readonly #connection: Connection;
  readonly #roster: Roster;
  readonly #media: RoomMedia;
  #state: ConnectionState = "connecting";
  #joined: Joined | undefined;
  #rights: { readonly role: Role; readonly grants: Grants } = { role: "guest", grants: NO_GRANTS };
  #info: RoomUpdated["room"] | undefined;
  #path: Path;
  #speakers: readonly Speaker[] = [];
  readonly #interruptions: Interruptions;
  /** Those who wait for another try; a connection that is back is worth one at once. */
  readonly #wakeups: Wakeups;

  /** Use Hearsay.join; a room is entered by it. */
  constructor(parts: ConnectionParts, path: Path) {
    super();
    this.#parts = parts;
    this.#path = path;
    const { options, api } = parts;
    this.#wakeups = new Wakeups(options.schedule);
    this.#interruptions = new Interruptions(options.nowMs, (name, value) =>
      this.emit(name, value as RoomEvents[typeof name]),
    );
    const slug = (): string => this.slug;
    this.#connection = new Connection(parts, {
      event: (event) => this.#handle(event),
      makeOffer: (fresh) => this.#media.makeOffer(fresh),
      useAnswer: (answer) => this.#media.useAnswer(answer),
      placed: (placed) => {
        this.#path = placed;
      },
      networkChanged: (sure) => this.#media.networkChanged(sure),
    });
    this.#roster = this.#makeRoster();
    this.#media = this.#makeMedia();
    this.local = this.#makeLocal();
    this.memories = new Memories(api, slug);
    this.happenings = new Happenings(api, slug);
    this.bills = new Bills(api, slug);
    this.chat = new Chat({
      text: new TextApi(api, slug),
      inOwnRooms: () => new Rooms(api).own(this.roomId),
      wait: (delayMs) => this.#wakeups.wait(delayMs),
      sayTyping: (typing, threadId) =>
        this.#connection.say({ type: "typing", typing, ...(threadId === undefined ? {} : { threadId }) }),
      tell: (name, value) => this.emit(name, value as RoomEvents[typeof name]),
      userId: () => api.user?.userId,
      random: options.random,
      policy: options.reconnect,
      schedule: options.schedule,
      nowMs: options.nowMs,
    });
  }

  /** The room's address now; it may be renamed while we are here. */
  get slug(): string {
    return this.#info?.slug ?? this.#joined?.room.slug ?? this.#parts.slug;
  }
  get state(): ConnectionState {
    return this.#state;
  }
  /** Empty before the room was entered. */
  get participantId(): string {
    return this.#joined?.participantId ?? "";
  }
  get title(): string {
    return this.#info?.title ?? this.#joined?.room.title ?? this.slug;
  }
  get roomId(): string {
    return this.#joined?.room.roomId ?? "";
  }
  get role(): Role {
    return this.#rights.role;
  }
  get grants(): Grants {
    return this.#rights.grants;
  }
  /** Everyone else, by participantId. */
  get participants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#roster.people;
  }
  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }
  get quality(): Quality {
    return this.#media.quality;
  }
  /** 1 to 5; undefined before the node told. */
  qualityOf(participantId: string): number | undefined {
    return this.#media.scoreOf(participantId);
  }
  /** Which node serves us, and why. */
  get path(): Path {
    return this.#path;
  }
  get playbackBlocked(): boolean {
    return this.#media.playback.blocked;
  }
  /** Messages of nodes that were ignored, by reason. */
  get ignored(): ReadonlyMap<string, number> {
    return this.#connection.ignored;
  }

  /** For Hearsay.join. */
  start(): void {
    this.#connection.start(this.#path.node.url.replace(/\/+$/, ""));
    this.#media.watchQuality();
  }

  /** Publishes without rejecting: a refused device is told as "deviceError", the call goes on without it. */
  async tryPublish(source: TrackSource, options: PublishOptions = {}): Promise<void> {
    try {
      await this.local.publish(source, options);
    } catch (error) {
      if (this.#state !== "closed") this.emit("deviceError", { source, code: codeOf(error) });
    }
  }

  /** As chat.send. */
  send(text: string, options: SendOptions = {}): Promise<ChatMessage> {
    return this.chat.send(text, options);
  }
  /** As chat.history. */
  history(query: HistoryQuery = {}): Promise<MessagePage> {
    return this.chat.history(query);
  }

  /**
   * To everybody else in the room, over the media connection. False when there is no way now: it is not kept. Throws
   * HearsayError "invalid_argument" above 16,384 bytes.
   */
  sendData(data: Uint8Array | string, options: SendDataOptions = {}): boolean {
    return this.#media.sendData(data, options);
  }

  /** Moderators: mutes one track of somebody, or all of their sound; they may unmute themselves. A refusal: "refused". */
  muteParticipant(participantId: string, trackId?: string): void {
    this.#connection.moderate({ participantId, action: "mute", ...(trackId === undefined ? {} : { trackId }) });
  }
  /** Moderators: takes somebody out of the call. They may come again, unless they are taken out of the members too. */
  removeParticipant(participantId: string): void {
    this.#connection.moderate({ participantId, action: "remove" });
  }

  /** Says what is shown, for applications that do not use observe(). Most important first; device pixels. */
  setView(visible: Visible): void {
    this.#media.view.set(visible);
  }
  /** Adaptive video: `element` shows this source; its visibility and size decide what is sent. Returns how to stop. */
  observe(element: Element, participantId: string, source: TrackSource = "camera"): () => void {
    return this.#media.view.observe(element, participantId, source);
  }

  /** Call from a click when "playbackBlocked" was told. */
  async startAudio(): Promise<void> {
    await this.#media.playback.start();
  }
  setSpeaker(deviceId: string): void {
    this.#media.playback.setSpeaker(deviceId);
  }

  /** The browser's own statistics; undefined before the first offer. */
  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#media.peer?.stats();
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
        if (event.state === "connected") this.#wakeups.wake();
        if (event.state === "connected") this.#interruptions.over("node");
        if (event.state === "reconnecting") this.#interruptions.begin("node");
        this.emit("state", event.state);
        break;
      case "joined":
        this.#entered(event.joined);
        break;
      case "resumed":
        this.local.repeatMutes();
        this.#media.view.repeat();
        void this.chat.catchUp();
        if (this.#media.hasFailed) this.#connection.requestOffer(true);
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
    this.#rights = joined;
    this.#info = undefined;
    this.#speakers = [];
    this.#roster.setSlots([]);
    this.#roster.reset(joined.participants);
    this.#media.view.repeat();
    this.emit("joined", undefined);
    void this.chat.catchUp();
  }

  #told(message: RoomMessage): void {
    switch (message.type) {
      case "participantJoined":
      case "participantUpdated":
        this.#upsert(message.participant);
        break;
      case "participantLeft":
        this.#roster.leave(message.participantId, message.reason);
        this.#media.forget(message.participantId);
        break;
      case "slots":
        this.#roster.setSlots(message.slots);
        this.#media.remap();
        this.emit("slots", message.slots);
        break;
      case "speakers":
        this.#speakers = message.speakers;
        this.emit("speakers", message.speakers);
        break;
      case "message":
        this.chat.receive(message.message);
        break;
      case "messageUpdated":
        this.chat.updated(message);
        break;
      case "read":
        this.chat.readTold({ userId: message.userId, messageId: message.messageId });
        break;
      case "typing":
        this.chat.typingTold(message);
        break;
      case "roomUpdated":
        this.#renamed(message.room);
        break;
      case "memberUpdated":
        this.emit("memberUpdated", message);
        break;
      case "roomLife":
        this.emit("roomLife", message);
        break;
      default:
        this.#toldOfMedia(message);
    }
  }

  #toldOfMedia(message: RoomMessage): void {
    switch (message.type) {
      case "media":
        this.emit("mediaState", message.state === "gone" ? "failed" : message.state);
        break;
      case "layers":
        this.#media.setLayers(message.trackId, message.layers);
        break;
      case "slotState":
        this.#roster.setState(message.trackId, message.state);
        break;
      case "quality":
        this.#media.setScores(message.scores);
        break;
      case "grants":
        this.#rights = message;
        this.emit("grants", { role: message.role, grants: message.grants });
        break;
      case "muted":
        void this.#mutedBy(message.trackId);
        break;
      default:
        break;
    }
  }

  #renamed(room: RoomUpdated["room"]): void {
    // Two changes may arrive in either order.
    if (this.#info !== undefined && this.#info.version >= room.version) return;
    this.#info = room;
    this.emit("roomUpdated", room);
  }

  async #mutedBy(trackId: string): Promise<void> {
    const source = this.local.sourceOf(trackId);
    if (source === undefined) return;
    await this.local.setMuted(source, true);
    this.emit("mutedByModerator", { source });
  }

  #upsert(participant: Parameters<Roster["upsert"]>[0]): void {
    // A node may tell of ourselves too; this person is not a remote one.
    if (participant.participantId === this.participantId) return;
    this.#roster.upsert(participant);
    this.#media.remap();
  }

  #end(): void {
    this.#media.close();
    this.local.close();
    this.chat.close();
    this.#wakeups.wake();
  }

  #makeRoster(): Roster {
    return new Roster({
      joined: (participant) => this.emit("participantJoined", participant),
      updated: (participant) => this.emit("participantUpdated", participant),
      left: (participant, reason) => this.emit("participantLeft", { participant, reason }),
      subscribed: (participant, track) => this.emit("trackSubscribed", { participant, track }),
      unsubscribed: (participant, track) => this.emit("trackUnsubscribed", { participant, track }),
      stateChanged: (participant, track) => this.emit("trackStateChanged", { participant, track }),
    });
  }

  #makeMedia(): RoomMedia {
    return new RoomMedia({
      options: this.#parts.options,
      local: () => this.local,
      roster: this.#roster,
      isClosed: () => this.#state === "closed",
      isConnected: () => this.#state === "connected",
      requestOffer: (fresh) => this.#connection.requestOffer(fresh),
      probe: () => this.#connection.probe(),
      interruptions: this.#interruptions,
      setView: (visible) => this.#connection.setView(visible),
      report: (report) => this.#connection.say(report),
      tell: (name, value) => this.emit(name, value),
    });
  }

  #makeLocal(): LocalParticipant {
    const peer = (): RoomMedia["peer"] => this.#media.peer;
    const host = {
      published: (own: OwnTrack) => {
        if (peer()?.publish(own) === true) this.#connection.requestOffer(false);
      },
      unpublished: (source: TrackSource) => {
        if (peer()?.unpublish(source) === true) this.#connection.requestOffer(false);
      },
      replaced: (source: TrackSource, track: MediaStreamTrack | null) => peer()?.replace(source, track),
      sayMuted: (trackId: string, muted: boolean) => this.#connection.setMuted(trackId, muted),
      changed: () => this.emit("localChanged", undefined),
      deviceLost: (source: TrackSource) => this.emit("deviceError", { source, code: "device_missing" }),
    };
    const { mediaDevices, codec } = this.#parts.options;
    return new LocalParticipant(host, mediaDevices, codec);
  }
}
