// Serf messages that everybody passes on: user events to the application and onwards, queries to the desk and onwards,
// relayed answers to where they want to go. What we have no use for is counted.

import { endpointOf } from "../address.ts";
import { BroadcastQueue } from "../membership/broadcast-queue.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason, GossipSink } from "../sink.ts";
import { assert, type Endpoint, type InstantMs } from "../types.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import {
  QUERY_FLAG_NO_BROADCAST,
  type SerfEventSlot,
  type SerfMessage,
  type SerfQuery,
  type SerfQueryResponse,
  type SerfUserEvent,
} from "../wire/messages.ts";
import { UserEventCoalescer } from "./coalesce.ts";
import { assertTimeLeft } from "./lamport-clock.ts";
import { Queries } from "./queries.ts";
import { encodeUserEvent, UserEvents } from "./user-events.ts";

export interface CarrierPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  /** A user message in a packet of its own. */
  send(to: Endpoint, payload: Uint8Array): void;
  /** A query that is news. */
  heard(query: SerfQuery, nowMs: InstantMs): void;
  response(response: SerfQueryResponse, from: Endpoint | undefined, nowMs: InstantMs): void;
}

export interface CarrierSource {
  readonly from: Endpoint | undefined;
  readonly nowMs: InstantMs;
}

export class Carrier {
  readonly events: UserEvents;
  readonly queries: Queries;
  readonly eventQueue: BroadcastQueue;
  readonly queryQueue: BroadcastQueue;
  readonly #ports: CarrierPorts;
  readonly #coalescer: UserEventCoalescer;

  constructor(ports: CarrierPorts) {
    const { restoredClocks } = ports.options;
    this.events = new UserEvents(restoredClocks.event);
    this.queries = new Queries(restoredClocks.query);
    this.#ports = ports;
    this.#coalescer = new UserEventCoalescer(ports.options);
    this.eventQueue = new BroadcastQueue(ports.options.maxQueuedBroadcasts);
    this.queryQueue = new BroadcastQueue(ports.options.maxQueuedBroadcasts);
  }

  handle(message: SerfMessage, payload: Uint8Array, source: CarrierSource): void {
    const { from, nowMs } = source;
    switch (message.kind) {
      case "userEvent":
        this.#carryEvent(message, payload, source);
        return;
      case "query":
        this.#carryQuery(message, payload, source);
        return;
      case "queryResponse":
        this.#ports.response(message, from, nowMs);
        return;
      case "relay": {
        const to = endpointOf(message.addr, message.port);
        if (to === undefined) this.#drop("bad_address", from);
        else this.#ports.send(to, message.payload);
        return;
      }
      default:
        this.#drop("unsupported_user_message", from);
    }
  }

  /** Events of a push/pull: told to the application, but not passed on; the exchange has reached whoever it should. */
  mergeEvents(slots: readonly (SerfEventSlot | null)[], nowMs: InstantMs): void {
    for (const slot of slots) {
      for (const event of slot?.events ?? []) {
        const lamportTime = slot?.lamportTime;
        if (lamportTime === undefined) continue;
        this.#takeEvent({ kind: "userEvent", lamportTime, ...event, coalesce: false }, nowMs);
      }
    }
  }

  /** An event of ours. Throws UsageError "event_too_large", or "clock_exhausted" when somebody forged the last time. */
  announce(event: Omit<SerfUserEvent, "kind" | "lamportTime">, nowMs: InstantMs): void {
    const own: SerfUserEvent = { kind: "userEvent", lamportTime: this.events.clock.time(), ...event };
    const payload = encodeUserEvent(own);
    assertTimeLeft(this.events.clock);
    const reason = this.#takeEvent(own, nowMs);
    assert(reason === undefined, "an event at the present time is news");
    this.eventQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
  }

  /** A query of ours, encoded: remembered and told, but answered elsewhere. */
  spread(query: SerfQuery, payload: Uint8Array): void {
    const reason = this.queries.take(query);
    assert(reason === undefined, "a query at the present time is news");
    this.queryQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
  }

  deadlineMs(): InstantMs {
    return this.#coalescer.deadlineMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (const event of this.#coalescer.due(nowMs)) this.#ports.sink.event(event);
  }

  #carryEvent(event: SerfUserEvent, payload: Uint8Array, { from, nowMs }: CarrierSource): void {
    const reason = this.#takeEvent(event, nowMs);
    if (reason === undefined) this.eventQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
    else if (reason !== "duplicate") this.#drop(reason, from);
  }

  #takeEvent(event: SerfUserEvent, nowMs: InstantMs): DropReason | undefined {
    const reason = this.events.take(event);
    if (reason !== undefined) return reason;
    const told = { ...event, payload: event.payload.slice() };
    for (const ready of this.#coalescer.offer(told, nowMs)) this.#ports.sink.event(ready);
    return undefined;
  }

  /** Also when its filters do not name us: others may be named. */
  #carryQuery(query: SerfQuery, payload: Uint8Array, { from, nowMs }: CarrierSource): void {
    const reason = this.queries.take(query);
    if (reason !== undefined) {
      if (reason !== "duplicate") this.#drop(reason, from);
      return;
    }
    if ((query.flags & QUERY_FLAG_NO_BROADCAST) === 0) {
      this.queryQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
    }
    this.#ports.heard(query, nowMs);
  }

  #drop(reason: DropReason, from: Endpoint | undefined): void {
    this.#ports.sink.dropped(reason, from);
  }
}
