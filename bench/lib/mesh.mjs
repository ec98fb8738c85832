// A mesh of real node processes on loopback for benchmarks: built code, free ports, storage in a temporary folder.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sleep } from "./proc.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const BOOT_LIMIT_MS = 40_000;

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function nodesSeenBy(url) {
  try {
    return (await (await fetch(`${url}/v1/nodes`)).json()).nodes.length;
  } catch {
    return 0; // not up yet: the caller polls
  }
}

/**
 * Starts `count` nodes and waits until each sees all. `wrap` makes of one node's command (program and arguments) the one that
 * is run, to pin it to a processor or to look into it; `flags` go to every node.
 */
export async function startMesh(count, { wrap = (command) => command, flags: more = [] } = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), "hearsay-bench-"));
  const keys = {
    HEARSAY_GOSSIP_KEY: randomBytes(32).toString("base64"),
    HEARSAY_TOKEN_KEY: randomBytes(32).toString("base64"),
  };
  const seed = await freePort();
  const nodes = [];
  for (let i = 0; i < count; i += 1) {
    const [http, gossip] = [await freePort(), i === 0 ? seed : await freePort()];
    const flags = [
      `--name=n${i}`,
      `--http-port=${http}`,
      `--gossip-port=${gossip}`,
      "--media-port=0",
      `--data-dir=${dataDir}`,
      ...more,
    ];
    if (i > 0) flags.push(`--seeds=127.0.0.1:${seed}`);
    // Embedded stores, whatever servers the environment names.
    const { MONGODB_URL: _archive, REDIS_URL: _presence, ...own } = process.env;
    const [program, ...argv] = wrap([process.execPath, join(root, "dist/node/src/main.js"), "node", ...flags], i);
    const launch = () =>
      spawn(program, argv, {
        env: { ...own, ...keys },
        stdio: ["ignore", "ignore", "inherit"],
      });
    nodes.push({ name: `n${i}`, url: `http://127.0.0.1:${http}`, child: launch(), launch });
  }
  process.once("exit", () => {
    for (const { child } of nodes) child.kill("SIGKILL");
  });
  const limit = performance.now() + BOOT_LIMIT_MS;
  for (;;) {
    const seen = await Promise.all(nodes.map(({ url }) => nodesSeenBy(url)));
    if (seen.every((n) => n === count)) break;
    if (performance.now() > limit) throw new Error(`the mesh did not boot: nodes see ${seen}`);
    await sleep(100);
  }
  return {
    nodes,
    /** Kills the node and starts it again under its name; resolves when it sees all. */
    async restart(i) {
      const node = nodes[i];
      const gone = new Promise((resolve) => node.child.once("exit", resolve));
      node.child.kill("SIGKILL");
      await gone;
      node.child = node.launch();
      const until = performance.now() + BOOT_LIMIT_MS;
      while ((await nodesSeenBy(node.url)) < count) {
        if (performance.now() > until) throw new Error(`${node.name} did not come back`);
        await sleep(100);
      }
    },
    async stop() {
      const gone = nodes.map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
      for (const { child } of nodes) child.kill("SIGTERM");
      await Promise.race([Promise.all(gone), sleep(8_000)]);
      for (const { child } of nodes) child.kill("SIGKILL");
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
