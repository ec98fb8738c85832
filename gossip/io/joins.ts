// Joins under way, as promises.

import type { CommandEvent } from "../src/sink.ts";
import type { CommandId } from "../src/types.ts";

interface PendingJoin {
  readonly failures: string[];
  readonly resolve: (contacted: number) => void;
}

type Contact = Extract<CommandEvent, { readonly kind: "joinResult" }>;
type Done = Extract<CommandEvent, { readonly kind: "joinDone" }>;

export class PendingJoins {
  readonly #pending = new Map<CommandId, PendingJoin>();

  /** How many addresses answered; why the others did not is added to `failures`. Rejects when aborted. */
  result(id: CommandId, failures: string[], signal?: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#pending.delete(id);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const settle = (contacted: number): void => {
        signal?.removeEventListener("abort", abort);
        resolve(contacted);
      };
      this.#pending.set(id, { failures, resolve: settle });
    });
  }

  contact(event: Contact): void {
    const error = event.error ?? "no answer";
    if (!event.ok) this.#pending.get(event.id)?.failures.push(`Failed to join ${event.to.host}: ${error}`);
  }

  done(event: Done): void {
    this.#pending.get(event.id)?.resolve(event.contacted);
    this.#pending.delete(event.id);
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const join of this.#pending.values()) join.resolve(0);
    this.#pending.clear();
  }
}
