// `npm start`: builds when sources are newer than dist/, starts a mesh of nodes on this machine
// (a process each, embedded storage under ./data), waits until they have found each other by
// gossip from one seed, prints the table and the address, and stops all of them on Ctrl-C.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const HELP = `npm start -- [options]

  --nodes N         how many nodes                              (default 3, 1 to 16)
  --data DIR        where keys, databases and logs live         (default ./data)
  --http-port P     first node's port, the others follow        (default 7400)
  --gossip-port P   likewise, UDP and TCP                       (default 7946)
  --media-port P    likewise, UDP                               (default 7600)
  --no-build        do not build, even when sources are newer
  --help            this text
`;
const names = ["ada", "bell", "curie", "dijkstra", "euler", "fermat", "gauss", "hopper"];
const BOOT_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "3" },
      data: { type: "string", default: join(root, "data") },
      "http-port": { type: "string", default: "7400" },
      "gossip-port": { type: "string", default: "7946" },
      "media-port": { type: "string", default: "7600" },
      "no-build": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const number = (name, low, high) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < low || value > high)
      throw new RangeError(`--${name} wants a whole number from ${low} to ${high}, not "${values[name]}"`);
    return value;
  };
  return {
    help: values.help,
    build: !values["no-build"],
    data: values.data,
    nodes: number("nodes", 1, 16),
    http: number("http-port", 1, 65_000),
    gossip: number("gossip-port", 1, 65_000),
    media: number("media-port", 1, 65_000),
  };
}

function newest(folder, pattern) {
  let latest = 0;
  if (!existsSync(folder)) return latest;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && pattern.test(entry.name))
      latest = Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return latest;
}

function buildIsStale() {
  const built = join(root, "dist/built");
  if (!existsSync(built)) return true;
  const sources = ["gossip", "node/src", "client-sdk/src", "web"].map((f) =>
    newest(join(root, f), /\.(tsx?|css|html|json)$/),
  );
  return Math.max(...sources) > statSync(built).mtimeMs;
}

async function step(text, work) {
  const startedAt = performance.now();
  process.stdout.write(`  ${text} … `);
  const result = await work();
  process.stdout.write(`done (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`);
  return result;
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        text += chunk;
      });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${args.join(" ")} ended with ${code}\n${text}`)),
    );
  });
}

async function build() {
  await step("compiling", () =>
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]),
  );
  await step("bundling the web client", () => run(process.execPath, ["scripts/bundle.mjs"]));
  writeFileSync(join(root, "dist/built"), `${new Date().toISOString()}\n`);
}

/** Keys are made once and kept: sessions and gossip survive a restart of the mesh. */
function keyFile(dir, name, bytes) {
  const path = join(dir, name);
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(bytes).toString("base64")}\n`, { mode: 0o600 });
  return readFileSync(path, "utf8").trim();
}

function startNode(index, options, keys) {
  const name = names[index] ?? `node-${index + 1}`;
  const url = `http://127.0.0.1:${options.http + index}`;
  const args = [
    join(root, "dist/node/src/main.js"),
    "node",
    `--name=${name}`,
    `--http-port=${options.http + index}`,
    `--gossip-port=${options.gossip + index}`,
    `--media-port=${options.media + index}`,
    `--data-dir=${options.data}`,
    ...(index === 0 ? [] : [`--seeds=127.0.0.1:${options.gossip}`]),
  ];
  const env = { ...process.env, HEARSAY_GOSSIP_KEY: keys.gossip, HEARSAY_TOKEN_KEY: keys.token };
  const child = spawn(process.execPath, ["--enable-source-maps", ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const log = createWriteStream(join(options.data, `${name}.log`), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const node = { name, url, child, ended: undefined, exited: undefined };
  node.exited = new Promise((resolve) =>
    child.once("exit", (code, signal) => {
      node.ended = signal ?? code;
      resolve(node.ended);
    }),
  );
  return node;
}

async function getJson(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined; // Not up yet: the caller polls.
  }
}

async function untilTogether(nodes, data) {
  const limit = performance.now() + BOOT_LIMIT_MS;
  for (;;) {
    const dead = nodes.find((node) => node.ended !== undefined);
    if (dead !== undefined)
      throw new Error(`${dead.name} ended with ${dead.ended}; its log is ${join(data, `${dead.name}.log`)}`);
    const views = await Promise.all(nodes.map((node) => getJson(`${node.url}/v1/nodes`)));
    if (views.every((view) => view?.nodes?.length === nodes.length)) return;
    if (performance.now() > limit)
      throw new Error(`the nodes did not find each other in ${BOOT_LIMIT_MS / 1000} s; logs are in ${data}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

function printTable(nodes, options) {
  const row = (...cells) => `  ${cells.map((cell, i) => String(cell).padEnd([10, 26, 20, 12, 8][i])).join("")}`;
  console.log();
  console.log(row("node", "http", "gossip", "media", "pid"));
  nodes.forEach((node, i) => {
    console.log(row(node.name, node.url, `127.0.0.1:${options.gossip + i}`, options.media + i, node.child.pid));
  });
  console.log(`\n  Open ${nodes[0].url}   (any node will do; Ctrl-C stops all ${nodes.length})\n`);
}

async function stopAll(nodes) {
  for (const node of nodes) if (node.ended === undefined) node.child.kill("SIGTERM");
  const slow = setTimeout(() => {
    for (const node of nodes) if (node.ended === undefined) node.child.kill("SIGKILL");
  }, STOP_LIMIT_MS);
  await Promise.all(nodes.map((node) => node.exited));
  clearTimeout(slow);
}

/** Resolves at the first Ctrl-C (or SIGTERM); from then on a node that ends is expected to. */
function stopRequest() {
  const request = { made: false, promise: undefined };
  request.promise = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"])
      process.on(signal, () => {
        request.made = true;
        resolve("stop");
      });
  });
  return request;
}

/** A node that ends by itself is told of; the others go on, as a mesh should, until the last is gone. */
async function watchDeath(node, request, data) {
  const how = await node.exited;
  if (!request.made) console.error(`  ${node.name} ended with ${how}; its log is ${join(data, `${node.name}.log`)}`);
}

async function serve(nodes, options, request) {
  const booted = step(`starting ${nodes.length} nodes and waiting until they have found each other`, () =>
    untilTogether(nodes, options.data),
  );
  // Polling ends in an error when the nodes are stopped meanwhile; that is no news then.
  booted.catch(() => undefined);
  if ((await Promise.race([booted, request.promise])) === "stop") return;
  printTable(nodes, options);
  const allGone = Promise.all(nodes.map((node) => watchDeath(node, request, options.data)));
  await Promise.race([request.promise, allGone]);
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(HELP);
  console.log("Hearsay");
  if (options.build && buildIsStale()) await build();
  mkdirSync(options.data, { recursive: true });
  const keys = { gossip: keyFile(options.data, "gossip.key", 32), token: keyFile(options.data, "token.key", 32) };
  const request = stopRequest();
  const nodes = Array.from({ length: options.nodes }, (_, index) => startNode(index, options, keys));
  try {
    await serve(nodes, options, request);
  } finally {
    request.made = true;
    process.stdout.write("\n");
    await step(`stopping ${nodes.length} nodes`, () => stopAll(nodes));
  }
}

main().catch((error) => {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
});
