// What a cluster costs when nothing happens. Nothing but its nodes lives in this network namespace, so the kernel's
// counters of the namespace are theirs; each packet is counted once, when it is sent.
import { readFileSync } from "node:fs";
import { cpuNs, median, residentKb, sleep } from "../lib/proc.mjs";

/** Two lines for each protocol: the names of the counters, and their values. */
function counters(file, protocol) {
  const [names, values] = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(" "));
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}

function sent() {
  return {
    packets: counters("/proc/self/net/snmp", "Ip").OutRequests,
    bytes: counters("/proc/self/net/netstat", "IpExt").OutOctets,
    datagrams: counters("/proc/self/net/snmp", "Udp").OutDatagrams,
  };
}

/** Per node: packets, bytes with their IP headers and datagrams a second, CPU milliseconds a second, resident kB. */
export async function measureIdle(cluster, seconds) {
  for (const node of cluster.nodes) node.disconnect();
  await sleep(1_000);
  const pids = cluster.nodes.map((node) => node.pid);
  const before = sent();
  const cpuBefore = pids.map(cpuNs);
  const beginMs = performance.now();
  await sleep(seconds * 1000);
  const after = sent();
  const cpu = pids.map((pid, i) => cpuNs(pid) - cpuBefore[i]);
  const perNodeSecond = 1000 / (performance.now() - beginMs) / pids.length;
  const result = {
    packets: (after.packets - before.packets) * perNodeSecond,
    bytes: (after.bytes - before.bytes) * perNodeSecond,
    datagrams: (after.datagrams - before.datagrams) * perNodeSecond,
    cpuMs: (cpu.reduce((a, b) => a + b, 0) / 1e6) * perNodeSecond,
    residentKb: median(pids.map(residentKb)),
  };
  await Promise.all(cluster.nodes.map((node) => node.reconnect()));
  return result;
}
