/**
 * A mesh in memory: several nodes in one process, for tests. Messages are copied as a wire would copy them, may be
 * delayed and lost by a seed, and are retried until the caller's time is up, as the gossip agent does it.
 * Rules: SPEC.md [H20…H26].
 */
import { type Random, seededRandom } from "#gossip";
import { type Clock, pause, systemClock } from "./clock.ts";
import { Emitter } from "./emitter.ts";
import { silentLog } from "./log.ts";
import { type Mesh, MeshError, type MeshEvent, type MeshNode } from "./mesh.ts";

export interface MemoryNetworkOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** One way; each message draws its own. Default 1 to 1. */
  readonly delayMs?: { readonly min: number; readonly max: number };
  /** Share of messages (requests and replies alike) that vanish. Default 0. */
  readonly lossRatio?: number;
  /** From kill() until the others hear of it. Default 2,000. */
  readonly detectMs?: number;
  /** Between two sendings of one request. Default 250. */
  readonly retryMs?: number;
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
/** Requests whose answer a node remembers so that a repetition runs no handler again. */
const MAX_REMEMBERED = 2_048;

type Handler = (from: string, body: unknown) => Promise<unknown> | unknown;
type Reply = { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly code: string };

export class MemoryNetwork {
  readonly clock: Clock;
  readonly retryMs: number;
  readonly #random: Random;
  readonly #delayMs: { readonly min: number; readonly max: number };
  readonly #detectMs: number;
  #lossRatio: number;
  readonly #nodes = new Map<string, MemoryMesh>();
  readonly #cut = new Set<string>();
  readonly #rtts = new Map<string, number>();
  #requests = 0;

  constructor(options: MemoryNetworkOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#random = options.random ?? seededRandom(1);
    this.#delayMs = options.delayMs ?? { min: 1, max: 1 };
    this.#lossRatio = options.lossRatio ?? 0;
    this.#detectMs = options.detectMs ?? 2_000;
    this.retryMs = options.retryMs ?? 250;
  }

