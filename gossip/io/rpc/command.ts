// What a command of the RPC is given and answers, and what it may keep running on its connection.

import type { QueryCall } from "../queries.ts";
import type { RpcBackend } from "./backend.ts";
import { OWN_RPC_ERROR, RpcError } from "./messages.ts";
import type { RpcMap, RpcWritable } from "./value.ts";

export type Seq = number | bigint;

export interface RecordOptions {
  /** False for what the client waits for; other records are lost beyond a bound while it does not read. Default true. */
  readonly canDrop?: boolean;
}

export interface CommandContext {
  readonly backend: RpcBackend;
  /** Running streams, queries and the monitor, by the Seq that opened them, with what ends them. */
  readonly subscriptions: Map<Seq, () => void>;
  /** Queries of others that this connection was told of. */
  readonly calls: PendingCalls;
  /** A connection has one monitor. */
  hasMonitor: boolean;
  /** Records of a stream that wait are of no use any more. */
  readonly forget: (seq: Seq) => void;
  readonly record: (seq: Seq, record: RpcWritable, options?: RecordOptions) => void;
}

export interface Reply {
  /** Absent or empty: success. */
  readonly error?: string;
  readonly body?: RpcWritable;
  /** What begins once the reply is written: the records of a stream. */
  readonly afterwards?: () => void;
}

export interface Request {
  readonly seq: Seq;
  readonly body: RpcMap;
}

export type Command = (request: Request, context: CommandContext) => Promise<Reply> | Reply;

export const DONE: Reply = {};

/** Streams and queries of one connection. */
const MAX_SUBSCRIPTIONS = 64;
/** Queries that a connection may answer; the oldest are forgotten first. */
const MAX_CALLS = 512;

/** Why nothing more may run under this Seq; undefined when it may. */
export function subscriptionProblem(seq: Seq, { subscriptions }: CommandContext): string | undefined {
  if (subscriptions.has(seq)) return RpcError.streamExists;
  return subscriptions.size >= MAX_SUBSCRIPTIONS ? OWN_RPC_ERROR.tooManyStreams : undefined;
}

/** `open` begins the records and answers what ends them. */
export function subscribe(seq: Seq, context: CommandContext, open: () => () => void): Reply {
  const error = subscriptionProblem(seq, context);
  return error === undefined ? { afterwards: () => context.subscriptions.set(seq, open()) } : { error };
}

/** Queries to be answered, by numbers that count from one on each connection. */
export class PendingCalls {
  readonly #calls = new Map<number, QueryCall>();
  #lastId = 0;

  /** The number by which the client answers. */
  add(call: QueryCall): number {
    this.#lastId += 1;
    this.#calls.set(this.#lastId, call);
    if (this.#calls.size > MAX_CALLS) this.#calls.delete(this.#lastId - MAX_CALLS);
    return this.#lastId;
  }

  get(id: Seq): QueryCall | undefined {
    return this.#calls.get(Number(id));
  }

  forget(id: Seq): void {
    this.#calls.delete(Number(id));
  }
}
