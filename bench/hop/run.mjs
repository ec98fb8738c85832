// npm run bench:hop: what one node adds to the latency of a packet: the same two processes talk directly and through a node.
// Loopback only. See bench/README.md.
//   Without --rate: the media plane alone, 250 packets/s, in alternating windows.
//   --rate N: a whole node on one processor that forwards N packets/s in all (250 to each subscriber), answers HTTP requests and
//   gossips; both paths at the same time, as what else the machine does then delays both.
//   --windows N (6)  --secs S (5)  --http N (100 requests a second)
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { endOnSignals, sleep } from "../lib/proc.mjs";
import { atRate } from "./rate.mjs";

const { values: options } = parseArgs({
  options: {
    windows: { type: "string", default: "6" },
    secs: { type: "string", default: "5" },
    rate: { type: "string" },
    http: { type: "string", default: "100" },
  },
});
const [windows, seconds] = [options.windows, options.secs].map(Number);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const children = [];
endOnSignals();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

async function startPlane() {
  const child = spawn(process.execPath, [here("../forward/server.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  for await (const chunk of child.stdout) {
    const port = /listening (\d+)/.exec(String(chunk))?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}`;
  }
  throw new Error("the media plane did not start");
}

function peer(role) {
  const child = fork(here("./peer.mjs"), [role], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  children.push(child);
  return child;
}

/** Sends one message and waits for the answer that carries `field`. */
async function ask(child, message, field) {
  if (message !== undefined) child.send(message);
  for (;;) {
    const [answer] = await once(child, "message");
    if (answer[field] !== undefined) return answer[field];
  }
}

async function connectDirectly(sender, receiver) {
  const offer = await ask(sender, { connectDirect: {} }, "offer");
  const answer = await ask(receiver, { connectDirect: { offer } }, "answer");
  await Promise.all([ask(sender, { connectDirect: { answer } }, "ready"), ask(receiver, undefined, "ready")]);
}

const quantile = (values, q) => values[Math.min(values.length - 1, Math.floor(values.length * q))];

function summary(latenciesUs) {
  const sorted = latenciesUs.toSorted((a, b) => a - b);
  const ms = (q) => Number((quantile(sorted, q) / 1e3).toFixed(3));
  return { packets: sorted.length, p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99) };
}

const latencies = { direct: [], node: [] };

/** One window on these paths at the same time; the first of all warms the code up and does not count. */
async function measure({ sender, receiver }, paths, isWarmUp) {
  await ask(sender, { send: { paths, seconds: isWarmUp ? 2 : seconds } }, "sent");
  await sleep(300);
  for (const path of paths) {
    const taken = await ask(receiver, { take: path }, "latenciesUs");
    if (!isWarmUp) latencies[path].push(...taken);
  }
}

async function throughThePlane() {
  const base = await startPlane();
  const ends = { sender: peer("sender"), receiver: peer("receiver") };
  await ask(ends.sender, { connectNode: base }, "ready");
  await ask(ends.receiver, { connectNode: base }, "ready");
  await connectDirectly(ends.sender, ends.receiver);
  for (let window = -1; window < windows; window += 1)
    for (const path of ["direct", "node"]) await measure(ends, [path], window < 0);
  return {};
}

function throughANode() {
  const wish = { rate: Number(options.rate), http: Number(options.http) };
  return atRate(wish, { peer, ask }, async ({ sender, receiver, window }) => {
    await connectDirectly(sender, receiver);
    const paths = ["direct", "node"];
    await measure({ sender, receiver }, paths, true);
    for (let i = 0; i < windows; i += 1)
      await window.around(() => measure({ sender, receiver }, paths, false), seconds);
    return wish;
  });
}

const result = await (options.rate === undefined ? throughThePlane() : throughANode());
const direct = summary(latencies.direct);
const node = summary(latencies.node);
const added = {
  p50Ms: Number((node.p50Ms - direct.p50Ms).toFixed(3)),
  p95Ms: Number((node.p95Ms - direct.p95Ms).toFixed(3)),
};
console.log(`direct  p50 ${direct.p50Ms} ms  p95 ${direct.p95Ms} ms`);
console.log(`node    p50 ${node.p50Ms} ms  p95 ${node.p95Ms} ms`);
console.log(JSON.stringify({ bench: "hop", added, direct, node, ...result }));
process.exit(0);
