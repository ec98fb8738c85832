/**
 * Nodes that serve the same room tell each other whom they serve: the whole word, numbered, acknowledged, on every
 * change, to a node that comes up, and every 15 s against whatever was lost. A reply carries the other's word when the
 * asker does not hold it yet, so one exchange brings both up to date. Shell over Mesh and Clock.
 * Rules: SPEC.md [P40…P49].
 */
import type { Random } from "#gossip";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import {
  ROOM_STATE_VERSION,
  type RoomRefusal,
  type RoomStateBody,
  type RoomStateReply,
  readRoomState,
  readRoomStateReply,
  type Stamp,
} from "./room-state.ts";
import type { NodeState } from "./roster.ts";

export const STATE_TOPIC = "room.state";
export const ANTI_ENTROPY_MS = 15_000;
export const REQUEST_TIMEOUT_MS = 2_000;
/** How long a newcomer waits for the words of the others; whoever answers later is announced as joining. */
export const JOIN_SYNC_MS = 600;
export const MAX_PEERS_PER_ROOM = 256;
const FIRST_RETRY_MS = 500;
/** A node that Presence named may serve the room only in a moment; after so many rounds without it, it is let go. */
const MAX_UNKNOWN_REPLIES = 4;
/** Attempts to tell a peer that nobody is left here. */
const MAX_FAREWELLS = 4;

/** What the announcer needs of the rooms; `undefined` where this node serves nobody of that room. */
export interface AnnouncedRooms {
  localState(roomId: string): Pick<NodeState, "participants" | "departures"> | undefined;
  /** What is held of `node`, undefined when nothing. */
  stampOf(roomId: string, node: string): Stamp | undefined;
  /** Takes another node's word; a refusal says why and changed nothing. */
  apply(roomId: string, node: string, state: NodeState): RoomRefusal | undefined;
  /** The node serves nobody of this room though its last word was another: it has started anew. */
  vanished(roomId: string, node: string): void;
  refused(code: RoomRefusal, from: string): void;
}

interface Peer {
  ackedVersion: number;
  /** The exchange under way. */
  busy: Promise<void> | undefined;
  failures: number;
  unknownReplies: number;
  cancelRetry: (() => void) | undefined;
}
interface Announced {
  version: number;
  /** Why the last of this node left, told when the room is no more. */
  departures: NodeState["departures"];
  readonly peers: Map<string, Peer>;
  cancelRound: () => void;
}

interface Link {
  readonly roomId: string;
  readonly node: string;
  readonly announced: Announced;
  readonly peer: Peer;
}

export class RoomAnnouncer {
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #rooms: AnnouncedRooms;
  readonly #announced = new Map<string, Announced>();
  /** One run of this node: numbers start anew with it. */
  readonly boot: string;
  #version = 0;
  #unhandle: (() => void) | undefined;
  #stopped = true;

  constructor(
    parts: { readonly mesh: Mesh; readonly clock: Clock; readonly random: Random; readonly log: Log },
    rooms: AnnouncedRooms,
  ) {
    this.#mesh = parts.mesh;
    this.#clock = parts.clock;
    this.#random = parts.random.fork("announcements");
    this.#log = parts.log;
    this.#rooms = rooms;
    this.boot = `${this.#random.below(2 ** 32).toString(36)}${this.#random.below(2 ** 32).toString(36)}`;
  }

  start(): void {
    this.#stopped = false;
    this.#unhandle = this.#mesh.handle(STATE_TOPIC, (from, body) => this.#receive(from, body));
  }

