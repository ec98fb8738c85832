/**
 * The streams that one trunk brings to this node: this end chooses the SSRCs first, then asks the sender to open, so no
 * packet can come too early; it asks again while that fails, and tells the sender when a stream is not wanted any more.
 * Pure: deadlines, not timers. Rules: SPEC.md [Y40…Y49].
 */
import type { InstantMs } from "#gossip";
import type { StreamKey, WantedStream } from "./demand.ts";

export interface Ssrcs {
  readonly ssrc: number;
  readonly rtxSsrc: number;
}

/** Each call is answered by the handler of the same name with the same id, unless reset() came first. */
export interface StreamSink {
  allocate(id: number, stream: WantedStream): void;
  open(id: number, stream: WantedStream, ssrcs: Ssrcs): void;
  close(id: number, ssrc: number): void;
  /** This end lets go of an SSRC. */
  release(ssrc: number): void;
  /** A stream that the sender was to forward is refused, or has stopped. */
  wayFailed(origin: string): void;
}

export type StreamReply = { readonly ok: true } | { readonly ok: false; readonly code: string };

export const MAX_CLOSE_ATTEMPTS = 3;
export const MAX_STREAMS_PER_TRUNK = 1_024;
const FIRST_RETRY_MS = 100;
/** However often a stream could not be opened, it is asked for again at this pace while it is wanted. */
export const LONGEST_RETRY_MS = 30_000;

type State = "allocating" | "opening" | "open" | "waiting";

interface Stream {
  readonly id: number;
  readonly wanted: WantedStream;
  state: State;
  ssrcs: Ssrcs | undefined;
  attempts: number;
  retryAtMs: InstantMs;
  /**
   * Not wanted any more while its SSRCs are being chosen. It stays until they are known: the media plane gives one
   * layer one pair, so a second allocation beside this one would be let go together with it.
   */
  isAbandoned: boolean;
}
interface Closing {
  readonly id: number;
  attempts: number;
  retryAtMs: InstantMs;
}

export class TrunkStreams {
  readonly #sink: StreamSink;
  readonly #streams = new Map<StreamKey, Stream>();
  readonly #closing = new Map<number, Closing>();
  #wanted: ReadonlyMap<StreamKey, WantedStream> = new Map();
  #running = false;
  #ids = 0;

  constructor(sink: StreamSink) {
    this.#sink = sink;
  }

  get wantedCount(): number {
    return this.#wanted.size;
  }

