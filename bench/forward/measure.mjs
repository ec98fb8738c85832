// Measures one server, inside the namespace that run.mjs made: one publisher, then 10, 50, 100 … subscribers; for each
// count a few windows of CPU time over packets that arrived. Prints one JSON line a window.
// Arguments: hearsay | hearsay=checkout | janus0 | janus1 | janus2, folder for its files.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { cpuNs, residentKb, sleep } from "../lib/proc.mjs";
import { writeJanusConfig } from "./janus.mjs";

const [, , server, folder] = process.argv;
const counts = (process.env.BENCH_SUBS ?? "10,50,100").split(",").map(Number);
const windowMs = Number(process.env.BENCH_SECS ?? 5) * 1_000;
/** Subscribers of whom nothing is measured: with them a server compiles and allocates what it does once. */
const WARM_UP = 5;
const windows = Number(process.env.BENCH_WINDOWS ?? 3);
/** Until estimates have risen to what is sent, and code is compiled. */
const settleMs = Number(process.env.BENCH_SETTLE ?? 12) * 1_000;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

// Whoever ends this process ends the servers and clients with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

async function startHearsay(checkout) {
  const flags = process.env.BENCH_NODE_FLAGS?.split(" ") ?? [];
  const args = [...flags, here("./server.mjs"), ...(checkout === undefined ? [] : [checkout])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  for await (const chunk of child.stdout) {
    const port = /listening (\d+)/.exec(String(chunk))?.[1];
    if (port !== undefined) return { pid: child.pid, base: `http://127.0.0.1:${port}` };
  }
  throw new Error("the media plane did not start");
}

async function startJanus(eventLoops) {
  const args = writeJanusConfig(folder, { iface: "d0", eventLoops });
  const child = spawn("janus", args, { stdio: "ignore" });
  children.push(child);
  await sleep(2_000);
  return { pid: child.pid, base: `janus:ws://127.0.0.1:8188/?room=${1_000 + process.pid}` };
}

async function client(file, ...args) {
  const child = fork(here(file), args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  children.push(child);
  const [message] = await once(child, "message");
  return { child, connected: message.connected };
}

async function packetsOf(clients) {
  const answers = clients.map(async ({ child }) => {
    const answer = once(child, "message");
    child.send("stats");
    return (await answer)[0].stats.packets;
  });
  return (await Promise.all(answers)).reduce((sum, packets) => sum + packets, 0);
}

const isJanus = server.startsWith("janus");
const { pid, base } = await (isJanus ? startJanus(Number(server.slice(5))) : startHearsay(server.split("=")[1]));
const publisher = await client("./publisher.mjs", base);
const sinks = [await client("./sinks.mjs", base, String(WARM_UP))];
let subscribers = sinks[0].connected;
await sleep(3_000);
for (const count of counts) {
  publisher.child.send("pause");
  await sleep(300);
  const before = { cpu: cpuNs(pid), memory: residentKb(pid) };
  const more = await client("./sinks.mjs", base, String(count - subscribers));
  const joinCpuMs = (cpuNs(pid) - before.cpu) / 1e6 / (count - subscribers);
  sinks.push(more);
  subscribers += more.connected;
  publisher.child.send("resume");
  await sleep(settleMs);
  const memoryKb = (residentKb(pid) - before.memory) / more.connected;
  for (let window = 0; window < windows; window += 1) {
    const from = {
      cpu: cpuNs(pid),
      out: await packetsOf(sinks),
      in: await packetsOf([publisher]),
      at: performance.now(),
    };
    await sleep(windowMs);
    const to = {
      cpu: cpuNs(pid),
      out: await packetsOf(sinks),
      in: await packetsOf([publisher]),
      at: performance.now(),
    };
    const packets = to.out - from.out;
    const result = {
      server,
      subscribers: count,
      joined: subscribers,
      microsecondsPerPacket: (to.cpu - from.cpu) / 1e3 / packets,
      packetsPerSecond: Math.round((packets / (to.at - from.at)) * 1e3),
      lossRatio: 1 - packets / ((to.in - from.in) * subscribers),
      joinCpuMs,
      memoryKbPerSubscriber: memoryKb,
    };
    console.log(JSON.stringify(result));
  }
}
process.exit(0);
