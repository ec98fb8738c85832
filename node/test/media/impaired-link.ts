/**
 * A bad path to a node: a UDP forwarder on this machine that loses, delays and narrows what passes, each direction by its
 * own shape and all of it from one seed. Clients use its port in place of the node's; the node sees each of them
 * at a port of its own.
 */
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";

export interface PathShape {
  /** Chance of each datagram to be lost, 0 to 1. Default 0. */
  readonly lossRatio?: number;
  /** One way, without waiting. Default 0. */
  readonly delayMs?: number;
  /** What passes, UDP payload only. Default without limit. */
  readonly rateBps?: number;
  /** At `rateBps`, datagrams that would wait longer are lost. Default 250. */
  readonly queueMs?: number;
}
export interface LinkShapes {
  readonly toNode?: PathShape;
  readonly fromNode?: PathShape;
}
export interface PathCounts {
  readonly passed: number;
  readonly lost: number;
  /** Found the queue full. */
  readonly overflowed: number;
}

/** Clients of one link; datagrams of others are dropped. */
const MAX_CLIENTS = 32;
/** Datagrams on their way in one direction; more are lost. */
const MAX_WAITING = 10_000;

export class ImpairedLink {
  /** One for each address of this machine: an answer must come from where the question went. */
  readonly #sockets: readonly Socket[];
  readonly #target: { readonly host: string; readonly port: number };
  readonly #clients = new Map<string, Socket>();
  readonly #toNode: Path;
  readonly #fromNode: Path;

  private constructor(
    sockets: readonly Socket[],
    target: { readonly host: string; readonly port: number },
    seed: number,
  ) {
    this.#sockets = sockets;
    this.#target = target;
    this.#toNode = new Path(seed);
    this.#fromNode = new Path(seed ^ 0x5bd1e995);
    for (const socket of sockets) {
      socket.on("message", (bytes, client) => {
        const upstream = this.#upstream(socket, client);
        if (upstream === undefined) return;
        this.#toNode.carry(bytes, () => upstream.send(bytes, this.#target.port, this.#target.host));
      });
    }
  }

  /** Listens on one port of the system's choice, on all IPv4 addresses of this machine. */
  static async open(
    input: { readonly port: number; readonly host?: string; readonly seed: number } & LinkShapes,
  ): Promise<ImpairedLink> {
    const target = { host: input.host ?? "127.0.0.1", port: input.port };
    const link = new ImpairedLink(await bindEverywhere(), target, input.seed);
    link.reshape(input);
    return link;
  }

  /** What clients and trunks are told in place of the node's port. */
  get port(): number {
    return portOf(this.#sockets);
  }

  /** A direction that is not named keeps its shape. What is on its way arrives as it would have. */
  reshape({ toNode, fromNode }: LinkShapes): void {
    if (toNode !== undefined) this.#toNode.shape = toNode;
    if (fromNode !== undefined) this.#fromNode.shape = fromNode;
  }

  counts(): { readonly toNode: PathCounts; readonly fromNode: PathCounts } {
    return { toNode: this.#toNode.counts(), fromNode: this.#fromNode.counts() };
  }

  close(): void {
    this.#toNode.close();
    this.#fromNode.close();
    for (const socket of [...this.#sockets, ...this.#clients.values()]) socket.close();
    this.#clients.clear();
  }

  #upstream(
    socket: Socket,
    { address, port }: { readonly address: string; readonly port: number },
  ): Socket | undefined {
    const key = `${socket.address().address} ${address}:${port}`;
    const known = this.#clients.get(key);
    if (known !== undefined || this.#clients.size >= MAX_CLIENTS) return known;
    const upstream = createSocket("udp4");
    upstream.on("message", (bytes) => this.#fromNode.carry(bytes, () => socket.send(bytes, port, address)));
    // A node that is gone refuses; for the client that is silence.
    upstream.on("error", () => undefined);
    this.#clients.set(key, upstream);
    return upstream;
  }
}

/** Where the system chooses the port it knows nothing of the other addresses: so often another is tried. */
const MAX_PORT_TRIES = 10;

async function bindEverywhere(): Promise<readonly Socket[]> {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const others = all.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address);
  for (let tries = 1; ; tries++) {
    const sockets: Socket[] = [];
    try {
      sockets.push(await bound("127.0.0.1", 0));
      for (const address of new Set(others)) sockets.push(await bound(address, portOf(sockets)));
      return sockets;
    } catch (error) {
      for (const socket of sockets) socket.close();
      if (tries === MAX_PORT_TRIES) throw error;
    }
  }
}

const portOf = ([first]: readonly Socket[]): number => first?.address().port ?? 0;

async function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => socket.once("error", reject).bind(port, address, resolve));
  return socket;
}

interface Waiting {
  readonly atMs: number;
  readonly deliver: () => void;
}

/** One direction; keeps the order. */
class Path {
  shape: PathShape = {};
  #state: number;
  #passed = 0;
  #lost = 0;
  #overflowed = 0;
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  /** When the last bit of what was taken has left at `rateBps`. */
  #freeAtMs = 0;
  #lastAtMs = 0;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  carry(bytes: Uint8Array, deliver: () => void): void {
    const { lossRatio = 0, delayMs = 0, rateBps = Number.POSITIVE_INFINITY, queueMs = 250 } = this.shape;
    const nowMs = performance.now();
    if (this.#chance(lossRatio)) {
      this.#lost++;
      return;
    }
    const startMs = Math.max(nowMs, this.#freeAtMs);
    if (startMs - nowMs > queueMs || this.#waiting.length >= MAX_WAITING) {
      this.#overflowed++;
      return;
    }
    this.#freeAtMs = startMs + (bytes.length * 8_000) / rateBps;
    this.#passed++;
    this.#lastAtMs = Math.max(this.#lastAtMs, this.#freeAtMs + delayMs);
    if (this.#lastAtMs <= nowMs && this.#waiting.length === 0) {
      deliver();
      return;
    }
    this.#waiting.push({ atMs: this.#lastAtMs, deliver });
    if (this.#waiting.length === 1) this.#arm();
  }

  counts(): PathCounts {
    return { passed: this.#passed, lost: this.#lost, overflowed: this.#overflowed };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #arm(): void {
    const next = this.#waiting[0];
    if (next === undefined) return;
    this.#timer = setTimeout(() => this.#deliverDue(), Math.max(0, next.atMs - performance.now()));
  }

  #deliverDue(): void {
    const nowMs = performance.now();
    const due = this.#waiting.findIndex(({ atMs }) => atMs > nowMs);
    for (const { deliver } of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)) deliver();
    this.#arm();
  }

  /** xorshift32, Marsaglia 2003. */
  #chance(ratio: number): boolean {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32 < ratio;
  }
}
