// Intents about members we have not met yet: a "leave" may overtake the "alive" it belongs to. Spec section 6.2.

import type { DurationMs, InstantMs, LamportTime, NodeName } from "../types.ts";

export type IntentKind = "join" | "leave";

interface Intent {
  readonly kind: IntentKind;
  readonly time: LamportTime;
  readonly heardMs: InstantMs;
}

export class RecentIntents {
  readonly #maxEntries: number;
  /** Oldest first, because an entry that is replaced moves to the end. */
  readonly #byName = new Map<NodeName, Intent>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** True when it was news: no intent known for this name, or an older one. At the bound the oldest is forgotten. */
  note(name: NodeName, intent: Intent): boolean {
    const known = this.#byName.get(name);
    if (known !== undefined && known.time >= intent.time) return false;
    this.#byName.delete(name);
    this.#byName.set(name, intent);
    if (this.#byName.size > this.#maxEntries) {
      for (const oldest of this.#byName.keys()) {
        this.#byName.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** The time of the intent of that kind, if that was the last one heard. */
  lookup(name: NodeName, kind: IntentKind): LamportTime | undefined {
    const intent = this.#byName.get(name);
    return intent?.kind === kind ? intent.time : undefined;
  }

  forgetOlderThan(ageMs: DurationMs, nowMs: InstantMs): void {
    for (const [name, intent] of this.#byName) if (nowMs - intent.heardMs > ageMs) this.#byName.delete(name);
  }
}
