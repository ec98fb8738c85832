// A scenario as data: a cluster, what is done to it and when, and what must be true afterwards. One runner for all.
// Phases: boot, disturb (safety only), heal, settle (liveness within a bound).

import type { GossipOptions } from "../src/options.ts";
import type { GossipEvent, Member } from "../src/sink.ts";
import type { DurationMs, InstantMs } from "../src/types.ts";
import { Cluster } from "./cluster.ts";
import { type Fault, Faults, type FaultTally } from "./faults.ts";
import { CLEAN, type LinkConditions, type NetworkCounters } from "./network.ts";
import type { SimNode } from "./node.ts";
import type { TopologySpec } from "./topology.ts";

export interface Step {
  /** Counted from the end of the boot. */
  readonly atMs: DurationMs;
  readonly fault: Fault;
}

export interface Expectations {
  /** Everybody must know everybody so long after the start of the last node. */
  readonly bootWithinMs: DurationMs;
  /** After healing all members must agree within this. */
  readonly settleWithinMs: DurationMs;
  /** "failed" told of members that were up, at most. Default 0. */
  readonly maxFalseFailures?: number;
  /** Only those that something was done to may be called failed. Default: anybody. */
  readonly onlyDisturbedFail?: boolean;
  /** Of the direct requests, at least so many were answered. Default 0. */
  readonly answeredRatio?: number;
  /** Of the acks and responses of queries that could have come, at least so many did. Default 0. */
  readonly queriesAnsweredRatio?: number;
  /** Sentinels: each of these was told to somebody. */
  readonly told?: readonly GossipEvent["kind"][];
  /** Sentinels: of each of these at least one must have happened in the network. */
  readonly network?: readonly (keyof NetworkCounters)[];
  /** Reasons for which something must have been dropped somewhere. */
  readonly dropped?: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly seed: number;
  readonly nodeCount: number;
  readonly topology: TopologySpec;
  readonly conditions?: Partial<LinkConditions>;
  readonly gossip?: Partial<GossipOptions>;
  /** Nodes that bear the name of another; they stay down until a fault starts them. */
  readonly twins?: ReadonlyMap<number, number>;
  /** Between the starts of two nodes. Default 20 ms. */
  readonly bootStaggerMs?: DurationMs;
  readonly steps: readonly Step[];
  readonly disturbMs: DurationMs;
  /** Links are mended before the settling; what is down stays down. Default true. */
  readonly heal?: boolean;
  readonly expect: Expectations;
}

export interface Report {
  readonly name: string;
  readonly seed: number;
  readonly digest: string;
  readonly bootMs: DurationMs | undefined;
  readonly settleMs: DurationMs | undefined;
  readonly falseFailures: number;
  readonly asked: number;
  readonly answered: number;
  readonly happenings: number;
  readonly checks: number;
  readonly largestPacketBytes: number;
  readonly network: Readonly<NetworkCounters>;
  readonly dropped: ReadonlyMap<string, number>;
  readonly tally: FaultTally;
  /** What was expected and did not come; empty is good. */
  readonly failures: readonly string[];
  readonly cluster: Cluster;
}

/** Runs to the end. Throws a Violation, with seed and scenario in its message, the moment safety is lost. */
export function runScenario(scenario: Scenario, seed = scenario.seed): Report {
  const { nodeCount, topology, conditions, gossip, twins } = scenario;
  const cluster = new Cluster({
    seed,
    nodeCount,
    topology,
    conditions: { ...CLEAN, ...conditions },
    ...(gossip === undefined ? {} : { gossip }),
    ...(twins === undefined ? {} : { twins }),
  });
  return guarded(scenario, cluster, () => runOn(cluster, scenario, boot(cluster, scenario)));
}

/**
 * One after the other on one cluster, which is booted once and mended between them: for sizes at which the boot is most of
 * the work. Topology and options are those of the first, twins those of the first that has any.
 */
export function* runMarathon(scenarios: readonly Scenario[], seed: number): Generator<Report> {
  const [first] = scenarios;
  if (first === undefined) return;
  const { nodeCount, topology, gossip } = first;
  const twins = scenarios.find((scenario) => scenario.twins !== undefined)?.twins;
  const cluster = new Cluster({
    seed,
    nodeCount,
    topology,
    ...(gossip === undefined ? {} : { gossip }),
    ...(twins === undefined ? {} : { twins }),
  });
  let bootMs = guarded(first, cluster, () => boot(cluster, first));
  for (const scenario of scenarios) {
    yield guarded(scenario, cluster, () => {
      cluster.network.conditions = { ...CLEAN, ...scenario.conditions };
      return runOn(cluster, scenario, bootMs);
    });
    bootMs = guarded(scenario, cluster, () => {
      new Faults(cluster).apply({ kind: "revive" });
      return cluster.runUntil(() => cluster.agree(), { withinMs: 600_000, everyMs: 500 });
    });
  }
}

