/** One run of a node: the real gateway, hub, keeper, reaper, rooms and joining over a store and a mesh in virtual time. */
import jwt from "@fastify/jwt";
import fastify from "fastify";
import { type Random, seededRandom } from "#gossip";
import type { Clock } from "../../src/mesh/clock.ts";
import { pause } from "../../src/mesh/clock.ts";
import { silentLog } from "../../src/mesh/log.ts";
import type { MemoryMesh, MemoryNetwork } from "../../src/mesh/memory-mesh.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { createRoomService, type LiveRooms } from "../../src/room/live-rooms.ts";
import { Joining } from "../../src/session/joining.ts";
import { SessionKeeper } from "../../src/session/session-keeper.ts";
import { SessionReaper } from "../../src/session/session-reaper.ts";
import { type Signer, Tokens } from "../../src/session/tokens.ts";
import { UsedTokens } from "../../src/session/used-tokens.ts";
import { Gateway } from "../../src/signalling/gateway.ts";
import { SessionHub } from "../../src/signalling/hub.ts";
import type { Archive } from "../../src/store/archive.ts";
import { FakeMediaNetwork, FakeMediaPlane } from "../fakes/fake-media-plane.ts";
import type { SimStore } from "./sim-presence.ts";

export async function makeSigner(): Promise<Signer> {
  const server = fastify();
  await server.register(jwt, { secret: "unused: every call names its key" });
  return server.jwt;
}

/** Joining asks an archive for the member's role only: everybody here is a visitor of an open room. */
const NO_MEMBERS = {
  getMember: () => Promise.resolve(undefined),
  addMember: () => Promise.resolve(),
} as unknown as Archive;

export interface SimSurroundings {
  readonly clock: Clock;
  readonly network: MemoryNetwork;
  readonly store: SimStore;
  readonly signer: Signer;
  readonly random: Random;
}

export class SimNode {
  readonly name: string;
  readonly mesh: MemoryMesh;
  readonly media: FakeMediaPlane;
  readonly rooms: LiveRooms;
  readonly keeper: SessionKeeper;
  readonly hub: SessionHub;
  readonly gateway: Gateway;
  readonly joining: Joining;
  readonly #reaper: SessionReaper;
  readonly #network: MemoryNetwork;
  readonly #clock: Clock;
  state: "starting" | "up" | "draining" | "gone" = "starting";

  constructor(name: string, around: SimSurroundings) {
    this.name = name;
    this.#network = around.network;
    // A dead process has no timers.
    const clock: Clock = {
      nowMs: () => around.clock.nowMs(),
      wallMs: () => Math.floor(around.clock.wallMs()),
      after: (delayMs, run) => around.clock.after(delayMs, () => (this.state === "gone" ? undefined : run())),
    };
    this.#clock = clock;
    const presence = around.store.handle(() => this.state !== "gone");
    this.mesh = around.network.add({ name });
    this.media = new FakeMediaPlane(name, new FakeMediaNetwork());
    const metrics = new Metrics({ version: "0.0.0", defaults: false });
    const log = silentLog;
    const tokens = new Tokens({
      signer: around.signer,
      keys: [new Uint8Array(32).fill(7)],
      nowMs: () => clock.wallMs(),
    });
    const { mesh, media } = this;
    this.rooms = createRoomService({ mesh, media, log, clock, random: seededRandom(around.random.below(2 ** 31)) });
    this.keeper = new SessionKeeper({ node: name, presence, clock, log });
    this.hub = new SessionHub({
      ...{ mesh, rooms: this.rooms, keeper: this.keeper, tokens, metrics, clock, log },
      usedTokens: new UsedTokens(),
    });
    this.gateway = new Gateway({ hub: this.hub, metrics, clock, log });
    this.joining = new Joining({
      ...{ archive: NO_MEMBERS, presence, tokens, clock },
      superseded: (older) => this.hub.supersede(older),
    });
    this.#reaper = new SessionReaper({
      ...{ mesh, presence, clock, log, reaped: () => undefined },
      forgetNode: (node) => this.rooms.forgetNode(node),
    });
  }

  /** In the order of the composition root. */
  async start(): Promise<void> {
    await this.media.start();
    await this.rooms.start();
    await this.keeper.start({
      superseded: (sessionId) => this.hub.takenAway(sessionId),
      isServedAt: (node, sessionId) => this.hub.isServedAt(node, sessionId),
      restored: (roomId, nodes) => this.rooms.meet(roomId, nodes),
    });
    if (this.state !== "starting") return;
    this.hub.start();
    this.#reaper.start();
    this.state = "up";
  }

  /** As SIGKILL. */
  async kill(): Promise<void> {
    this.state = "gone";
    this.#network.kill(this.name);
    await this.rooms.stop();
  }

  /** As SIGTERM: clients are sent away, the records are cleared, the mesh is told. */
  async shutDown(goTo: string | undefined): Promise<void> {
    if (this.state !== "up") return;
    this.state = "draining";
    await Promise.race([this.mesh.setDraining(true), pause(this.#clock, 300)]);
    this.hub.drain(goTo);
    await this.gateway.emptied(300);
    await this.#reaper.stop();
    this.gateway.stop();
    this.hub.stop();
    await Promise.race([this.keeper.stop(), pause(this.#clock, 5_000)]);
    await this.rooms.stop();
    this.state = "gone";
    this.#network.leave(this.name);
  }
}