  /** A new node, known to all at once. A name that died may come back. */
  add(node: Partial<MeshNode> & { readonly name: string }): MemoryMesh {
    if (this.#nodes.has(node.name)) throw new RangeError(`node ${node.name} is there already`);
    const mesh = new MemoryMesh(this, {
      url: `http://${node.name}.test`,
      region: "test",
      draining: false,
      media: ["127.0.0.1:5000"],
      version: "0.0.0",
      capacity: 1,
      ...node,
    });
    for (const other of this.#nodes.values()) other.observe({ kind: "nodeUp", node: mesh.self });
    for (const other of this.#nodes.values()) mesh.observe({ kind: "nodeUp", node: other.self });
    this.#nodes.set(node.name, mesh);
    return mesh;
  }

  /** The node falls silent at once; the others hear of it after `detectMs`. */
  kill(name: string): void {
    const dead = this.#nodes.get(name);
    if (dead === undefined) return;
    this.#nodes.delete(name);
    dead.shut();
    this.clock.after(this.#detectMs, () => {
      if (!this.#nodes.has(name)) this.#tellAll({ kind: "nodeDown", name, how: "failed" });
    });
  }

  /** The node says goodbye: the others know at once. */
  leave(name: string): void {
    const gone = this.#nodes.get(name);
    if (gone === undefined) return;
    this.#nodes.delete(name);
    gone.shut();
    this.#tellAll({ kind: "nodeDown", name, how: "left" });
  }

  /** Makes all nodes believe that this one failed though it lives, and takes it back with the second call. */
  suspectWrongly(name: string, down: boolean): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    for (const other of this.#nodes.values()) {
      if (other.self.name === name) continue;
      other.observe(down ? { kind: "nodeDown", name, how: "failed" } : { kind: "nodeUp", node: node.self });
    }
  }

  /** No message passes between the two until heal(). Membership does not notice. */
  partition(a: string, b: string): void {
    this.#cut.add(pairKey(a, b));
  }

  heal(): void {
    this.#cut.clear();
  }

  setLossRatio(lossRatio: number): void {
    this.#lossRatio = lossRatio;
  }

  setRtt(a: string, b: string, rttMs: number): void {
    this.#rtts.set(pairKey(a, b), rttMs);
  }

  rttMs(a: string, b: string): { readonly ms: number; readonly measured: boolean } | undefined {
    if (a === b) return { ms: 0, measured: true };
    const known = this.#rtts.get(pairKey(a, b));
    if (known !== undefined) return { ms: known, measured: true };
    if (!this.#nodes.has(a) || !this.#nodes.has(b)) return undefined;
    return { ms: this.#delayMs.min + this.#delayMs.max, measured: false };
  }

  /** Carries one message; false when it was lost on the way. */
  async carry(from: string, to: string): Promise<boolean> {
    const spanMs = this.#delayMs.max - this.#delayMs.min;
    const delayMs = this.#delayMs.min + this.#random.next() * spanMs;
    const isLost = this.#random.next() < this.#lossRatio;
    await pause(this.clock, delayMs);
    return !isLost && !this.#cut.has(pairKey(from, to)) && this.#nodes.has(from);
  }

  /** Of the network and not of a node: one that comes back must not repeat the ids of its earlier life. */
  nextRequestId(): string {
    this.#requests += 1;
    return `#${this.#requests}`;
  }

  live(name: string): MemoryMesh | undefined {
    return this.#nodes.get(name);
  }

  announce(node: MeshNode): void {
    for (const other of this.#nodes.values())
      if (other.self.name !== node.name) other.observe({ kind: "nodeUpdated", node });
  }

  #tellAll(event: MeshEvent): void {
    for (const node of this.#nodes.values()) node.observe(event);
  }
}

export class MemoryMesh implements Mesh {
  readonly #network: MemoryNetwork;
  #self: MeshNode;
  readonly #others = new Map<string, MeshNode>();
  readonly #handlers = new Map<string, Handler>();
  readonly #events = new Emitter<MeshEvent>("memory mesh", silentLog);
  readonly #answered = new Map<string, Promise<Reply>>();
  /** Names that reportSilent was called with, for assertions. */
  readonly silentReports: string[] = [];
  #closed = false;

  constructor(network: MemoryNetwork, self: MeshNode) {
    this.#network = network;
    this.#self = self;
  }

  get self(): MeshNode {
    return this.#self;
  }

  nodes(): readonly MeshNode[] {
    return [this.#self, ...this.#others.values()];
  }

  node(name: string): MeshNode | undefined {
    return name === this.#self.name ? this.#self : this.#others.get(name);
  }

  onEvent(listener: (event: MeshEvent) => void): () => void {
    return this.#events.add(listener);
  }

  rttMs(a: string, b = this.#self.name): { readonly ms: number; readonly measured: boolean } | undefined {
    return this.#network.rttMs(a, b);
  }

  handle(topic: string, handler: Handler): () => void {
    if (this.#handlers.has(topic)) throw new RangeError(`topic ${topic} has a handler already`);
    this.#handlers.set(topic, handler);
    return () => {
      if (this.#handlers.get(topic) === handler) this.#handlers.delete(topic);
    };
  }

  async request(
    node: string,
    topic: string,
    body: unknown,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    if (this.node(node) === undefined) throw new MeshError("unknown_node", `no node ${node} is in the mesh`);
    const id = this.#network.nextRequestId();
    const sent = structuredClone(body);
    const untilMs = this.#network.clock.nowMs() + (options.timeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS);
    for (;;) {
      if (options.signal?.aborted === true) throw new MeshError("aborted", `${topic} to ${node} was given up`);
      const leftMs = untilMs - this.#network.clock.nowMs();
      if (leftMs <= 0 || this.#closed) throw new MeshError("timeout", `${node} did not answer ${topic}`);
      const patience = new AbortController();
      const giveUp = (): void => patience.abort();
      options.signal?.addEventListener("abort", giveUp, { once: true });
      const reply = await Promise.race([
        this.#attempt(node, { id, topic, body: sent }),
        pause(this.#network.clock, Math.min(leftMs, this.#network.retryMs), patience.signal),
      ]);
      giveUp();
      options.signal?.removeEventListener("abort", giveUp);
      if (reply === undefined) continue;
      if (reply.ok) return reply.body;
      throw new MeshError(reply.code, `${node} refused ${topic}: ${reply.code}`);
    }
  }

  reportSilent(node: string): void {
    this.silentReports.push(node);
  }

  setDraining(draining: boolean): Promise<void> {
    this.#self = { ...this.#self, draining };
    this.#network.announce(this.#self);
    return Promise.resolve();
  }

  /** The network's: what membership says now. */
  observe(event: MeshEvent): void {
    if (this.#closed) return;
    if (event.kind === "nodeDown") {
      if (!this.#others.delete(event.name)) return;
    } else {
      this.#others.set(event.node.name, event.node);
    }
    this.#events.emit(event);
  }

  /** The network's: the node is dead, nothing leaves or enters it any more. */
  shut(): void {
    this.#closed = true;
    this.#events.clear();
    this.#handlers.clear();
  }

  async #attempt(
    node: string,
    request: { readonly id: string; readonly topic: string; readonly body: unknown },
  ): Promise<Reply> {
    const never = new Promise<Reply>(() => undefined);
    if (!(await this.#network.carry(this.#self.name, node))) return never;
    const peer = this.#network.live(node);
    if (peer === undefined) return never;
    const reply = await peer.#serve(this.#self.name, request);
    if (!(await this.#network.carry(node, this.#self.name))) return never;
    return reply;
  }

  #serve(
    from: string,
    request: { readonly id: string; readonly topic: string; readonly body: unknown },
  ): Promise<Reply> {
    const known = this.#answered.get(request.id);
    if (known !== undefined) return known;
    const reply = this.#run(from, request.topic, request.body);
    this.#answered.set(request.id, reply);
    const [oldest] = this.#answered.keys();
    if (this.#answered.size > MAX_REMEMBERED && oldest !== undefined) this.#answered.delete(oldest);
    return reply;
  }

  async #run(from: string, topic: string, body: unknown): Promise<Reply> {
    const handler = this.#handlers.get(topic);
    if (handler === undefined) return { ok: false, code: "no_handler" };
    try {
      return { ok: true, body: structuredClone(await handler(from, structuredClone(body))) };
    } catch (error) {
      return { ok: false, code: codeOf(error) };
    }
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "handler_failed";
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
