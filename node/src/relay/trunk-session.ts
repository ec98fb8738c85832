/**
 * One trunk's protocol machine, towards one other node. The lower node name offers; the higher asks for an offer, so two
 * offers cannot cross. Every attempt has a trunk id of its own, so what comes late about an older one is recognised.
 * Pure: inputs with `nowMs`, effects through the sink, deadlines instead of timers.
 * Rules: SPEC.md [Y15…Y39]; messages in trunk-messages.ts, streams in trunk-streams.ts.
 */
import type { InstantMs, Random } from "#gossip";
import type { TrunkParameters } from "../media/control.ts";
import type { StreamKey, WantedStream } from "./demand.ts";
import { TrunkEgress } from "./trunk-egress.ts";
import {
  type AskBody,
  commonVersion,
  type OfferBody,
  type OpenBody,
  readAnswer,
  type StreamBody,
  TRUNK_TOPICS,
  TRUNK_VERSIONS,
  type TrunkTopic,
  type VersionRange,
} from "./trunk-messages.ts";
import type { Purpose, TrunkPhase, TrunkReply, TrunkSessionOptions, TrunkSink, Verdict } from "./trunk-sink.ts";
import { type Ssrcs, TrunkStreams } from "./trunk-streams.ts";
import { IDLE_CLOSE_MS, restAfter, SILENT_GRACE_MS, STEP_TIMEOUT_MS, VERSION_REST_MS } from "./trunk-timing.ts";

export class TrunkSession {
  readonly #options: TrunkSessionOptions;
  readonly #versions: VersionRange;
  readonly #sink: TrunkSink;
  readonly #streams: TrunkStreams;
  readonly #egress: TrunkEgress;
  readonly #purposes = new Map<number, Purpose>();
  #phase: TrunkPhase = "idle";
  #trunkId: string | undefined;
  #deadlineMs: InstantMs = Number.POSITIVE_INFINITY;
  #idleSinceMs: InstantMs | undefined;
  #failures = 0;
  #requests = 0;
  #isNeeded = false;

