/** This person's own tracks: opening and closing devices, muting, publishing. */
import { type DeviceChoice, openDevice, openScreen, type ScreenChoice } from "./devices.ts";
import { HearsayError } from "./errors.ts";
import type { OwnTrack } from "./peer.ts";
import type { MediaKind, TrackSource } from "./protocol/messages.ts";
import type { VideoCodec } from "./send-layers.ts";
import { kindOf } from "./source-kind.ts";

export interface PublishOptions extends DeviceChoice {
  /** A track that is open already, for example of the preview. Otherwise the device is opened. */
  readonly track?: MediaStreamTrack;
  /** Camera only. Default true. */
  readonly simulcast?: boolean;
  /** Publish muted: a camera's device stays closed. Default false. */
  readonly muted?: boolean;
  /** Preferred for video, where the platform has it; VP9 and AV1 are sent in layers of one stream. */
  readonly codec?: VideoCodec;
}

/** An own track as an application sees it; `mediaTrack` is absent while a muted camera's device is closed. */
export interface LocalTrack {
  readonly source: TrackSource;
  readonly kind: MediaKind;
  readonly muted: boolean;
  readonly mediaTrack: MediaStreamTrack | undefined;
  /** Given by the node; absent until it answered. */
  readonly trackId: string | undefined;
}

interface Entry {
  track: MediaStreamTrack | undefined;
  muted: boolean;
  trackId: string | undefined;
  deviceId: string | undefined;
  readonly simulcast: boolean;
  readonly codec: VideoCodec | undefined;
}

/** What the local participant needs of its room. */
export interface LocalHost {
  /** A track appeared on, or disappeared from, the connection. */
  published(own: OwnTrack): void;
  unpublished(source: TrackSource): void;
  replaced(source: TrackSource, track: MediaStreamTrack | null): void;
  sayMuted(trackId: string, muted: boolean): void;
  changed(): void;
  /** A device ended by itself (unplugged, permission taken back); its track is muted now. */
  deviceLost(source: TrackSource): void;
}

export class LocalParticipant {
  readonly #host: LocalHost;
  readonly #devices: MediaDevices | undefined;
  readonly #codec: VideoCodec | undefined;
  readonly #entries = new Map<TrackSource, Entry>();
  /** One change of a source at a time: a double click must not open a camera twice. */
  readonly #queues = new Map<TrackSource, Promise<void>>();
  #closed = false;

  constructor(host: LocalHost, devices: MediaDevices | undefined, codec?: VideoCodec) {
    this.#host = host;
    this.#devices = devices;
    this.#codec = codec;
  }

