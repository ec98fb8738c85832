// A scenario as data: a cluster, what is done to it and when, and what must be true afterwards. One runner for all.
// Phases: boot, disturb (safety only), heal, settle (liveness within a bound).

import type { GossipOptions } from "../src/options.ts";
import type { DurationMs, InstantMs } from "../src/types.ts";
import { Cluster } from "./cluster.ts";
import { type Fault, Faults, type FaultTally } from "./faults.ts";
import { CLEAN, type LinkConditions, type NetworkCounters } from "./network.ts";
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
  /** Of the direct requests, at least so many were answered. Default 0. */
  readonly answeredRatio?: number;
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
  const cluster = new Cluster({
    seed,
    nodeCount: scenario.nodeCount,
    topology: scenario.topology,
    conditions: { ...CLEAN, ...scenario.conditions },
    ...(scenario.gossip === undefined ? {} : { gossip: scenario.gossip }),
  });
  const faults = new Faults(cluster);
  try {
    const bootMs = boot(cluster, scenario);
    const startMs = cluster.nowMs;
    for (const step of scenario.steps) cluster.at(startMs + step.atMs, () => faults.apply(step.fault));
    cluster.runFor(scenario.disturbMs);
    if (scenario.heal !== false) faults.apply({ kind: "mend" });
    const settleMs = cluster.runUntil(() => disagreement(cluster) === undefined, {
      withinMs: scenario.expect.settleWithinMs,
      everyMs: 250,
    });
    // Agreement must last, and requests asked at the end must find their end.
    cluster.runFor(10_000);
    return report(scenario, { cluster, faults, bootMs, settleMs });
  } catch (error) {
    const at = `scenario ${scenario.name}, seed ${seed}, ${cluster.nowMs.toFixed(1)} ms`;
    throw new Error(`${at}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function boot(cluster: Cluster, scenario: Scenario): DurationMs | undefined {
  const staggerMs = scenario.bootStaggerMs ?? 20;
  const random = cluster.random.fork("boot");
  for (const node of cluster.nodes) {
    const { index } = node;
    const seeds = index === 0 ? [] : [0, ...(index > 1 ? [random.below(index)] : [])];
    cluster.at(index * staggerMs, () => cluster.start(index, [...new Set(seeds)]));
  }
  const lastMs: InstantMs = (cluster.nodes.length - 1) * staggerMs;
  cluster.runFor(lastMs + 1);
  return cluster.runUntil(() => cluster.agree(), { withinMs: scenario.expect.bootWithinMs });
}

interface Outcome {
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly bootMs: DurationMs | undefined;
  readonly settleMs: DurationMs | undefined;
}

function report(scenario: Scenario, outcome: Outcome): Report {
  const { cluster, faults, bootMs, settleMs } = outcome;
  const requests = cluster.nodes.flatMap((node) => [...node.requests.values()]);
  const dropped = new Map<string, number>();
  for (const node of cluster.nodes) {
    for (const [reason, count] of node.dropped) dropped.set(reason, (dropped.get(reason) ?? 0) + count);
  }
  const result = {
    name: scenario.name,
    seed: cluster.seed,
    digest: cluster.digest,
    bootMs,
    settleMs,
    falseFailures: cluster.falseFailures,
    asked: requests.length,
    answered: requests.filter((request) => request.outcome === "answered").length,
    happenings: cluster.happenings,
    checks: cluster.checkers.checks,
    largestPacketBytes: cluster.checkers.largestPacketBytes,
    network: cluster.network.counters,
    dropped,
    tally: faults.tally,
    cluster,
  };
  const waiting = requests.filter((request) => request.outcome === "waiting").length;
  return { ...result, failures: [...unmet(scenario, result), ...pending(waiting), ...pileUps(cluster)] };
}

function unmet(scenario: Scenario, result: Omit<Report, "failures">): string[] {
  const { expect, steps } = scenario;
  const failures: string[] = [];
  const require = (holds: boolean, words: string): void => {
    if (!holds) failures.push(words);
  };
  require(result.bootMs !== undefined, `not booted within ${expect.bootWithinMs} ms`);
  require(result.settleMs !== undefined, `not settled within ${expect.settleWithinMs} ms`);
  const lasting = disagreement(result.cluster);
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

function pending(waiting: number): string[] {
  return waiting === 0 ? [] : [`${waiting} requests never found their end`];
}

/**
 * Once all is calm everybody knows everybody as they know themselves: status, incarnation, tags. Answers the first
 * difference in words; looks at pairs only when the numbers agree.
 */
function disagreement(cluster: Cluster): string | undefined {
  if (!cluster.agree()) return "somebody is missing or superfluous";
  const members = cluster.members();
  for (const subject of members) {
    const own = subject.core?.localMember();
    if (own === undefined) continue;
    const tags = JSON.stringify(own.tags);
    for (const observer of members) {
      const seen = observer.core?.member(subject.name);
      const isSame =
        seen?.status === own.status && seen.incarnation === own.incarnation && JSON.stringify(seen.tags) === tags;
      if (!isSame) return `${observer.name} sees ${JSON.stringify(seen)}, it is ${JSON.stringify(own)}`;
    }
  }
  return undefined;
}

/** Nothing may be left over once all is calm. */
function pileUps(cluster: Cluster): string[] {
  const failures: string[] = [];
  for (const node of cluster.members()) {
    const stats = node.core?.stats() ?? {};
    for (const name of ["suspicions", "relayed_probes", "requests_inbound", "requests_outbound"]) {
      const left = stats[name] ?? 0;
      if (left > 2) failures.push(`${node.name} is left with ${left} ${name}`);
    }
    const dueMs = (node.core?.deadlineMs() ?? 0) - node.clockOffsetMs;
    if (node.isMember && node.pausedUntilMs <= cluster.nowMs && dueMs < cluster.nowMs - 1) {
      failures.push(`${node.name} has a deadline ${(cluster.nowMs - dueMs).toFixed(0)} ms in the past`);
    }
  }
  return failures;
}
