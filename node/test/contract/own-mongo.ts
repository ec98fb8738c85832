// A server speaking MongoDB's protocol of the suite's own, for what may not be done to a shared one: stopping and killing it.

import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { untilAnswered } from "./harness.ts";

const FERRETDB = join(import.meta.dirname, "../../../.services/bin/ferretdb");
const START_LIMIT_MS = 20_000;

/** As scripts/services.sh does: a mongod on the PATH, else the FerretDB that it has built. */
export function hasMongoServer(): boolean {
  return hasMongod() || hasFerret();
}

const hasMongod = (): boolean => spawnSync("mongod", ["--version"]).status === 0;

function hasFerret(): boolean {
  try {
    accessSync(FERRETDB, constants.X_OK);
    return true;
  } catch {
    return false; // Not built: the caller says what that means.
  }
}

export class OwnMongo {
  readonly #folder = mkdtempSync(join(tmpdir(), "hearsay-mongo-"));
  #process: ChildProcess | undefined;
  #port = 0;

  url(database: string): string {
    return `mongodb://127.0.0.1:${this.#port}/${database}?directConnection=true`;
  }

  /** Starts it, on the same port and the same data every time, and waits until it accepts connections. */
  async start(): Promise<void> {
    this.#port ||= await freePort();
    const mongod = ["--port", `${this.#port}`, "--bind_ip", "127.0.0.1", "--dbpath", this.#folder, "--quiet"];
    const ferret = ["-listen", `127.0.0.1:${this.#port}`, "-data", this.#folder];
    this.#process = hasMongod()
      ? spawn("mongod", mongod, { stdio: "ignore" })
      : spawn(FERRETDB, ferret, { stdio: "ignore" });
    await untilAnswered(() => this.#reached(), START_LIMIT_MS);
  }

  /** It takes connections and requests, and answers nothing until thaw(). */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill("SIGKILL");
    await ended;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #reached(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.destroy();
        resolve();
      });
    });
  }
}