  get tracks(): readonly LocalTrack[] {
    return [...this.#entries.keys()].flatMap((source) => this.track(source) ?? []);
  }

  track(source: TrackSource): LocalTrack | undefined {
    const entry = this.#entries.get(source);
    if (entry === undefined) return undefined;
    const { muted, track, trackId } = entry;
    return { source, kind: kindOf(source), muted, mediaTrack: track, trackId };
  }

  /** True when others can hear or see this source, as far as it depends on us. */
  isOn(source: TrackSource): boolean {
    return this.#entries.get(source)?.muted === false;
  }

  isMuted(source: TrackSource): boolean {
    return this.#entries.get(source)?.muted ?? true;
  }

  /** Publishes, or unmutes what is published. Rejects with a device error; nothing is published then. */
  async publish(source: TrackSource, options: PublishOptions = {}): Promise<void> {
    return this.#serially(source, async () => {
      const entry = this.#entries.get(source);
      if (entry !== undefined) return this.#setMuted(source, entry, false);
      const track =
        options.muted === true && kindOf(source) === "video" ? undefined : await this.#open(source, options);
      const created: Entry = {
        track,
        muted: options.muted ?? false,
        trackId: undefined,
        deviceId: options.deviceId,
        simulcast: options.simulcast ?? true,
        codec: options.codec ?? this.#codec,
      };
      if (track !== undefined) track.enabled = !created.muted;
      this.#entries.set(source, created);
      this.#watch(source, created);
      this.#host.published(ownOf(source, created));
      this.#host.changed();
    });
  }

  /** Stops sending and closes the device. */
  async unpublish(source: TrackSource): Promise<void> {
    return this.#serially(source, async () => {
      const entry = this.#entries.get(source);
      if (entry === undefined) return;
      this.#entries.delete(source);
      stop(entry.track);
      this.#host.unpublished(source);
      this.#host.changed();
    });
  }

  /**
   * Muting a camera closes the device, so its light goes out; unmuting opens it again and can reject with a
   * device error (it stays muted then). A microphone stays open, so that unmuting is instant.
   */
  async setMuted(source: TrackSource, muted: boolean): Promise<void> {
    return this.#serially(source, async () => {
      const entry = this.#entries.get(source);
      if (entry !== undefined) await this.#setMuted(source, entry, muted);
    });
  }

  /** On: publishes or unmutes. Off: mutes. */
  async setMicrophone(on: boolean): Promise<void> {
    return on ? this.publish("microphone") : this.setMuted("microphone", true);
  }
  async setCamera(on: boolean): Promise<void> {
    return on ? this.publish("camera") : this.setMuted("camera", true);
  }

  /** Asks which screen and shares it; a device error rejects. Off: stops. Ending it in the browser's own bar is the same. */
  async setScreenShareEnabled(
    on: boolean,
    options: ScreenChoice & { readonly codec?: VideoCodec } = {},
  ): Promise<void> {
    if (!on) {
      await Promise.all([this.unpublish("screen"), this.unpublish("screenAudio")]);
      return;
    }
    if (this.isOn("screen")) return;
    const { video, audio } = await openScreen(this.#devices, options);
    const codec = options.codec === undefined ? {} : { codec: options.codec };
    await this.publish("screen", { track: video, simulcast: false, ...codec });
    if (audio !== undefined) await this.publish("screenAudio", { track: audio });
  }

  /** Sends from another device. The old one keeps sending when the new one cannot be opened (rejects). */
  async switchDevice(source: TrackSource, deviceId: string): Promise<void> {
    return this.#serially(source, async () => {
      const entry = this.#entries.get(source);
      if (entry === undefined || entry.track === undefined) {
        if (entry !== undefined) entry.deviceId = deviceId;
        return;
      }
      const track = await openDevice(this.#devices, source, { deviceId });
      track.enabled = !entry.muted;
      stop(entry.track);
      entry.track = track;
      entry.deviceId = deviceId;
      this.#watch(source, entry);
      this.#host.replaced(source, track);
      this.#host.changed();
    });
  }

  /** For a new connection: everything that is published. */
  own(): readonly OwnTrack[] {
    return [...this.#entries].map(([source, entry]) => ownOf(source, entry));
  }

  /** Which source the node calls so. */
  sourceOf(trackId: string): TrackSource | undefined {
    return [...this.#entries].find(([, entry]) => entry.trackId === trackId)?.[0];
  }

  /** The node named a track. */
  named(source: TrackSource, trackId: string): void {
    const entry = this.#entries.get(source);
    if (entry !== undefined) entry.trackId = trackId;
  }

  /** Says again what is muted: a message may have been lost with a socket. */
  repeatMutes(): void {
    for (const { trackId, muted } of this.#entries.values())
      if (trackId !== undefined) this.#host.sayMuted(trackId, muted);
  }

  /** Closes all devices. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) stop(entry.track);
    this.#entries.clear();
  }

  async #open(source: TrackSource, options: PublishOptions): Promise<MediaStreamTrack> {
    const track = options.track ?? (await openDevice(this.#devices, source, options));
    if (!this.#closed) return track;
    track.stop();
    throw new HearsayError("closed", "The room was left meanwhile.");
  }

  async #setMuted(source: TrackSource, entry: Entry, muted: boolean): Promise<void> {
    if (entry.muted === muted) return;
    if (!muted && entry.track === undefined) {
      const choice = entry.deviceId === undefined ? {} : { deviceId: entry.deviceId };
      entry.track = await this.#open(source, choice);
      this.#watch(source, entry);
      this.#host.replaced(source, entry.track);
    }
    entry.muted = muted;
    if (entry.track !== undefined) entry.track.enabled = !muted;
    if (muted && kindOf(source) === "video") this.#closeDevice(source, entry);
    if (entry.trackId !== undefined) this.#host.sayMuted(entry.trackId, muted);
    this.#host.changed();
  }

  #closeDevice(source: TrackSource, entry: Entry): void {
    stop(entry.track);
    entry.track = undefined;
    this.#host.replaced(source, null);
  }

  #watch(source: TrackSource, entry: Entry): void {
    const track = entry.track;
    if (track === undefined) return;
    track.onended = () => {
      if (entry.track !== track || this.#closed) return;
      if (source === "screen" || source === "screenAudio") {
        void this.unpublish(source);
        if (source === "screen") void this.unpublish("screenAudio");
        return;
      }
      entry.muted = true;
      this.#closeDevice(source, entry);
      if (entry.trackId !== undefined) this.#host.sayMuted(entry.trackId, true);
      this.#host.changed();
      this.#host.deviceLost(source);
    };
  }

  #serially(source: TrackSource, work: () => Promise<void>): Promise<void> {
    const result = (this.#queues.get(source) ?? Promise.resolve()).then(work);
    this.#queues.set(
      source,
      result.catch(() => undefined),
    );
    return result;
  }
}

const ownOf = (source: TrackSource, { track, simulcast, codec }: Entry): OwnTrack => ({
  source,
  track: track ?? null,
  simulcast,
  codec,
});

function stop(track: MediaStreamTrack | undefined): void {
  if (track === undefined) return;
  track.onended = null;
  track.stop();
}
