// How much work a simulated cluster is: boots N members, lets them live, and counts CPU seconds of this process.
// Usage: node bench/sim/scale.mjs [nodes 300] [virtual seconds 60] [seed 1]; runs the built code in dist/.

const [nodeCount = 300, virtualSeconds = 60, seed = 1] = process.argv.slice(2).map(Number);
const { Cluster } = await import("../../dist/gossip/sim/index.js");

console.log(`${nodeCount} members, ${virtualSeconds} virtual seconds, seed ${seed}`);
const cpuBefore = process.cpuUsage();
const wallBefore = performance.now();
const cluster = new Cluster({ seed, nodeCount, topology: { kind: "regions", insideMs: 2, acrossMs: 80 } });
for (let i = 0; i < nodeCount; i += 1) cluster.at(i * 10, () => cluster.start(i, i === 0 ? [] : [0]));
cluster.runFor(nodeCount * 10);
const agreeMs = cluster.runUntil(() => cluster.agree(), { withinMs: virtualSeconds * 1000 - cluster.nowMs });
cluster.runFor(virtualSeconds * 1000 - cluster.nowMs);
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
const { sent, sentBytes } = cluster.network.counters;

console.log(
  `all agreed ${agreeMs} ms after the last start; ${cluster.checkers.checks} checks held; digest ${cluster.digest}`,
);
console.log(
  JSON.stringify({
    bench: "sim",
    nodes: nodeCount,
    virtualSeconds,
    cpuSeconds: Number(cpuSeconds.toFixed(2)),
    wallSeconds: Number(((performance.now() - wallBefore) / 1000).toFixed(2)),
    agreeMs,
    packets: sent,
    megabytes: Number((sentBytes / 1e6).toFixed(1)),
    happenings: cluster.happenings,
    rssMegabytes: Math.round(process.memoryUsage().rss / 1e6),
    digest: cluster.digest,
  }),
);
