/** A media worker in a thread of its own, seen from the main thread as a MediaPlane. */
import { Worker } from "node:worker_threads";
import type { MediaEvent, MediaPlane } from "./control.ts";
import { MediaError } from "./media-error.ts";
import type { MediaHostOptions } from "./media-host.ts";
import type { MediaLog } from "./media-log.ts";
import type { CallInput, CallName, CallResult, FromWorker, WorkerData } from "./worker-messages.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Calls that may await their answer; a worker that is so far behind has failed. */
const MAX_WAITING = 10_000;
/** A worker that does not stop by itself in this time is ended. */
const STOP_LIMIT_MS = 2_000;
/**
 * New objects of a worker live for a packet or for a call, and room for them is resident memory: a fan-out in one isolate took
 * 91 to 97 MB with spaces of 4 MB (this is three of them) and 125 MB with 16. What it costs in collections was not told apart
 * from the noise.
 */
const YOUNG_GENERATION_MB = 12;

export class ThreadPlane implements MediaPlane {
  #options: MediaHostOptions;
  readonly #entry: URL;
  readonly #log: MediaLog;
  readonly #event: (event: MediaEvent) => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined = undefined;
  #nextId = 1;
  #stopping = false;

  /** `entry` is the script of the thread; another than ours only in tests. */
  constructor(
    options: MediaHostOptions,
    log: MediaLog,
    event: (event: MediaEvent) => void,
    entry: URL = new URL("./media-worker.js", import.meta.url),
  ) {
    this.#entry = entry;
    this.#options = options;
    this.#log = log;
    this.#event = event;
  }

  /** Also starts a worker anew after it has failed, on the same port. */
  async start(): Promise<CallResult<"start">> {
    const workerData: WorkerData = { hearsayMedia: this.#options };
    const worker = new Worker(this.#entry, {
      workerData,
      name: "hearsay-media",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker = worker;
    this.#stopping = false;
    worker.on("message", (message: FromWorker) => this.#handle(message));
    worker.on("error", (error) => this.#fail(worker, error.stack ?? error.message));
    worker.on("exit", (code) => this.#fail(worker, `the worker ended with code ${code}`));
    const started = await this.#ask("start", undefined);
    const port = started.candidates[0]?.port;
    if (port !== undefined) this.#options = { ...this.#options, port };
    return started;
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#stopping = true;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_LIMIT_MS);
    });
    await Promise.race([this.#ask("stop", undefined).catch(() => undefined), patience]);
    clearTimeout(timer);
    this.#worker = undefined;
    await worker.terminate();
  }

  negotiate(input: CallInput<"negotiate">): Promise<CallResult<"negotiate">> {
    return this.#ask("negotiate", input);
  }
  closePeer(input: CallInput<"closePeer">): void {
    this.#tell("closePeer", input);
  }
  assignSlot(input: CallInput<"assignSlot">): void {
    this.#tell("assignSlot", input);
  }
  setTrackMuted(input: CallInput<"setTrackMuted">): void {
    this.#tell("setTrackMuted", input);
  }
  setPeerGrants(input: CallInput<"setPeerGrants">): void {
    this.#tell("setPeerGrants", input);
  }
  sendData(input: CallInput<"sendData">): Promise<CallResult<"sendData">> {
    return this.#ask("sendData", input);
  }
  closeTrack(input: CallInput<"closeTrack">): void {
    this.#tell("closeTrack", input);
  }
  createTrunk(input: CallInput<"createTrunk">): Promise<CallResult<"createTrunk">> {
    return this.#ask("createTrunk", input);
  }
  connectTrunk(input: CallInput<"connectTrunk">): void {
    this.#tell("connectTrunk", input);
  }
  closeTrunk(input: CallInput<"closeTrunk">): void {
    this.#tell("closeTrunk", input);
  }
  openTrunkEgress(input: CallInput<"openTrunkEgress">): Promise<CallResult<"openTrunkEgress">> {
    return this.#ask("openTrunkEgress", input);
  }
  closeTrunkEgress(input: CallInput<"closeTrunkEgress">): void {
    this.#tell("closeTrunkEgress", input);
  }
  openTrunkIngress(input: CallInput<"openTrunkIngress">): Promise<CallResult<"openTrunkIngress">> {
    return this.#ask("openTrunkIngress", input);
  }
  closeTrunkIngress(input: CallInput<"closeTrunkIngress">): void {
    this.#tell("closeTrunkIngress", input);
  }
  stats(): Promise<CallResult<"stats">> {
    return this.#ask("stats", undefined);
  }
  peerStats(input: CallInput<"peerStats">): Promise<CallResult<"peerStats">> {
    return this.#ask("peerStats", input);
  }
  /** Events go to the owner given at construction. */
  onEvent(): () => void {
    return () => undefined;
  }

  #tell<K extends CallName>(call: K, input: CallInput<K>): void {
    this.#worker?.postMessage({ call, id: 0, input });
  }

  #ask<K extends CallName>(call: K, input: CallInput<K>): Promise<CallResult<K>> {
    const worker = this.#worker;
    if (worker === undefined || this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(new MediaError("media_unavailable", "the media worker is not running"));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      worker.postMessage({ call, id, input });
    });
  }

  #handle(message: FromWorker): void {
    switch (message.kind) {
      case "event":
        this.#event(message.event);
        return;
      case "log":
        this.#log[message.level](message.fields, message.text);
        return;
      default: {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.kind === "reply") waiting?.resolve(message.result);
        else if (message.code === undefined) waiting?.reject(new Error(message.detail));
        else waiting?.reject(new MediaError(message.code, message.detail));
      }
    }
  }

  /** A thread that fails says so twice (error, exit), and by the second time another may run in its place. */
  #fail(worker: Worker, message: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiting of this.#waiting.values())
      waiting.reject(new MediaError("media_unavailable", "the media worker ended"));
    this.#waiting.clear();
    if (!this.#stopping) this.#event({ kind: "workerFailed", message });
  }
}
