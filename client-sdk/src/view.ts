/**
 * What is on screen, so that nodes send nothing that nobody sees and no more pixels than are shown.
 * Watches elements (visibility and size) and says changes at most a few times a second.
 */
import type { Schedule } from "./options.ts";
import type { TrackSource, View } from "./protocol/messages.ts";

/** A burst of layout changes becomes one message. */
const SETTLE_MS = 120;
/** A page that stays hidden for so long shows nothing; shorter looks away cost no keyframe. */
const HIDDEN_GRACE_MS = 10_000;
/** Elements watched; at the bound observe() throws RangeError. */
const MAX_WATCHED = 500;

export type Visible = View["visible"];

interface Watched {
  readonly participantId: string;
  readonly source: TrackSource;
  onScreen: boolean;
  width: number;
  height: number;
}

export class ViewTracker {
  readonly #schedule: Schedule;
  readonly #say: (visible: Visible) => void;
  readonly #watched = new Map<Element, Watched>();
  readonly #intersection: IntersectionObserver | undefined;
  readonly #resize: ResizeObserver | undefined;
  #cancel: (() => void) | undefined;
  #cancelHidden: (() => void) | undefined;
  #pageHidden = false;
  #last = "";
  /** Until the application watches or says something, nothing is said: the node then shows everyone in order. */
  #hasView = false;
  /** What set() said, while no watched element changed since. */
  #own: Visible | undefined;

  constructor(schedule: Schedule, say: (visible: Visible) => void) {
    this.#schedule = schedule;
    this.#say = say;
    if (typeof IntersectionObserver === "function")
      this.#intersection = new IntersectionObserver((entries) => this.#intersected(entries));
    if (typeof ResizeObserver === "function") this.#resize = new ResizeObserver((entries) => this.#resized(entries));
    globalThis.document?.addEventListener("visibilitychange", this.#visibilityChanged);
  }

  /** Says a view of the application's own making; watched elements are then not asked until the next change of theirs. */
  set(visible: Visible): void {
    this.#cancel?.();
    this.#hasView = true;
    this.#own = visible;
    this.#last = JSON.stringify(visible);
    this.#say(visible);
  }

  /** `element` shows this source of this participant until the returned function is called. */
  observe(element: Element, participantId: string, source: TrackSource): () => void {
    if (this.#watched.size >= MAX_WATCHED) throw new RangeError(`At most ${MAX_WATCHED} elements are watched`);
    const box = element.getBoundingClientRect();
    const onScreen = this.#intersection === undefined;
    this.#hasView = true;
    this.#watched.set(element, { participantId, source, onScreen, width: box.width, height: box.height });
    this.#intersection?.observe(element);
    this.#resize?.observe(element);
    this.#changed();
    return () => {
      this.#watched.delete(element);
      this.#intersection?.unobserve(element);
      this.#resize?.unobserve(element);
      this.#changed();
    };
  }

  /** Says the view again, whether it changed or not: a message may have been lost. */
  repeat(): void {
    this.#last = "";
    if (this.#own === undefined) this.#changed();
    else this.set(this.#own);
  }

  close(): void {
    this.#cancel?.();
    this.#cancelHidden?.();
    this.#intersection?.disconnect();
    this.#resize?.disconnect();
    globalThis.document?.removeEventListener("visibilitychange", this.#visibilityChanged);
    this.#watched.clear();
  }

  #intersected(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const watched = this.#watched.get(entry.target);
      if (watched !== undefined) watched.onScreen = entry.isIntersecting;
    }
    this.#changed();
  }

  #resized(entries: readonly ResizeObserverEntry[]): void {
    for (const entry of entries) {
      const watched = this.#watched.get(entry.target);
      if (watched === undefined) continue;
      watched.width = entry.contentRect.width;
      watched.height = entry.contentRect.height;
    }
    this.#changed();
  }

  readonly #visibilityChanged = (): void => {
    this.#cancelHidden?.();
    const hidden = globalThis.document.visibilityState === "hidden";
    if (!hidden) this.#setPageHidden(false);
    else this.#cancelHidden = this.#schedule(() => this.#setPageHidden(true), HIDDEN_GRACE_MS);
  };

  #setPageHidden(hidden: boolean): void {
    if (this.#pageHidden === hidden) return;
    this.#pageHidden = hidden;
    this.#changed();
  }

  #changed(): void {
    this.#cancel?.();
    if (!this.#hasView) return;
    this.#own = undefined;
    this.#cancel = this.#schedule(() => {
      const visible = this.#pageHidden ? [] : visibleOf([...this.#watched.values()], globalThis.devicePixelRatio ?? 1);
      const text = JSON.stringify(visible);
      if (text === this.#last) return;
      this.#last = text;
      this.#say(visible);
    }, SETTLE_MS);
  }
}

/** What is on screen in device pixels, largest first: a larger picture is looked at. */
export function visibleOf(watched: readonly Readonly<Watched>[], devicePixelRatio: number): Visible {
  return watched
    .filter(({ onScreen, width, height }) => onScreen && width > 0 && height > 0)
    .map(({ participantId, source, width, height }) => ({
      participantId,
      source,
      width: Math.round(width * devicePixelRatio),
      height: Math.round(height * devicePixelRatio),
    }))
    .sort((a, b) => b.width * b.height - a.width * a.height);
}
