// Changing the keys of the cluster, as promises.

import type { GossipCore, KeyQuestion } from "../src/core.ts";
import type { KeyResultEvent } from "../src/sink.ts";
import type { CommandId } from "../src/types.ts";
import { RemoteError } from "./errors.ts";

/** What became of it, member by member; see the core's KeyResultEvent. */
export type KeyResult = Omit<KeyResultEvent, "kind" | "id">;

type Command = <T>(call: (core: GossipCore, nowMs: number) => T) => T;

interface Pending {
  readonly resolve: (result: KeyResult) => void;
  readonly reject: (error: Error) => void;
}

/** Key queries that collect answers. The core bounds them. */
export class AgentKeys {
  readonly #pending = new Map<CommandId, Pending>();
  readonly #command: Command;

  constructor(command: Command) {
    this.#command = command;
  }

  /** Resolves when all have answered or the time is over. Rejects with the core's UsageError. */
  async ask(question: KeyQuestion): Promise<KeyResult> {
    const id = this.#command((core, nowMs) => core.keyQuery(question, nowMs));
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  settle(event: KeyResultEvent): void {
    this.#pending.get(event.id)?.resolve(event);
    this.#pending.delete(event.id);
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const { reject } of this.#pending.values()) reject(new RemoteError("stopped", "the agent stopped"));
    this.#pending.clear();
  }
}
