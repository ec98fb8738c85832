// How often a member that is up is called failed, while every link loses packets.
// Usage: node bench/sim/false-deaths.mjs [--nodes 100] [--hours 10] [--loss 0.05] [--seed 1]; runs the built code in dist/.

import { parseArgs } from "node:util";

const { values: given } = parseArgs({
  options: {
    nodes: { type: "string", default: "100" },
    hours: { type: "string", default: "10" },
    loss: { type: "string", default: "0.05" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: "../../dist" },
  },
});
const { CLEAN, Cluster } = await import(`${given.dist}/gossip/sim/index.js`);
const [nodes, hours, lossRatio, seed] = [given.nodes, given.hours, given.loss, given.seed].map(Number);

console.log(`${nodes} members, ${hours} virtual hours, loss ${lossRatio}, seed ${seed}`);
const cpuBefore = process.cpuUsage();
const cluster = new Cluster({ seed, nodeCount: nodes, topology: { kind: "regions", insideMs: 2, acrossMs: 80 } });
for (let i = 0; i < nodes; i += 1) cluster.at(i * 20, () => cluster.start(i, i === 0 ? [] : [0]));
cluster.runFor(nodes * 20);
cluster.runUntil(() => cluster.agree(), { withinMs: 300_000 });
cluster.network.conditions = { ...CLEAN, lossRatio };
const startMs = cluster.nowMs;
const stepMinutes = 30;
for (let minutes = stepMinutes; minutes <= hours * 60; minutes += stepMinutes) {
  cluster.runFor(startMs + minutes * 60_000 - cluster.nowMs);
  console.log(`${((nodes * minutes) / 60).toFixed(0)} node-hours: ${cluster.falseFailures} false deaths`);
}
const cpu = process.cpuUsage(cpuBefore);
const total = (name) => cluster.members().reduce((sum, { core }) => sum + (core.stats()[name] ?? 0), 0);
const { sent, lost } = cluster.network.counters;
console.log(
  JSON.stringify({
    bench: "false-deaths",
    nodes,
    nodeHours: nodes * hours,
    lossRatio,
    seed,
    falseDeaths: cluster.falseFailures,
    refutations: total("refutations"),
    packets: sent,
    lost,
    cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(1)),
    digest: cluster.digest,
  }),
);
