/**
 * The media plane as the rest of a node sees it: one or more workers behind one interface. A room is pinned to a
 * worker from its first client to its last. Trunks live on the first worker, so with several workers only the rooms
 * pinned there cross to other nodes.
 */
import type { MediaEvent, MediaPlane, MediaStats, NegotiateInput, NegotiateResult, TrunkStream } from "./control.ts";
import { type MediaClock, systemMediaClock } from "./media-clock.ts";
import { MediaError } from "./media-error.ts";
import { MediaHost, type MediaHostOptions } from "./media-host.ts";
import { type MediaLog, silentMediaLog } from "./media-log.ts";
import { PeerTransports } from "./peer-transports.ts";
import { createRtpPlane } from "./plane-factory.ts";
import { RoomPins } from "./room-pins.ts";
import { ThreadPlane } from "./thread-plane.ts";
import type { CallInput, CallResult } from "./worker-messages.ts";

export interface MediaPlaneOptions {
  /** Worker threads, one UDP port each. Default 1. */
  readonly workers?: number;
  /** UDP port of the first worker; the next has the next. 0: the system chooses. Default 0. */
  readonly port?: number;
  /** Address to bind. Default: all interfaces, as browsers must reach it even where HTTP stays on loopback. */
  readonly host?: string;
  /** False: no TCP under the numbers of the UDP ports. Default true. */
  readonly tcp?: boolean;
  /** Address literals told to others instead of the machine's own (NAT 1:1). Default none. */
  readonly advertise?: readonly string[];
  /** False runs the workers in this thread: for tests from source, which no thread can load. Default: true when built. */
  readonly threads?: boolean;
  readonly log?: MediaLog;
}

const MAX_WORKERS = 64;
/** A worker that has failed is started again this much later, so often in a row. */
const RESTART_DELAY_MS = 1_000;
const MAX_RESTARTS = 10;
/** A worker that has lived this long was sound: what ends it is a new affair. */
const SOUND_AFTER_MS = 60_000;

interface PoolWorker {
  readonly plane: MediaPlane;
  restarts: number;
  /** Undefined: it does not run. */
  upSinceMs: number | undefined;
  /** Set while a new start is due. */
  cancelRestart: (() => void) | undefined;
}

/** Workers are made by `start`. Throws RangeError when `workers` is out of bounds. */
export function createMediaPlane(options: MediaPlaneOptions = {}): MediaPlane {
  const { workers = 1, port = 0, host, tcp = true, advertise, log = silentMediaLog } = options;
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    throw new RangeError(`workers must be 1 to ${MAX_WORKERS}`);
  }
  const threads = options.threads ?? import.meta.url.endsWith(".js");
  const make = (index: number, event: (event: MediaEvent) => void): MediaPlane => {
    const hostOptions: MediaHostOptions = {
      port: port === 0 ? 0 : port + index,
      tcp,
      ...(host === undefined ? {} : { host }),
      ...(advertise === undefined ? {} : { advertise }),
    };
    if (threads) return new ThreadPlane(hostOptions, log, event);
    return new MediaHost(hostOptions, { log, createPlane: createRtpPlane, event });
  };
  return new WorkerPool(workers, make, log);
}

export class WorkerPool implements MediaPlane {
  readonly #log: MediaLog;
  readonly #workers: readonly PoolWorker[];
  readonly #first: PoolWorker;
  readonly #pins: RoomPins<PoolWorker>;
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  readonly #transports = new PeerTransports();
  readonly #trunkIds = new Set<string>();
  readonly #clock: MediaClock;
  #running = false;
  #started: Promise<CallResult<"start">> | undefined = undefined;