  stop(): void {
    this.#unhandle?.();
    this.#unhandle = undefined;
    this.#stopped = true;
    for (const roomId of [...this.#announced.keys()]) this.#forget(roomId);
  }

  /** Nodes that serve this room as far as this one knows. */
  peersOf(roomId: string): readonly string[] {
    return [...(this.#announced.get(roomId)?.peers.keys() ?? [])];
  }

  addPeers(roomId: string, nodes: readonly string[]): void {
    const announced = this.#room(roomId);
    for (const node of nodes) this.#addPeer(announced, node);
  }

  /** Something that others must know has changed. Several changes of one moment travel together. */
  changed(roomId: string): void {
    this.#version += 1;
    this.#room(roomId).version = this.#version;
    queueMicrotask(() => this.#tellAll(roomId));
  }

  /** Nobody of this node is in the room any more; follows changed(). */
  ended(roomId: string, departures: NodeState["departures"]): void {
    const announced = this.#announced.get(roomId);
    if (announced !== undefined) announced.departures = departures;
  }

  /** Resolves when every peer's word is here, or the newcomer has waited long enough. */
  async sync(roomId: string): Promise<void> {
    const announced = this.#announced.get(roomId);
    if (announced === undefined) return;
    const waiting = [...announced.peers]
      .filter(([node]) => this.#mesh.node(node) !== undefined && this.#rooms.stampOf(roomId, node) === undefined)
      .map(([node]) => this.#tell(roomId, node));
    if (waiting.length === 0) return;
    let cancel = (): void => undefined;
    const patience = new Promise<void>((resolve) => {
      cancel = this.#clock.after(JOIN_SYNC_MS, resolve);
    });
    await Promise.race([Promise.all(waiting), patience]);
    cancel();
  }

  nodeUp(node: string): void {
    for (const [roomId, announced] of this.#announced) {
      const peer = announced.peers.get(node);
      if (peer === undefined) continue;
      peer.ackedVersion = -1;
      peer.failures = 0;
      this.#supervise(this.#tell(roomId, node));
    }
  }

  #room(roomId: string): Announced {
    const known = this.#announced.get(roomId);
    if (known !== undefined) return known;
    const announced = { version: this.#version, departures: [], peers: new Map(), cancelRound: () => undefined };
    this.#announced.set(roomId, announced);
    this.#scheduleRound(roomId, announced);
    return announced;
  }

  /** At the bound a node that is not in the mesh makes place; otherwise the newcomer is met when it speaks to us. */
  #addPeer(announced: Announced, node: string): void {
    if (node === this.#mesh.self.name || announced.peers.has(node)) return;
    if (announced.peers.size >= MAX_PEERS_PER_ROOM) {
      const absent = [...announced.peers.keys()].find((name) => this.#mesh.node(name) === undefined);
      if (absent === undefined) return;
      announced.peers.delete(absent);
    }
    const idle = { busy: undefined, cancelRetry: undefined };
    announced.peers.set(node, { ackedVersion: -1, failures: 0, unknownReplies: 0, ...idle });
  }

  #forget(roomId: string): void {
    const announced = this.#announced.get(roomId);
    if (announced === undefined) return;
    announced.cancelRound();
    for (const peer of announced.peers.values()) peer.cancelRetry?.();
    this.#announced.delete(roomId);
  }

  #scheduleRound(roomId: string, announced: Announced): void {
    const delayMs = ANTI_ENTROPY_MS * (0.9 + 0.2 * this.#random.next());
    announced.cancelRound = this.#clock.after(delayMs, () => {
      this.#scheduleRound(roomId, announced);
      for (const peer of announced.peers.values()) peer.ackedVersion = -1;
      this.#tellAll(roomId);
    });
  }

  #tellAll(roomId: string): void {
    const announced = this.#announced.get(roomId);
    if (announced === undefined) return;
    for (const node of [...announced.peers.keys()]) this.#supervise(this.#tell(roomId, node));
    this.#endIfSaid(roomId, announced);
  }

  /** The one place where an exchange that nobody awaits ends up. */
  #supervise(exchange: Promise<void>): void {
    exchange.catch((error: unknown) => this.#log.error({ error: String(error) }, "a room announcement failed"));
  }

  /** Brings one peer up to date; joins the exchange that is under way, and repeats it when that began too early. */
  async #tell(roomId: string, node: string): Promise<void> {
    const announced = this.#announced.get(roomId);
    const peer = announced?.peers.get(node);
    if (announced === undefined || peer === undefined || this.#mesh.node(node) === undefined) return;
    if (peer.busy !== undefined) return peer.busy;
    if (peer.ackedVersion === announced.version) return;
    peer.cancelRetry?.();
    peer.cancelRetry = undefined;
    peer.busy = this.#exchange({ roomId, node, announced, peer });
    try {
      await peer.busy;
    } finally {
      peer.busy = undefined;
    }
    this.#endIfSaid(roomId, announced);
    const isCurrent = this.#announced.get(roomId) === announced && announced.peers.get(node) === peer;
    if (isCurrent && peer.failures === 0 && peer.ackedVersion !== announced.version)
      this.#supervise(this.#tell(roomId, node));
  }

  async #exchange(link: Link): Promise<void> {
    const { roomId, node, announced, peer } = link;
    const { version } = announced;
    const options = { timeoutMs: REQUEST_TIMEOUT_MS };
    try {
      const reply = await this.#mesh.request(node, STATE_TOPIC, this.#body(roomId, node, version), options);
      if (this.#stopped) return;
      peer.failures = 0;
      peer.ackedVersion = version;
      this.#takeReply(link, reply);
    } catch (error) {
      if (this.#stopped) return;
      peer.failures += 1;
      this.#log.debug({ roomId, node, error: String(error) }, "a room announcement was not acknowledged");
      const delayMs = Math.min(FIRST_RETRY_MS * 2 ** (peer.failures - 1), ANTI_ENTROPY_MS);
      peer.cancelRetry = this.#clock.after(delayMs, () => this.#supervise(this.#tell(roomId, node)));
    }
  }

  #body(roomId: string, node: string, version: number): RoomStateBody {
    const state = { boot: this.boot, version, ...this.#localState(roomId) };
    const have = this.#rooms.stampOf(roomId, node) ?? null;
    return { v: ROOM_STATE_VERSION, roomId, node: this.#mesh.self.name, state, have };
  }

  #localState(roomId: string): Pick<NodeState, "participants" | "departures"> {
    const departures = this.#announced.get(roomId)?.departures ?? [];
    return this.#rooms.localState(roomId) ?? { participants: [], departures };
  }

  #takeReply(link: Link, body: unknown): void {
    const { roomId, node, announced, peer } = link;
    const reply = readRoomStateReply(body);
    if (!reply.ok) {
      this.#rooms.refused(reply.code, node);
      return;
    }
    if (!reply.value.known) {
      peer.unknownReplies += 1;
      this.#rooms.vanished(roomId, node);
      if (peer.unknownReplies >= MAX_UNKNOWN_REPLIES) announced.peers.delete(node);
      return;
    }
    peer.unknownReplies = 0;
    if (reply.value.state !== undefined) this.#apply(roomId, node, reply.value.state);
  }

  #receive(from: string, body: unknown): RoomStateReply {
    const read = readRoomState(body, from);
    if (!read.ok) {
      this.#rooms.refused(read.code, from);
      throw new MeshError(read.code, "the room state was refused; nothing changed");
    }
    const { roomId, state, have } = read.value;
    const local = this.#rooms.localState(roomId);
    const announced = this.#announced.get(roomId);
    if (local === undefined || announced === undefined) return { known: false };
    const refusal = this.#apply(roomId, from, state);
    if (refusal !== undefined && refusal !== "stale")
      throw new MeshError(refusal, "the room state was refused; nothing changed");
    if (refusal === undefined) this.#meet(announced, from, state);
    if (have?.boot === this.boot && have.version === announced.version) return { known: true };
    return { known: true, state: { boot: this.boot, version: announced.version, ...this.#localState(roomId) } };
  }

  /** Who serves somebody is a peer, who serves nobody any more is none; what the reply tells it counts as told. */
  #meet(announced: Announced, from: string, state: NodeState): void {
    if (state.participants.length > 0) this.#addPeer(announced, from);
    else announced.peers.delete(from);
  }

  #apply(roomId: string, node: string, state: NodeState): RoomRefusal | undefined {
    const refusal = this.#rooms.apply(roomId, node, state);
    if (refusal !== undefined) this.#rooms.refused(refusal, node);
    return refusal;
  }

  /** Once nobody is left here and everybody who could be told was, the room is forgotten. */
  #endIfSaid(roomId: string, announced: Announced): void {
    if (this.#announced.get(roomId) !== announced || this.#rooms.localState(roomId) !== undefined) return;
    const isDone = (node: string, peer: Peer): boolean =>
      peer.ackedVersion === announced.version || peer.failures >= MAX_FAREWELLS || this.#mesh.node(node) === undefined;
    if ([...announced.peers].every(([node, peer]) => isDone(node, peer))) this.#forget(roomId);
  }
}
