// What an agent does for its operators: the RPC, scripts for events, and the coalesced events that both are told.

import type { Member } from "../../src/sink.ts";
import type { InstantMs } from "../../src/types.ts";
import type { LogTee } from "../log.ts";
import type { AgentEvent } from "../queries.ts";
import type { RpcBackend } from "../rpc/backend.ts";
import { RpcServer, type RpcServerOptions } from "../rpc/server.ts";
import type { CoalesceOptions } from "./coalescer.ts";
import { type EventHandlerOptions, EventHandlers } from "./event-handlers.ts";
import { OperatorFeed } from "./feed.ts";

export interface OperatorOptions {
  readonly rpc?: RpcServerOptions | undefined;
  readonly handlers?: EventHandlerOptions | undefined;
  readonly coalesce?: CoalesceOptions | undefined;
}

export interface OperatorParts {
  readonly backend: Omit<RpcBackend, "onEvent">;
  readonly self: () => Member;
  readonly log: LogTee;
  readonly nowMs: () => InstantMs;
}

export class OperatorSide {
  readonly #feed: OperatorFeed;
  readonly #handlers: EventHandlers;
  readonly #rpc: RpcServer | undefined;

  /** Throws UsageError "rpc_auth_required" or "bad_event_handler". */
  constructor(options: OperatorOptions, parts: OperatorParts) {
    this.#feed = new OperatorFeed(options.coalesce ?? {}, parts);
    this.#handlers = new EventHandlers(options.handlers ?? {}, parts.log);
    if (!this.#handlers.isEmpty) this.#feed.onEvent((event) => this.#handlers.handle(event, parts.self()));
    if (options.rpc === undefined) return;
    const backend: RpcBackend = { ...parts.backend, onEvent: (listener) => this.#feed.onEvent(listener) };
    this.#rpc = new RpcServer(options.rpc, backend, parts.log);
  }

  handle(event: AgentEvent): void {
    this.#feed.handle(event);
  }

  /** Opens the RPC; resolves to its port, if there is one. Rejects when the port is taken. */
  async start(): Promise<number | undefined> {
    return this.#rpc?.start();
  }

  /** "filter:name" to script. */
  describeHandlers(): Record<string, string> {
    return this.#handlers.describe();
  }

  /** Tells what was held back, before it returns; then waits for scripts, with a bound, and for clients. Idempotent. */
  async stop(): Promise<void> {
    this.#feed.stop();
    await Promise.all([this.#handlers.stop(), this.#rpc?.stop()]);
  }

  stats(): Record<string, number> {
    return { ...this.#handlers.stats(), ...this.#rpc?.stats() };
  }
}
