// A gossip member with real sockets: what the product and the command line use.

import { randomInt } from "node:crypto";
import type {
  CoordinateSnapshot,
  ForceLeaveOptions,
  GossipCore,
  KeyQuestion,
  RttEstimate,
  UserEventOptions,
} from "../src/core.ts";
import { createGossip } from "../src/gossip.ts";
import { seededRandom } from "../src/random.ts";
import type { DropReason, GossipEvent, Member } from "../src/sink.ts";
import { type Endpoint, type Tags, UsageError } from "../src/types.ts";
import { advertisableHost, resolveTargets } from "./addresses.ts";
import { type AgentRequestOptions, coreOptions, type GossipAgentOptions, type JoinTargets } from "./agent-options.ts";
import { dispatch } from "./dispatch.ts";
import { Driver } from "./driver.ts";
import { JoinError, messageOf } from "./errors.ts";
import { infoSections } from "./info.ts";
import { PendingJoins } from "./joins.ts";
import { KeyringFile } from "./keyring-file.ts";
import { AgentKeys, type KeyResult } from "./keys.ts";
import { Listeners } from "./listeners.ts";
import { LogTee } from "./log.ts";
import { AgentMemory } from "./memory.ts";
import { NodeAead } from "./node-aead.ts";
import { OperatorSide } from "./operator/operator-side.ts";
import { type AgentEvent, AgentQueries, type AgentQueryOptions, type QueryResult } from "./queries.ts";
import { DirectRequests, packBody, type RequestHandler } from "./requests.ts";
import { agentBackend } from "./rpc/agent-backend.ts";
import type { RpcBackend } from "./rpc/backend.ts";
import type { SnapshotClocks } from "./snapshot-file.ts";
import { GossipSockets } from "./sockets.ts";

const DEFAULT_PORT = 7946;
/** Addresses of one join: as many as the core opens streams at once. */
const MAX_TARGETS = 128;

type State = "new" | "starting" | "running" | "stopped";

export class GossipAgent {
  readonly #options: GossipAgentOptions;
  readonly #log: LogTee;
  readonly #driver: Driver;
  readonly #requests: DirectRequests;
  readonly #joins = new PendingJoins();
  readonly #queries = new AgentQueries((call) => this.#command(call));
  readonly #listeners: Listeners<AgentEvent>;
  readonly #leftListeners: Listeners<void>;
  readonly #keys = new AgentKeys((call) => this.#command(call));
  readonly #keyring: KeyringFile | undefined;
  readonly #memory: AgentMemory;
  readonly #operator: OperatorSide;
  #state: State = "new";
  #sockets: GossipSockets | undefined = undefined;
  #address: Endpoint;
  #rpcPort: number | undefined = undefined;
  #isEncrypted = false;
  #leaving: Promise<void> | undefined = undefined;
  #leaveDone: (() => void) | undefined = undefined;

