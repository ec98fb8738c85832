// npm run bench:gossip: `hearsay agent` beside the stock `serf agent`, LAN profile, one process per node. The two take
// turns in every round, each with a cluster of its own in a network namespace that ends with the benchmark.
//   --nodes N (30)  --rounds N (5)  --only join,event,idle,fail  --idle-seconds N (30: one state exchange per node)
// Needs Debian's `serf`, util-linux (unshare) and iproute2, and root or user namespaces.
import { spawn, spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median, residentKb, sleep } from "../lib/proc.mjs";
import { BenchCluster, killEverything } from "./cluster.mjs";
import { measureIdle } from "./idle.mjs";
import { KINDS } from "./kinds.mjs";

const INSIDE = "HEARSAY_BENCH_NAMESPACE";
const JOINS = 3;
const EVENTS = 6;
const FAILURES = 2;
/** A rumour among 30 is told eight times, 200 ms apart; then it is quiet. */
const QUIET_MS = 3_000;

const { values: options } = parseArgs({
  options: {
    nodes: { type: "string", default: "30" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "join,event,idle,fail" },
    kinds: { type: "string", default: "serf,hearsay" },
    "idle-seconds": { type: "string", default: "30" },
  },
});
const ROWS = [
  ["join seen by all, ms", "joinMs", 1],
  ["user event at all, ms", "eventMs", 1],
  ["killed node failed at all, ms", "failMs", 1],
  ["idle packets per node and second", "idlePacketsPerSecond", 1],
  ["idle bytes per node and second", "idleBytesPerSecond", 1],
  ["idle CPU ms per node and second", "idleCpuMsPerSecond", 3],
  ["resident MB", "residentMb", undefined],
];

const nodeCount = Number(options.nodes);
const wanted = new Set(options.only.split(","));

if (process.env[INSIDE] === undefined) enterNamespace();
else await main();

/** Starts this program again where there is no network but a loopback of its own. */
function enterNamespace() {
  const self = fileURLToPath(import.meta.url);
  const script = 'ip link set lo up && exec "$0" "$@"';
  const argv = ["--net", "--map-root-user", "sh", "-c", script, process.execPath, self, ...process.argv.slice(2)];
  const child = spawnSync("unshare", argv, { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  if (child.error) throw child.error;
  process.exitCode = child.status ?? 1;
}

async function main() {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  const samples = {};
  for (const kind of options.kinds.split(",")) samples[kind] = { join: [], event: [], fail: [], idle: [] };
  try {
    for (let round = 0; round < Number(options.rounds); round += 1) {
      for (const kind of Object.keys(samples)) {
        await takeTurn(KINDS[kind], samples[kind], round);
        console.error(`round ${round + 1}, ${kind}: ${describe(samples[kind])}`);
      }
    }
    report(samples, await bareNodeKb());
  } finally {
    killEverything();
  }
}

async function takeTurn(kind, into, round) {
  const cluster = new BenchCluster(kind);
  await cluster.form(nodeCount - (wanted.has("join") ? JOINS : 0));
  await sleep(QUIET_MS);
  for (let i = 0; wanted.has("join") && i < JOINS; i += 1) {
    into.join.push(await cluster.timeJoin());
    await sleep(QUIET_MS);
  }
  for (let i = 0; wanted.has("event") && i < EVENTS; i += 1) {
    into.event.push(await cluster.timeEvent(`r${round}e${i}`));
    await sleep(QUIET_MS / 2);
  }
  if (wanted.has("idle")) {
    await sleep(QUIET_MS);
    into.idle.push(await measureIdle(cluster, Number(options["idle-seconds"])));
  }
  for (let i = 0; wanted.has("fail") && i < FAILURES; i += 1) {
    into.fail.push(await cluster.timeFailure());
    await sleep(QUIET_MS);
  }
  await cluster.stop();
}

/** A Node process that has done nothing. */
async function bareNodeKb() {
  const bare = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  await sleep(2_000);
  const kb = residentKb(bare.pid);
  bare.kill("SIGKILL");
  return kb;
}

function summary({ join, event, fail, idle }) {
  const of = (field) => median(idle.map((sample) => sample[field]));
  return {
    joinMs: median(join),
    eventMs: median(event),
    failMs: median(fail),
    idlePacketsPerSecond: of("packets"),
    idleBytesPerSecond: of("bytes"),
    idleDatagramsPerSecond: of("datagrams"),
    idleCpuMsPerSecond: of("cpuMs"),
    residentMb: of("residentKb") / 1024,
  };
}

function describe(samples) {
  const { join, event, fail } = samples;
  const range = (values) => values.map((ms) => Math.round(ms)).join(" ");
  return `join ${range(join)}; event ${range(event)}; fail ${range(fail)}; ${JSON.stringify(samples.idle.at(-1) ?? {})}`;
}

function report(samples, bareKb) {
  const byKind = Object.fromEntries(Object.entries(samples).map(([kind, of]) => [kind, summary(of)]));
  const { serf, hearsay } = byKind;
  const digits = (value) => (value === undefined || Number.isNaN(value) ? "-" : value.toFixed(value < 10 ? 2 : 0));
  console.log(`\n| ${nodeCount} nodes, median of ${options.rounds} rounds | serf | hearsay | ratio | goal |`);
  console.log("| --- | --- | --- | --- | --- |");
  const ratios = {};
  for (const [title, field, goal] of ROWS) {
    ratios[field] = Number(((hearsay?.[field] ?? Number.NaN) / (serf?.[field] ?? Number.NaN)).toFixed(3));
    const aim = goal === undefined ? "" : `≤ ${goal.toFixed(1)}`;
    const cells = [title, digits(serf?.[field]), digits(hearsay?.[field]), digits(ratios[field]), aim];
    console.log(`| ${cells.join(" | ")} |`);
  }
  const gossipPartMb = (hearsay?.residentMb ?? Number.NaN) - bareKb / 1024;
  console.log(`| resident MB over a bare Node process | - | ${digits(gossipPartMb)} | - | ≤ 40 MB |`);
  console.log(
    JSON.stringify({
      bench: "gossip",
      nodes: nodeCount,
      rounds: Number(options.rounds),
      ratios,
      ...byKind,
      bareNodeMb: bareKb / 1024,
      gossipPartMb,
      loadAverage: loadavg()[0],
      samples,
    }),
  );
}
