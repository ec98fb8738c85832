/** Before the room: does it exist, what will others see and hear, which node will serve us. */
import { signal } from "@preact/signals";
import {
  codeOf,
  HearsayError,
  type JoinOptions,
  type MeasuredRtt,
  type NodeInfo,
  openDevice,
  openPreview,
  type Path,
  type PublishOptions,
  type RoomInfo,
} from "../../../client-sdk/src/index.ts";
import { client, user } from "./app.ts";
import { prefer, refreshDevices, usable } from "./devices.ts";
import { watchLevel } from "./level.ts";
import { askedNode, pathTo } from "./node-choice.ts";

export interface DeviceState {
  readonly on: boolean;
  readonly track: MediaStreamTrack | undefined;
  /** Code of why there is no track. */
  readonly error: string | undefined;
}
type Source = "microphone" | "camera";

const WAITING: DeviceState = { on: true, track: undefined, error: undefined };

export class Lobby {
  readonly slug: string;
  readonly room = signal<RoomInfo | undefined>(undefined);
  /** Code of why the room is not known. */
  readonly roomError = signal<string | undefined>(undefined);
  readonly path = signal<Path | undefined>(undefined);
  /** Before anybody came in there is no placement: the fastest node of the measurement. */
  readonly nearest = signal<{ readonly node: string; readonly rttMs: number; readonly count: number } | undefined>(
    undefined,
  );
  readonly measured = signal(false);
  readonly nodes = signal<readonly NodeInfo[]>([]);
  readonly microphone = signal<DeviceState>(WAITING);
  readonly camera = signal<DeviceState>(WAITING);
  readonly level = signal(0);
  #rtts: readonly MeasuredRtt[] = [];
  #stopLevel: (() => void) | undefined;
  #handedOver = false;
  #closed = false;

  constructor(slug: string) {
    this.slug = slug;
  }

  start(): void {
    void this.#loadRoom();
    void this.#openDevices();
    void this.locate();
  }

  /** Asks again for the node; for after somebody came in. */
  async locate(): Promise<void> {
    const wanted = askedNode();
    try {
      const rtts = await client.measure();
      this.#rtts = rtts;
      const [best] = [...rtts].sort((a, b) => a.rttMs - b.rttMs);
      this.nearest.value = best === undefined ? undefined : { ...best, count: rtts.length };
      this.nodes.value = (await client.nodes()).nodes;
      if (wanted !== null && this.useNode(wanted)) return;
      if (user.value !== null && user.value !== undefined) this.path.value = await client.place(this.slug);
    } catch {
      // The check shows that no node answered; going in tries again.
      this.path.value = undefined;
    } finally {
      this.measured.value = true;
    }
  }

  /** The person's own choice (or `?node=` of the address) goes over the mesh's advice. False when it is not there. */
  useNode(name: string): boolean {
    const path = pathTo(name, this.nodes.value, this.#rtts);
    if (path === undefined) return false;
    this.path.value = path;
    return true;
  }

  async toggle(source: Source): Promise<void> {
    const state = this[source].value;
    if (state.on && state.track !== undefined) {
      state.track.stop();
      this.#set(source, { on: false, track: undefined, error: undefined });
      return;
    }
    await this.#open(source, usable(source === "camera" ? "videoinput" : "audioinput"));
  }

  async choose(source: Source, deviceId: string): Promise<void> {
    prefer(source === "camera" ? "videoinput" : "audioinput", deviceId);
    this[source].value.track?.stop();
    await this.#open(source, { deviceId });
  }

  /** What to join with. The tracks of the preview go along and are not closed by close(). */
  handOver(): Pick<JoinOptions, "audio" | "video" | "path"> {
    this.#handedOver = true;
    this.#stopLevel?.();
    const path = this.path.value;
    return {
      audio: wish(this.microphone.value, usable("audioinput")),
      video: wish(this.camera.value, usable("videoinput")),
      ...(path === undefined ? {} : { path }),
    };
  }

  close(): void {
    this.#closed = true;
    this.#stopLevel?.();
    if (this.#handedOver) return;
    this.microphone.value.track?.stop();
    this.camera.value.track?.stop();
  }

  async #loadRoom(): Promise<void> {
    try {
      this.room.value = await client.room(this.slug);
    } catch (error) {
      this.roomError.value = codeOf(error);
    }
  }

  async #openDevices(): Promise<void> {
    await refreshDevices();
    const preview = await openPreview(navigator.mediaDevices, {
      microphone: usable("audioinput"),
      camera: usable("videoinput"),
    });
    this.#set("microphone", stateOf(preview.microphone));
    this.#set("camera", stateOf(preview.camera));
    // Names of devices are only told once one was allowed.
    await refreshDevices();
  }

  async #open(source: Source, choice: { readonly deviceId?: string }): Promise<void> {
    try {
      this.#set(source, stateOf(await openDevice(navigator.mediaDevices, source, choice)));
    } catch (error) {
      this.#set(source, { on: false, track: undefined, error: codeOf(error) });
    }
  }

  #set(source: Source, state: DeviceState): void {
    if (this.#closed) {
      state.track?.stop();
      return;
    }
    this[source].value = state;
    if (source !== "microphone") return;
    this.#stopLevel?.();
    this.level.value = 0;
    if (state.track === undefined) return;
    this.#stopLevel = watchLevel(state.track, (level) => {
      this.level.value = level;
    });
  }
}

function stateOf(opened: MediaStreamTrack | HearsayError): DeviceState {
  return opened instanceof HearsayError
    ? { on: false, track: undefined, error: opened.code }
    : { on: true, track: opened, error: undefined };
}

/**
 * A device that cannot be opened is not published; one that is off is published muted, so that turning it on is quick;
 * one that is still being opened, because the person was quicker, is opened by the room.
 */
function wish(state: DeviceState, device: { readonly deviceId?: string }): PublishOptions | false {
  if (state.track !== undefined) return { track: state.track };
  if (state.error !== undefined) return false;
  return state.on ? device : { muted: true };
}
