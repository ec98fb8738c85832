// Queries of ours that collect their answers until their time is over. Spec section 6.9.

import { Deadlines } from "../deadlines.ts";
import type { DropReason } from "../sink.ts";
import { type InstantMs, type LamportTime, type NodeName, UsageError } from "../types.ts";
import { QUERY_FLAG_ACK, type SerfQueryResponse } from "../wire/messages.ts";

/** Told of what comes back. Called inside the core, so it must only note and pass on. */
export interface QueryListener {
  ack(from: NodeName): void;
  /** The payload is the listener's to keep. */
  response(from: NodeName, payload: Uint8Array): void;
  done(nowMs: InstantMs): void;
}

export interface Asking {
  readonly lamportTime: LamportTime;
  readonly id: number;
  readonly wantsAck: boolean;
  /** Acks, and likewise responses, that are taken: one for each live member when it was asked. */
  readonly capacity: number;
  readonly deadlineMs: InstantMs;
  readonly listener: QueryListener;
}

interface Asked extends Asking {
  readonly acks: Set<NodeName>;
  readonly responses: Set<NodeName>;
}

/** Queries of ours at once; a further one is refused. */
export const MAX_ASKED_QUERIES = 256;

export class AskedQueries {
  readonly #byTime = new Map<LamportTime, Asked>();
  readonly #deadlines = new Deadlines<LamportTime>();

  get size(): number {
    return this.#byTime.size;
  }

  /** Throws UsageError "too_many_queries"; call it before anything else changes. */
  assertRoom(): void {
    if (this.#byTime.size < MAX_ASKED_QUERIES) return;
    throw new UsageError("too_many_queries", `more than ${MAX_ASKED_QUERIES} queries at once`);
  }

  open(asking: Asking): void {
    this.assertRoom();
    this.#byTime.set(asking.lamportTime, { ...asking, acks: new Set(), responses: new Set() });
    this.#deadlines.set(asking.lamportTime, asking.deadlineMs);
  }

  /** Its listener is not called any more. */
  cancel(time: LamportTime): void {
    this.#byTime.delete(time);
    this.#deadlines.clear(time);
  }

  /** Why an answer was not taken. What relays bring a second time is no news, and no fault either. */
  take(response: SerfQueryResponse, nowMs: InstantMs): DropReason | undefined {
    const asked = this.#byTime.get(response.lamportTime);
    if (asked === undefined || nowMs >= asked.deadlineMs) return "late_response";
    if (asked.id !== response.id) return "unknown_query";
    // The stock command ends its query at an answer from nobody.
    if (response.from === "") return "unknown_member";
    const isAck = (response.flags & QUERY_FLAG_ACK) !== 0;
    if (isAck && !asked.wantsAck) return "unknown_query";
    const known = isAck ? asked.acks : asked.responses;
    if (known.has(response.from)) return undefined;
    if (known.size >= asked.capacity) return "queue_full";
    known.add(response.from);
    if (isAck) asked.listener.ack(response.from);
    else asked.listener.response(response.from, response.payload.slice());
    return undefined;
  }

  deadlineMs(): InstantMs {
    return this.#deadlines.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let time = this.#deadlines.takeDue(nowMs); time !== undefined; time = this.#deadlines.takeDue(nowMs)) {
      const asked = this.#byTime.get(time);
      this.#byTime.delete(time);
      asked?.listener.done(nowMs);
    }
  }
}
