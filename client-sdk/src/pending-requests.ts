/** Requests without an answer. At the bound the oldest is forgotten; its late answer is then unexpected. */
const MAX_PENDING = 64;

export type PendingKind = "hello" | "join" | "offer" | "mute" | "view" | "moderate" | "leave";

export class PendingRequests {
  readonly #kinds = new Map<string, PendingKind>();
  #nextId = 1;

  add(kind: PendingKind): string {
    const id = `c${this.#nextId}`;
    this.#nextId += 1;
    const oldest = this.#kinds.keys().next();
    if (this.#kinds.size >= MAX_PENDING && oldest.done !== true) this.#kinds.delete(oldest.value);
    this.#kinds.set(id, kind);
    return id;
  }

  take(id: string | undefined): PendingKind | undefined {
    if (id === undefined) return undefined;
    const kind = this.#kinds.get(id);
    this.#kinds.delete(id);
    return kind;
  }

  clear(): void {
    this.#kinds.clear();
  }
}
