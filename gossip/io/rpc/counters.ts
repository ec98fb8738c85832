// What became of clients and their requests, as numbers for metrics.

/** Why a request was refused, a record dropped or a connection closed. They name counters: words are never reused. */
export const RPC_REFUSALS = [
  "handshake_required",
  "unsupported_version",
  "duplicate_handshake",
  "auth_required",
  "bad_auth",
  "unknown_command",
  "stream_exists",
  "too_many_streams",
  "failed",
  "malformed",
  "too_long",
  "too_deep",
  "too_many_clients",
  "too_slow",
  "stalled",
  "record_dropped",
] as const;

export type RpcRefusal = (typeof RPC_REFUSALS)[number];

export class RpcCounters {
  readonly #refusals = new Map<RpcRefusal, number>();
  requests = 0;
  /** Connections now. */
  clients = 0;

  refused(reason: RpcRefusal): void {
    this.#refusals.set(reason, this.#get(reason) + 1);
  }

  stats(): Record<string, number> {
    const refusals = RPC_REFUSALS.map((reason): [string, number] => [`rpc_${reason}`, this.#get(reason)]);
    return { rpc_clients: this.clients, rpc_requests: this.requests, ...Object.fromEntries(refusals) };
  }

  #get(reason: RpcRefusal): number {
    return this.#refusals.get(reason) ?? 0;
  }
}
