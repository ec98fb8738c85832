/**
 * Everything between the routes and sockets of a node and its stores, mesh and media: made before the node knows its
 * addresses, begun when the mesh runs.
 */
import type { Random } from "#gossip";
import type { MeshTrunk, Role } from "#protocol";
import { type Keepsakes, type KeepsakeVoice, keepsakes } from "./app-keepsakes.ts";
import type { RunningMesh } from "./app-mesh.ts";
import { createTalk, type Talk } from "./chat/talk.ts";
import type { NodeConfig } from "./config.ts";
import { inviteRoutes } from "./http/invite-routes.ts";
import { MeshReporter } from "./http/mesh-report.ts";
import { meshRoutes } from "./http/mesh-routes.ts";
import { messageRoutes } from "./http/message-routes.ts";
import { moderationRoutes } from "./http/moderation-routes.ts";
import { People } from "./http/people.ts";
import { peopleRoutes } from "./http/people-routes.ts";
import { ApiError } from "./http/problems.ts";
import { RoomDoor } from "./http/room-door.ts";
import { roomKeepingRoutes } from "./http/room-keeping-routes.ts";
import { roomRoutes } from "./http/room-routes.ts";
import type { ApiRoute } from "./http/route.ts";
import { textRoutes } from "./http/text-routes.ts";
import type { MediaPlane } from "./media/control.ts";
import { type Clock, pause } from "./mesh/clock.ts";
import type { Log } from "./mesh/log.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { MetricSources, Metrics } from "./metrics/metrics.ts";
import { createRelay, type Relay } from "./relay/relay.ts";
import { createRoomService, type LiveRooms } from "./room/live-rooms.ts";
import { Invites } from "./session/invites.ts";
import { grantsOf, Joining } from "./session/joining.ts";
import { Restrictions } from "./session/restrictions.ts";
import { RoomKeeping } from "./session/room-keeping.ts";
import { RoomLock } from "./session/room-lock.ts";
import { RoomPurge } from "./session/room-purge.ts";
import { SessionKeeper } from "./session/session-keeper.ts";
import type { SessionTimes } from "./session/session-machine.ts";
import { SessionReaper } from "./session/session-reaper.ts";
import { type Signer, Tokens } from "./session/tokens.ts";
import { UsedTokens } from "./session/used-tokens.ts";
import { Expulsions } from "./signalling/expulsions.ts";
import { Gateway, type RawSocket } from "./signalling/gateway.ts";
import { SessionHub } from "./signalling/hub.ts";
import type { Stores } from "./store/open-stores.ts";
import type { Occupant } from "./store/presence.ts";
import type { ApiTokens } from "./webhooks/api-tokens.ts";

export interface ApiParts {
  readonly config: NodeConfig;
  readonly stores: Stores;
  readonly media: MediaPlane;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signer: Signer;
  readonly tokenKeys: readonly Uint8Array[];
  readonly times?: SessionTimes;
  readonly refreshMs?: number;
}

export interface NodeApi {
  readonly routes: readonly ApiRoute[];
  readonly people: People;
  readonly apiTokens: ApiTokens;
  acceptClient(socket: RawSocket): void;
  metricSources(): MetricSources;
  /** Starts all of it; answers what stops it again, in the order in which it was started. */
  begin(
    running: RunningMesh,
  ): Promise<readonly { readonly name: string; readonly stop: () => Promise<void> | void; readonly tells?: boolean }[]>;
  /** Tells clients and other nodes that this one goes away. */
  drain(): Promise<void>;
}

/** Parts that need the mesh. */
interface Live {
  readonly running: RunningMesh;
  readonly rooms: LiveRooms;
  readonly relay: Relay;
  readonly hub: SessionHub;
  readonly gateway: Gateway;
  readonly talk: Talk;
  readonly expulsions: Expulsions;
  readonly purge: RoomPurge;
  readonly reporter: MeshReporter;
  readonly paused: (ms: number) => Promise<void>;
}

