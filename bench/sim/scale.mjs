// How much work a simulated cluster is, and whether the scenarios hold at sizes that are too much for every change.
//
//   node bench/sim/scale.mjs [--nodes 300] [--seconds 60] [--seed 1]           boots and lives; CPU of this process
//   node bench/sim/scale.mjs --scenario all|<parts of names,…> --nodes 1000    the scenarios, each on a cluster of its own
//   … --marathon [--encrypted]                                                 one after the other on one cluster
//
// At 1,000 members the boot is most of the work of a scenario, and the marathon does it once; `--encrypted` takes the
// scenarios with keys, without it those without. Runs the built code in dist/; 1,000 members need some 3 GB.

import { parseArgs } from "node:util";

const { values: given } = parseArgs({
  options: {
    nodes: { type: "string" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    scenario: { type: "string" },
    marathon: { type: "boolean", default: false },
    encrypted: { type: "boolean", default: false },
    dist: { type: "string", default: "../../dist" },
  },
});
const { Cluster, runMarathon, runScenario, scenariosOf } = await import(`${given.dist}/gossip/sim/index.js`);

/** CPU seconds since the last call. */
function makeMeter() {
  let last = process.cpuUsage();
  return () => {
    const used = process.cpuUsage(last);
    last = process.cpuUsage();
    return Number(((used.user + used.system) / 1e6).toFixed(1));
  };
}

function live() {
  const [nodeCount, virtualSeconds, seed] = [given.nodes ?? 300, given.seconds, given.seed ?? 1].map(Number);
  console.log(`${nodeCount} members, ${virtualSeconds} virtual seconds, seed ${seed}`);
  const cpuSeconds = makeMeter();
  const wallBefore = performance.now();
  const cluster = new Cluster({ seed, nodeCount, topology: { kind: "regions", insideMs: 2, acrossMs: 80 } });
  for (let i = 0; i < nodeCount; i += 1) cluster.at(i * 10, () => cluster.start(i, i === 0 ? [] : [0]));
  cluster.runFor(nodeCount * 10);
  const agreeMs = cluster.runUntil(() => cluster.agree(), { withinMs: virtualSeconds * 1000 - cluster.nowMs });
  cluster.runFor(virtualSeconds * 1000 - cluster.nowMs);
  const { sent, sentBytes } = cluster.network.counters;
  const { checks } = cluster.checkers;
  console.log(`all agreed ${agreeMs} ms after the last start; ${checks} checks held; digest ${cluster.digest}`);
  return {
    nodes: nodeCount,
    virtualSeconds,
    cpuSeconds: cpuSeconds(),
    wallSeconds: Number(((performance.now() - wallBefore) / 1000).toFixed(2)),
    agreeMs,
    packets: sent,
    megabytes: Number((sentBytes / 1e6).toFixed(1)),
    happenings: cluster.happenings,
    rssMegabytes: Math.round(process.memoryUsage().rss / 1e6),
    digest: cluster.digest,
  };
}

function line(report, cpuSeconds, virtualSeconds) {
  const { name, seed, digest, bootMs, settleMs, falseFailures, asked, answered, network, failures } = report;
  return {
    name,
    verdict: failures.length === 0 ? "holds" : "FAILS",
    seed,
    virtualSeconds: Math.round(virtualSeconds),
    cpuSeconds,
    bootMs,
    settleMs,
    falseFailures,
    requests: `${answered}/${asked}`,
    packets: network.sent,
    digest,
    failures: failures.slice(0, 5),
  };
}

const isEncrypted = ({ gossip }) => gossip?.keys !== undefined;
/** Keys that were changed fit nobody who starts anew. */
const lastOf = (scenarios, isLast) => [...scenarios.filter((it) => !isLast(it)), ...scenarios.filter(isLast)];

function* runs(scenarios) {
  if (!given.marathon) {
    for (const scenario of scenarios) yield runScenario(scenario, seedOf(scenario));
    return;
  }
  const together = scenarios.filter((it) => isEncrypted(it) === given.encrypted);
  yield* runMarathon(
    lastOf(together, ({ steps }) => steps.some(({ fault }) => fault.kind === "rotateKeys")),
    Number(given.seed ?? 1),
  );
}

const seedOf = ({ seed }) => (given.seed === undefined ? seed : Number(given.seed));

function scenarios() {
  const nodes = given.nodes === undefined ? undefined : Number(given.nodes);
  const wanted = given.scenario === undefined || given.scenario === "all" ? [""] : given.scenario.split(",");
  const results = [];
  const cpuSeconds = makeMeter();
  let lastMs = 0;
  for (const report of runs(scenariosOf(nodes).filter(({ name }) => wanted.some((part) => name.includes(part))))) {
    const { nowMs } = report.cluster;
    const result = line(report, cpuSeconds(), (given.marathon && nowMs > lastMs ? nowMs - lastMs : nowMs) / 1000);
    lastMs = nowMs;
    console.log(JSON.stringify(result));
    results.push(result);
  }
  const failed = results.filter(({ verdict }) => verdict !== "holds").map(({ name }) => name);
  process.exitCode = failed.length === 0 ? 0 : 1;
  return { nodes, scenarios: results.length, failed, rssMegabytes: Math.round(process.memoryUsage().rss / 1e6) };
}

const isLife = given.scenario === undefined && !given.marathon;
console.log(JSON.stringify({ bench: "sim", ...(isLife ? live() : scenarios()) }));
