/**
 * The composition root: builds every part of a node from a resolved configuration, starts them in the order in which they
 * depend on each other, and stops them in reverse. Reads nothing from the environment; two apps can run in one process.
 */
import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import pino from "pino";
import { type Random, seededRandom } from "#gossip";
import { addressToTell, hostOnly, isForThisMachine, isThisMachine } from "./app-address.ts";
import { type NodeApi, nodeApi } from "./app-api.ts";
import { gossipMesh, type RunningMesh } from "./app-mesh.ts";
import type { NodeConfig } from "./config.ts";
import { mountOperation, type Readiness } from "./http/operation.ts";
import { createServer, mountApi } from "./http/server.ts";
import { mountWebClient } from "./http/web-client.ts";
import type { MediaPlane } from "./media/control.ts";
import { createMediaPlane } from "./media/media-plane.ts";
import { type Clock, systemClock } from "./mesh/clock.ts";
import type { MeshNode } from "./mesh/mesh.ts";
import { Metrics } from "./metrics/metrics.ts";
import { packageInfo } from "./package-info.ts";
import type { SessionTimes } from "./session/session-machine.ts";
import { tokenKeyOf } from "./session/token-key-file.ts";
import { openStores, type Stores } from "./store/open-stores.ts";

/** What a test (or a bench) may put in the place of the real thing. */
export interface AppParts {
  readonly log?: FastifyBaseLogger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly media?: MediaPlane;
  readonly stores?: Stores;
  /** Called once the node knows its addresses. Default: gossip. */
  readonly mesh?: (self: MeshNode) => Promise<RunningMesh>;
  readonly times?: SessionTimes;
  readonly refreshMs?: number;
  /** Metrics of the process too; one app a process may ask for them. */
  readonly processMetrics?: boolean;
}

export interface App {
  readonly config: NodeConfig;
  /** Base URL; after start(). */
  readonly url: string;
  readonly server: FastifyInstance;
  /** Resolves when the node serves; it may still be looking for its seeds. Rejects with everything stopped again. */
  start(): Promise<void>;
  /** Sends its people to other nodes, clears its records, says goodbye, ends. Idempotent. */
  stop(): Promise<void>;
  /** Ends without a word to anybody, as a killed process does. For tests of what survivors do. */
  crash(): Promise<void>;
  readiness(): Promise<Readiness>;
  /** Called when the mesh has let this node go (`hearsay leave` over the RPC): time to stop(). Register before start(). */
  onLeft(listener: () => void): void;
}

interface Step {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
  /** Not at a crash: it would tell others. */
  readonly tells?: boolean;
}

/** A part that does not stop in time must not keep the others from it. */
const STOP_STEP_MS = 5_000;

export function createApp(config: NodeConfig, parts: AppParts = {}): App {
  return new NodeApp(config, parts);
}