export function nodeApi(parts: ApiParts): NodeApi {
  const { archive, presence } = parts.stores;
  const { clock } = parts;
  const tokens = new Tokens({ signer: parts.signer, keys: parts.tokenKeys, nowMs: () => clock.wallMs() });
  let live: Live | undefined;
  // The server refuses requests as starting before this can happen.
  const need = (): Live => {
    if (live === undefined) throw new ApiError("starting", { retryAfterMs: 1_000 });
    return live;
  };
  const people = new People({
    ...{ archive, tokens, clock },
    revoked: (userId, version) => need().expulsions.revoke(userId, version),
  });
  const lock = new RoomLock(archive);
  const isLocked = (roomId: string): Promise<boolean> => lock.isLocked(roomId);
  const superseded = (older: Occupant): void => need().hub.supersede(older);
  const isInside = (roomId: string, userId: string): boolean =>
    live?.rooms.participants(roomId).some((participant) => participant.userId === userId) === true;
  const restrictions = new Restrictions(archive);
  const joining = new Joining({ archive, presence, tokens, clock, isLocked, isInside, superseded, restrictions });
  const door = new RoomDoor({ archive, joining, restrictions });
  const draw = parts.random.fork("keepsakes");
  const dueEvery = parts.refreshMs === undefined ? {} : { dueEveryMs: parts.refreshMs };
  const kept = keepsakes({ ...parts, ...dueEvery, archive, joining, random: () => draw.next() });
  const routes = [
    ...roomLifeRoutes(parts, { people, joining, door, kept }, need),
    ...moderationRoutes({ ...{ door, joining, lock, restrictions, archive, presence }, rooms: () => need().rooms }),
    ...messageRoutes({ door, clock, talk: () => need().talk }),
    ...textRoutes({ door, joining, talk: () => need().talk }),
    ...kept.routes,
    ...meshRoutes({ mesh: () => need().running.mesh, reporter: () => need().reporter }),
  ];
  return {
    routes,
    people,
    apiTokens: kept.apiTokens,
    acceptClient: (socket) => {
      if (live === undefined) socket.terminate();
      else live.gateway.accept(socket);
    },
    metricSources: () => sourcesOf(parts, live),
    begin: async (running) => {
      const begun = await begin(parts, { tokens, people, kept }, running);
      live = begun.live;
      return begun.steps;
    },
    drain: async () => {
      if (live !== undefined) await drain(live);
    },
  };
}

/** People, rooms, members and invites. */
function roomLifeRoutes(
  { stores: { archive }, clock, config, random }: ApiParts,
  services: {
    readonly people: People;
    readonly joining: Joining;
    readonly door: RoomDoor;
    readonly kept: Keepsakes;
  },
  need: () => Live,
): readonly ApiRoute[] {
  const { people, joining, door, kept } = services;
  const dice = random.fork("random rooms");
  const keeping = new RoomKeeping({
    ...{ archive, joining, clock },
    live: () => ({ ...need(), broadcast: need().talk.broadcast, cleared: (roomId) => need().purge.add(roomId) }),
  });
  const told = (roomId: string, userId: string, role: Role): Promise<void> =>
    need().talk.broadcast.tell(roomId, { type: "memberUpdated", userId, role });
  return [
    ...peopleRoutes({
      ...{ people, joining, archive },
      keeping: {
        leaveAll: async (user) => {
          await keeping.leaveAll(user);
          await kept.forgetPerson(user.id);
        },
      },
    }),
    ...roomRoutes({
      ...{ archive, joining, clock, mesh: () => need().running.mesh, random: () => dice.next() },
      markers: () => need().talk.markers,
      creators: { who: config.roomCreators, handles: config.roomCreatorHandles },
    }),
    ...roomKeepingRoutes({ keeping, joining, door, archive }),
    ...inviteRoutes({ invites: new Invites({ archive, clock }), people, joining, door, archive, told }),
  ];
}

type Steps = Awaited<ReturnType<NodeApi["begin"]>>;

async function begin(
  parts: ApiParts,
  { tokens, people, kept }: { readonly tokens: Tokens; readonly people: People; readonly kept: Keepsakes },
  running: RunningMesh,
): Promise<{ live: Live; steps: Steps }> {
  const { media, metrics, clock, random, log } = parts;
  const { presence } = parts.stores;
  const { mesh } = running;
  const rooms = createRoomService({ mesh, media, log, clock, random: random.fork("rooms") });
  rooms.onScore((score) => metrics.quality(score));
  const relay = createRelay({ mesh, media, tracks: rooms, log, clock, random: random.fork("relay") });
  const refresh = parts.refreshMs === undefined ? {} : { refreshMs: parts.refreshMs };
  const resume = parts.times === undefined ? {} : { resumeMs: parts.times.resumeMs };
  const keeper = new SessionKeeper({ node: mesh.self.name, presence, clock, log, ...refresh, ...resume });
  const times = parts.times === undefined ? {} : { times: parts.times };
  const usedTokens = new UsedTokens();
  const hub: SessionHub = new SessionHub({
    ...{ mesh, rooms, keeper, tokens, usedTokens, metrics, clock, log, ...times },
    typing: (person) => talk.typing(person),
    isCurrent: (claims) => people.isCurrent(claims),
  });
  const gateway = new Gateway({ hub, metrics, clock, log });
  const talk = liveTalk(parts, { mesh, rooms, hub, kept });
  const expulsions = new Expulsions({ mesh, hub, clock, log });
  const purge = new RoomPurge({ archive: parts.stores.archive, clock, log });
  const reporter = new MeshReporter({ mesh, rooms, media, clock, trunkOf: (trunkId) => trunkOf(relay, trunkId) });
  const reaper = new SessionReaper({
    ...{ mesh, presence, clock, log },
    ...(parts.times === undefined ? {} : { delayMs: parts.times.resumeMs }),
    forgetNode: (node) => rooms.forgetNode(node),
    reaped: (sessions) => metrics.sessionsReaped(sessions),
  });
  await rooms.start();
  await relay.start();
  await keeper.start({
    superseded: (sessionId) => hub.takenAway(sessionId),
    isServedAt: (node, sessionId) => hub.isServedAt(node, sessionId),
    restored: (roomId, nodes) => rooms.meet(roomId, nodes),
  });
  hub.start();
  talk.broadcast.start();
  expulsions.start();
  purge.start();
  reaper.start();
  const stopReporting = reporter.start();
  kept.begin(voiceOf(talk, mesh.self.url));
  const steps: Steps = [
    { name: "rooms", stop: () => rooms.stop() },
    { name: "relay", stop: () => relay.stop() },
    { name: "sessions' timers", stop: () => keeper.halt() },
    { name: "sessions' records", stop: () => keeper.stop(), tells: true },
    { name: "sessions", stop: () => hub.stop() },
    { name: "words to rooms", stop: () => talk.broadcast.stop() },
    { name: "expulsions", stop: () => expulsions.stop() },
    { name: "clearing away", stop: () => purge.stop() },
    { name: "sockets", stop: () => gateway.stop() },
    { name: "reaper", stop: () => reaper.stop() },
    { name: "mesh report", stop: stopReporting },
    { name: "keepsakes", stop: () => kept.stop() },
  ];
  const paused = (ms: number): Promise<void> => pause(clock, ms);
  return { live: { running, rooms, relay, hub, gateway, talk, expulsions, purge, reporter, paused }, steps };
}

