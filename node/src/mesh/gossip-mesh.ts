/**
 * The mesh over the gossip agent: members with our tag become nodes, membership events become one event per arrival
 * and departure, and direct messages get the product's error codes. Rules: SPEC.md [H9…H19].
 */
import { Emitter } from "./emitter.ts";
import type { Log } from "./log.ts";
import { type Mesh, MeshError, type MeshEvent, type MeshNode } from "./mesh.ts";
import { decodeTags, encodeTags, type Tags } from "./tags.ts";

export interface AgentMember {
  readonly name: string;
  readonly tags: Tags;
  readonly status: string;
}
/** What this needs of `GossipAgent` (#gossip/io). */
export interface AgentLike {
  members(): readonly AgentMember[];
  /** Any change of membership; what it was is read from members(). */
  onEvent(listener: (event: unknown) => void): () => void;
  setTags(tags: Tags): Promise<void>;
  rtt(a: string, b?: string): { readonly estimateMs: number; readonly measuredMs?: number } | undefined;
  request(
    node: string,
    topic: string,
    body: unknown,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<unknown>;
  handle(topic: string, handler: (from: string, body: unknown) => Promise<unknown> | unknown): () => void;
  suspect(node: string, reason: string): void;
}

export interface GossipMeshParts {
  readonly agent: AgentLike;
  readonly self: MeshNode;
  /** The operator's own tags, kept beside ours. */
  readonly extraTags?: Tags;
  readonly log: Log;
}

export const MESH_REQUEST_TIMEOUT_MS = 5_000;
/** Codes that pass from a remote handler or the agent; anything else could be any length. */
const MAX_CODE = 64;

export class GossipMesh implements Mesh {
  readonly #agent: AgentLike;
  readonly #extraTags: Tags;
  readonly #log: Log;
  readonly #events: Emitter<MeshEvent>;
  readonly #nodes = new Map<string, MeshNode>();
  #self: MeshNode;
  #unsubscribe: (() => void) | undefined;

  constructor(parts: GossipMeshParts) {
    this.#agent = parts.agent;
    this.#self = parts.self;
    this.#extraTags = parts.extraTags ?? {};
    this.#log = parts.log;
    this.#events = new Emitter("mesh", parts.log);
  }

  /** Says who this node is and begins to follow membership; the agent runs already. Idempotent. */
  async start(): Promise<void> {
    if (this.#unsubscribe !== undefined) return;
    this.#unsubscribe = this.#agent.onEvent(() => this.#look());
    await this.#agent.setTags(encodeTags(this.#self, this.#extraTags));
    this.#look();
  }

  /** The agent is stopped by whoever started it. Idempotent. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#nodes.clear();
  }

  get self(): MeshNode {
    return this.#self;
  }

  nodes(): readonly MeshNode[] {
    return [this.#self, ...this.#nodes.values()];
  }

  node(name: string): MeshNode | undefined {
    return name === this.#self.name ? this.#self : this.#nodes.get(name);
  }

  onEvent(listener: (event: MeshEvent) => void): () => void {
    return this.#events.add(listener);
  }

  rttMs(a: string, b: string = this.#self.name): { readonly ms: number; readonly measured: boolean } | undefined {
    if (a === b) return { ms: 0, measured: true };
    const rtt = this.#agent.rtt(a, b);
    if (rtt === undefined) return undefined;
    const { measuredMs, estimateMs } = rtt;
    return measuredMs === undefined ? { ms: estimateMs, measured: false } : { ms: measuredMs, measured: true };
  }

  async request(
    node: string,
    topic: string,
    body: unknown,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    if (this.node(node) === undefined) throw new MeshError("unknown_node", `no node ${node} is in the mesh`);
    const { timeoutMs = MESH_REQUEST_TIMEOUT_MS, signal } = options;
    try {
      return await this.#agent.request(node, topic, body, { timeoutMs, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      throw toMeshError(error, { node, topic, isAborted: signal?.aborted === true });
    }
  }

  handle(topic: string, handler: (from: string, body: unknown) => Promise<unknown> | unknown): () => void {
    return this.#agent.handle(topic, handler);
  }

  reportSilent(node: string): void {
    if (node !== this.#self.name && this.#nodes.has(node)) this.#agent.suspect(node, "its trunk is silent");
  }

  async setDraining(draining: boolean): Promise<void> {
    if (draining === this.#self.draining) return;
    const self = { ...this.#self, draining };
    await this.#agent.setTags(encodeTags(self, this.#extraTags));
    this.#self = self;
  }

  /**
   * Compares what the agent knows with what was told, so that a burst of events, or one that was missed, ends in exactly
   * one word per arrival, change and departure.
   */
  #look(): void {
    const seen = new Set<string>();
    const members = this.#agent.members();
    for (const member of members) {
      const node = this.#nodeOf(member);
      if (node === undefined) continue;
      seen.add(node.name);
      const known = this.#nodes.get(node.name);
      this.#nodes.set(node.name, node);
      if (known === undefined) this.#tell({ kind: "nodeUp", node });
      else if (JSON.stringify(known) !== JSON.stringify(node)) this.#tell({ kind: "nodeUpdated", node });
    }
    for (const name of [...this.#nodes.keys()]) {
      if (seen.has(name)) continue;
      this.#nodes.delete(name);
      const status = members.find((member) => member.name === name)?.status;
      const saidGoodbye = status === "left" || status === "leaving";
      this.#tell({ kind: "nodeDown", name, how: saidGoodbye ? "left" : "failed" });
    }
  }

  /** Undefined for this node, for what is not alive, and for members that do not speak our direct messages. */
  #nodeOf(member: AgentMember): MeshNode | undefined {
    if (member.name === this.#self.name || member.status !== "alive") return undefined;
    return decodeTags(member.name, member.tags);
  }

  #tell(event: MeshEvent): void {
    const fields = event.kind === "nodeDown" ? event : { kind: event.kind, name: event.node.name };
    this.#log.info(fields, "the mesh changed");
    this.#events.emit(event);
  }
}

function toMeshError(
  error: unknown,
  request: { readonly node: string; readonly topic: string; readonly isAborted: boolean },
): MeshError {
  const text = `${request.topic} to ${request.node} failed`;
  if (request.isAborted) return new MeshError("aborted", text, { cause: error });
  if (error instanceof Error && error.name === "TimeoutError") return new MeshError("timeout", text, { cause: error });
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  // The agent's own words for a member that is gone, or that never spoke to us.
  if (code === "unknown_member" || code === "not_speaking")
    return new MeshError("unknown_node", text, { cause: error });
  const isUsable = typeof code === "string" && code.length > 0 && code.length <= MAX_CODE;
  return new MeshError(isUsable ? code : "failed", text, { cause: error });
}