  /** Throws UsageError "rpc_auth_required" or "bad_event_handler"; wrong gossip options are refused by `start`. */
  constructor(options: GossipAgentOptions) {
    this.#options = options;
    this.#log = new LogTee(options.log);
    this.#address = { host: options.bindHost, port: options.bindPort };
    this.#requests = new DirectRequests(this.#log);
    this.#listeners = new Listeners(this.#log);
    this.#leftListeners = new Listeners(this.#log);
    this.#driver = new Driver({
      nowMs: () => performance.now(),
      onEvent: (event) => this.#handleEvent(event),
      onDrop: (reason, from) => this.#log.debug({ reason, from: from?.host }, "dropped what a peer sent"),
    });
    const log = this.#log;
    if (options.keyringFile !== undefined) this.#keyring = new KeyringFile(options.keyringFile, log);
    const { snapshotPath: path, rejoinAfterLeave = false } = options;
    this.#memory = new AgentMemory({ path, rejoinAfterLeave }, { log, clocks: () => this.#clocks() });
    this.#operator = new OperatorSide(
      { rpc: options.rpc, handlers: options.eventHandlers, coalesce: options.operatorCoalesce },
      { backend: this.#backend(), self: () => this.localMember(), log, nowMs: () => performance.now() },
    );
  }

  /**
   * Opens the sockets, becomes a member of a cluster of one, rejoins whom the snapshot knows, then opens the RPC port.
   * Idempotent; rejects, with everything closed again, when a port is taken or an option is wrong.
   */
  async start(): Promise<void> {
    if (this.#state !== "new") return;
    this.#state = "starting";
    try {
      await this.#open();
      if (!this.#isStopped()) this.#state = "running";
    } catch (error) {
      await this.stop();
      throw new Error(`gossip agent ${this.#options.nodeName} did not start: ${messageOf(error)}`, { cause: error });
    }
  }

  async #open(): Promise<void> {
    const { bindHost, bindPort } = this.#options;
    const sockets = await GossipSockets.open(
      { host: bindHost, port: bindPort },
      {
        packet: (from, bytes, atMs) => this.#driver.run((core, nowMs) => core.handlePacket(from, bytes, nowMs), atMs),
        stream: (id, input) => this.#driver.run((core, nowMs) => core.handleStream(id, input, nowMs)),
        failed: (error, what) => this.#log.debug({ error, what }, "gossip socket error"),
      },
      () => performance.now(),
    );
    this.#sockets = sockets;
    if (this.#isStopped()) throw new UsageError("stopped", "the agent was stopped while it started");
    this.#address = {
      host: this.#options.advertiseHost ?? advertisableHost(bindHost),
      port: this.#options.advertisePort ?? sockets.port,
    };
    const remembered = this.#memory.open();
    this.#driver.attach(this.#createCore(remembered?.clocks), sockets);
    this.#memory.alive(this.#options.nodeName, this.#address);
    if (remembered !== undefined) void this.#rejoin(remembered.alive);
    this.#rpcPort = await this.#operator.start();
    this.#log.info({ node: this.#options.nodeName, ...this.#address, rpcPort: this.#rpcPort }, "gossip agent running");
  }

  /** As a call, because the compiler takes a field for unchanged across an await. */
  #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #createCore(restoredClocks: SnapshotClocks | undefined): GossipCore {
    const given = this.#options.keys ?? [];
    const keys = this.#keyring === undefined ? given : this.#keyring.open(given);
    this.#isEncrypted = keys.length > 0;
    const options = coreOptions(this.#options, {
      advertise: this.#address,
      keys,
      ...(restoredClocks === undefined ? {} : { restoredClocks }),
    });
    return createGossip(options, this.#driver.sink, seededRandom(randomInt(2 ** 32)), new NodeAead());
  }

  /** Closes everything without a word to the others, who will see a failure. Idempotent. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#memory.recordClocks();
    // Scripts are told what was held back, and who we are, while there is somebody to ask.
    const operatorDone = this.#operator.stop();
    this.#driver.detach();
    this.#requests.stop();
    this.#queries.stop();
    this.#keys.stop();
    this.#joins.stop();
    this.#leaveDone?.();
    const sockets = this.#sockets;
    this.#sockets = undefined;
    await Promise.all([operatorDone, sockets?.close()]);
    this.#memory.close();
  }

  /**
   * Contacts every address ("host", "host:port"); answers how many answered. Rejects with JoinError when none did, with
   * the signal's reason when aborted.
   */
  async join(addresses: readonly string[], options: JoinTargets = {}): Promise<number> {
    options.signal?.throwIfAborted();
    if (addresses.length > MAX_TARGETS) {
      throw new UsageError("too_many_addresses", `a join takes at most ${MAX_TARGETS} addresses`);
    }
    const { targets, failures } = await resolveTargets(addresses, this.#address.port || DEFAULT_PORT);
    options.signal?.throwIfAborted();
    const contacted = await this.#joinAll(targets, failures, options);
    if (contacted === 0) throw new JoinError(failures);
    return contacted;
  }

  #joinAll(targets: readonly Endpoint[], failures: string[], options: JoinTargets): Promise<number> {
    if (targets.length === 0) return Promise.resolve(0);
    const ignoreOld = options.ignoreOld ?? true;
    const id = this.#command((core, nowMs) => core.join(targets, nowMs, { ignoreOld }));
    return this.#joins.result(id, failures, options.signal);
  }

  /** In random order until the first success, and without an announcement: nothing about us has changed. */
  async #rejoin(alive: ReadonlyMap<string, Endpoint>): Promise<void> {
    const others = [...alive].filter(([name]) => name !== this.#options.nodeName).map(([, endpoint]) => endpoint);
    for (const endpoint of others.toSorted(() => randomInt(3) - 1)) {
      if (this.#isStopped() || this.#leaving !== undefined) return;
      const id = this.#command((core, nowMs) => core.join([endpoint], nowMs, { announce: false }));
      if ((await this.#joins.result(id, [])) > 0) {
        this.#log.info({ ...endpoint }, "rejoined from the snapshot");
        return;
      }
    }
  }

  /** Tells everybody, waits until they know, and stays for late questions. Idempotent; `stop` is yours to call. */
  leave(): Promise<void> {
    if (this.#driver.core === undefined) return this.#leaving ?? Promise.resolve();
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#memory.leave();
    const done = new Promise<void>((resolve) => {
      this.#leaveDone = resolve;
    });
    this.#command((core, nowMs) => core.leave(nowMs));
    await done;
    this.#log.info({ node: this.#options.nodeName }, "left the cluster");
  }

  /**
   * Called after a leave that an operator asked for through the RPC, once it is answered, and after another node has taken
   * our name: time to `stop`.
   */
  onLeft(listener: () => void): () => void {
    return this.#leftListeners.add(listener);
  }

  /** What others know us by, once started. */
  get address(): Endpoint {
    return this.#address;
  }

  /** Where the RPC listens; undefined when it does not. */
  get rpcPort(): number | undefined {
    return this.#rpcPort;
  }

  members(): readonly Member[] {
    return this.#core().members();
  }

  localMember(): Member {
    return this.#core().localMember();
  }

  /**
   * In order: one event per change of a member, "userEvent" for what users announced to everybody, and "query" for what
   * they ask everybody, to be answered by its `respond`. Answers what ends it. A listener that throws is logged.
   */
  onEvent(listener: (event: AgentEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Announces to everybody, ourselves included. Throws UsageError "event_too_large" beyond 512 encoded bytes. */
  userEvent(name: string, payload: Uint8Array, options: UserEventOptions = {}): void {
    this.#command((core, nowMs) => core.userEvent(name, payload, { ...options, nowMs }));
  }

  /** Asks everybody, ourselves included, and collects until its time is over. Rejects with UsageError, see the core. */
  query(name: string, payload: Uint8Array, options?: AgentQueryOptions): Promise<QueryResult> {
    return this.#queries.ask(name, payload, options);
  }

  /** Rejects with UsageError "tags_too_long"; the tags stay as they were then. */
  async setTags(tags: Tags): Promise<void> {
    this.#command((core, nowMs) => core.setTags(tags, nowMs));
  }

  /** Undefined while a coordinate is unknown. `b` defaults to ourselves. */
  rtt(a: string, b?: string): RttEstimate | undefined {
    return this.#core().rtt(a, b);
  }

  /** Peer to the minimum of the last five direct probes, in milliseconds. */
  measuredRtts(): ReadonlyMap<string, number> {
    return this.#core().measuredRtts();
  }

  /** Between any two, where one of them has told it. Milliseconds; what others measured is some minutes old. */
  measuredRtt(a: string, b?: string): number | undefined {
    return this.#core().measuredRtt(a, b);
  }

  coordinate(name?: string): CoordinateSnapshot | undefined {
    return this.#core().coordinate(name);
  }

  /** Asks another Hearsay member. Rejects with TimeoutError, RemoteError, or the signal's reason. */
  async request(node: string, topic: string, body: unknown, options: AgentRequestOptions = {}): Promise<unknown> {
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    const packed = packBody(body);
    const id = this.#command((core, nowMs) =>
      core.request(node, topic, packed, timeoutMs === undefined ? { nowMs } : { nowMs, timeoutMs }),
    );
    const abort = (): void => {
      this.#driver.run((core) => core.cancelRequest(id));
      this.#requests.abort(id, signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await this.#requests.result(id, `request ${topic} to ${node}`);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Answers requests of a topic; an error with a `code` is told to the asker. Answers what ends it. */
  handle(topic: string, handler: RequestHandler): () => void {
    return this.#requests.handle(topic, handler);
  }

  /** Outside knowledge that a peer is silent. */
  suspect(node: string, reason: string): void {
    const hadEffect = this.#command((core, nowMs) => core.suspect(node, nowMs));
    if (hadEffect) this.#log.info({ node, reason }, "suspecting a member");
  }

  /** Declares a failed member left; with `prune` it is forgotten everywhere, too. */
  forceLeave(name: string, options: ForceLeaveOptions = {}): void {
    this.#command((core, nowMs) => core.forceLeave(name, nowMs, options));
  }

  /** Changes or lists the keys of every member. Rejects with UsageError, see the core; a refusal is in the result. */
  keys(question: KeyQuestion): Promise<KeyResult> {
    return this.#keys.ask(question);
  }

  /** Whether gossip is encrypted; once started. */
  get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** Counters since start and present sizes, by names fit for metrics. */
  stats(): Record<string, number> {
    const drops = [...this.#driver.drops].map(([reason, count]: [DropReason, number]) => [`dropped_${reason}`, count]);
    return {
      ...this.#driver.core?.stats(),
      ...this.#sockets?.counters(),
      ...this.#operator.stats(),
      ...Object.fromEntries(drops),
    };
  }

  #core(): GossipCore {
    const core = this.#driver.core;
    if (core === undefined) throw new UsageError("not_running", "the gossip agent is not running");
    return core;
  }

  #command<T>(call: (core: GossipCore, nowMs: number) => T): T {
    this.#core();
    return this.#driver.run(call) as T;
  }

  #handleEvent(event: GossipEvent): void {
    dispatch(event, {
      joins: this.#joins,
      requests: this.#requests,
      queries: this.#queries,
      keys: this.#keys,
      log: this.#log,
      tell: (told) => {
        this.#listeners.emit(told);
        this.#operator.handle(told);
      },
      memberChanged: (change) => {
        const { name, host, port } = change.member;
        this.#log.info({ node: name, host, port }, `member ${change.kind}`);
        this.#memory.changed(change);
      },
      respond: (id, reply) => this.#driver.run((core, nowMs) => core.respond(id, reply, nowMs)),
      leaveDone: () => this.#leaveDone?.(),
      keyringChanged: (keys) => this.#keyring?.write(keys),
      nameLost: () => void this.stop().then(() => this.#leftListeners.emit()),
    });
  }

  #clocks(): SnapshotClocks | undefined {
    const stats = this.#driver.core?.stats();
    if (stats === undefined) return undefined;
    const seen = (key: string): number => Math.max(0, (stats[key] ?? 0) - 1);
    return { member: seen("member_time"), event: seen("event_time"), query: seen("query_time") };
  }

  #backend(): Omit<RpcBackend, "onEvent"> {
    return agentBackend(this, {
      left: () => this.#leftListeners.emit(),
      info: () =>
        infoSections(this.#core(), {
          isEncrypted: this.#isEncrypted,
          handlers: this.#operator.describeHandlers(),
        }),
      beginQuery: (name, payload, options) => this.#queries.begin(name, payload, options),
      log: this.#log,
    });
  }
}
