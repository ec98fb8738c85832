// Carries out what claims about members mean: changes records, passes news on, defends ourselves, and times suspicions.
// Spec sections 4.4 to 4.8.

import { endpointOf, unmapped } from "../address.ts";
import { Deadlines } from "../deadlines.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { DropReason } from "../sink.ts";
import { assert, assertNever, type Endpoint, type InstantMs, incarnation, type NodeName } from "../types.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import type { AliveMessage, DeadMessage, SuspectMessage, VersionVector } from "../wire/messages.ts";
import type { BroadcastQueue } from "./broadcast-queue.ts";
import type { MembershipDelegate } from "./delegate.ts";
import type { LocalHealth } from "./local-health.ts";
import { bytesEqual, isRunning, type MemberRecord, ownVersions } from "./member.ts";
import type { MemberTable } from "./member-table.ts";
import {
  type AcceptAlive,
  decideAlive,
  decideDead,
  decideSuspect,
  type Ignore,
  MAX_INCARNATION,
  type MergeContext,
} from "./merge.ts";
import { Suspicion, suspicionBounds } from "./suspicion.ts";
import type { Timings } from "./timing.ts";

export interface RumourPorts {
  readonly options: ResolvedGossipOptions;
  readonly self: NodeName;
  readonly selfAddr: Uint8Array;
  readonly table: MemberTable;
  readonly queue: BroadcastQueue;
  readonly health: LocalHealth;
  readonly delegate: MembershipDelegate;
  readonly timings: Timings;
  /** A packet of its own to one member. */
  tell(record: MemberRecord, message: Uint8Array): void;
  /** A member that is new or back. */
  met(record: MemberRecord): void;
  dropped(reason: DropReason, from: Endpoint | undefined): void;
}

/** A returned member is told at most this often that it is thought gone. */
const CORRECTION_INTERVAL_MS = 1_000;

export class Rumours {
  readonly #ports: RumourPorts;
  readonly #versions: VersionVector;
  readonly #suspicions = new Map<NodeName, Suspicion>();
  readonly #timers = new Deadlines<NodeName>();
  #incarnation = 0;
  #meta: Uint8Array = new Uint8Array(0);
  #leaving = false;
  #stale = 0;
  #refutations = 0;

  constructor(ports: RumourPorts) {
    this.#ports = ports;
    this.#versions = ownVersions(ports.options.serfProtocol);
  }

  get isLeaving(): boolean {
    return this.#leaving;
  }

  /** Claims that were no news: the normal fate of most gossip. */
  get staleClaims(): number {
    return this.#stale;
  }

  get refutations(): number {
    return this.#refutations;
  }

  get suspicionCount(): number {
    return this.#suspicions.size;
  }

