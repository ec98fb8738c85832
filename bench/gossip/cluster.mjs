// One process per node on a loopback address of its own, and an observer at the RPC of each.
import { spawn } from "node:child_process";
import { RpcClient } from "#gossip/io";
import { sleep } from "../lib/proc.mjs";

const RPC_PORT = 7373;
const START_LIMIT_MS = 60_000;
const live = new Set();

export function killEverything() {
  for (const child of live) child.kill("SIGKILL");
}
process.on("exit", killEverything);

/** Asks again and again until it is true; throws when that takes too long. */
export async function until(isTrue, what, limitMs = START_LIMIT_MS) {
  const endMs = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await sleep(20);
  }
}

export class Node {
  constructor(kind, number, name) {
    this.kind = kind;
    this.name = name;
    this.host = `127.22.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
    /** What it was seen to say: "joined a", "failed a" or "event e" to the time when it did. */
    this.seen = new Map();
  }

  async start() {
    const [program, argv] = this.kind.command(this);
    this.child = spawn(program, argv, { stdio: ["ignore", "ignore", "inherit"] });
    live.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once("exit", () => {
        live.delete(this.child);
        resolve();
      });
    });
    await until(async () => {
      this.rpc = await RpcClient.open({ host: this.host, port: RPC_PORT }).catch(() => undefined);
      return this.rpc !== undefined;
    }, `the RPC of ${this.name}`);
    return this;
  }

  get pid() {
    return this.child.pid;
  }

  /** Begins to listen to what it says, on a connection of its own. */
  async observe() {
    this.observer = await RpcClient.open({ host: this.host, port: RPC_PORT });
    this.observer.monitor({ events: "user", logLevel: "INFO" }, (sighting) => this.#note(sighting)).catch(() => {});
  }

  #note(sighting) {
    const atMs = performance.now();
    if (sighting.kind === "event") this.#once(`event ${sighting.fields.get("Name")}`, atMs);
    else {
      for (const what of ["joined", "failed"]) {
        const name = this.kind[what].exec(sighting.line)?.[1];
        if (name !== undefined) this.#once(`${what} ${name}`, atMs);
      }
    }
  }

  #once(what, atMs) {
    if (!this.seen.has(what)) this.seen.set(what, atMs);
  }

  /** Leaves no connection: an idle connection of Go's sends keep-alives. */
  disconnect() {
    this.observer?.close();
    this.rpc?.close();
  }

  async reconnect() {
    this.rpc = await RpcClient.open({ host: this.host, port: RPC_PORT });
    await this.observe();
  }

  async kill() {
    this.disconnect();
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

export class BenchCluster {
  nodes = [];
  #kind;
  #started = 0;

  constructor(kind) {
    this.#kind = kind;
  }

  /** Starts `count` nodes, a few at once, and waits until all know all. */
  async form(count) {
    while (this.nodes.length < count) {
      const wave = Array.from({ length: Math.min(5, count - this.nodes.length) }, () => this.#next());
      this.nodes.push(...(await Promise.all(wave.map((node) => node.start()))));
    }
    for (const node of this.nodes.slice(1)) await node.rpc.join([this.nodes[0].host]);
    await this.agree();
    await Promise.all(this.nodes.map((node) => node.observe()));
  }

  #next() {
    this.#started += 1;
    return new Node(this.#kind, this.#started, `n${this.#started}`);
  }

  async agree() {
    await until(
      async () => {
        const views = await Promise.all(this.nodes.map((node) => node.rpc.members({ status: "alive" })));
        return views.every((members) => members.length === this.nodes.length);
      },
      "all nodes to know all",
      90_000,
    );
  }

  random() {
    return this.nodes[Math.floor(Math.random() * this.nodes.length)];
  }

  /** A fresh node joins by a random one; milliseconds until the last of the others saw it. */
  async timeJoin() {
    const fresh = await this.#next().start();
    const others = [...this.nodes];
    const contact = this.random();
    await sleep(Math.random() * 1000);
    const beginMs = performance.now();
    const join = fresh.rpc.join([contact.host]);
    const tookMs = await lastSight(others, `joined ${fresh.name}`, beginMs);
    await join;
    await fresh.observe();
    this.nodes.push(fresh);
    await this.agree();
    return tookMs;
  }

  async timeEvent(name) {
    await sleep(Math.random() * 400);
    const from = this.random();
    const beginMs = performance.now();
    await from.rpc.event(name, Buffer.from("x".repeat(64)), { coalesce: false });
    return lastSight(this.nodes, `event ${name}`, beginMs);
  }

  /** Kills one at a random time; milliseconds until the last of the others saw it failed. */
  async timeFailure() {
    await sleep(Math.random() * 1000);
    const victim = this.nodes.splice(1 + Math.floor(Math.random() * (this.nodes.length - 1)), 1)[0];
    const beginMs = performance.now();
    await victim.kill();
    return lastSight(this.nodes, `failed ${victim.name}`, beginMs);
  }

  async stop() {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }
}

async function lastSight(nodes, what, beginMs) {
  await until(() => nodes.every((node) => node.seen.has(what)), `all to see "${what}"`);
  return Math.max(...nodes.map((node) => node.seen.get(what))) - beginMs;
}
