// Queries to everybody, as promises, and those of others as values that can be answered.

import type { GossipCore, QueryOptions } from "../src/core.ts";
import type { MembershipEvent, QueryAnswerEvent, QueryEvent, UserEvent } from "../src/sink.ts";
import type { CommandId } from "../src/types.ts";

export interface AgentQueryOptions extends QueryOptions {
  /** Called as they arrive. One that throws ends the query with its error. */
  readonly onAck?: (from: string) => void;
  readonly onResponse?: (response: QueryResponse) => void;
  readonly signal?: AbortSignal;
}

export interface QueryResponse {
  readonly from: string;
  readonly payload: Uint8Array;
}

/** In order of arrival, at most one of each per member. */
export interface QueryResult {
  readonly acks: readonly string[];
  readonly responses: readonly QueryResponse[];
}

/** Somebody, maybe this agent itself, asks everybody. */
export interface QueryCall {
  readonly kind: "query";
  readonly name: string;
  readonly payload: Uint8Array;
  readonly from: string;
  readonly lamportTime: number;
  /** Once, and in time: throws UsageError "response_sent", "past_deadline", "unknown_query" or "response_too_large". */
  respond(payload: Uint8Array): void;
}

/** What `onEvent` tells. */
export type AgentEvent = MembershipEvent | UserEvent | QueryCall;

type Command = <T>(call: (core: GossipCore, nowMs: number) => T) => T;

interface Pending {
  readonly acks: string[];
  readonly responses: QueryResponse[];
  readonly options: AgentQueryOptions;
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Our queries that collect answers. The core bounds them. */
export class AgentQueries {
  readonly #pending = new Map<CommandId, Pending>();
  readonly #command: Command;

  constructor(command: Command) {
    this.#command = command;
  }

  /** Resolves when the time of the query is over. Rejects with the core's UsageError or the signal's reason. */
  async ask(name: string, payload: Uint8Array, options: AgentQueryOptions = {}): Promise<QueryResult> {
    return this.begin(name, payload, options);
  }

  /** As `ask`, but what is refused at once is thrown. */
  begin(name: string, payload: Uint8Array, options: AgentQueryOptions = {}): Promise<QueryResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    const id = this.#command((core, nowMs) => core.query(name, payload, { ...options, nowMs }));
    const abort = (): void => {
      this.#pending.get(id)?.reject(signal?.reason);
      this.#pending.delete(id);
      this.#command((core) => core.cancelQuery(id));
    };
    signal?.addEventListener("abort", abort, { once: true });
    const result = new Promise<QueryResult>((resolve, reject) => {
      this.#pending.set(id, { acks: [], responses: [], options, resolve, reject });
    });
    return result.finally(() => signal?.removeEventListener("abort", abort));
  }

  settle(event: QueryAnswerEvent): void {
    const pending = this.#pending.get(event.id);
    if (pending === undefined) return;
    if (event.kind === "queryDone") {
      this.#pending.delete(event.id);
      pending.resolve({ acks: pending.acks, responses: pending.responses });
      return;
    }
    try {
      note(event, pending);
    } catch (error) {
      this.#pending.delete(event.id);
      this.#command((core) => core.cancelQuery(event.id));
      pending.reject(error);
    }
  }

  call({ kind, id, name, payload, from, lamportTime }: QueryEvent): QueryCall {
    const respond = (answer: Uint8Array): void =>
      this.#command((core, nowMs) => core.respondToQuery(id, answer, nowMs));
    return { kind, name, payload, from, lamportTime, respond };
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const { acks, responses, resolve } of this.#pending.values()) resolve({ acks, responses });
    this.#pending.clear();
  }
}

function note(
  event: Exclude<QueryAnswerEvent, { readonly kind: "queryDone" }>,
  { acks, responses, options }: Pending,
): void {
  if (event.kind === "queryAck") {
    acks.push(event.from);
    options.onAck?.(event.from);
    return;
  }
  const response = { from: event.from, payload: event.payload };
  responses.push(response);
  options.onResponse?.(response);
}
