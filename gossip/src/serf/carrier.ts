// Serf messages that are passed on for others: user events to the application and onwards, queries onwards, relayed
// answers to where they want to go. What we have no use for is counted.

import { endpointOf } from "../address.ts";
import { BroadcastQueue } from "../membership/broadcast-queue.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason, GossipSink } from "../sink.ts";
import type { Endpoint } from "../types.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import {
  QUERY_FLAG_NO_BROADCAST,
  type SerfEventSlot,
  type SerfMessage,
  type SerfQuery,
  type SerfUserEvent,
} from "../wire/messages.ts";
import { Queries } from "./queries.ts";
import { UserEvents } from "./user-events.ts";

export interface CarrierPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  /** A user message in a packet of its own. */
  send(to: Endpoint, payload: Uint8Array): void;
}

export class Carrier {
  readonly events = new UserEvents();
  readonly queries = new Queries();
  readonly eventQueue: BroadcastQueue;
  readonly queryQueue: BroadcastQueue;
  readonly #ports: CarrierPorts;

  constructor(ports: CarrierPorts) {
    this.#ports = ports;
    this.eventQueue = new BroadcastQueue(ports.options.maxQueuedBroadcasts);
    this.queryQueue = new BroadcastQueue(ports.options.maxQueuedBroadcasts);
  }

  handle(message: SerfMessage, payload: Uint8Array, from: Endpoint | undefined): void {
    switch (message.kind) {
      case "userEvent":
        this.#carryEvent(message, payload, from);
        return;
      case "query":
        this.#carryQuery(message, payload, from);
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
  mergeEvents(slots: readonly (SerfEventSlot | null)[]): void {
    for (const slot of slots) {
      for (const event of slot?.events ?? []) {
        const lamportTime = slot?.lamportTime;
        if (lamportTime !== undefined) this.#takeEvent({ kind: "userEvent", lamportTime, ...event, coalesce: false });
      }
    }
  }

  #carryEvent(event: SerfUserEvent, payload: Uint8Array, from: Endpoint | undefined): void {
    const reason = this.#takeEvent(event);
    if (reason === undefined) this.eventQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
    else if (reason !== "duplicate") this.#drop(reason, from);
  }

  #takeEvent(event: SerfUserEvent): DropReason | undefined {
    const reason = this.events.take(event);
    if (reason === undefined) this.#ports.sink.event({ ...event, payload: event.payload.slice() });
    return reason;
  }

  /** Also when its filters do not name us: others may be named. */
  #carryQuery(query: SerfQuery, payload: Uint8Array, from: Endpoint | undefined): void {
    const reason = this.queries.take(query);
    if (reason !== undefined) {
      if (reason !== "duplicate") this.#drop(reason, from);
      return;
    }
    if ((query.flags & QUERY_FLAG_NO_BROADCAST) === 0) {
      this.queryQueue.queue({ bytes: encodeMessage({ kind: "user", payload }) });
    }
  }

  #drop(reason: DropReason, from: Endpoint | undefined): void {
    this.#ports.sink.dropped(reason, from);
  }
}
