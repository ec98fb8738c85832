// The one stream of events that operators see: coalesced, with a timer for what is held back.

import type { InstantMs } from "../../src/types.ts";
import { Listeners } from "../listeners.ts";
import type { Logger } from "../log.ts";
import type { AgentEvent } from "../queries.ts";
import { type CoalesceOptions, EventCoalescer } from "./coalescer.ts";
import type { OperatorEvent } from "./events.ts";

export class OperatorFeed {
  readonly #coalescer: EventCoalescer;
  readonly #listeners: Listeners<OperatorEvent>;
  readonly #nowMs: () => InstantMs;
  #timer: NodeJS.Timeout | undefined = undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(options: CoalesceOptions, parts: { readonly log: Logger; readonly nowMs: () => InstantMs }) {
    this.#coalescer = new EventCoalescer(options);
    this.#listeners = new Listeners(parts.log);
    this.#nowMs = parts.nowMs;
  }

  /** Answers what ends it. */
  onEvent(listener: (event: OperatorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  handle(event: AgentEvent): void {
    this.#tell(this.#coalescer.offer(event, this.#nowMs()));
    this.#arm();
  }

  /** Tells what is still held back. Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#tell(this.#coalescer.due(Number.POSITIVE_INFINITY));
  }

  /** A timer that fires early is harmless and stays; each further event only moves the deadline back. */
  #arm(): void {
    const deadlineMs = this.#coalescer.deadlineMs();
    if (deadlineMs >= this.#wakeAtMs) return;
    clearTimeout(this.#timer);
    this.#wakeAtMs = deadlineMs;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.ceil(deadlineMs - this.#nowMs())));
  }

  #wake(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#tell(this.#coalescer.due(this.#nowMs()));
    this.#arm();
  }

  #tell(events: readonly OperatorEvent[]): void {
    for (const event of events) this.#listeners.emit(event);
  }
}
