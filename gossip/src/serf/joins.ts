// Joins under way: many addresses each, a few exchanges at a time, one result per address and one for all.

import type { Settled } from "../membership/exchanges.ts";
import type { GossipSink } from "../sink.ts";
import { type CommandId, commandId, type Endpoint, type InstantMs } from "../types.ts";

/** Exchanges of one join at once: a few, so that one silent address does not hold up the rest. */
const PARALLEL = 8;

export interface JoinPorts {
  readonly sink: GossipSink;
  exchange(to: Endpoint, settled: Settled, nowMs: InstantMs): void;
}

interface Join {
  readonly id: CommandId;
  readonly waiting: Endpoint[];
  readonly done: (contacted: number, nowMs: InstantMs) => void;
  running: number;
  contacted: number;
  settled: boolean;
}

export class Joins {
  readonly #ports: JoinPorts;
  #active = 0;

  constructor(ports: JoinPorts) {
    this.#ports = ports;
  }

  /** Joins not settled yet. */
  get active(): number {
    return this.#active;
  }

  /** `done` is called before the "joinDone" event leaves. */
  start(
    id: CommandId,
    addresses: readonly Endpoint[],
    done: (contacted: number, nowMs: InstantMs) => void,
    nowMs: InstantMs,
  ): void {
    this.#active += 1;
    const join: Join = { id, waiting: [...addresses], done, running: 0, contacted: 0, settled: false };
    for (let i = 0; i < PARALLEL; i += 1) this.#next(join, nowMs);
    this.#finishWhenSettled(join, nowMs);
  }

  #next(join: Join, nowMs: InstantMs): void {
    const to = join.waiting.shift();
    if (to === undefined) return;
    join.running += 1;
    this.#ports.exchange(
      to,
      (outcome, thenMs) => {
        join.running -= 1;
        if (outcome.ok) join.contacted += 1;
        const result = { kind: "joinResult", id: commandId(join.id), to } as const;
        this.#ports.sink.event(outcome.ok ? { ...result, ok: true } : { ...result, ok: false, error: outcome.error });
        this.#next(join, thenMs);
        this.#finishWhenSettled(join, thenMs);
      },
      nowMs,
    );
  }

  #finishWhenSettled(join: Join, nowMs: InstantMs): void {
    if (join.settled || join.running > 0 || join.waiting.length > 0) return;
    join.settled = true;
    this.#active -= 1;
    join.done(join.contacted, nowMs);
    this.#ports.sink.event({ kind: "joinDone", id: join.id, contacted: join.contacted });
  }
}
