// Real processes for interop tests: the stock agent, and ours as an operator would start it. Each test ends what it started.

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { jest } from "@jest/globals";
import { buildSync } from "esbuild";
import { RpcClient } from "../../io/rpc/client.ts";
import type { RpcMember } from "../../io/rpc/messages.ts";

// A hook starts several processes, and waits for what one full exchange repairs; the machine may be busy.
jest.setTimeout(120_000);

export const GOSSIP_PORT = 7946;
export const RPC_PORT = 7373;

/** Whether the reference is here. Where it must be, its absence is an error and not a reason to pass. */
export function hasReference(): boolean {
  const isThere = spawnSync("serf", ["version"]).status === 0;
  if (!isThere && process.env["REQUIRE_INTEROP"] === "1")
    throw new Error("serf is not installed and REQUIRE_INTEROP=1");
  return isThere;
}

export interface RunningAgent {
  readonly name: string;
  readonly host: string;
  /** "host:port" of the RPC. */
  readonly rpc: string;
  /** All that it printed so far. */
  output(): string;
  /** Resolves to the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): Promise<number | string>;
}

const running = new Set<RunningAgent>();

/** Ends what a test left running. */
export async function endAll(): Promise<void> {
  await Promise.all(Array.from(running, (agent) => agent.kill("SIGKILL")));
}

/** `serf agent` on its own loopback address with the fastest profile. */
export function startStock(name: string, host: string, flags: readonly string[] = []): Promise<RunningAgent> {
  return startAgent("serf", ["agent"], { name, host, flags });
}

/** `hearsay agent` likewise. */
export function startOurs(name: string, host: string, flags: readonly string[] = []): Promise<RunningAgent> {
  return startAgent(process.execPath, [buildCommand(), "agent"], { name, host, flags });
}

interface AgentPlace {
  readonly name: string;
  readonly host: string;
  readonly flags: readonly string[];
}

async function startAgent(program: string, first: readonly string[], place: AgentPlace): Promise<RunningAgent> {
  const { name, host, flags } = place;
  const rpc = `${host}:${RPC_PORT}`;
  const fixed = [`-bind=${host}:${GOSSIP_PORT}`, `-rpc-addr=${rpc}`, `-node=${name}`, "-profile=local"];
  const child = spawn(program, [...first, ...fixed, "-log-level=debug", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const agent = watch(child, { name, host, rpc });
  let isGone = false;
  void agent.ended.then(() => {
    isGone = true;
  });
  const isSettled = async (): Promise<boolean> => isGone || canConnect(host);
  await waitFor(isSettled, { withinMs: 30_000, what: `${name} to open its RPC`, detail: agent.output });
  if (isGone) throw new Error(`${name} ended with ${await agent.ended} instead of running\n${agent.output()}`);
  return agent;
}

function watch(
  child: ChildProcess,
  place: { readonly name: string; readonly host: string; readonly rpc: string },
): RunningAgent {
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (piece: Buffer) => {
      printed = (printed + piece.toString()).slice(-100_000);
    });
  }
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  const agent: RunningAgent = {
    ...place,
    output: () => printed,
    ended,
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
  running.add(agent);
  void ended.then(() => running.delete(agent));
  return agent;
}

async function canConnect(host: string): Promise<boolean> {
  const client = await RpcClient.open({ host, port: RPC_PORT, timeoutMs: 1_000 }).catch((error: Error) => error);
  // An agent that wants a key is up as well.
  if (client instanceof Error) return client.message.includes("uthentication");
  client.close();
  return true;
}

let built: string | undefined;

/** The command in one file, built once: sources cannot be run by plain Node. */
function buildCommand(): string {
  if (built !== undefined) return built;
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  // Of this checkout alone: several may share their packages.
  const checkout = createHash("sha256").update(root).digest("hex").slice(0, 8);
  const outfile = `${root}node_modules/.cache/hearsay-interop/hearsay-${checkout}.mjs`;
  const { outputFiles } = buildSync({
    entryPoints: [`${root}node/src/main.ts`],
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["source"],
    packages: "external",
    // Media is not what these tests are about.
    external: ["../app-main.ts"],
    logLevel: "silent",
  });
  // Another run may be reading the file: it has the old one or the new one.
  const partial = `${outfile}.${process.pid}`;
  mkdirSync(dirname(outfile), { recursive: true });
  writeFileSync(partial, outputFiles[0]?.contents ?? "");
  renameSync(partial, outfile);
  built = outfile;
  return outfile;
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the stock command line to its end. */
export function serf(...argv: readonly string[]): Promise<CommandResult> {
  return run("serf", argv);
}

/** Runs our command line to its end. */
export function hearsay(...argv: readonly string[]): Promise<CommandResult> {
  return run(process.execPath, [buildCommand(), ...argv]);
}

function run(program: string, argv: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(program, argv, { timeout: 20_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, out, err });
    });
  });
}