function liveTalk(
  { stores, metrics, clock, log, random }: ApiParts,
  live: { readonly mesh: Mesh; readonly rooms: LiveRooms; readonly hub: SessionHub; readonly kept: Keepsakes },
): Talk {
  const { mesh, rooms, hub, kept } = live;
  const draw = random.fork("message ids");
  const restrictions = new Restrictions(stores.archive);
  /** Sessions of this node get the rights of a new role at once. */
  const follow = (roomId: string, userId: string, role: Role): void => {
    restrictions.apply(grantsOf(role), { roomId, userId }).then(
      (grants) => rooms.roleChanged({ roomId, userId, role, grants }),
      (error: unknown) => log.warn({ roomId, error: String(error) }, "a new role counts from the next join on"),
    );
  };
  return createTalk({
    ...{ ...stores, mesh, metrics, clock, log },
    random: () => draw.next(),
    nodesOf: (roomId) => rooms.participants(roomId).map((participant) => participant.node),
    deliver: (roomId, word, exceptUserId) => {
      hub.places.tell(roomId, word, exceptUserId);
      if (word.type === "memberUpdated" && word.role !== undefined) follow(roomId, word.userId, word.role);
    },
    before: (roomId) => kept.before(roomId),
    said: (roomId, word) => kept.said(roomId, word),
  });
}

function voiceOf({ broadcast, posts, changes }: Talk, url: string): KeepsakeVoice {
  return {
    url,
    tell: (roomId, word) => broadcast.tell(roomId, word),
    forget: (room, messageId) => changes.forget(room, messageId),
    announce: async (room, text, key) => {
      // An author of its own for each room: reminders of one take no other's turn.
      const author = { id: `reminders.${room.id}`, displayName: "⏰" };
      await posts.post(room, author, { text, clientId: key });
    },
  };
}

/** Clients get a moment to read where they should go. */
const DRAIN_MS = 300;

async function drain(live: Live): Promise<void> {
  const { mesh } = live.running;
  // Nobody should be sent here any more. The goodbye follows soon, so it need not have arrived.
  await Promise.race([mesh.setDraining(true), live.paused(DRAIN_MS)]);
  const other = mesh.nodes().find((node) => node.name !== mesh.self.name && !node.draining);
  live.hub.drain(other?.url);
  await live.gateway.emptied(DRAIN_MS);
}

const TRUNK_STATES = { connected: "connected", silent: "silent", gone: "gone" } as const;

function trunkOf(
  relay: Relay,
  trunkId: string,
): { readonly peer: string; readonly state: MeshTrunk["state"] } | undefined {
  const peer = relay.peerOf(trunkId);
  if (peer === undefined) return undefined;
  const phase: string = relay.peers().find((known) => known.peer === peer)?.phase ?? "gone";
  const state = Object.hasOwn(TRUNK_STATES, phase) ? TRUNK_STATES[phase as keyof typeof TRUNK_STATES] : "connecting";
  return { peer, state };
}

function sourcesOf(parts: ApiParts, live: Live | undefined): MetricSources {
  return {
    nodes: () => live?.running.mesh.nodes().length ?? 0,
    sessions: () => live?.hub.size ?? 0,
    rooms: () => live?.rooms.snapshot() ?? [],
    media: () => parts.media.stats(),
    relay: (trunks) => live?.relay.relayStats(trunks) ?? [],
    relayRefused: () => live?.relay.refused() ?? {},
    relayWays: () => ({ detours: live?.relay.detours().length ?? 0, forwarded: live?.relay.forwarded() ?? 0 }),
    data: () => live?.rooms.counters().data ?? {},
    moderation: () => live?.rooms.counters().moderation ?? {},
    gossip: () => live?.running.stats() ?? {},
  };
}
