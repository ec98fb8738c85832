// Drives a core with real time: one timer for its deadline, its output to the sockets, its events to listeners afterwards,
// because a listener may call the core and the core must not be called while it works.

import type { GossipCore } from "../src/core.ts";
import type { DropReason, GossipEvent, GossipSink } from "../src/sink.ts";
import type { Endpoint, InstantMs } from "../src/types.ts";
import type { GossipSockets } from "./sockets.ts";

/** setTimeout counts in a signed 32-bit number; the core is asked again then. */
const MAX_SLEEP_MS = 0x7fff_ffff;

export interface DriverOptions {
  readonly nowMs: () => InstantMs;
  readonly onEvent: (event: GossipEvent) => void;
  readonly onDrop: (reason: DropReason, from: Endpoint | undefined) => void;
}

export class Driver {
  readonly #options: DriverOptions;
  readonly #events: GossipEvent[] = [];
  readonly drops = new Map<DropReason, number>();
  #core: GossipCore | undefined = undefined;
  #sockets: GossipSockets | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  readonly sink: GossipSink = {
    packet: (to, bytes) => this.#sockets?.packet(to, bytes),
    stream: (id, output) => this.#sockets?.stream(id, output),
    event: (event) => {
      if (this.#events.length === 0) queueMicrotask(() => this.#deliver());
      this.#events.push(event);
    },
    dropped: (reason, from) => {
      this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
      this.#options.onDrop(reason, from);
    },
  };

  /** From here on `run` reaches the core. */
  attach(core: GossipCore, sockets: GossipSockets): void {
    this.#core = core;
    this.#sockets = sockets;
    this.run((attached, nowMs) => attached.start(nowMs));
  }

  /** Nothing reaches the core, or leaves it, afterwards. */
  detach(): void {
    clearTimeout(this.#timer);
    this.#core = undefined;
    this.#sockets = undefined;
    this.#events.length = 0;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }

  get core(): GossipCore | undefined {
    return this.#core;
  }

  /** Calls the core, when there is one, and sees to its next deadline. */
  run<T>(call: (core: GossipCore, nowMs: InstantMs) => T, atMs?: InstantMs): T | undefined {
    const core = this.#core;
    if (core === undefined) return undefined;
    const result = call(core, atMs ?? this.#options.nowMs());
    this.#arm(core);
    return result;
  }

  #arm(core: GossipCore): void {
    const deadlineMs = core.deadlineMs();
    // An earlier wake-up is harmless, and cheaper than a new timer for every packet.
    if (deadlineMs >= this.#wakeAtMs) return;
    clearTimeout(this.#timer);
    this.#wakeAtMs = deadlineMs;
    const sleepMs = Math.min(Math.max(0, Math.ceil(deadlineMs - this.#options.nowMs())), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#wake(), sleepMs);
  }

  #wake(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.run((core, nowMs) => core.handleTimeout(nowMs));
  }

  #deliver(): void {
    for (const event of this.#events.splice(0)) this.#options.onEvent(event);
  }
}