/** Name to status, as the agent at this address sees its cluster. */
export async function statuses(host: string, authKey = ""): Promise<Record<string, string>> {
  const members = await membersAt(host, authKey);
  return Object.fromEntries(members.map((member) => [member.name, member.status]));
}

export async function membersAt(host: string, authKey = ""): Promise<readonly RpcMember[]> {
  const client = await RpcClient.open({ host, port: RPC_PORT, authKey });
  try {
    return await client.members();
  } finally {
    client.close();
  }
}

export interface Wait {
  readonly withinMs: number;
  readonly what: string;
  /** Said when it did not come true. */
  readonly detail?: () => string;
}

/** Asks again and again, with a bound. */
export async function waitFor(
  isTrue: () => Promise<boolean> | boolean,
  { withinMs, what, detail }: Wait,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for ${what}\n${detail?.() ?? ""}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Asks until the answer is as it should be, and gives the last one. Queries, and so key commands and reachability, travel as
 * datagrams that nobody repeats: the profile of tests tells each two times, so that among three stock agents alone one in
 * a hundred misses somebody, and on a busy machine an answer may come after its time. An operator asks again.
 */
export async function askUntil<T>(
  ask: () => Promise<T>,
  isGood: (answer: T) => boolean,
  { withinMs = 40_000, what = "an answer that is as it should be" }: Partial<Wait> = {},
): Promise<T> {
  let last: T | undefined;
  const isAnswered = async (): Promise<boolean> => {
    last = await ask();
    return isGood(last);
  };
  await waitFor(isAnswered, { withinMs, what, detail: () => JSON.stringify(last, null, 2) });
  return last as T;
}

export const isDone = ({ code }: CommandResult): boolean => code === 0;

/** Its output, or what it complained of, has all of these. */
export function says(...words: readonly string[]): (result: CommandResult) => boolean {
  return ({ out, err }) => words.every((word) => `${out}${err}`.includes(word));
}

/** Waits until the agents at these addresses all see exactly this; as long as an exchange repairs what gossip missed. */
export async function waitForStatuses(
  hosts: readonly string[],
  expected: Readonly<Record<string, string>>,
  withinMs = 40_000,
): Promise<void> {
  const wanted = JSON.stringify(Object.entries(expected).sort());
  let seen: unknown;
  await waitFor(
    async () => {
      // An agent that does not answer in time now may answer the next time.
      seen = await Promise.all(hosts.map((host) => statuses(host).catch((error: Error) => ({ error: error.message }))));
      return (seen as Record<string, string>[]).every((one) => JSON.stringify(Object.entries(one).sort()) === wanted);
    },
    { withinMs, what: `${hosts.join(", ")} to see ${wanted}`, detail: () => JSON.stringify(seen) },
  );
}

/**
 * Has a failed member forgotten by all. No exchange of states carries that word, and a stock agent may tell it twice to the
 * dead alone: so it is said until all have heard.
 */
export async function pruneEverywhere(name: string, at: string, hosts: readonly string[]): Promise<void> {
  const say = async (): Promise<readonly Record<string, string>[]> => {
    const { code, out, err } = await serf("force-leave", "-prune", `-rpc-addr=${at}:${RPC_PORT}`, name);
    if (code !== 0) throw new Error(`force-leave failed: ${out}${err}`);
    return Promise.all(hosts.map((host) => statuses(host)));
  };
  const isForgotten = (seen: readonly Record<string, string>[]): boolean => seen.every((one) => !(name in one));
  await askUntil(say, isForgotten, { what: `${name} to be forgotten` });
}

/** A kind of agent, for tests that hold for both. */
export interface Side {
  readonly name: string;
  start(name: string, host: string, flags?: readonly string[]): Promise<RunningAgent>;
}

export const OURS: Side = { name: "hearsay", start: startOurs };
export const STOCK: Side = { name: "serf", start: startStock };