  get openCount(): number {
    return [...this.#streams.values()].filter((stream) => stream.state === "open").length;
  }

  /** Nothing wanted, nothing open and nothing left to say. */
  get isIdle(): boolean {
    return this.#wanted.size === 0 && this.#streams.size === 0 && this.#closing.size === 0;
  }

  setWanted(wanted: ReadonlyMap<StreamKey, WantedStream>, nowMs: InstantMs): void {
    this.#wanted = wanted;
    if (this.#running) this.#reconcile(nowMs);
  }

  /** The trunk is up. */
  start(nowMs: InstantMs): void {
    this.#running = true;
    this.#reconcile(nowMs);
  }

  /** The trunk is gone and with it every stream and SSRC; what is wanted stays wanted. */
  reset(): void {
    this.#running = false;
    this.#streams.clear();
    this.#closing.clear();
  }

  handleAllocated(id: number, ssrcs: Ssrcs | undefined, nowMs: InstantMs): void {
    const stream = this.#find(id);
    if (stream === undefined || stream.state !== "allocating") {
      if (ssrcs !== undefined) this.#sink.release(ssrcs.ssrc);
      return;
    }
    // It was let go of meanwhile, before the sender knew of it.
    if (stream.isAbandoned) {
      this.#forget(id);
      if (ssrcs !== undefined) this.#sink.release(ssrcs.ssrc);
      return;
    }
    stream.ssrcs = ssrcs;
    if (ssrcs === undefined) this.#retryLater(stream, nowMs);
    else this.#open(stream, ssrcs);
  }

  handleOpened(id: number, reply: StreamReply, nowMs: InstantMs): void {
    const stream = this.#find(id);
    if (stream === undefined || stream.state !== "opening") return;
    if (reply.ok) stream.state = "open";
    else this.#fail(stream, nowMs);
  }

  handleClosed(id: number, reply: StreamReply, nowMs: InstantMs): void {
    for (const [ssrc, closing] of this.#closing) {
      if (closing.id !== id) continue;
      // A refusal says that the sender does not know the stream: it is closed all the same.
      if (reply.ok || reply.code !== "timeout" || closing.attempts >= MAX_CLOSE_ATTEMPTS) this.#closing.delete(ssrc);
      else closing.retryAtMs = nowMs + backoffMs(closing.attempts);
      return;
    }
  }

  /** Asks for one open stream once more: a sender that does not know it any more says so. */
  recheck(): void {
    for (const stream of this.#streams.values()) {
      if (stream.state !== "open" || stream.ssrcs === undefined) continue;
      this.#open(stream, stream.ssrcs);
      return;
    }
  }

  /** The sender says that it does not send this (any more): asked again while it is wanted. */
  handleStopped(ssrc: number, nowMs: InstantMs): void {
    for (const stream of this.#streams.values())
      if (stream.ssrcs?.ssrc === ssrc && (stream.state === "open" || stream.state === "opening"))
        this.#fail(stream, nowMs);
  }

  deadlineMs(): InstantMs {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams.values())
      if (stream.state === "waiting") earliestMs = Math.min(earliestMs, stream.retryAtMs);
    for (const closing of this.#closing.values()) earliestMs = Math.min(earliestMs, closing.retryAtMs);
    return earliestMs;
  }

  handleTimeout(nowMs: InstantMs): void {
    for (const stream of this.#streams.values())
      if (stream.state === "waiting" && stream.retryAtMs <= nowMs) this.#begin(stream);
    for (const [ssrc, closing] of this.#closing) if (closing.retryAtMs <= nowMs) this.#sendClose(ssrc, closing);
  }

  #reconcile(nowMs: InstantMs): void {
    for (const [key, stream] of [...this.#streams]) {
      stream.isAbandoned = !this.#wanted.has(key);
      if (!stream.isAbandoned || stream.state === "allocating") continue;
      this.#streams.delete(key);
      this.#letGo(stream);
    }
    for (const [key, wanted] of this.#wanted) {
      if (this.#streams.has(key) || this.#streams.size >= MAX_STREAMS_PER_TRUNK) continue;
      this.#ids += 1;
      const idle = { ssrcs: undefined, attempts: 0, retryAtMs: nowMs, isAbandoned: false };
      const stream: Stream = { id: this.#ids, wanted, state: "waiting", ...idle };
      this.#streams.set(key, stream);
      this.#begin(stream);
    }
  }

  #begin(stream: Stream): void {
    if (stream.ssrcs === undefined) {
      stream.state = "allocating";
      this.#sink.allocate(stream.id, stream.wanted);
    } else this.#open(stream, stream.ssrcs);
  }

  #open(stream: Stream, ssrcs: Ssrcs): void {
    stream.state = "opening";
    stream.attempts += 1;
    this.#sink.open(stream.id, stream.wanted, ssrcs);
  }

  #fail(stream: Stream, nowMs: InstantMs): void {
    this.#retryLater(stream, nowMs);
    if (stream.wanted.origin !== undefined) this.#sink.wayFailed(stream.wanted.origin);
  }

  /** Attempts are never forgotten while the stream lives, or a sender that opens and stops could make us spin. */
  #retryLater(stream: Stream, nowMs: InstantMs): void {
    if (stream.ssrcs === undefined) stream.attempts += 1;
    stream.state = "waiting";
    stream.retryAtMs = nowMs + backoffMs(stream.attempts);
  }

  #letGo(stream: Stream): void {
    if (stream.ssrcs === undefined) return;
    const { ssrc } = stream.ssrcs;
    this.#sink.release(ssrc);
    this.#ids += 1;
    const closing = { id: this.#ids, attempts: 0, retryAtMs: Number.POSITIVE_INFINITY };
    this.#closing.set(ssrc, closing);
    this.#sendClose(ssrc, closing);
  }

  #sendClose(ssrc: number, closing: Closing): void {
    closing.attempts += 1;
    closing.retryAtMs = Number.POSITIVE_INFINITY;
    this.#sink.close(closing.id, ssrc);
  }

  #forget(id: number): void {
    for (const [key, stream] of this.#streams) if (stream.id === id) this.#streams.delete(key);
  }

  #find(id: number): Stream | undefined {
    for (const stream of this.#streams.values()) if (stream.id === id) return stream;
    return undefined;
  }
}

function backoffMs(attempts: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), LONGEST_RETRY_MS);
}