  deadlineMs(): InstantMs {
    return this.#timers.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let name = this.#timers.takeDue(nowMs); name !== undefined; name = this.#timers.takeDue(nowMs)) {
      this.#suspicions.delete(name);
      const record = this.#ports.table.get(name);
      if (record?.state !== "suspect") continue;
      const from = this.#ports.self;
      this.claimDead({ kind: "dead", node: name, incarnation: record.incarnation, from }, nowMs);
    }
  }

  /** Puts ourselves into the table, or tells everybody our new meta; both need a new incarnation. */
  announceSelf(meta: Uint8Array, nowMs: InstantMs): void {
    const { table, self, delegate } = this.#ports;
    this.#meta = meta;
    this.#incarnation += 1;
    const claim = this.#ownClaim();
    const known = table.get(self);
    const record = known ?? table.insert(claim, nowMs);
    const changed = known !== undefined && !bytesEqual(known.meta, meta);
    table.apply(record, claim, nowMs);
    this.#broadcast(claim);
    if (known === undefined) delegate.joined(record, nowMs);
    else if (changed) delegate.updated(record, nowMs);
  }

  /** Tells everybody that we go; `finished` is called when that has been told often enough. */
  leave(nowMs: InstantMs, finished: () => void): void {
    this.#leaving = true;
    const { self, table, delegate, queue } = this.#ports;
    const record = table.get(self);
    assert(record !== undefined, "a started member is in its own table");
    const farewell: DeadMessage = { kind: "dead", node: self, from: self, incarnation: incarnation(this.#incarnation) };
    table.setState(record, "left", nowMs);
    queue.queue({ bytes: encodeMessage(farewell), subject: self, finished });
    delegate.departed(record, nowMs);
  }

  /** About anybody, also ourselves, from a packet or an exchange. */
  claimAlive(message: AliveMessage, nowMs: InstantMs): void {
    const { table, options } = this.#ports;
    const claim = usable(message, options.advertise.port);
    if (claim === undefined) {
      this.#ports.dropped("bad_address", undefined);
      return;
    }
    const record = table.get(claim.node);
    const decision = decideAlive(record, claim, this.#context(claim.node, nowMs));
    switch (decision.kind) {
      case "ignore":
        this.#ignore(decision);
        if (record !== undefined) this.#correct(record, nowMs);
        return;
      case "conflict":
        this.#conflict(record as MemberRecord, claim);
        return;
      case "refute":
        this.#refute(claim.incarnation);
        return;
      case "accept":
        this.#acceptAlive(claim, decision, nowMs);
        return;
      default:
        assertNever(decision);
        return;
    }
  }

  /** Whether a claim of life is contained in what we know, so that hearing it again before a departure is no news. */
  isSettled(message: AliveMessage): boolean {
    const record = this.#ports.table.get(message.node);
    return (
      record !== undefined &&
      isRunning(record) &&
      message.incarnation <= record.incarnation &&
      message.port === record.endpoint.port &&
      bytesEqual(message.addr, record.addr)
    );
  }

  /** True when a suspicion began or grew stronger, or when it was about us and refuted. */
  claimSuspect(message: SuspectMessage, nowMs: InstantMs): boolean {
    const record = this.#ports.table.get(message.node);
    const decision = decideSuspect(record, message, this.#context(message.node, nowMs));
    switch (decision.kind) {
      case "ignore":
        this.#ignore(decision);
        return false;
      case "refute":
        this.#refute(message.incarnation);
        return true;
      case "confirm":
        return this.#confirm(message);
      case "accept":
        this.#startSuspicion(record as MemberRecord, message, nowMs);
        return true;
      default:
        return assertNever(decision);
    }
  }

  claimDead(message: DeadMessage, nowMs: InstantMs): void {
    const { table, delegate } = this.#ports;
    const record = table.get(message.node);
    const decision = decideDead(record, message, this.#context(message.node, nowMs));
    switch (decision.kind) {
      case "ignore":
        this.#ignore(decision);
        return;
      case "refute":
        this.#refute(message.incarnation);
        return;
      case "accept": {
        const gone = record as MemberRecord;
        this.#endSuspicion(message.node);
        this.#broadcast(message);
        gone.incarnation = message.incarnation;
        table.setState(gone, decision.state, nowMs);
        delegate.departed(gone, nowMs);
        return;
      }
      default:
        assertNever(decision);
        return;
    }
  }

  #acceptAlive(claim: AliveMessage, accepted: AcceptAlive, nowMs: InstantMs): void {
    const { table, delegate } = this.#ports;
    const known = table.get(claim.node);
    if (known === undefined && table.isFull) {
      this.#ports.dropped("table_full", undefined);
      return;
    }
    const record = known ?? table.insert(claim, nowMs);
    this.#endSuspicion(claim.node);
    table.apply(record, claim, nowMs);
    this.#broadcast(claim);
    if (accepted.joined) this.#ports.met(record);
    if (accepted.joined) delegate.joined(record, nowMs);
    else if (accepted.updated) delegate.updated(record, nowMs);
  }

  /**
   * An old claim of life about somebody who is dead or left to us: others may have met it again since, under an incarnation
   * too low for us, and nobody would tell it. Told directly it refutes at once; the reference waits for a state exchange.
   */
  #correct(record: MemberRecord, nowMs: InstantMs): void {
    if (isRunning(record) || record.name === this.#ports.self) return;
    if (nowMs - record.correctedMs < CORRECTION_INTERVAL_MS) return;
    record.correctedMs = nowMs;
    const { name, incarnation: known, state } = record;
    const from = state === "left" ? name : this.#ports.self;
    this.#ports.tell(record, encodeMessage({ kind: "dead", node: name, incarnation: known, from }));
  }

  #conflict(record: MemberRecord, claim: AliveMessage): void {
    const other = endpointOf(claim.addr, claim.port);
    this.#ports.dropped("conflict", other);
    if (other !== undefined) this.#ports.delegate.conflict(record, other);
  }

  #startSuspicion(record: MemberRecord, message: SuspectMessage, nowMs: InstantMs): void {
    const { table, timings } = this.#ports;
    this.#broadcast(message);
    record.incarnation = message.incarnation;
    table.setState(record, "suspect", nowMs);
    const bounds = suspicionBounds(timings.of(record.name), table.size);
    const suspicion = new Suspicion(bounds, message.from, nowMs);
    this.#suspicions.set(record.name, suspicion);
    this.#timers.set(record.name, suspicion.deadlineMs());
  }

  #confirm(message: SuspectMessage): boolean {
    const suspicion = this.#suspicions.get(message.node);
    if (suspicion?.confirm(message.from) !== true) return false;
    this.#timers.set(message.node, suspicion.deadlineMs());
    this.#broadcast(message);
    return true;
  }

  #endSuspicion(name: NodeName): void {
    if (this.#suspicions.delete(name)) this.#timers.clear(name);
  }

  /** Only we may raise our incarnation, and only a higher one than the accusation's undoes it everywhere. */
  #refute(accusedIncarnation: number): void {
    this.#incarnation = Math.min(MAX_INCARNATION, Math.max(this.#incarnation, accusedIncarnation) + 1);
    this.#refutations += 1;
    this.#ports.health.apply(1);
    const record = this.#ports.table.get(this.#ports.self);
    assert(record !== undefined, "a started member is in its own table");
    record.incarnation = incarnation(this.#incarnation);
    this.#broadcast(this.#ownClaim());
  }

  #ownClaim(): AliveMessage {
    const { self, selfAddr, options } = this.#ports;
    return {
      kind: "alive",
      node: self,
      incarnation: incarnation(this.#incarnation),
      addr: selfAddr,
      port: options.advertise.port,
      meta: this.#meta,
      vsn: this.#versions,
    };
  }

  #broadcast(message: AliveMessage | SuspectMessage | DeadMessage): void {
    this.#ports.queue.queue({ bytes: encodeMessage(message), subject: message.node });
  }

  #context(name: NodeName, nowMs: InstantMs): MergeContext {
    const { self, options } = this.#ports;
    return {
      isSelf: name === self,
      leaving: this.#leaving,
      nowMs,
      deadNodeReclaimMs: options.deadNodeReclaimMs,
      ownVersions: this.#versions,
    };
  }

  #ignore(decision: Ignore): void {
    const isNormal = decision.reason === "stale" || decision.reason === "unknown_member";
    if (isNormal) this.#stale += 1;
    else this.#ports.dropped(decision.reason, undefined);
  }
}

/** The claim with what is left out filled in; undefined when it has no address. Usually the message itself. */
function usable(message: AliveMessage, defaultPort: number): AliveMessage | undefined {
  const { length } = message.addr;
  if (length === 4 && message.port !== 0) return message;
  if (length !== 4 && length !== 16) return undefined;
  return { ...message, addr: unmapped(message.addr), port: message.port === 0 ? defaultPort : message.port };
}
