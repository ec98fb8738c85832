/** The call: the SDK's room as signals that the page draws. */
import { batch, computed, signal } from "@preact/signals";
import {
  codeOf,
  type JoinOptions,
  type Path,
  type Quality,
  type RemoteParticipant,
  type RemoteTrack,
  type Role,
  type Room,
} from "../../../client-sdk/src/index.ts";
import { client, user } from "./app.ts";
import { ChatState } from "./chat.ts";
import { usable } from "./devices.ts";
import { recentFirst } from "./grid.ts";
import { t } from "./i18n.ts";
import { askedPath } from "./node-choice.ts";
import { roomPath } from "./slug.ts";
import { stay, stayNoLonger } from "./staying.ts";

export interface Person {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly node: string;
  readonly isSelf: boolean;
  readonly isReconnecting: boolean;
  readonly micOn: boolean;
  readonly cameraOn: boolean;
  /** Others only. */
  readonly camera: RemoteTrack | undefined;
  readonly screen: RemoteTrack | undefined;
  readonly joinedAtMs: number;
}
export type Panel = "none" | "chat" | "people" | "room" | "devices";
type MediaState = "connecting" | "connected" | "reconnecting" | "failed";

/** How long "you are on another node now" stays. */
const MOVED_NOTICE_MS = 8_000;
/** Media that are back sooner are not told to be interrupted. */
const MEDIA_NOTICE_MS = 1_200;

