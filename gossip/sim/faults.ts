// What is done to a cluster while a scenario runs, as data, and the doing of it.

import { shuffle } from "../src/random.ts";
import { assertNever, type DurationMs } from "../src/types.ts";
import { Chatter } from "./chatter.ts";
import type { Cluster } from "./cluster.ts";
import { type Attack, Hostile } from "./hostile.ts";
import { CLEAN, type LinkConditions } from "./network.ts";

/** Which members: these, or so many of those that are up, never the first (it is everybody's seed). */
export type Pick =
  | { readonly kind: "these"; readonly indices: readonly number[] }
  | { readonly kind: "some"; readonly count: number };

export type Fault =
  /** kill -9. */
  | { readonly kind: "crash"; readonly who: Pick }
  /** Killed if up, and started again at once. */
  | { readonly kind: "restart"; readonly who: Pick }
  /** Everything that is down is started again. */
  | { readonly kind: "revive" }
  | { readonly kind: "leave"; readonly who: Pick }
  | { readonly kind: "forceLeaveFailed"; readonly by: number }
  /** Links between those picked and the rest are cut: both ways, or only from those picked outwards. */
  | { readonly kind: "cut"; readonly who: Pick; readonly oneWay?: boolean; readonly packetsOnly?: boolean }
  | { readonly kind: "mend" }
  | { readonly kind: "pause"; readonly who: Pick; readonly forMs: DurationMs }
  | { readonly kind: "slow"; readonly who: Pick; readonly byMs: DurationMs }
  | { readonly kind: "clockJump"; readonly who: Pick; readonly byMs: DurationMs }
  | { readonly kind: "conditions"; readonly conditions: Partial<LinkConditions> }
  /** Each asks anybody something, so often in all. */
  | { readonly kind: "ask"; readonly perSecond: number; readonly forMs: DurationMs; readonly bodyBytes: number }
  /** User events, each from any member. */
  | { readonly kind: "announce"; readonly perSecond: number; readonly forMs: DurationMs; readonly payloadBytes: number }
  /** Queries, each from any member, to everybody; all answer. */
  | { readonly kind: "query"; readonly perSecond: number; readonly forMs: DurationMs; readonly relayFactor: number }
  /** A new key is installed, used, and the first one of the cluster removed. */
  | { readonly kind: "rotateKeys"; readonly by: number; readonly old: Uint8Array }
  /** Those that are down are started; a twin only so. */
  | { readonly kind: "start"; readonly who: Pick }
  | { readonly kind: "retag"; readonly who: Pick; readonly value: string }
  | { readonly kind: "attack"; readonly attack: Attack; readonly perSecond: number; readonly forMs: DurationMs };

/** How often each kind was really done: a scenario whose faults never happened has shown nothing. */
export type FaultTally = Map<Fault["kind"], number>;