  constructor(options: TrunkSessionOptions, sink: TrunkSink) {
    this.#options = options;
    this.#versions = options.versions ?? TRUNK_VERSIONS;
    this.#sink = sink;
    this.#egress = new TrunkEgress((ssrc) => this.#sink.stopSending(this.#current(), ssrc));
    this.#streams = new TrunkStreams({
      allocate: (id, stream) => this.#sink.allocate(this.#current(), id, stream),
      open: (id, stream, ssrcs) => this.#requestOpen(id, stream, ssrcs),
      close: (id, ssrc) => {
        const trunkId = this.#current();
        this.#request({ kind: "close", trunkId, streamId: id }, TRUNK_TOPICS.close, { trunkId, ssrc });
      },
      release: (ssrc) => this.#sink.release(this.#current(), ssrc),
      wayFailed: (origin) => this.#sink.wayFailed(origin),
    });
  }

  get phase(): TrunkPhase {
    return this.#phase;
  }

  get trunkId(): string | undefined {
    return this.#trunkId;
  }

  get ingressCount(): number {
    return this.#streams.openCount;
  }

  get egressCount(): number {
    return this.#egress.size;
  }

  /** Changes whenever a stream that goes out comes or goes. */
  get egressRevision(): number {
    return this.#egress.revision;
  }

  /** What goes out of other nodes' streams. */
  transits(): readonly OpenBody[] {
    return this.#egress.all().filter((open) => open.transit !== undefined);
  }

  // ---------------------------------------------------------------- what this node wants

  setWanted(wanted: ReadonlyMap<StreamKey, WantedStream>, nowMs: InstantMs): void {
    this.#streams.setWanted(wanted, nowMs);
    if (this.#isWanted && this.#phase === "idle") this.#begin(nowMs);
    this.#watchIdle(nowMs);
  }

  /** True: the trunk is to be up, though what comes from there takes another way now. */
  setNeeded(isNeeded: boolean, nowMs: InstantMs): void {
    if (isNeeded === this.#isNeeded) return;
    this.#isNeeded = isNeeded;
    if (isNeeded && this.#phase === "idle") this.#begin(nowMs);
    this.#watchIdle(nowMs);
  }

  /** Something may be wanted soon: the trunk is made ready, once; without streams it closes again after a minute. */
  prepare(nowMs: InstantMs): void {
    if (this.#phase === "idle") this.#begin(nowMs);
  }

  /** Local tracks came or went: what is not published any more is not sent any more. */
  keepSending(isPublished: (roomId: string, trackId: string) => boolean, nowMs: InstantMs): void {
    this.#egress.keep(isPublished);
    this.#watchIdle(nowMs);
  }

  /** That node's streams do not get through here any more: their receiver is told. */
  stopTransit(origin: string, nowMs: InstantMs): void {
    const trunkId = this.#current();
    for (const { ssrc, transit } of this.transits()) {
      if (transit?.origin !== origin) continue;
      this.#egress.remove(ssrc);
      this.#request({ kind: "word" }, TRUNK_TOPICS.stopped, { trunkId, ssrc });
    }
    this.#watchIdle(nowMs);
  }

  /** The media plane would not send this stream after all: the receiver is told, and may ask again. */
  handleSendRefused(trunkId: string, ssrc: number, nowMs: InstantMs): void {
    if (trunkId !== this.#trunkId || !this.#egress.forget(ssrc)) return;
    this.#request({ kind: "word" }, TRUNK_TOPICS.stopped, { trunkId, ssrc });
    this.#watchIdle(nowMs);
  }

  /** The other node is gone. The session ends; a new one begins with the node's return. */
  close(): void {
    this.#drop();
    this.#phase = "idle";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#purposes.clear();
  }

  // ---------------------------------------------------------------- answers to what was asked of the sink

  /** Undefined: the media plane could not make our end. */
  handleCreated(trunkId: string, parameters: TrunkParameters | undefined, nowMs: InstantMs): void {
    if (trunkId !== this.#trunkId || this.#phase !== "creating") return;
    if (parameters === undefined) {
      this.#rest(nowMs);
      return;
    }
    this.#step("offering", nowMs);
    const body: OfferBody = { trunkId, versions: this.#versions, parameters };
    this.#request({ kind: "offer", trunkId }, TRUNK_TOPICS.offer, body);
  }

  handleAllocated(trunkId: string, id: number, ssrcs: Ssrcs | undefined, nowMs: InstantMs): void {
    if (trunkId === this.#trunkId) this.#streams.handleAllocated(id, ssrcs, nowMs);
  }

  handleReply(id: number, reply: TrunkReply, nowMs: InstantMs): void {
    const purpose = this.#purposes.get(id);
    this.#purposes.delete(id);
    if (purpose === undefined || purpose.kind === "word") return;
    if (purpose.kind === "ask") this.#handleAskReply(reply, nowMs);
    else if (purpose.trunkId !== this.#trunkId) return;
    else if (purpose.kind === "offer") this.#handleAnswer(purpose.trunkId, reply, nowMs);
    else this.#handleStreamReply(purpose.kind, purpose.streamId, reply, nowMs);
  }

  // ---------------------------------------------------------------- what the other node says

  /** The higher name wants a trunk. True also when one is being made already. */
  handleAsk(ask: AskBody, nowMs: InstantMs): Verdict {
    if (!this.#isOfferer) return { ok: false, code: "not_offerer" };
    if (commonVersion(this.#versions, ask.versions) === undefined) return { ok: false, code: "trunk_version" };
    const isUp = this.#phase === "connected" || this.#phase === "silent";
    const hasLostThisOne = isUp && (ask.lost === null || ask.lost === this.#trunkId);
    if (this.#phase === "idle" || this.#phase === "resting" || hasLostThisOne) this.#begin(nowMs);
    return { ok: true };
  }

  /**
   * The lower name offers, which replaces whatever trunk there was. Accepted: the caller makes our end as the answerer,
   * calls handleAnswering, and then connects and answers.
   */
  handleOffer(offer: OfferBody, nowMs: InstantMs): Verdict<{ readonly version: number }> {
    if (this.#isOfferer) return { ok: false, code: "not_offerer" };
    const version = commonVersion(this.#versions, offer.versions);
    if (version === undefined) return { ok: false, code: "trunk_version" };
    this.#drop();
    this.#trunkId = offer.trunkId;
    this.#step("answering", nowMs);
    return { ok: true, version };
  }

  /** Our end is there (or could not be made); false when the offer has been overtaken. */
  handleAnswering(trunkId: string, isMade: boolean, nowMs: InstantMs): boolean {
    if (trunkId !== this.#trunkId || this.#phase !== "answering") return false;
    if (isMade) this.#step("connecting", nowMs);
    else this.#rest(nowMs);
    return isMade;
  }

  /** `isPublished`: the caller knows the track as a local one. Sent as soon as the trunk is up. */
  handleOpen(open: OpenBody, isPublished: boolean, nowMs: InstantMs): Verdict {
    const isUsable = this.#phase === "connecting" || this.#phase === "connected" || this.#phase === "silent";
    if (open.trunkId !== this.#trunkId || !isUsable) return { ok: false, code: "unknown_trunk" };
    if (!isPublished) return { ok: false, code: "unknown_track" };
    if (!this.#egress.add(open)) return { ok: false, code: "too_many_streams" };
    if (this.#phase !== "connecting") this.#sink.send(open.trunkId, open);
    this.#watchIdle(nowMs);
    return { ok: true };
  }

  handleClose(close: StreamBody, nowMs: InstantMs): Verdict {
    if (close.trunkId !== this.#trunkId) return { ok: false, code: "unknown_trunk" };
    this.#egress.remove(close.ssrc);
    this.#watchIdle(nowMs);
    return { ok: true };
  }

  handleStopped(stopped: StreamBody, nowMs: InstantMs): Verdict {
    if (stopped.trunkId !== this.#trunkId) return { ok: false, code: "unknown_trunk" };
    this.#streams.handleStopped(stopped.ssrc, nowMs);
    return { ok: true };
  }

  handleEnd(trunkId: string, nowMs: InstantMs): Verdict {
    if (trunkId !== this.#trunkId) return { ok: false, code: "unknown_trunk" };
    this.#drop();
    this.#toIdle(nowMs);
    return { ok: true };
  }

  // ---------------------------------------------------------------- transport and time

  handleTransport(trunkId: string, state: "connected" | "silent" | "gone", nowMs: InstantMs): void {
    if (trunkId !== this.#trunkId) return;
    if (state === "connected") this.#handleConnected(nowMs);
    else if (state === "gone") {
      if (this.#phase === "connected") this.#sink.reportSilent();
      this.#rest(nowMs);
    } else if (this.#phase === "connected") {
      this.#sink.reportSilent();
      this.#phase = "silent";
      this.#deadlineMs = nowMs + SILENT_GRACE_MS;
      this.#streams.recheck();
    }
  }

  deadlineMs(): InstantMs {
    const idleMs = this.#idleSinceMs === undefined ? Number.POSITIVE_INFINITY : this.#idleSinceMs + IDLE_CLOSE_MS;
    return Math.min(this.#deadlineMs, idleMs, this.#streams.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    this.#streams.handleTimeout(nowMs);
    if (this.#idleSinceMs !== undefined && nowMs >= this.#idleSinceMs + IDLE_CLOSE_MS) this.#endIdle(nowMs);
    if (this.#deadlineMs > nowMs) return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#phase === "resting") this.#toIdle(nowMs);
    // A silent trunk that only sends is left to its receiver to ask for anew.
    else if (this.#phase !== "silent" || this.#isWanted) this.#rest(nowMs);
  }

  // ---------------------------------------------------------------- inside

  get #isWanted(): boolean {
    return this.#isNeeded || this.#streams.wantedCount > 0;
  }

  get #isOfferer(): boolean {
    return this.#options.self < this.#options.peer;
  }

  #current(): string {
    return this.#trunkId ?? "";
  }

  #step(phase: TrunkPhase, nowMs: InstantMs): void {
    this.#phase = phase;
    this.#deadlineMs = nowMs + STEP_TIMEOUT_MS;
  }

  #begin(nowMs: InstantMs): void {
    const lost = this.#trunkId ?? null;
    this.#drop();
    if (!this.#isOfferer) {
      this.#step("asking", nowMs);
      const body: AskBody = { versions: this.#versions, lost };
      this.#request({ kind: "ask" }, TRUNK_TOPICS.ask, body);
      return;
    }
    this.#trunkId = newTrunkId(this.#options.random);
    this.#step("creating", nowMs);
    this.#sink.create(this.#trunkId);
  }

  #drop(): void {
    const trunkId = this.#trunkId;
    this.#streams.reset();
    this.#egress.clear();
    this.#idleSinceMs = undefined;
    this.#trunkId = undefined;
    if (trunkId !== undefined) this.#sink.destroy(trunkId);
  }

  /** An attempt failed or a trunk broke: try again after a while that grows, if there is something to try for. */
  #rest(nowMs: InstantMs, restMs = restAfter(this.#failures)): void {
    this.#failures += 1;
    this.#drop();
    this.#phase = "resting";
    this.#deadlineMs = nowMs + restMs;
  }

  #toIdle(nowMs: InstantMs): void {
    this.#phase = "idle";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#isWanted) this.#begin(nowMs);
  }

  #handleConnected(nowMs: InstantMs): void {
    if (this.#phase === "silent") {
      this.#phase = "connected";
      this.#deadlineMs = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.#phase !== "connecting") return;
    this.#phase = "connected";
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#failures = 0;
    for (const stream of this.#egress.all()) this.#sink.send(stream.trunkId, stream);
    this.#streams.start(nowMs);
    this.#watchIdle(nowMs);
  }

  #handleAskReply(reply: TrunkReply, nowMs: InstantMs): void {
    if (this.#phase !== "asking" || reply.ok) return;
    this.#rest(nowMs, reply.code === "trunk_version" ? VERSION_REST_MS : undefined);
  }

  #handleAnswer(trunkId: string, reply: TrunkReply, nowMs: InstantMs): void {
    if (this.#phase !== "offering") return;
    if (!reply.ok) {
      this.#rest(nowMs, reply.code === "trunk_version" ? VERSION_REST_MS : undefined);
      return;
    }
    const answer = readAnswer(reply.body);
    const { min, max } = this.#versions;
    if (answer === undefined || answer.version < min || answer.version > max) {
      this.#rest(nowMs);
      return;
    }
    this.#step("connecting", nowMs);
    this.#sink.connect(trunkId, answer.parameters);
  }

  #handleStreamReply(kind: "open" | "close", streamId: number, reply: TrunkReply, nowMs: InstantMs): void {
    const isTrunkLost = !reply.ok && reply.code === "unknown_trunk";
    if (isTrunkLost && kind === "open") this.#rest(nowMs);
    else if (kind === "open") this.#streams.handleOpened(streamId, reply, nowMs);
    else this.#streams.handleClosed(streamId, reply, nowMs);
    this.#watchIdle(nowMs);
  }

  #requestOpen(streamId: number, { roomId, track, layer, origin }: WantedStream, { ssrc, rtxSsrc }: Ssrcs): void {
    const trunkId = this.#current();
    const transit = origin === undefined ? {} : { transit: { origin, track } };
    const body: OpenBody = { trunkId, roomId, trackId: track.trackId, layer, ssrc, rtxSsrc, ...transit };
    this.#request({ kind: "open", trunkId, streamId }, TRUNK_TOPICS.open, body);
  }

  #request(purpose: Purpose, topic: TrunkTopic, body: object): void {
    this.#requests += 1;
    this.#purposes.set(this.#requests, purpose);
    this.#sink.request(this.#requests, topic, body);
  }

  #watchIdle(nowMs: InstantMs): void {
    const isIdle = this.#phase === "connected" && !this.#isNeeded && this.#egress.size === 0 && this.#streams.isIdle;
    if (!isIdle) this.#idleSinceMs = undefined;
    else this.#idleSinceMs ??= nowMs;
  }

  #endIdle(nowMs: InstantMs): void {
    this.#request({ kind: "word" }, TRUNK_TOPICS.end, { trunkId: this.#current() });
    this.#drop();
    this.#toIdle(nowMs);
  }
}

function newTrunkId(random: Random): string {
  const part = (): string =>
    random
      .below(2 ** 32)
      .toString(36)
      .padStart(7, "0");
  return part() + part();
}