  constructor(
    count: number,
    make: (index: number, event: (event: MediaEvent) => void) => MediaPlane,
    log: MediaLog,
    clock: MediaClock = systemMediaClock,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#workers = Array.from({ length: count }, (_, index) => {
      const plane = make(index, (event) => this.#handleEvent(worker, event));
      const worker: PoolWorker = { plane, restarts: 0, upSinceMs: undefined, cancelRestart: undefined };
      return worker;
    });
    const [first] = this.#workers;
    if (first === undefined) throw new RangeError("a media plane needs a worker");
    this.#first = first;
    this.#pins = new RoomPins(this.#workers);
  }

  start(): Promise<CallResult<"start">> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<CallResult<"start">> {
    this.#running = true;
    const started = await Promise.allSettled(this.#workers.map((worker) => this.#startWorker(worker)));
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.stop();
      throw new Error("the media plane cannot start", { cause: failed.reason });
    }
    return { candidates: started.flatMap((result) => (result.status === "fulfilled" ? result.value.candidates : [])) };
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#started = undefined;
    for (const worker of this.#workers) {
      worker.cancelRestart?.();
      worker.cancelRestart = undefined;
      worker.upSinceMs = undefined;
    }
    await Promise.all(this.#workers.map(({ plane }) => plane.stop()));
    this.#listeners.clear();
  }

  async negotiate(input: NegotiateInput): Promise<NegotiateResult> {
    const user = peerUser(input.peerId);
    const room = this.#pins.roomOf(user);
    if (room !== undefined && room !== input.roomId) this.closePeer(input.peerId);
    const worker = this.#pins.enter(user, input.roomId);
    const offer = this.#transports.begin(input.peerId);
    let transport: number | undefined;
    try {
      const result = await worker.plane.negotiate({ ...input, transport: offer.number });
      transport = result.transport ?? offer.number;
      return result;
    } finally {
      const outcome = this.#transports.end(input.peerId, offer, transport);
      if (outcome === "gone" || outcome === "unused") this.#pins.leave(user);
      if (outcome === "gone") this.#emit({ kind: "peerState", peerId: input.peerId, state: "gone" });
    }
  }

  closePeer(peerId: string): void {
    const user = peerUser(peerId);
    this.#workerOfUser(user)?.plane.closePeer(peerId);
    this.#transports.forget(peerId);
    this.#pins.leave(user);
  }

  assignSlot(input: CallInput<"assignSlot">): void {
    this.#workerOfUser(peerUser(input.peerId))?.plane.assignSlot(input);
  }

  setTrackMuted(input: CallInput<"setTrackMuted">): void {
    for (const { plane } of this.#workers) plane.setTrackMuted(input);
  }

  async sendData(input: CallInput<"sendData">): Promise<readonly string[]> {
    const byWorker = new Map<PoolWorker | undefined, string[]>();
    for (const peerId of input.peerIds) {
      const worker = this.#workerOfUser(peerUser(peerId));
      byWorker.set(worker, [...(byWorker.get(worker) ?? []), peerId]);
    }
    const refused = [...byWorker].map(async ([worker, peerIds]) => {
      return worker === undefined ? peerIds : await worker.plane.sendData({ ...input, peerIds }).catch(() => peerIds);
    });
    return (await Promise.all(refused)).flat();
  }

  closeTrack(trackId: string): void {
    for (const { plane } of this.#workers) plane.closeTrack(trackId);
  }

  setPeerGrants(input: CallInput<"setPeerGrants">): void {
    this.#workerOfUser(peerUser(input.peerId))?.plane.setPeerGrants(input);
  }

  async createTrunk(input: CallInput<"createTrunk">): Promise<CallResult<"createTrunk">> {
    const parameters = await this.#first.plane.createTrunk(input);
    this.#trunkIds.add(input.trunkId);
    return parameters;
  }

  connectTrunk(input: CallInput<"connectTrunk">): void {
    this.#first.plane.connectTrunk(input);
  }

  closeTrunk(trunkId: string): void {
    this.#first.plane.closeTrunk(trunkId);
    this.#forgetTrunk(trunkId);
  }

  async openTrunkEgress(input: { readonly trunkId: string; readonly stream: TrunkStream }): Promise<boolean> {
    const worker = this.#pins.workerOf(input.stream.roomId);
    return worker === this.#first && (await worker.plane.openTrunkEgress(input));
  }

  closeTrunkEgress(input: CallInput<"closeTrunkEgress">): void {
    this.#first.plane.closeTrunkEgress(input);
  }

  async openTrunkIngress(input: CallInput<"openTrunkIngress">): Promise<CallResult<"openTrunkIngress">> {
    const worker = this.#pins.workerOf(input.stream.roomId) ?? this.#first;
    if (worker !== this.#first) throw new MediaError("media_unavailable", "the room is on a worker without trunks");
    const opened = await worker.plane.openTrunkIngress(input);
    this.#pins.enter(streamUser(input.trunkId, opened.ssrc), input.stream.roomId, this.#first);
    return opened;
  }

  closeTrunkIngress(input: CallInput<"closeTrunkIngress">): void {
    this.#first.plane.closeTrunkIngress(input);
    this.#pins.leave(streamUser(input.trunkId, input.ssrc));
  }

  async stats(): Promise<MediaStats> {
    const all = await Promise.all(this.#workers.map(({ plane }) => plane.stats().catch(() => undefined)));
    return addStats(all.filter((stats) => stats !== undefined));
  }

  async peerStats(peerId: string): Promise<CallResult<"peerStats">> {
    return await this.#workerOfUser(peerUser(peerId))
      ?.plane.peerStats(peerId)
      .catch(() => undefined);
  }

  isUp(): boolean {
    return this.#workers.every(({ upSinceMs }) => upSinceMs !== undefined);
  }

  onEvent(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #workerOfUser(user: string): PoolWorker | undefined {
    const room = this.#pins.roomOf(user);
    return room === undefined ? undefined : this.#pins.workerOf(room);
  }

  #handleEvent(worker: PoolWorker, event: MediaEvent): void {
    if (event.kind === "peerState" && !this.#isNews(event)) return;
    if (event.kind === "trunkState" && event.state === "gone") this.#forgetTrunk(event.trunkId);
    this.#emit(event);
    if (event.kind === "workerFailed") this.#replace(worker);
  }

  /** A client whose transport ended has none, unless another is there or on its way. */
  #isNews({ peerId, state, transport }: Extract<MediaEvent, { kind: "peerState" }>): boolean {
    if (!this.#transports.isPresent(peerId, transport)) return false;
    if (state !== "gone") return true;
    const isOver = this.#transports.ended(peerId, transport);
    if (isOver) this.#pins.leave(peerUser(peerId));
    return isOver;
  }

  /** Everyone on a failed worker is told, and the worker starts again, empty. */
  #replace(worker: PoolWorker): void {
    const users = this.#pins.evict(worker);
    for (const user of users) {
      const peerId = peerOfUser(user);
      if (peerId === undefined) continue;
      this.#transports.forget(peerId);
      this.#emit({ kind: "peerState", peerId, state: "gone" });
    }
    if (worker === this.#first) {
      for (const trunkId of this.#trunkIds) this.#emit({ kind: "trunkState", trunkId, state: "gone" });
      this.#trunkIds.clear();
    }
    const { upSinceMs } = worker;
    worker.upSinceMs = undefined;
    if (upSinceMs !== undefined && this.#clock.nowMs() - upSinceMs >= SOUND_AFTER_MS) worker.restarts = 0;
    this.#restartLater(worker);
  }

  async #startWorker(worker: PoolWorker): Promise<CallResult<"start">> {
    const started = await worker.plane.start();
    worker.upSinceMs = this.#clock.nowMs();
    return started;
  }

  #restartLater(worker: PoolWorker): void {
    if (!this.#running || worker.cancelRestart !== undefined) return;
    if (worker.restarts >= MAX_RESTARTS) {
      this.#log.error({ restarts: worker.restarts }, "a media worker keeps failing and is not started any more");
      return;
    }
    worker.restarts++;
    worker.cancelRestart = this.#clock.after(RESTART_DELAY_MS, () => {
      worker.cancelRestart = undefined;
      this.#startWorker(worker).catch((error: unknown) => this.#restartFailed(worker, error));
    });
  }

  /** What came up halfway is taken down, and the next attempt is due, within the same bound. */
  async #restartFailed(worker: PoolWorker, error: unknown): Promise<void> {
    this.#log.error({ err: error }, "a media worker could not be started again");
    // It may have failed as a whole meanwhile, and then the next attempt is due already.
    if (worker.cancelRestart !== undefined) return;
    await worker.plane.stop().catch((cause: unknown) => this.#log.error({ err: cause }, "a media worker did not stop"));
    this.#restartLater(worker);
  }

  #forgetTrunk(trunkId: string): void {
    this.#trunkIds.delete(trunkId);
    this.#pins.leaveAll(streamUser(trunkId, ""));
  }

  #emit(event: MediaEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ err: error, kind: event.kind }, "a listener of media events failed");
      }
    }
  }
}

/** Users of a room are clients and incoming streams of trunks; their names cannot meet. */
const PEER = "peer ";
const peerUser = (peerId: string): string => PEER + peerId;
const peerOfUser = (user: string): string | undefined => (user.startsWith(PEER) ? user.slice(PEER.length) : undefined);
const streamUser = (trunkId: string, ssrc: number | ""): string => `stream ${trunkId} ${ssrc}`;

function addStats(all: readonly MediaStats[]): MediaStats {
  const sum = (records: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
    const total: Record<string, number> = {};
    for (const record of records)
      for (const [name, value] of Object.entries(record)) total[name] = (total[name] ?? 0) + value;
    return total;
  };
  return {
    peers: all.reduce((total, stats) => total + stats.peers, 0),
    tracks: all.reduce((total, stats) => total + stats.tracks, 0),
    trunks: all.flatMap((stats) => stats.trunks),
    counters: sum(all.map((stats) => stats.counters)),
    dropped: sum(all.map((stats) => stats.dropped)),
    eventLoopDelayP99Ms: Math.max(0, ...all.map((stats) => stats.eventLoopDelayP99Ms)),
  };
}