export class Faults {
  readonly tally: FaultTally = new Map();
  /** Names of members that something was done to. */
  readonly disturbed = new Set<string>();
  readonly chatter: Chatter;
  readonly #cluster: Cluster;
  readonly #random;
  readonly #hostile: Hostile;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#random = cluster.random.fork("faults");
    this.#hostile = new Hostile(cluster);
    this.chatter = new Chatter(cluster);
  }

  get attacksSent(): number {
    return this.#hostile.sent;
  }

  apply(fault: Fault): void {
    switch (fault.kind) {
      case "crash":
      case "restart":
      case "leave":
      case "pause":
      case "slow":
      case "clockJump":
      case "retag":
      case "start":
        for (const index of this.#pick(fault.who)) this.#toOne(fault, index);
        return;
      case "cut":
        this.#cut(fault, new Set(this.#pick(fault.who)));
        return;
      default:
        this.#toAll(fault);
    }
  }

  #toAll(fault: Exclude<Fault, { readonly who: Pick }>): void {
    const { network } = this.#cluster;
    this.#count(fault.kind);
    switch (fault.kind) {
      case "revive":
        for (const node of this.#cluster.nodes) if (!node.isMember && !node.isTwin) this.#start(node.index);
        return;
      case "forceLeaveFailed":
        this.#forceLeaveFailed(fault.by);
        return;
      case "mend":
        network.heal();
        for (const node of this.#cluster.nodes) node.slowMs = 0;
        return;
      case "conditions":
        network.conditions = { ...CLEAN, ...fault.conditions };
        return;
      case "ask":
        this.#repeat(fault, () => this.#ask(fault.bodyBytes));
        return;
      case "announce":
        this.chatter.listen();
        this.#repeat(fault, () => this.#anybody((index) => this.chatter.announce(index, fault.payloadBytes)));
        return;
      case "query":
        this.chatter.listen();
        this.#repeat(fault, () => this.#anybody((index) => this.chatter.query(index, fault.relayFactor)));
        return;
      case "rotateKeys":
        this.chatter.listen();
        this.chatter.rotate(fault.by, fault.old);
        return;
      case "attack":
        this.#hostile.listen();
        this.#repeat(fault, () => this.#hostile.strike(fault.attack));
        return;
      default:
        assertNever(fault);
    }
  }

  #toOne(fault: Extract<Fault, { readonly who: Pick }>, index: number): void {
    const node = this.#cluster.node(index);
    this.#count(fault.kind);
    this.disturbed.add(node.name);
    switch (fault.kind) {
      case "start":
        if (!node.isUp) this.#start(index);
        return;
      case "crash":
        this.#cluster.crash(index);
        return;
      case "restart":
        if (node.isTwin) return;
        this.#cluster.crash(index);
        this.#start(index);
        return;
      case "leave":
        this.#cluster.leave(index);
        return;
      case "pause":
        node.pausedUntilMs = this.#cluster.nowMs + fault.forMs;
        return;
      case "slow":
        node.slowMs = fault.byMs;
        return;
      case "clockJump":
        node.clockOffsetMs += fault.byMs;
        return;
      case "retag":
        if (node.isLeaving) return;
        this.#cluster.command(index, (it, nowMs) => it.core?.setTags({ hearsay: "1", region: fault.value }, nowMs));
        return;
      case "cut":
        return;
      default:
        assertNever(fault);
    }
  }

  #cut(fault: Extract<Fault, { readonly kind: "cut" }>, chosen: ReadonlySet<number>): void {
    this.#count(fault.kind);
    const { oneWay = false, packetsOnly = false } = fault;
    this.#cluster.network.cut(`cut ${this.tally.get("cut")}`, {
      packetsOnly,
      applies: (from, to) => (oneWay ? chosen.has(from) && !chosen.has(to) : chosen.has(from) !== chosen.has(to)),
    });
  }

  /** Through two members that are up, as an operator would name more than one seed. */
  #start(index: number): void {
    if (this.#cluster.node(index).isUp) this.#cluster.crash(index);
    const others = this.#cluster.members().map((node) => node.index);
    shuffle(others, this.#random);
    this.#cluster.start(index, others.slice(0, 2));
  }

  #forceLeaveFailed(by: number): void {
    this.#cluster.command(by, (node, nowMs) => {
      for (const member of node.core?.members() ?? []) {
        if (member.status === "failed") node.core?.forceLeave(member.name, nowMs);
      }
    });
  }

  /** Who leaves has nothing more to say. */
  #anybody(run: (index: number) => void): void {
    const members = this.#cluster.members().filter(({ isLeaving }) => !isLeaving);
    const chosen = members[this.#random.below(members.length)];
    if (chosen !== undefined) run(chosen.index);
  }

  #ask(bodyBytes: number): void {
    const members = this.#cluster.members();
    const from = members[this.#random.below(members.length)];
    const to = members[this.#random.below(members.length)];
    if (from !== undefined && to !== undefined && from !== to) this.#cluster.ask(from.index, to.index, bodyBytes);
  }

  #repeat(spec: { readonly perSecond: number; readonly forMs: DurationMs }, once: () => void): void {
    const times = Math.floor((spec.perSecond * spec.forMs) / 1000);
    for (let i = 0; i < times; i += 1) this.#cluster.at(this.#cluster.nowMs + (i * 1000) / spec.perSecond, once);
  }

  #pick(pick: Pick): readonly number[] {
    if (pick.kind === "these") return pick.indices;
    const up = this.#cluster.members().filter((node) => node.index !== 0);
    shuffle(up as (typeof up)[number][], this.#random);
    return up.slice(0, pick.count).map((node) => node.index);
  }

  #count(kind: Fault["kind"]): void {
    this.tally.set(kind, (this.tally.get(kind) ?? 0) + 1);
  }
}
