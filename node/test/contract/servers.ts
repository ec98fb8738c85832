// Finds the servers that scripts/services.sh starts (or that the environment names), before any test is registered: a suite
// without its server registers no tests of its own, and says so.

import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";

export interface ServerAddress {
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

const DEFAULT_URLS = {
  Redis: "redis://127.0.0.1:46379",
  MongoDB: "mongodb://127.0.0.1:47017",
} as const;

const VARIABLES = { Redis: "REDIS_URL", MongoDB: "MONGODB_URL" } as const;

/**
 * The server's address when somebody listens there. Otherwise undefined: with REQUIRE_SERVICES=1 the one test that this
 * registers fails, without it a line on standard error says what is not run.
 */
export function findServer(kind: keyof typeof DEFAULT_URLS): ServerAddress | undefined {
  const url = process.env[VARIABLES[kind]] ?? DEFAULT_URLS[kind];
  const { hostname: host, port } = new URL(url);
  const address = { url, host, port: Number(port) };
  const listening = isListening(address);
  const required = process.env["REQUIRE_SERVICES"] === "1";
  if (!listening)
    process.stderr.write(`No ${kind} at ${url}: its contract is not run. Start it with scripts/services.sh\n`);
  test(`${kind} is there, or is not required`, () => {
    expect(listening || !required).toBe(true);
  });
  return listening ? address : undefined;
}

/** For suites that start servers of their own: the same rules when the program is missing. */
export function canStart(program: string, isThere: boolean): boolean {
  const required = process.env["REQUIRE_SERVICES"] === "1";
  if (!isThere) process.stderr.write(`There is no ${program}: what needs a server of its own is not run.\n`);
  test(`${program} can be started, or is not required`, () => {
    expect(isThere || !required).toBe(true);
  });
  return isThere;
}

/**
 * FerretDB on SQLite reads, changes and writes a document in separate steps, so changes made at once can be lost; MongoDB
 * itself does not.
 */
export function updatesAtomically(address: ServerAddress): boolean {
  const script = `require("mongodb").MongoClient.connect(${JSON.stringify(address.url)}).then(async (client) => {
    const info = await client.db("admin").command({ buildInfo: 1 });
    await client.close();
    process.exit("ferretdbVersion" in info || "ferretdb" in info ? 1 : 0);
  })`;
  const atomic = spawnSync(process.execPath, ["-e", script]).status === 0;
  if (!atomic) process.stderr.write("The MongoDB server is FerretDB: the test of racing updates is not run.\n");
  return atomic;
}

/** Jest wants to know its tests at once, so this asks in a process of its own and waits for it. */
function isListening({ host, port }: { readonly host: string; readonly port: number }): boolean {
  const script = `require("node:net").connect(${port}, ${JSON.stringify(host)})
    .on("connect", () => process.exit(0)).on("error", () => process.exit(1));
    setTimeout(() => process.exit(1), 1000);`;
  return spawnSync(process.execPath, ["-e", script]).status === 0;
}
