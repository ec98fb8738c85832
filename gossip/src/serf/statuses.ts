// What members are to people: alive, leaving, left, failed. Decided by membership's news and by intents, which carry Lamport
// times because they may overtake each other. Spec sections 6.2 and 6.3.

import { Deadlines } from "../deadlines.ts";
import type { MemberRecord } from "../membership/member.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { GossipSink, MembershipEvent } from "../sink.ts";
import { type InstantMs, type LamportTime, lamportTime, type NodeName } from "../types.ts";
import type { SerfJoin, SerfLeave } from "../wire/messages.ts";
import { RecentIntents } from "./intents.ts";
import { LamportClock } from "./lamport-clock.ts";
import { isSameEndpoint, MemberList, type SerfMember, snapshotOf } from "./member-list.ts";

export interface StatusPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  readonly self: NodeName;
  /** We have not called leave. */
  isAlive(): boolean;
  /** Somebody says that we leave, and we do not. */
  contradict(nowMs: InstantMs): void;
  /** A member failed or left. */
  gone(name: NodeName, nowMs: InstantMs): void;
  /** A member was forgotten. */
  forgotten(name: NodeName): void;
}

export class Statuses {
  readonly members = new MemberList();
  readonly clock = new LamportClock();
  readonly #ports: StatusPorts;
  readonly #intents: RecentIntents;
  /** Members that are pruned once their leave has spread. */
  readonly #prunes = new Deadlines<NodeName>();

  constructor(ports: StatusPorts) {
    this.#ports = ports;
    this.#intents = new RecentIntents(ports.options.maxRecentIntents);
    this.clock.increment();
    this.clock.witness(lamportTime(ports.options.restoredClocks.member));
  }

  get intentCount(): number {
    return this.#intents.size;
  }

