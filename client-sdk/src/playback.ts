/** Plays the audio slots. Browsers may refuse until the person touches the page; then start() from a click helps. */
import type { Slot } from "./peer.ts";

interface Player {
  readonly element: HTMLAudioElement;
  readonly track: MediaStreamTrack;
}

export class Playback {
  readonly #players = new Map<string, Player>();
  readonly #changed: (blocked: boolean) => void;
  #blocked = false;
  #sinkId: string | undefined;

  constructor(changed: (blocked: boolean) => void) {
    this.#changed = changed;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** One silent-until-needed element a slot; who speaks in it is the node's choice. */
  play(slots: readonly Slot[]): void {
    if (typeof Audio !== "function") return;
    for (const { mid, kind, track } of slots) {
      if (kind !== "audio" || this.#players.get(mid)?.track === track) continue;
      this.#stop(mid);
      const element = new Audio();
      element.autoplay = true;
      element.srcObject = new MediaStream([track]);
      this.#players.set(mid, { element, track });
      this.#applySink(element);
      void this.#start(element);
    }
  }

  /** Call from a click when playback was blocked. */
  async start(): Promise<void> {
    await Promise.all([...this.#players.values()].map(({ element }) => this.#start(element)));
  }

  /** Another loudspeaker; ignored where the platform cannot choose. */
  setSpeaker(deviceId: string): void {
    this.#sinkId = deviceId;
    for (const { element } of this.#players.values()) this.#applySink(element);
  }

  close(): void {
    for (const mid of [...this.#players.keys()]) this.#stop(mid);
  }

  async #start(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
      this.#setBlocked(false);
    } catch (error) {
      if (error instanceof Error && error.name === "NotAllowedError") this.#setBlocked(true);
    }
  }

  #setBlocked(blocked: boolean): void {
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.#changed(blocked);
  }

  #applySink(element: HTMLAudioElement): void {
    if (this.#sinkId === undefined || typeof element.setSinkId !== "function") return;
    // An unplugged loudspeaker leaves the sound on the default one.
    element.setSinkId(this.#sinkId).catch(() => undefined);
  }

  #stop(mid: string): void {
    const player = this.#players.get(mid);
    if (player === undefined) return;
    player.element.pause();
    player.element.srcObject = null;
    this.#players.delete(mid);
  }
}
