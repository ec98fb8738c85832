// Queries of others, and our own, that wait for an answer of our application. Spec section 6.9.

import { Deadlines } from "../deadlines.ts";
import { type InboundQueryId, type InstantMs, inboundQueryId, UsageError } from "../types.ts";
import type { SerfQuery } from "../wire/messages.ts";

/** What is needed to answer; holds nothing of the packet that it came in. */
export type Answerable = Pick<SerfQuery, "lamportTime" | "id" | "addr" | "port" | "sourceNode" | "relayFactor">;

interface Heard {
  readonly query: Answerable;
  readonly deadlineMs: InstantMs;
  isAnswered: boolean;
}

/** Queries that can be answered at once; beyond it the oldest can no longer be. */
export const MAX_HEARD_QUERIES = 1024;

export class HeardQueries {
  readonly #byId = new Map<InboundQueryId, Heard>();
  readonly #deadlines = new Deadlines<InboundQueryId>();
  #lastId = 0;

  get size(): number {
    return this.#byId.size;
  }

  add(query: Answerable, deadlineMs: InstantMs): InboundQueryId {
    if (this.#byId.size >= MAX_HEARD_QUERIES) this.#forgetOldest();
    this.#lastId += 1;
    const id = inboundQueryId(this.#lastId);
    this.#byId.set(id, { query: answerable(query), deadlineMs, isAnswered: false });
    this.#deadlines.set(id, deadlineMs);
    return id;
  }

  /** To whom the answer goes. Throws UsageError "unknown_query", "response_sent" or "past_deadline". */
  open(id: InboundQueryId, nowMs: InstantMs): Answerable {
    const heard = this.#byId.get(id);
    if (heard === undefined) throw new UsageError("unknown_query", "No pending queries matching ID");
    if (heard.isAnswered) throw new UsageError("response_sent", "response already sent");
    if (nowMs >= heard.deadlineMs) throw new UsageError("past_deadline", "response is past the deadline");
    return heard.query;
  }

  /** A query is answered once. */
  close(id: InboundQueryId): void {
    const heard = this.#byId.get(id);
    if (heard !== undefined) heard.isAnswered = true;
  }

  deadlineMs(): InstantMs {
    return this.#deadlines.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let id = this.#deadlines.takeDue(nowMs); id !== undefined; id = this.#deadlines.takeDue(nowMs)) {
      this.#byId.delete(id);
    }
  }

  #forgetOldest(): void {
    for (const id of this.#byId.keys()) {
      this.#byId.delete(id);
      this.#deadlines.clear(id);
      return;
    }
  }
}

function answerable({ lamportTime, id, addr, port, sourceNode, relayFactor }: Answerable): Answerable {
  return { lamportTime, id, addr: addr.slice(), port, sourceNode, relayFactor };
}