  deadlineMs(): InstantMs {
    return this.#prunes.nextMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    for (let name = this.#prunes.takeDue(nowMs); name !== undefined; name = this.#prunes.takeDue(nowMs)) {
      const member = this.members.get(name);
      if (member !== undefined && member.status !== "alive") this.#erasePruned(member, nowMs);
    }
  }

  /**
   * A state exchange says that a member has left. Its time is made up (the last one known, plus one) and may equal that of
   * a real join, so it counts only for members that membership, whose records came first in the exchange, holds gone too.
   */
  mergeLeft(node: NodeName, time: LamportTime, nowMs: InstantMs): void {
    const member = this.members.get(node);
    const isPresent = member?.status === "alive" && node !== this.#ports.self;
    if (!isPresent) this.handleLeave({ kind: "leave", lamportTime: time, node, prune: false }, nowMs);
  }

  /** A leave takes seconds. Whoever is still here long after is not leaving: the intent was forged, or its denial lost. */
  forgetOldLeaves(nowMs: InstantMs): void {
    const { broadcastTimeoutMs, leavePropagateMs } = this.#ports.options;
    const patienceMs = 2 * (2 * broadcastTimeoutMs + leavePropagateMs);
    for (const member of this.members.withStatus("leaving")) {
      const isOurs = member.name === this.#ports.self && !this.#ports.isAlive();
      if (!isOurs && nowMs - member.leavingMs > patienceMs) this.members.setStatus(member, "alive");
    }
  }

  forgetOldIntents(nowMs: InstantMs): void {
    this.#intents.forgetOlderThan(this.#ports.options.recentIntentTimeoutMs, nowMs);
  }

  joined(record: MemberRecord, nowMs: InstantMs): void {
    const known = this.members.get(record.name);
    if (known === undefined) this.#meet(record, nowMs);
    else {
      // Another machine under an old name: what was measured of the old one says nothing of it.
      if (!isSameEndpoint(known.endpoint, record.endpoint)) this.#ports.forgotten(record.name);
      this.members.refresh(known, record);
      this.members.setStatus(known, "alive");
      known.goneMs = 0;
      this.#prunes.clear(record.name);
    }
    this.#tell("joined", this.members.get(record.name));
  }

  updated(record: MemberRecord): void {
    const member = this.members.get(record.name);
    if (member === undefined) return;
    this.members.refresh(member, record);
    this.#tell("updated", member);
  }

  departed(record: MemberRecord, nowMs: InstantMs): void {
    const member = this.members.get(record.name);
    if (member === undefined || member.status === "left" || member.status === "failed") return;
    const status = member.status === "leaving" ? "left" : "failed";
    this.members.setStatus(member, status);
    member.goneMs = nowMs;
    this.#tell(status, member);
    this.#ports.gone(record.name, nowMs);
  }

  // ---- intents (spec section 6.3); the answers say whether to pass the intent on ----

  handleJoin(intent: SerfJoin, nowMs: InstantMs): boolean {
    if (!this.#witness(intent.lamportTime)) return false;
    const member = this.members.get(intent.node);
    if (member === undefined) {
      return this.#intents.note(intent.node, { kind: "join", time: intent.lamportTime, heardMs: nowMs });
    }
    if (intent.lamportTime <= member.statusTime) return false;
    member.statusTime = intent.lamportTime;
    if (member.status === "leaving") this.members.setStatus(member, "alive");
    return true;
  }

  handleLeave(intent: SerfLeave, nowMs: InstantMs): boolean {
    if (!this.#witness(intent.lamportTime)) return false;
    const member = this.members.get(intent.node);
    if (member === undefined) {
      return this.#intents.note(intent.node, { kind: "leave", time: intent.lamportTime, heardMs: nowMs });
    }
    // An exchange that was faster has made up the time after the leave's: the very time of the order to forget it.
    const isLatePrune = intent.prune && member.status === "left" && intent.lamportTime === member.statusTime;
    if (intent.lamportTime <= member.statusTime && !isLatePrune) return false;
    if (intent.node === this.#ports.self && this.#ports.isAlive()) {
      // Somebody says that we leave, and we do not: a newer join says so.
      this.#ports.contradict(nowMs);
      return false;
    }
    // Also when the status stays: otherwise two leaves of one member would be passed on for ever.
    member.statusTime = intent.lamportTime;
    if (member.status === "alive") this.#startLeaving(member, nowMs);
    else if (member.status === "failed") {
      this.members.setStatus(member, "left");
      this.#tell("left", member);
    }
    if (intent.prune) this.#prune(member, nowMs);
    return true;
  }

  /** The reference sleeps while it holds its lock, so that the leave can spread first; we set a deadline. */
  #prune(member: SerfMember, nowMs: InstantMs): void {
    const { broadcastTimeoutMs, leavePropagateMs } = this.#ports.options;
    if (member.status === "leaving") this.#prunes.set(member.name, nowMs + broadcastTimeoutMs + leavePropagateMs);
    else this.#erasePruned(member, nowMs);
  }

  /** What told us to is still going round: kept as news that is known, it is not passed on a second time. */
  #erasePruned(member: SerfMember, nowMs: InstantMs): void {
    this.#intents.note(member.name, { kind: "join", time: member.statusTime, heardMs: nowMs });
    this.erase(member);
  }

  #witness(time: LamportTime): boolean {
    const isSane = this.clock.witness(time);
    if (!isSane) this.#ports.sink.dropped("bad_lamport_time", undefined);
    return isSane;
  }

  #startLeaving(member: SerfMember, nowMs: InstantMs): void {
    this.members.setStatus(member, "leaving");
    member.leavingMs = nowMs;
  }

  #meet(record: MemberRecord, nowMs: InstantMs): void {
    const member = this.members.add(record);
    const joinedAt = this.#intents.lookup(record.name, "join");
    const leftAt = this.#intents.lookup(record.name, "leave");
    if (joinedAt !== undefined) member.statusTime = joinedAt;
    if (leftAt !== undefined) {
      member.statusTime = leftAt;
      this.#startLeaving(member, nowMs);
    }
  }

  erase(member: SerfMember): void {
    this.members.remove(member);
    this.#prunes.clear(member.name);
    this.#ports.forgotten(member.name);
    this.#ports.sink.event({ kind: "reaped", member: snapshotOf(member) });
  }

  #tell(kind: MembershipEvent["kind"], member: SerfMember | undefined): void {
    if (member !== undefined) this.#ports.sink.event({ kind, member: snapshotOf(member) });
  }
}
