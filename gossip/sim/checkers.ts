// What must hold at every moment of every run. Events are checked as they happen, at constant cost each; the rest after
// every step.

import type { GossipEvent, MembershipEvent } from "../src/sink.ts";
import { assertNever, type DurationMs, type InstantMs } from "../src/types.ts";
import type { Belief, SimNode } from "./node.ts";

export class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Violation";
  }
}

/** The simulated application begins every request with this many bytes that no other request has. */
export const TOKEN_BYTES = 8;

export interface CheckerOptions {
  /** Largest datagram that may leave a member. */
  readonly maxPacketBytes: number;
  /** A record that membership has forgotten may come back with any incarnation. */
  readonly forgetAfterMs: DurationMs;
  readonly maxQueuedBroadcasts: number;
  readonly maxMembers: number;
  /** Members of the scenario: a table must not hold inventions. */
  readonly isKnownName: (name: string) => boolean;
}

interface Reading {
  life: number;
  memberTime: number;
  incarnation: number;
}

export class Checkers {
  readonly #options: CheckerOptions;
  readonly #readings = new Map<number, Reading>();
  largestPacketBytes = 0;
  checks = 0;

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  packet(node: SimNode, bytes: Uint8Array): void {
    if (bytes.length > this.largestPacketBytes) this.largestPacketBytes = bytes.length;
    if (bytes.length > this.#options.maxPacketBytes) {
      throw new Violation(`${node.name} sent a packet of ${bytes.length} bytes`);
    }
  }

  event(node: SimNode, event: GossipEvent, nowMs: InstantMs): void {
    this.checks += 1;
    switch (event.kind) {
      case "joined":
      case "left":
      case "failed":
      case "updated":
      case "reaped":
        this.#member(node, event, nowMs);
        return;
      case "requestResult": {
        const asked = node.requests.get(event.id);
        if (asked !== undefined && asked.outcome !== "waiting") {
          throw new Violation(`${node.name} was told twice what became of request ${event.id}`);
        }
        return;
      }
      case "userEvent": {
        const key = `${event.lamportTime}/${event.name}/${event.payload.join(",")}`;
        const times = (node.userEvents.get(key) ?? 0) + 1;
        node.userEvents.set(key, times);
        if (times > 1) throw new Violation(`${node.name} was told the event ${event.name} twice`);
        return;
      }
      case "request": {
        const key = event.body.subarray(0, TOKEN_BYTES).join(",");
        if (node.carriedOut.has(key)) throw new Violation(`${node.name} carried a request out twice`);
        node.carriedOut.add(key);
        return;
      }
      case "query":
        once(node, `query ${event.from}/${event.lamportTime}/${event.name}`, "the query");
        return;
      case "queryAck":
      case "queryResponse":
        once(node, `${event.kind} ${event.id}/${event.from}`, "of an answer");
        return;
      case "queryDone":
      case "keyResult":
        once(node, `${event.kind} ${event.id}`, "the end");
        return;
      case "joinResult":
      case "joinDone":
      case "leaveDone":
      case "conflict":
      case "nameKept":
      case "nameLost":
      case "keyringChanged":
        return;
      default:
        assertNever(event);
    }
  }

  /** A member is here or it is not: nobody arrives twice or departs twice, nor comes back older than it went. */
  #member(node: SimNode, event: MembershipEvent, nowMs: InstantMs): void {
    const { kind, member } = event;
    if (!this.#options.isKnownName(member.name)) throw new Violation(`${node.name} met an invention: ${member.name}`);
    const belief = node.beliefs.get(member.name);
    const wasPresent = belief?.isPresent ?? false;
    const where = `${node.name} about ${member.name} at ${nowMs.toFixed(0)} ms`;
    const problem = impossible(kind, belief);
    if (problem !== undefined) throw new Violation(`${problem}: ${where}`);
    if (kind === "joined" && belief !== undefined) this.#rejoined(belief, event, { where, nowMs });
    if (kind === "updated" && belief !== undefined && member.incarnation < belief.incarnation) {
      throw new Violation(`incarnation went back: ${where}`);
    }
    const isPresent = kind === "joined" || (kind === "updated" && wasPresent);
    node.presentCount += Number(isPresent) - Number(wasPresent);
    // A failed member that is declared left stays gone since when it failed.
    const atMs = !wasPresent && !isPresent && belief !== undefined ? belief.atMs : nowMs;
    node.beliefs.set(member.name, { kind, incarnation: member.incarnation, atMs, isPresent });
  }

  #rejoined(
    belief: Belief,
    event: MembershipEvent,
    about: { readonly where: string; readonly nowMs: InstantMs },
  ): void {
    const isRemembered = about.nowMs - belief.atMs < this.#options.forgetAfterMs;
    if (isRemembered && belief.kind !== "reaped" && event.member.incarnation <= belief.incarnation) {
      throw new Violation(`back from the dead without a larger incarnation: ${about.where}`);
    }
  }

  /** After every step, for every node. */
  step(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      if (node.core === undefined) continue;
      this.checks += 1;
      const stats = node.core.stats();
      const value = (name: string): number => stats[name] ?? 0;
      this.#monotonic(node, { life: node.life, memberTime: value("member_time"), incarnation: value("incarnation") });
      for (const queue of ["broadcast_queue", "intent_queue", "event_queue", "query_queue"]) {
        if (value(queue) > this.#options.maxQueuedBroadcasts) throw new Violation(`${queue} of ${node.name} overflows`);
      }
      if (value("known_nodes") > this.#options.maxMembers) throw new Violation(`table of ${node.name} overflows`);
      if (Number.isNaN(node.core.deadlineMs())) throw new Violation(`${node.name} has no sane deadline`);
    }
  }

  #monotonic(node: SimNode, next: Reading): void {
    const last = this.#readings.get(node.index);
    if (last !== undefined && last.life === next.life) {
      if (next.memberTime < last.memberTime) throw new Violation(`Lamport time of ${node.name} went back`);
      if (next.incarnation < last.incarnation) throw new Violation(`incarnation of ${node.name} went back`);
    }
    this.#readings.set(node.index, next);
  }
}

/** Everything about queries is told once. */
function once(node: SimNode, key: string, what: string): void {
  if (node.toldOnce.has(key)) throw new Violation(`${node.name} was told ${what} twice: ${key}`);
  node.toldOnce.add(key);
}

function impossible(kind: MembershipEvent["kind"], belief: Belief | undefined): string | undefined {
  const wasPresent = belief?.isPresent ?? false;
  if (kind === "joined" && wasPresent) return "joined twice";
  if (kind === "failed" && !wasPresent) return "failed while absent";
  if (kind === "left" && !wasPresent && belief?.kind !== "failed") return "left while absent";
  return undefined;
}
