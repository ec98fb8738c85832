/**
 * The mesh as the rest of a node sees it: who is alive, how far, and direct messages to them.
 * GossipMesh (gossip-mesh.ts) implements it over the gossip agent; MemoryMesh (memory-mesh.ts)
 * joins several apps in one process for tests.
 */
import type { NodeInfo } from "#protocol";

export interface MeshNode extends NodeInfo {
  /** "host:port" of the media port, for trunks. */
  readonly media: readonly string[];
  readonly version: string;
  /** Relative capacity from configuration; 1 is the default node. */
  readonly capacity: number;
  /** Forwards streams between two others that cannot reach each other well. Absent: not. */
  readonly forwards?: boolean;
}
export type MeshEvent =
  | { readonly kind: "nodeUp"; readonly node: MeshNode }
  | { readonly kind: "nodeUpdated"; readonly node: MeshNode }
  /** "failed": died without a word; "left": said goodbye. Sent once per departure. */
  | { readonly kind: "nodeDown"; readonly name: string; readonly how: "failed" | "left" };

export interface Mesh {
  readonly self: MeshNode;
  /** Alive Hearsay nodes with this one first; stock agents of the same gossip pool are not listed. */
  nodes(): readonly MeshNode[];
  node(name: string): MeshNode | undefined;
  onEvent(listener: (event: MeshEvent) => void): () => void;
  /** Milliseconds between two nodes: measured where a measurement exists, else estimated from coordinates. */
  rttMs(a: string, b?: string): { readonly ms: number; readonly measured: boolean } | undefined;
  /**
   * Reliable request/response with retries and de-duplication. Rejects with MeshError: code "timeout", "unknown_node",
   * or the code that the remote handler threw.
   */
  request(
    node: string,
    topic: string,
    body: unknown,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<unknown>;
  /** One handler a topic; what it throws reaches the caller as MeshError with its code. */
  handle(topic: string, handler: (from: string, body: unknown) => Promise<unknown> | unknown): () => void;
  /** A trunk's keep-alive failed: ask gossip to confirm that this node still lives. */
  reportSilent(node: string): void;
  setDraining(draining: boolean): Promise<void>;
}

export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
