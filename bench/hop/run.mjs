// npm run bench:hop: what one node adds to the latency of a packet, at 250 packets/s: the same two processes talk
// directly and through a node, in alternating windows. Loopback only. See bench/README.md.
//   --windows N (6 of each path)  --secs S (5)
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: { windows: { type: "string", default: "6" }, secs: { type: "string", default: "5" } },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

async function startServer() {
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

const quantile = (values, q) => values[Math.min(values.length - 1, Math.floor(values.length * q))];

function summary(latenciesUs) {
  const sorted = latenciesUs.toSorted((a, b) => a - b);
  const ms = (q) => Number((quantile(sorted, q) / 1e3).toFixed(3));
  return { packets: sorted.length, p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99) };
}

const base = await startServer();
const sender = peer("sender");
const receiver = peer("receiver");
await ask(sender, { connectNode: base }, "ready");
await ask(receiver, { connectNode: base }, "ready");
const offer = await ask(sender, { connectDirect: {} }, "offer");
const answer = await ask(receiver, { connectDirect: { offer } }, "answer");
await Promise.all([ask(sender, { connectDirect: { answer } }, "ready"), ask(receiver, undefined, "ready")]);

const latencies = { direct: [], node: [] };
for (let window = -1; window < Number(options.windows); window += 1) {
  for (const path of ["direct", "node"]) {
    await ask(sender, { send: { path, seconds: window < 0 ? 2 : Number(options.secs) } }, "sent");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const taken = await ask(receiver, { take: path }, "latenciesUs");
    if (window >= 0) latencies[path].push(...taken); // the first window warms the code up
  }
}
const direct = summary(latencies.direct);
const node = summary(latencies.node);
const added = {
  p50Ms: Number((node.p50Ms - direct.p50Ms).toFixed(3)),
  p95Ms: Number((node.p95Ms - direct.p95Ms).toFixed(3)),
};
console.log(`direct  p50 ${direct.p50Ms} ms  p95 ${direct.p95Ms} ms`);
console.log(`node    p50 ${node.p50Ms} ms  p95 ${node.p95Ms} ms`);
console.log(JSON.stringify({ bench: "hop", added, direct, node }));
process.exit(0);
