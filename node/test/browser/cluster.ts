/**
 * A mesh of real node processes for browser tests: built code, ports of the system's choice, embedded
 * storage in a temporary folder that all of them share, as `npm start` runs them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { eventually } from "./harness.ts";

const root = join(import.meta.dirname, "../../..");
const BOOT_LIMIT_MS = 120_000;

export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  /** The present process; restart() makes another. */
  process: ChildProcess;
  /** Everything the node printed; for the message of a failing test. */
  readonly output: string[];
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  node(index: number): ClusterNode;
  /** Value of one sample of a node's /metrics, summed over label sets that contain all of `labels`. */
  metric(index: number, name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Starts a killed node again: the same name, ports and folder, a new process. */
  restart(index: number): void;
  stop(): Promise<void>;
}

function spawnNode(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ClusterNode["process"] {
  // Embedded stores, whatever servers the environment names: a test's people and rooms are its own.
  const { MONGODB_URL: _archive, REDIS_URL: _presence, ...own } = process.env;
  return spawn(process.execPath, [join(root, "dist/node/src/main.js"), "node", `--name=${name}`, ...args], {
    env: { ...own, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function fetchJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined; // Not up yet, or just killed: the caller polls.
  }
}

async function metricOf(url: string, name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== name) continue;
    if (Object.entries(labels).every(([key, value]) => (match[2] ?? "").includes(`${key}="${value}"`)))
      sum += Number(match[3]);
  }
  return sum;
}

async function stopNode(node: ClusterNode): Promise<void> {
  if (node.process.exitCode !== null || node.process.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => node.process.once("exit", () => resolve()));
  node.process.kill("SIGTERM");
  const slow = setTimeout(() => node.process.kill("SIGKILL"), 8_000);
  await exited;
  clearTimeout(slow);
}

export async function startCluster(
  count: number,
  options: { readonly flags?: readonly string[]; readonly flagsOf?: (index: number) => readonly string[] } = {},
): Promise<Cluster> {
  const dataDir = mkdtempSync(join(tmpdir(), "hearsay-cluster-"));
  const env = {
    HEARSAY_GOSSIP_KEY: randomBytes(32).toString("base64"),
    HEARSAY_TOKEN_KEY: randomBytes(32).toString("base64"),
  };
  const seed = await freePort();
  const nodes: ClusterNode[] = [];
  const launches: (() => ChildProcess)[] = [];
  for (let i = 0; i < count; i += 1) {
    const name = ["ada", "bell", "curie", "dijkstra"][i] ?? `node-${i}`;
    const [httpPort, gossipPort] = [await freePort(), i === 0 ? seed : await freePort()];
    const ports = [`--http-port=${httpPort}`, `--gossip-port=${gossipPort}`, "--media-port=0", `--data-dir=${dataDir}`];
    const seeds = i === 0 ? [] : [`--seeds=127.0.0.1:${seed}`];
    const own = options.flagsOf?.(i) ?? [];
    const output: string[] = [];
    const launch = (): ChildProcess => {
      const child = spawnNode(name, [...ports, ...seeds, ...(options.flags ?? []), ...own], env);
      for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => output.push(String(chunk)));
      return child;
    };
    launches.push(launch);
    nodes.push({ name, url: `http://127.0.0.1:${httpPort}`, process: launch(), output });
  }
  const cluster: Cluster = {
    nodes,
    node(index) {
      const node = nodes[index];
      if (node === undefined) throw new RangeError(`no node ${index}`);
      return node;
    },
    restart(index) {
      const launch = launches[index];
      if (launch !== undefined) cluster.node(index).process = launch();
    },
    metric: (index, name, labels = {}) => metricOf(cluster.node(index).url, name, labels),
    async stop() {
      await Promise.all(nodes.map(stopNode));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await eventually(`${count} nodes see each other`, () => together(nodes), Boolean, BOOT_LIMIT_MS);
  } catch (error) {
    await cluster.stop();
    const logs = nodes.map((node) => `--- ${node.name}\n${node.output.join("").slice(-2_000)}`).join("\n");
    throw new Error(`the mesh did not boot\n${logs}`, { cause: error });
  }
  return cluster;
}

async function together(nodes: readonly ClusterNode[]): Promise<boolean> {
  const views = await Promise.all(nodes.map((node) => fetchJson(`${node.url}/v1/nodes`)));
  return views.every((view) => (view as { nodes?: unknown[] } | undefined)?.nodes?.length === nodes.length);
}
