// Every member that is known, by name and in probe order. Dead and left ones stay for a while, because news about them
// still has to be told from stale rumours.

import { addressText } from "../address.ts";
import { pickDistinct, type Random } from "../random.ts";
import { assert, type DurationMs, type Endpoint, type InstantMs, incarnation, type NodeName } from "../types.ts";
import type { RecordState } from "../wire/messages.ts";
import { isRunning, type MemberRecord } from "./member.ts";
import type { AliveClaim } from "./merge.ts";
import { ProbeSchedule } from "./probe-schedule.ts";

export interface MemberTableOptions {
  readonly self: NodeName;
  readonly maxMembers: number;
  readonly random: Random;
  /** A member stopped running or was forgotten. */
  departed(): void;
}

export class MemberTable {
  readonly #byName = new Map<NodeName, MemberRecord>();
  readonly #schedule: ProbeSchedule<MemberRecord>;
  readonly #random: Random;
  readonly #maxMembers: number;
  readonly #departed: () => void;
  #running = 0;

  readonly #self: NodeName;

  constructor(options: MemberTableOptions) {
    this.#self = options.self;
    this.#maxMembers = options.maxMembers;
    this.#random = options.random;
    this.#departed = options.departed;
    this.#schedule = new ProbeSchedule(options.random.fork("schedule"));
  }

  /** Every known member whatever its state: what the logarithms of the protocol are taken of. */
  get size(): number {
    return this.#byName.size;
  }

  /** Members alive or suspect, ourselves included. */
  get runningCount(): number {
    return this.#running;
  }

  get isFull(): boolean {
    return this.#byName.size >= this.#maxMembers;
  }

  get(name: NodeName): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  all(): IterableIterator<MemberRecord> {
    return this.#byName.values();
  }

  /** A new member as its first claim describes it; the claim is applied by `apply` afterwards. */
  insert(claim: AliveClaim, nowMs: InstantMs): MemberRecord {
    assert(!this.#byName.has(claim.node), "a member is inserted once");
    assert(!this.isFull, "the member table has room");
    const record: MemberRecord = {
      name: claim.node,
      addr: claim.addr,
      endpoint: { host: "", port: 0 },
      meta: claim.meta,
      vsn: claim.vsn,
      incarnation: incarnation(0),
      state: "dead",
      stateChangedMs: nowMs,
      correctedMs: Number.NEGATIVE_INFINITY,
      reportedMs: Number.NEGATIVE_INFINITY,
    };
    this.#byName.set(claim.node, record);
    this.#schedule.insert(record);
    return record;
  }

  /** Takes over an accepted claim. The bytes are copied: claims are views into packets. */
  apply(record: MemberRecord, claim: AliveClaim, nowMs: InstantMs): void {
    record.addr = claim.addr.slice();
    record.endpoint = endpoint(record.addr, claim.port);
    record.meta = claim.meta.slice();
    record.vsn = claim.vsn.slice();
    record.incarnation = incarnation(claim.incarnation);
    this.setState(record, "alive", nowMs);
  }

  setState(record: MemberRecord, state: RecordState, nowMs: InstantMs): void {
    if (record.state === state) return;
    if (isRunning(record)) this.#running -= 1;
    record.state = state;
    record.stateChangedMs = nowMs;
    if (isRunning(record)) this.#running += 1;
    else this.#departed();
  }

  pick(count: number, eligible: (record: MemberRecord) => boolean): MemberRecord[] {
    return pickDistinct(this.#schedule.order, count, this.#random, eligible);
  }

  /** The next in the round; at the end of a cycle those dead or left for longer than `forgetAfterMs` are forgotten. */
  nextToProbe(
    eligible: (record: MemberRecord) => boolean,
    cycle: { readonly nowMs: InstantMs; readonly forgetAfterMs: DurationMs },
  ): MemberRecord | undefined {
    return this.#schedule.next(eligible, () => {
      const keep = (record: MemberRecord): boolean =>
        isRunning(record) || record.name === this.#self || cycle.nowMs - record.stateChangedMs <= cycle.forgetAfterMs;
      for (const record of this.#schedule.reset(keep)) {
        this.#byName.delete(record.name);
        this.#departed();
      }
    });
  }
}

function endpoint(addr: Uint8Array, port: number): Endpoint {
  const host = addressText(addr);
  assert(host !== undefined, "a claim's address was checked when it was decoded");
  return { host, port };
}
