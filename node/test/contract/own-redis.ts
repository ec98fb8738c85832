// A Redis server of the suite's own, for what may not be done to a shared one: killing it, and making it a cluster.

import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { untilAnswered } from "./harness.ts";

export function hasRedisServer(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

export class OwnRedis {
  readonly #folder = mkdtempSync(join(tmpdir(), "hearsay-redis-"));
  readonly #flags: readonly string[];
  #process: ChildProcess | undefined;
  port = 0;

  constructor(...flags: readonly string[]) {
    this.#flags = flags;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it empty, on the same port every time, and waits until it answers. */
  async start(): Promise<void> {
    this.port ||= await freePort();
    const settings = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""];
    this.#process = spawn("redis-server", [...settings, ...this.#flags], { stdio: "ignore" });
    await untilAnswered(() => this.command("PING"), 5000);
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill("SIGKILL");
    await ended;
  }

  /** It takes connections and requests, and answers nothing until thaw(). */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** The time of every record is over, as after minutes in which nobody renewed it. */
  async expireAll(): Promise<void> {
    for (const key of (await this.command("KEYS", "*")) as string[]) await this.command("PEXPIRE", key, "1");
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  async command(name: string, ...args: readonly string[]): Promise<unknown> {
    const redis = new Redis(this.port, "127.0.0.1", { retryStrategy: () => null, maxRetriesPerRequest: 0 });
    redis.on("error", () => {});
    try {
      return await redis.call(name, [...args]);
    } finally {
      redis.disconnect();
    }
  }
}

/** The cluster's own port lies 10,000 above, so the port is taken from below that. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    if (port < 55_000) return port;
  }
}