function guarded<Result>(scenario: Scenario, cluster: Cluster, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const at = `scenario ${scenario.name}, seed ${cluster.seed}, ${cluster.nowMs.toFixed(1)} ms`;
    throw new Error(`${at}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Disturbs, heals and settles a cluster that is up. */
function runOn(cluster: Cluster, scenario: Scenario, bootMs: DurationMs | undefined): Report {
  const before = mark(cluster);
  const faults = new Faults(cluster);
  const told = new Set<GossipEvent["kind"]>();
  cluster.watch = (_node, event) => told.add(event.kind);
  const startMs = cluster.nowMs;
  for (const step of scenario.steps) cluster.at(startMs + step.atMs, () => faults.apply(step.fault));
  cluster.runFor(scenario.disturbMs);
  if (scenario.heal !== false) faults.apply({ kind: "mend" });
  const agreement = new Agreement(cluster);
  const settleMs = cluster.runUntil(() => unsettled(cluster, faults, agreement) === undefined, {
    withinMs: scenario.expect.settleWithinMs,
    everyMs: scenario.nodeCount > 300 ? 1_000 : 250,
  });
  // Agreement must last, and requests and queries asked at the end must find their end.
  cluster.runFor(faults.chatter.queryCount > 0 ? 20_000 : 10_000);
  return report(scenario, { cluster, faults, bootMs, settleMs, told, before });
}

function boot(cluster: Cluster, scenario: Scenario): DurationMs | undefined {
  const staggerMs = scenario.bootStaggerMs ?? 20;
  const random = cluster.random.fork("boot");
  for (const node of cluster.nodes) {
    const { index } = node;
    const seeds = index === 0 ? [] : [0, ...(index > 1 ? [random.below(index)] : [])];
    if (!node.isTwin) cluster.at(index * staggerMs, () => cluster.start(index, [...new Set(seeds)]));
  }
  const lastMs: InstantMs = (cluster.nodes.length - 1) * staggerMs;
  cluster.runFor(lastMs + 1);
  return cluster.runUntil(() => cluster.agree(), { withinMs: scenario.expect.bootWithinMs });
}

/** What was counted before the disturbances: a cluster may have a past. */
interface Mark {
  readonly falseFailures: number;
  readonly failedWhileUp: ReadonlyMap<string, number>;
  readonly asked: number;
  readonly answered: number;
  readonly happenings: number;
  readonly network: Readonly<NetworkCounters>;
  readonly dropped: ReadonlyMap<string, number>;
}

function mark(cluster: Cluster): Mark {
  const requests = cluster.nodes.flatMap((node) => [...node.requests.values()]);
  const dropped = new Map<string, number>();
  for (const node of cluster.nodes) {
    for (const [reason, count] of node.dropped) dropped.set(reason, (dropped.get(reason) ?? 0) + count);
  }
  return {
    falseFailures: cluster.falseFailures,
    failedWhileUp: new Map(cluster.failedWhileUp),
    asked: requests.length,
    answered: requests.filter((request) => request.outcome === "answered").length,
    happenings: cluster.happenings,
    network: { ...cluster.network.counters },
    dropped,
  };
}

interface Outcome {
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly bootMs: DurationMs | undefined;
  readonly settleMs: DurationMs | undefined;
  readonly told: ReadonlySet<GossipEvent["kind"]>;
  readonly before: Mark;
}

function report(scenario: Scenario, outcome: Outcome): Report {
  const { cluster, faults, bootMs, settleMs, before } = outcome;
  const after = mark(cluster);
  const network = { ...after.network };
  for (const name of Object.keys(network) as (keyof NetworkCounters)[]) network[name] -= before.network[name];
  const result = {
    name: scenario.name,
    seed: cluster.seed,
    digest: cluster.digest,
    bootMs,
    settleMs,
    falseFailures: after.falseFailures - before.falseFailures,
    asked: after.asked - before.asked,
    answered: after.answered - before.answered,
    happenings: after.happenings,
    checks: cluster.checkers.checks,
    largestPacketBytes: cluster.checkers.largestPacketBytes,
    network,
    dropped: new Map(
      Array.from(after.dropped, ([reason, count]) => [reason, count - (before.dropped.get(reason) ?? 0)]),
    ),
    tally: faults.tally,
    cluster,
  };
  return {
    ...result,
    failures: [
      ...unmet(scenario, result),
      ...untold(scenario, outcome),
      ...pending(cluster, faults),
      ...pileUps(cluster),
    ],
  };
}

function unmet(scenario: Scenario, result: Omit<Report, "failures">): string[] {
  const { expect, steps } = scenario;
  const failures: string[] = [];
  const require = (holds: boolean, words: string): void => {
    if (!holds) failures.push(words);
  };
  require(result.bootMs !== undefined, `not booted within ${expect.bootWithinMs} ms`);
  require(result.settleMs !== undefined, `not settled within ${expect.settleWithinMs} ms`);
  const lasting = new Agreement(result.cluster).difference();
  require(lasting === undefined, `no agreement in the end: ${lasting}`);
  const mostFalse = expect.maxFalseFailures ?? 0;
  require(result.falseFailures <= mostFalse, `${result.falseFailures} false failures, at most ${mostFalse} expected`);
  if (expect.answeredRatio !== undefined) {
    require(result.asked > 0, "sentinel: nothing was asked");
    const ratio = result.answered / Math.max(1, result.asked);
    require(ratio >= expect.answeredRatio, `${result.answered} of ${result.asked} requests answered`);
  }
  for (const { fault } of steps)
    require((result.tally.get(fault.kind) ?? 0) > 0, `sentinel: no ${fault.kind} was done`);
  for (const counter of expect.network ?? []) require(result.network[counter] > 0, `sentinel: nothing was ${counter}`);
  for (const reason of expect.dropped ?? [])
    require((result.dropped.get(reason) ?? 0) > 0, `sentinel: no ${reason} drop`);
  return failures;
}

/** What should have been told and was not, or the other way round. */
function untold(scenario: Scenario, { cluster, faults, told, before }: Outcome): string[] {
  const { expect } = scenario;
  const { chatter } = faults;
  const silent = (expect.told ?? []).filter((kind) => !told.has(kind));
  const failures = silent.map((kind) => `sentinel: nobody was told ${kind}`);
  const missed = chatter.missedEvents();
  if (missed !== undefined) failures.push(missed);
  const wanted = expect.queriesAnsweredRatio ?? 0;
  if (wanted > 0 && chatter.queryCount === 0) failures.push("sentinel: no query was asked");
  if (chatter.answeredRatio < wanted) failures.push(`only ${chatter.answeredRatio.toFixed(3)} of the answers came`);
  if (expect.onlyDisturbedFail !== true) return failures;
  const thirds = [...cluster.failedWhileUp].filter(
    ([name, times]) => times > (before.failedWhileUp.get(name) ?? 0) && !faults.disturbed.has(name),
  );
  return [...failures, ...thirds.map(([name]) => `${name} was called failed, and nothing was done to it`)];
}

function pending(cluster: Cluster, { chatter }: Faults): string[] {
  // Who stopped waits no longer.
  const waiting = cluster.nodes
    .filter((node) => node.isUp)
    .flatMap((node) => [...node.requests.values()])
    .filter((request) => request.outcome === "waiting").length;
  return [
    ...(waiting === 0 ? [] : [`${waiting} requests never found their end`]),
    ...(chatter.openQueryCount === 0 ? [] : [`${chatter.openQueryCount} queries never found their end`]),
    ...(chatter.unfinishedRotations === 0 ? [] : ["the keys were not changed everywhere"]),
  ];
}

/** Why it is too early to call the cluster calm. */
function unsettled(cluster: Cluster, { chatter }: Faults, agreement: Agreement): string | undefined {
  if (chatter.unfinishedRotations > 0) return "keys still change";
  if (!cluster.agree()) return "somebody is missing or superfluous";
  return chatter.missedEvents() ?? agreement.difference();
}

/**
 * Once all is calm everybody knows everybody as they know themselves: status, incarnation, tags. Looks at pairs only when
 * the numbers agree, and first at the pair that differed last: there are a million pairs in a cluster of 1,000.
 */
class Agreement {
  readonly #cluster: Cluster;
  #last: { readonly observer: SimNode; readonly subject: SimNode } | undefined = undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** In words; undefined when there is none. */
  difference(): string | undefined {
    if (!this.#cluster.agree()) return "somebody is missing or superfluous";
    if (this.#last !== undefined) {
      const words = differs(this.#last.observer, this.#last.subject);
      if (words !== undefined) return words;
    }
    const members = this.#cluster.members();
    for (const subject of members) {
      for (const observer of members) {
        const words = differs(observer, subject);
        if (words === undefined) continue;
        this.#last = { observer, subject };
        return words;
      }
    }
    return undefined;
  }
}

function differs(observer: SimNode, subject: SimNode): string | undefined {
  const own = subject.core?.localMember();
  if (own === undefined || observer.core === undefined) return undefined;
  const seen = observer.core.member(subject.name);
  if (isSame(seen, own)) return undefined;
  return `${observer.name} sees ${JSON.stringify(seen)}, it is ${JSON.stringify(own)}`;
}

function isSame(seen: Member | undefined, own: Member): boolean {
  if (seen?.status !== own.status || seen.incarnation !== own.incarnation) return false;
  const names = Object.keys(own.tags);
  return names.length === Object.keys(seen.tags).length && names.every((name) => seen.tags[name] === own.tags[name]);
}

/** Nothing may be left over once all is calm. */
function pileUps(cluster: Cluster): string[] {
  const failures: string[] = [];
  for (const node of cluster.members()) {
    const stats = node.core?.stats() ?? {};
    for (const name of ["suspicions", "relayed_probes", "requests_inbound", "requests_outbound", "queries_asked"]) {
      const left = stats[name] ?? 0;
      if (left > 2) failures.push(`${node.name} is left with ${left} ${name}`);
    }
    const dueMs = (node.core?.deadlineMs() ?? 0) - node.clockOffsetMs;
    if (node.pausedUntilMs <= cluster.nowMs && dueMs < cluster.nowMs - 1) {
      failures.push(`${node.name} has a deadline ${(cluster.nowMs - dueMs).toFixed(0)} ms in the past`);
    }
  }
  return failures;
}
