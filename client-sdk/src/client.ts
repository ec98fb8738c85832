/** The way in: people, rooms, and joining one. */
import { Account } from "./account.ts";
import { Api } from "./api.ts";
import { Bills } from "./bills.ts";
import type { MeasuredRtt } from "./echo.ts";
import { HearsayError } from "./errors.ts";
import { Happenings } from "./happenings.ts";
import type { PublishOptions } from "./local-participant.ts";
import { Memories } from "./memories.ts";
import { type HearsayOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Path, Placement } from "./placement.ts";
import type { CreateRoom, MeshResponse, MessagePage, NodesResponse, RoomInfo, UserInfo } from "./protocol/messages.ts";
import { Room } from "./room.ts";
import { Invites, Rooms } from "./rooms.ts";
import { TextApi } from "./text-api.ts";

const DEVICE_KEY = "hearsay.device";

export interface JoinOptions {
  /** True opens the default microphone; options choose a device or give a track. Default false. */
  readonly audio?: boolean | PublishOptions;
  readonly video?: boolean | PublishOptions;
  /** A placement made before, for example shown in a lobby. Default: one is made. */
  readonly path?: Path;
  /** Gives up the first entry. Afterwards use room.leave(). */
  readonly signal?: AbortSignal;
  /** Gets the room before it is entered, to listen from the first event on. */
  readonly onRoom?: (room: Room) => void;
}

export class Hearsay {
  /** Making, finding and keeping rooms and their members. */
  readonly rooms: Rooms;
  readonly invites: Invites;
  /** Profile, password, deleting. */
  readonly account: Account;
  readonly #options: ResolvedOptions;
  readonly #api: Api;
  readonly #placement: Placement;

  /** Throws HearsayError "invalid_argument". */
  constructor(options: HearsayOptions) {
    this.#options = resolveOptions(options);
    this.#api = new Api(this.#options);
    this.#placement = new Placement(this.#api, this.#options);
    this.rooms = new Rooms(this.#api);
    this.invites = new Invites(this.#api, (credentials) => this.#api.use(credentials));
    this.account = new Account(this.#api);
  }

  /** User token: keep it to stay logged in (30 days). */
  get token(): string | undefined {
    return this.#api.token;
  }
  set token(token: string | undefined) {
    this.#api.token = token;
    this.#api.user = undefined;
  }
  /** The person of the token, as far as it was asked or told. */
  get user(): UserInfo | undefined {
    return this.#api.user;
  }

  /** Rejects with the node's code, for example "handle_taken". The token is kept in `client.token`. */
  register(person: { handle: string; displayName: string; password: string }): Promise<UserInfo> {
    return this.#api.register(person);
  }
  login(person: { handle: string; password: string }): Promise<UserInfo> {
    return this.#api.login(person);
  }
  guest(person: { displayName: string }): Promise<UserInfo> {
    return this.#api.guest(person);
  }
  me(): Promise<UserInfo> {
    return this.#api.me();
  }

  createRoom(room: CreateRoom): Promise<RoomInfo> {
    return this.rooms.create(room);
  }
  room(slug: string): Promise<RoomInfo> {
    return this.rooms.get(slug);
  }
  async myRooms(): Promise<readonly RoomInfo[]> {
    return (await this.rooms.mine()).rooms;
  }
  history(slug: string, query: { readonly before?: string; readonly limit?: number } = {}): Promise<MessagePage> {
    return this.text(slug).history(query);
  }
  /** What a room keeps, without being in its call. In a call: room.chat, room.memories, room.happenings, room.bills. */
  text(slug: string): TextApi {
    return new TextApi(this.#api, () => slug);
  }
  memories(slug: string): Memories {
    return new Memories(this.#api, () => slug);
  }
  happenings(slug: string): Happenings {
    return new Happenings(this.#api, () => slug);
  }
  bills(slug: string): Bills {
    return new Bills(this.#api, () => slug);
  }
  /** Of a person's or room's `pictureId`; needs no token. */
  pictureUrl(pictureId: string): string {
    return this.#api.address(`/v1/pictures/${pictureId}`);
  }

  nodes(): Promise<NodesResponse> {
    return this.#api.nodes();
  }
  mesh(): Promise<MeshResponse> {
    return this.#api.mesh();
  }
  /** Minimum of three echoes to each node, in parallel; kept for a minute. */
  measure(): Promise<readonly MeasuredRtt[]> {
    return this.#placement.measure();
  }
  /** Which node would serve this room for us, and why. */
  place(slug: string): Promise<Path> {
    return this.#placement.place(slug);
  }

  /** The same for every page of this browser profile, so that a refresh is the same device. */
  get deviceId(): string {
    const known = this.#options.storage.getItem(DEVICE_KEY);
    if (known !== null && /^[\w-]{16,64}$/.test(known)) return known;
    const digit = (): string => Math.floor(this.#options.random() * 32).toString(32);
    const made = Array.from({ length: 26 }, digit).join("");
    this.#options.storage.setItem(DEVICE_KEY, made);
    return made;
  }

  /**
   * Enters a room. Resolves when the room is entered; media follow by themselves. Rejects with the node's code
   * ("room_full", "room_not_found", …), "timeout", or "closed" when the signal aborts; nothing stays open then.
   * A device that is refused does not fail the join: see "deviceError".
   */
  async join(slug: string, join: JoinOptions = {}): Promise<Room> {
    const [credentials, path] = await Promise.all([
      this.#api.session(this.deviceId),
      join.path ?? this.#placement.place(slug),
      // Not needed to enter: it tells own messages and reactions from those of others.
      this.#api.user ?? this.#api.me().catch(() => undefined),
    ]);
    if (join.signal?.aborted === true) throw new HearsayError("closed", "The join was given up.");
    const { deviceId } = this;
    const parts = { options: this.#options, api: this.#api, placement: this.#placement, slug, deviceId, credentials };
    const room = new Room(parts, path);
    join.onRoom?.(room);
    const entered = this.#entered(room, join.signal);
    room.start();
    for (const [source, wish] of [
      ["microphone", join.audio],
      ["camera", join.video],
    ] as const)
      if (wish !== undefined && wish !== false) void room.tryPublish(source, wish === true ? {} : wish);
    await entered;
    return room;
  }

  #entered(room: Room, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (error: HearsayError): void => {
        finish();
        room.leave();
        reject(error);
      };
      const aborted = (): void => give(new HearsayError("closed", "The join was given up."));
      const late = (): void => give(new HearsayError("timeout", "The room could not be entered in time."));
      const offs = [
        this.#options.schedule(late, this.#options.joinTimeoutMs),
        room.on("joined", () => {
          finish();
          resolve();
        }),
        room.on("closed", ({ code, detail }) => {
          finish();
          reject(new HearsayError(code === "left" ? "closed" : code, detail));
        }),
      ];
      const finish = (): void => {
        for (const off of offs) off();
        signal?.removeEventListener("abort", aborted);
      };
      signal?.addEventListener("abort", aborted);
    });
  }
}
