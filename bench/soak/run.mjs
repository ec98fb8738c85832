// npm run soak: does a node keep its memory and its files over hours of people who come, publish, write and go? Two nodes as
// built, embedded stores, loopback; two people stay and talk across the trunk, visitors come and go. Every so often the visitors
// pause, and when all have gone each node's memory after a full collection, open files and timers are noted (one JSON line
// each). The last line is the verdict over the last three quarters; a signal asks for it early. See bench/README.md.
//   --minutes N (120)  --every SECONDS (60)  --churn SECONDS (24: of each round, the rest is for visitors to go)
//   --visitors N (2: at once)  --seed N (1)  --snapshots PREFIX (heap snapshots at a quarter and at the end; making one leaves
//   much resident memory behind, so look at the heap then and not at rssMb)
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort, startMesh } from "../lib/mesh.mjs";
import { cpuNs, sleep } from "../lib/proc.mjs";
import { Inspector } from "./inspector.mjs";
import { judge, restOf, takeSample } from "./sample.mjs";

const { values: given } = parseArgs({
  options: {
    minutes: { type: "string", default: "120" },
    every: { type: "string", default: "60" },
    churn: { type: "string", default: "24" },
    visitors: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    snapshots: { type: "string" },
  },
});
const [minutes, everySeconds, churnSeconds] = [given.minutes, given.every, given.churn].map(Number);
/** A lost device is given up after 20 s, its sockets somewhat later. */
const REST_WITHIN_MS = 60_000;
/** Idle HTTP connections are closed by then. */
const SETTLE_MS = 6_000;

/** The crowd's answer that carries `field`; anything else that it says is told. */
async function ask(message, field) {
  crowd.send(message);
  for (;;) {
    const [answer] = await once(crowd, "message", { signal: gone.signal });
    if (answer[field] !== undefined) return answer[field];
    console.error(JSON.stringify(answer));
  }
}

async function untilAtRest(node) {
  const endMs = performance.now() + REST_WITHIN_MS;
  for (;;) {
    const now = await restOf(node);
    if (Object.entries(node.rest).every(([name, value]) => now[name] === value)) return true;
    if (performance.now() > endMs) return false;
    await sleep(1_000);
  }
}

const ports = [await freePort(), await freePort()];
const mesh = await startMesh(2, {
  flags: ["--media-host=127.0.0.1"],
  wrap: ([node, ...rest], i) => [node, `--inspect=127.0.0.1:${ports[i]}`, ...rest],
});
const crowd = fork(
  fileURLToPath(new URL("./crowd.mjs", import.meta.url)),
  [given.seed, given.visitors, ...mesh.nodes.map(({ url }) => url)],
  { stdio: ["ignore", "ignore", "inherit", "ipc"] },
);
let isOver = false;
/** Without its people there is nothing to measure. */
const gone = new AbortController();
crowd.once("exit", () => {
  gone.abort(new Error("the crowd ended"));
  for (const { inspector } of mesh.nodes) inspector?.close();
});
const startedMs = performance.now();
const samples = [];
const total = { visits: 0, failed: 0 };

async function round() {
  const rest = await ask({ churn: churnSeconds }, "rest");
  total.visits += rest.visits;
  total.failed += rest.failed;
  const atRest = await Promise.all(mesh.nodes.map(untilAtRest));
  await sleep(SETTLE_MS);
  for (const [i, node] of mesh.nodes.entries()) {
    const sample = { ...(await takeSample(node, startedMs)), visits: total.visits, atRest: atRest[i] };
    samples.push(sample);
    console.log(JSON.stringify(sample));
  }
  console.log(JSON.stringify({ ...rest, crowdCpuSeconds: Math.round(cpuNs(crowd.pid) / 1e9) }));
}

async function snapshots(label) {
  if (given.snapshots === undefined) return;
  for (const { inspector, name } of mesh.nodes) await inspector.snapshot(`${given.snapshots}-${label}-${name}`);
}

async function run() {
  for (const [i, node] of mesh.nodes.entries()) node.inspector = await Inspector.open(ports[i]);
  await ask({ stay: true }, "ready");
  await sleep(3_000);
  for (const node of mesh.nodes) node.rest = await restOf(node);
  console.log(
    JSON.stringify({ pids: mesh.nodes.map(({ child }) => child.pid), rest: mesh.nodes.map(({ rest }) => rest) }),
  );
  const elapsedMinutes = () => (performance.now() - startedMs) / 60_000;
  let hasQuarter = false;
  for (let next = performance.now(); !isOver && elapsedMinutes() < minutes; next += everySeconds * 1_000) {
    await sleep(Math.max(0, next - performance.now()));
    await round();
    if (!hasQuarter && elapsedMinutes() > minutes / 4) {
      hasQuarter = true;
      await snapshots("quarter");
    }
  }
  await snapshots("end");
}

for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    isOver = true;
  });
try {
  await run();
  const nodes = Object.fromEntries(
    mesh.nodes.map(({ name }) => [name, judge(samples.filter(({ node }) => node === name))]),
  );
  const ranMinutes = Math.round((performance.now() - startedMs) / 60_000);
  console.log(JSON.stringify({ bench: "soak", minutes: ranMinutes, seed: Number(given.seed), ...total, nodes }));
} finally {
  if (crowd.connected) crowd.disconnect();
  for (const { inspector } of mesh.nodes) inspector?.close();
  await mesh.stop();
}
