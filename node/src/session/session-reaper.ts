/**
 * A node that died cannot clear up. After the resume time, in which its people may come back through other nodes, the alive
 * node with the lowest hash of (room, dead node) removes what still names the dead one (compare and delete), and every node
 * forgets its occupants.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Presence } from "../store/presence.ts";

/** The store may be away; when this is used up, the records' own time ends them. */
const MAX_ATTEMPTS = 6;
const RETRY_MS = 5_000;
/** Dead nodes that wait to be cleared up at once. */
const MAX_PENDING = 256;

export interface ReaperOptions {
  readonly mesh: Mesh;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
  /** As long as a session may resume. Default 20,000. */
  readonly delayMs?: number;
  readonly forgetNode: (node: string) => void;
  readonly reaped: (sessions: number) => void;
}

/** Rendezvous hashing: every node that sees the same members names the same reaper. Pure. */
export function reaperOf(roomId: string, deadNode: string, aliveNodes: readonly string[]): string | undefined {
  const rank = (node: string): string => createHash("sha256").update(`${roomId}\n${deadNode}\n${node}`).digest("hex");
  return [...aliveNodes].filter((node) => node !== deadNode).sort((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
}

export class SessionReaper {
  readonly #options: ReaperOptions;
  readonly #pending = new Map<string, () => void>();
  #stopListening: () => void = () => undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.mesh.onEvent((event) => {
      if (event.kind === "nodeDown") this.#plan(event.name, 0, this.#options.delayMs ?? 20_000);
      // It lives after all (or again): what it holds is its own.
      else if (event.kind === "nodeUp") this.#cancel(event.node.name);
    });
  }

  async stop(): Promise<void> {
    this.#stopListening();
    for (const node of [...this.#pending.keys()]) this.#cancel(node);
    await this.#work;
  }

  #plan(node: string, attempt: number, delayMs: number): void {
    this.#cancel(node);
    if (this.#pending.size >= MAX_PENDING) return;
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#pending.delete(node);
      if (attempt === 0) this.#options.forgetNode(node);
      this.#work = this.#work.then(() => this.#reap(node, attempt));
    });
    this.#pending.set(node, cancel);
  }

  #cancel(node: string): void {
    this.#pending.get(node)?.();
    this.#pending.delete(node);
  }

  async #reap(deadNode: string, attempt: number): Promise<void> {
    const { presence, mesh, log } = this.#options;
    const alive = mesh.nodes().map((node) => node.name);
    try {
      for (const roomId of await presence.roomsOfNode(deadNode)) {
        if (reaperOf(roomId, deadNode, alive) !== mesh.self.name) continue;
        const removed = await presence.reapNode(deadNode, roomId);
        if (removed.length === 0) continue;
        this.#options.reaped(removed.length);
        log.info({ deadNode, roomId, sessions: removed.length }, "reaped the sessions of a dead node");
      }
    } catch (error) {
      log.warn({ deadNode, attempt, error: String(error) }, "reaping failed");
      if (attempt + 1 < MAX_ATTEMPTS) this.#plan(deadNode, attempt + 1, RETRY_MS);
    }
  }
}