class NodeApp implements App {
  readonly config: NodeConfig;
  readonly #parts: AppParts;
  readonly #log: FastifyBaseLogger;
  readonly #clock: Clock;
  readonly #steps: Step[] = [];
  #server: FastifyInstance | undefined;
  #api: NodeApi | undefined;
  #mesh: RunningMesh | undefined;
  readonly #leftListeners: (() => void)[] = [];
  #stores: Stores | undefined;
  #media: MediaPlane | undefined;
  #url = "";
  #phase: "new" | "starting" | "running" | "stopping" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  constructor(config: NodeConfig, parts: AppParts) {
    this.config = config;
    this.#parts = parts;
    this.#log = parts.log ?? pino({ level: "silent" });
    this.#clock = parts.clock ?? systemClock;
  }

  get url(): string {
    return this.#url;
  }

  get server(): FastifyInstance {
    if (this.#server === undefined) throw new Error("the app has not been started");
    return this.#server;
  }

  async start(): Promise<void> {
    if (this.#phase !== "new") throw new Error(`an app starts once; this one is ${this.#phase}`);
    this.#phase = "starting";
    try {
      await this.#build();
      this.#phase = "running";
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#unwind(true);
    return this.#stopping;
  }

  onLeft(listener: () => void): void {
    this.#leftListeners.push(listener);
  }

  crash(): Promise<void> {
    this.#stopping ??= this.#unwind(false);
    return this.#stopping;
  }

  async readiness(): Promise<Readiness> {
    const isUp = async (ping: (() => Promise<void>) | undefined): Promise<boolean> => {
      try {
        await ping?.();
        return ping !== undefined;
      } catch {
        return false; // The answer says which store is away; the log has said why.
      }
    };
    const [archive, presence] = await Promise.all([
      isUp(this.#stores && (() => this.#stores?.archive.ping() ?? Promise.resolve())),
      isUp(this.#stores && (() => this.#stores?.presence.ping() ?? Promise.resolve())),
    ]);
    const checks = {
      running: this.#phase === "running",
      mesh: this.#mesh?.isJoined() ?? false,
      accepting: this.#mesh?.mesh.self.draining === false,
      media: this.#media !== undefined && this.#media.isUp?.() !== false,
      archive,
      presence,
    };
    return { ready: Object.values(checks).every(Boolean), checks };
  }

  async #build(): Promise<void> {
    const { config } = this;
    const info = packageInfo();
    // Password hashes and keys lie in it.
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    const stores = await this.#openStores();
    const media = this.#parts.media ?? this.#createMedia();
    const { candidates } = await media.start();
    this.#media = media;
    this.#steps.push({ name: "media", stop: () => media.stop() });
    const metrics = new Metrics({ version: info.version, defaults: this.#parts.processMetrics === true });
    const server = await createServer(this.#log, config);
    this.#server = server;
    this.#steps.push({ name: "http", stop: () => server.close() });
    const random = this.#parts.random ?? seededRandom(randomInt(2 ** 32));
    const api = nodeApi({
      ...{ config, stores, media, metrics, random },
      clock: this.#clock,
      log: this.#log,
      signer: server.jwt,
      tokenKeys: config.tokenKeys.length > 0 ? config.tokenKeys : [tokenKeyOf(config.dataDir)],
      ...(this.#parts.times === undefined ? {} : { times: this.#parts.times }),
      ...(this.#parts.refreshMs === undefined ? {} : { refreshMs: this.#parts.refreshMs }),
    });
    this.#api = api;
    await this.#mount(server, api, metrics, info);
    await this.#listen(server);
    const running = await this.#startMesh({
      name: config.name,
      url: this.#url,
      region: config.region,
      draining: false,
      media: candidates.map(({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)),
      version: info.version,
      capacity: config.capacity,
      forwards: config.forwardTrunks,
    });
    if (stores.embedded) this.#steps.push({ name: "store watch", stop: this.#watchMachines(running) });
    for (const step of await api.begin(running)) this.#steps.push(step);
  }

  /** Two machines with a file each would be two meshes that take each other for one. */
  #watchMachines(running: RunningMesh): () => void {
    return running.mesh.onEvent((event) => {
      if (event.kind !== "nodeUp" || isThisMachine(event.node.url)) return;
      this.#log.error(
        { node: event.node.name, url: event.node.url },
        "a node of another machine joined, but rooms and sessions are in a file of this one: set mongodb-url and redis-url",
      );
    });
  }

  async #openStores(): Promise<Stores> {
    const { mongodbUrl, redisUrl, dataDir } = this.config;
    const stores =
      this.#parts.stores ??
      (await openStores({
        ...(mongodbUrl === undefined ? {} : { mongodbUrl }),
        ...(redisUrl === undefined ? {} : { redisUrl }),
        sqlitePath: join(dataDir, "hearsay.sqlite"),
        log: this.#log,
      }));
    this.#stores = stores;
    this.#steps.push({ name: "stores", stop: () => stores.close() });
    return stores;
  }

  #createMedia(): MediaPlane {
    const { mediaHost, mediaPort, mediaWorkers, mediaTcp, advertise } = this.config;
    return createMediaPlane({
      workers: mediaWorkers,
      port: mediaPort,
      host: mediaHost,
      tcp: mediaTcp,
      ...(advertise.length === 0 ? {} : { advertise: advertise.map(hostOnly) }),
      log: this.#log,
    });
  }

  async #mount(
    server: FastifyInstance,
    api: NodeApi,
    metrics: Metrics,
    info: ReturnType<typeof packageInfo>,
  ): Promise<void> {
    const { config } = this;
    await mountApi(server, {
      routes: api.routes,
      people: api.people,
      apiTokens: api.apiTokens,
      metrics,
      clock: this.#clock,
      isStarted: () => this.#phase === "running" || this.#phase === "stopping",
      acceptClient: (socket) => api.acceptClient(socket),
      operator: { isLoopback: isForThisMachine(config), operatorKey: config.operatorKey },
    });
    mountOperation(server, {
      routes: api.routes,
      version: info.version,
      url: () => this.#url,
      readiness: () => this.readiness(),
      metrics: () => metrics.render(api.metricSources()),
    });
    const webDir = config.webDir ?? join(info.root, "dist", "web");
    if (!mountWebClient(server, webDir)) this.#log.debug({ webDir }, "there is no web client to serve");
  }

  async #listen(server: FastifyInstance): Promise<void> {
    const { httpHost, httpPort, httpUrl, advertise } = this.config;
    await server.listen({ host: httpHost, port: httpPort });
    const address = server.server.address();
    const port = typeof address === "object" && address !== null ? address.port : httpPort;
    this.#url = httpUrl ?? `http://${addressToTell(httpHost, advertise)}:${port}`;
  }

  async #startMesh(self: MeshNode): Promise<RunningMesh> {
    const make =
      this.#parts.mesh ?? ((node: MeshNode) => gossipMesh(this.config, node, { clock: this.#clock, log: this.#log }));
    const running = await make(self);
    this.#mesh = running;
    for (const listener of this.#leftListeners) running.onLeft?.(listener);
    this.#steps.push({ name: "mesh", stop: () => running.stop() });
    this.#steps.push({ name: "goodbye", stop: () => running.leave(), tells: true });
    return running;
  }

  async #unwind(tells: boolean): Promise<void> {
    this.#phase = "stopping";
    if (tells) await this.#api?.drain().catch((error: unknown) => this.#log.warn({ err: error }, "draining failed"));
    for (const step of this.#steps.reverse()) if (tells || step.tells !== true) await this.#stopStep(step);
    this.#steps.length = 0;
    this.#phase = "stopped";
  }

  async #stopStep(step: Step): Promise<void> {
    let cancel: () => void = () => undefined;
    const late = new Promise<"late">((resolve) => {
      cancel = this.#clock.after(STOP_STEP_MS, () => resolve("late"));
    });
    try {
      const how = await Promise.race([Promise.resolve(step.stop()), late]);
      if (how === "late") this.#log.warn({ part: step.name }, "a part did not stop in time");
    } catch (error) {
      this.#log.warn({ part: step.name, err: error }, "a part stopped badly");
    } finally {
      cancel();
    }
  }
}