export class Call {
  readonly slug: string;
  readonly phase = signal<"entering" | "in" | "closed">("entering");
  readonly closedCode = signal("");
  readonly connection = signal<"connecting" | "connected" | "reconnecting" | "closed">("connecting");
  readonly media = signal<MediaState>("connecting");
  readonly online = signal(navigator.onLine);
  readonly moved = signal<{ readonly from: string; readonly to: string } | undefined>(undefined);
  readonly refused = signal<string | undefined>(undefined);
  readonly path = signal<Path | undefined>(undefined);
  readonly quality = signal<Quality>("good");
  readonly title = signal("");
  readonly people = signal<readonly Person[]>([]);
  readonly speaking = signal<readonly string[]>([]);
  /** Everybody who spoke, the latest first. */
  readonly spoke = signal<readonly string[]>([]);
  /** Scores of connections, 1 to 5, as nodes told them. */
  readonly scores = signal<ReadonlyMap<string, number>>(new Map());
  /** "speaker": one large, the others beside. A shared screen is always large. */
  readonly layout = signal<"grid" | "speaker">("grid");
  /** The room's slug now; it may be renamed while we are here. */
  readonly address = signal("");
  /** Whether the room is locked, as far as was asked; undefined: nobody said. */
  readonly locked = signal<boolean | undefined>(undefined);
  /** Grows when somebody became a member, got another role, or is none any more. */
  readonly membersChanged = signal(0);
  readonly role = signal<Role>("guest");
  readonly selfTrack = signal<MediaStreamTrack | undefined>(undefined);
  readonly deviceError = signal<{ readonly source: string; readonly code: string } | undefined>(undefined);
  readonly playbackBlocked = signal(false);
  readonly panel = signal<Panel>("none");
  readonly chat = new ChatState();
  readonly unread = signal(0);
  readonly canModerate = signal(false);
  readonly isSharing = signal(false);
  /** Grows when a file, plan or bill of the room changed: whoever shows them asks again. */
  readonly life = signal({ file: 0, happening: 0, expense: 0 });
  /** For screen readers: who came, who left, what was written. */
  readonly announcement = signal("");
  readonly self = computed(() => this.people.value.find((person) => person.isSelf));
  readonly #abort = new AbortController();
  #room: Room | undefined;
  #deletes = false;
  #movedTimer: ReturnType<typeof setTimeout> | undefined;
  #mediaTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(slug: string) {
    this.slug = slug;
    this.address.value = slug;
    addEventListener("online", this.#onlineChanged);
    addEventListener("offline", this.#onlineChanged);
  }

  get room(): Room | undefined {
    return this.#room;
  }

  async enter(options: Pick<JoinOptions, "audio" | "video" | "path">): Promise<void> {
    try {
      const path = options.path ?? (await askedPath());
      const room = await client.join(this.slug, {
        ...options,
        ...(path === undefined ? {} : { path }),
        signal: this.#abort.signal,
        onRoom: (entering) => this.#listen(entering),
      });
      this.phase.value = "in";
      this.#remember();
      const speaker = usable("audiooutput").deviceId;
      if (speaker !== undefined) room.setSpeaker(speaker);
      await this.chat.load();
    } catch (error) {
      if (this.phase.value !== "in") this.#ended(codeOf(error));
    }
  }

  leave(): void {
    if (this.#room === undefined) this.#abort.abort();
    else this.#room.leave();
    this.#ended("left");
  }

  /** Leaves without a word of it, because the page goes elsewhere. */
  close(): void {
    stayNoLonger();
    this.#abort.abort();
    this.#room?.leave();
    clearTimeout(this.#movedTimer);
    clearTimeout(this.#mediaTimer);
    removeEventListener("online", this.#onlineChanged);
    removeEventListener("offline", this.#onlineChanged);
  }

  async toggleMicrophone(): Promise<void> {
    await this.#device("microphone", (room, on) => room.local.setMicrophone(on));
  }
  async toggleCamera(): Promise<void> {
    await this.#device("camera", (room, on) => room.local.setCamera(on));
  }
  async switchDevice(source: "microphone" | "camera", deviceId: string): Promise<void> {
    await this.#device(source, (room) => room.local.switchDevice(source, deviceId));
  }

  show(panel: Panel): void {
    this.panel.value = this.panel.value === panel ? "none" : panel;
    if (this.panel.value === "chat") this.unread.value = 0;
  }

  /** Asks which screen to share, or stops. A person who changes their mind is no error. */
  async toggleScreen(): Promise<void> {
    const local = this.#room?.local;
    if (local === undefined) return;
    try {
      await local.setScreenShareEnabled(!local.isOn("screen"), { audio: true });
    } catch (error) {
      if (codeOf(error) !== "device_denied") this.deviceError.value = { source: "screen", code: codeOf(error) };
    }
  }

  readonly #onlineChanged = (): void => {
    this.online.value = navigator.onLine;
  };

  async #device(source: "microphone" | "camera", work: (room: Room, on: boolean) => Promise<void>): Promise<void> {
    if (this.#room === undefined) return;
    this.deviceError.value = undefined;
    try {
      await work(this.#room, !this.#room.local.isOn(source));
    } catch (error) {
      this.deviceError.value = { source, code: codeOf(error) };
    }
  }

  #listen(room: Room): void {
    this.#room = room;
    this.title.value = room.title;
    const changed = (): void => this.#refresh();
    room.on("state", (state) => {
      this.connection.value = state;
    });
    room.on("mediaState", (state) => this.#mediaChanged(state));
    room.on("joined", changed);
    room.on("localChanged", () => {
      this.#refresh();
      this.#remember();
    });
    room.on("participantUpdated", changed);
    room.on("trackSubscribed", changed);
    room.on("trackUnsubscribed", changed);
    room.on("participantJoined", (participant) => this.#came(participant));
    room.on("participantLeft", ({ participant, reason }) => this.#went(participant, reason));
    room.on("speakers", (speakers) => {
      const ids = speakers.map(({ participantId }) => participantId);
      this.speaking.value = ids;
      this.spoke.value = recentFirst(this.spoke.value, ids);
    });
    room.on("connectionQuality", ({ participantId, score }) => {
      this.scores.value = new Map(this.scores.value).set(participantId, score);
    });
    room.on("quality", (quality) => {
      this.quality.value = quality;
    });
    room.on("playbackBlocked", (blocked) => {
      this.playbackBlocked.value = blocked;
    });
    room.on("deviceError", (error) => {
      this.deviceError.value = error;
    });
    room.on("refused", ({ request, code }) => {
      if (request === "offer") this.refused.value = code;
    });
    room.on("moved", ({ from, to }) => this.#movedTo(from, to));
    room.on("closed", ({ code }) => this.#ended(code));
    this.chat.listen(room);
    room.on("unread", ({ count }) => {
      this.unread.value = this.panel.value === "chat" ? 0 : count;
    });
    room.on("message", (message) => {
      if (message.authorId !== user.value?.userId) this.announcement.value = `${message.authorName}: ${message.text}`;
    });
    for (const name of ["roomUpdated", "grants", "trackStateChanged", "memberUpdated"] as const) room.on(name, changed);
    room.on("memberUpdated", () => {
      this.membersChanged.value += 1;
    });
    room.on("mutedByModerator", () => {
      this.announcement.value = t("call.mutedByModerator");
    });
    room.on("roomLife", ({ what }) => {
      this.life.value = { ...this.life.value, [what]: this.life.value[what] + 1 };
    });
  }

  /** Owners act towards all others, moderators towards those who are neither. */
  mayModerate({ isSelf, role }: Pick<Person, "isSelf" | "role">): boolean {
    if (isSelf || !this.canModerate.value) return false;
    return role !== "owner" && (role !== "moderator" || this.role.value === "owner");
  }

  /** Deletes the room: this person is then not told to have been removed. Rejects, and the call goes on. */
  async deleteRoom(): Promise<void> {
    this.#deletes = true;
    try {
      await client.rooms.delete(this.address.value);
    } catch (error) {
      this.#deletes = false;
      throw error;
    }
    this.#room?.leave();
    this.#ended("deleted");
  }

  /** A connection that is made anew within a moment is not worth a word. */
  #mediaChanged(state: MediaState): void {
    clearTimeout(this.#mediaTimer);
    if (state === "connected") this.refused.value = undefined;
    if (state !== "reconnecting") {
      this.media.value = state;
      return;
    }
    this.#mediaTimer = setTimeout(() => {
      this.media.value = state;
    }, MEDIA_NOTICE_MS);
  }

  #came(participant: RemoteParticipant): void {
    this.#refresh();
    if (this.phase.value === "in") this.announcement.value = t("call.joinedRoom", { name: participant.displayName });
  }

  #went(participant: RemoteParticipant, reason: string): void {
    this.spoke.value = this.spoke.value.filter((id) => id !== participant.participantId);
    this.#refresh();
    const key = reason === "left" || reason === "removed" ? "call.leftRoom" : "call.lostRoom";
    this.announcement.value = t(key, { name: participant.displayName });
  }

  #movedTo(from: string, to: string): void {
    this.moved.value = { from, to };
    clearTimeout(this.#movedTimer);
    this.#movedTimer = setTimeout(() => {
      this.moved.value = undefined;
    }, MOVED_NOTICE_MS);
    this.#refresh();
  }

  /** Until the call ends by anything but a refresh. */
  #remember(): void {
    const local = this.#room?.local;
    if (this.phase.value !== "in" || local === undefined) return;
    stay({ slug: this.address.value, microphone: local.isOn("microphone"), camera: local.isOn("camera") });
  }

  #ended(code: string): void {
    if (this.phase.value === "closed") return;
    stayNoLonger();
    batch(() => {
      this.closedCode.value = this.#deletes && code === "removed" ? "deleted" : code;
      this.phase.value = "closed";
    });
  }

  /** Without leaving the call: a link to the old address leads here still. */
  #renamed(slug: string): void {
    if (slug === this.address.value) return;
    this.address.value = slug;
    history.replaceState(null, "", `${roomPath(slug)}${location.search}`);
    this.#remember();
  }

  #refresh(): void {
    const room = this.#room;
    if (room === undefined) return;
    batch(() => {
      this.title.value = room.title;
      this.role.value = room.role;
      this.#renamed(room.slug);
      this.canModerate.value = room.role === "owner" || room.role === "moderator";
      this.isSharing.value = room.local.isOn("screen");
      this.path.value = room.path;
      this.selfTrack.value = room.local.track("camera")?.mediaTrack;
      this.people.value = [selfOf(room), ...[...room.participants.values()].map((person) => personOf(person))].sort(
        (a, b) => Number(b.isSelf) - Number(a.isSelf) || a.joinedAtMs - b.joinedAtMs || (a.id < b.id ? -1 : 1),
      );
    });
  }
}

function selfOf(room: Room): Person {
  return {
    id: room.participantId,
    userId: user.value?.userId ?? "",
    name: user.value?.displayName ?? "",
    role: room.role,
    node: room.path.node.name,
    isSelf: true,
    isReconnecting: false,
    micOn: room.local.isOn("microphone"),
    cameraOn: room.local.isOn("camera"),
    camera: undefined,
    screen: undefined,
    joinedAtMs: 0,
  };
}

function personOf(person: RemoteParticipant): Person {
  const camera = person.track("camera");
  const microphone = person.track("microphone");
  return {
    id: person.participantId,
    userId: person.userId,
    name: person.displayName,
    role: person.role,
    node: person.node,
    isSelf: false,
    isReconnecting: person.state === "reconnecting",
    micOn: microphone !== undefined && !microphone.muted,
    cameraOn: camera !== undefined && !camera.muted,
    camera,
    screen: person.track("screen"),
    joinedAtMs: person.joinedAtMs,
  };
}
