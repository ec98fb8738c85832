// What operators have of a whole agent: scripts, streams, keys that last, clocks that go on.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runScript } from "../../../node/src/cli/script.ts";
import { GossipAgent } from "../agent.ts";
import type { GossipAgentOptions } from "../agent-options.ts";
import { LogTee } from "../log.ts";
import { RpcClient } from "../rpc/client.ts";

const HOST = "127.88.4.1";
const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

let folder = "";
let running: GossipAgent[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "operator-"));
});
afterEach(async () => {
  await Promise.all(running.map((agent) => agent.stop()));
  running = [];
  rmSync(folder, { recursive: true });
});

async function start(nodeName: string, options: Partial<GossipAgentOptions> = {}): Promise<GossipAgent> {
  const place = { nodeName, bindHost: HOST, bindPort: 0, profile: "local" as const };
  const agent = new GossipAgent({ ...place, ...options });
  running.push(agent);
  await agent.start();
  return agent;
}
const at = (agent: GossipAgent): string => `${HOST}:${agent.address.port}`;
const kept = (name: string): string => readFileSync(join(folder, name), { encoding: "utf8", flag: "a+" });

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !isTrue(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isTrue()).toBe(true);
}

test("[A1] scripts are told of members together, of events and queries, and answer queries; onEvent hears at once", async () => {
  const script = `{ echo "$SERF_EVENT $SERF_USER_EVENT$SERF_QUERY_NAME"; cut -f 1; } >> ${folder}/out`;
  const scripts = [`member-join,user=${script}`, "query:color=cat; echo red"];
  const operatorCoalesce = { memberQuiescentMs: 300, userQuiescentMs: 300 };
  const a = await start("a", {
    eventHandlers: { scripts, run: runScript, environment: process.env },
    operatorCoalesce,
  });
  const heard: string[] = [];
  a.onEvent((event) => heard.push(event.kind));
  const b = await start("b");
  await b.join([at(a)]);
  await until(() => heard.includes("joined"));
  await until(() => kept("out").includes("b\n"));
  expect(kept("out")).toBe("member-join \na\nb\n");
  b.userEvent("deploy", Buffer.from("v1"), { coalesce: true });
  b.userEvent("deploy", Buffer.from("v2"), { coalesce: true });
  await until(() => kept("out").includes("v2"));
  expect(kept("out")).toBe("member-join \na\nb\nuser deploy\nv2\n");
  const { responses } = await b.query("color", Buffer.from("which?"), { timeoutMs: 1_000 });
  expect(responses.map(({ from, payload }) => `${from} ${Buffer.from(payload)}`)).toEqual(["a which?\nred\n"]);
  expect(a.stats()).toMatchObject({ handler_runs: 3, handler_failures: 0, handler_drops: 0 });
});

test("[A10] what was held back is told at the end, and the script may still say goodbye", async () => {
  const a = await start("a", {
    eventHandlers: { scripts: [`member-leave=cut -f 1 > ${folder}/out`], run: runScript, environment: process.env },
    operatorCoalesce: { memberQuiescentMs: 2_900 },
  });
  await a.leave();
  await a.stop();
  expect(kept("out")).toBe("a\n");
});

test("[A4] a handler that is none keeps the agent from being made", () => {
  const eventHandlers = { scripts: ["zork=true"] };
  expect(() => new GossipAgent({ nodeName: "a", bindHost: HOST, bindPort: 0, eventHandlers })).toThrow(
    "Invalid event script: Event 'zork' invoking 'true'",
  );
});

test("[K2] keys that the cluster changes are kept by every member and are those of its next start", async () => {
  const log = new LogTee();
  const files = { a: join(folder, "a.json"), b: join(folder, "b.json") };
  const a = await start("a", { keys: [key(1)], keyringFile: files.a, log });
  const b = await start("b", { keys: [key(1)], keyringFile: files.b });
  await b.join([at(a)]);
  for (const command of ["install", "use"] as const) {
    expect(await a.keys({ command, key: key(2) })).toMatchObject({ numNodes: 2, numResp: 2, numErr: 0 });
  }
  expect(await b.keys({ command: "remove", key: key(1) })).toMatchObject({ numErr: 0 });
  for (const file of Object.values(files)) {
    await until(
      () => readFileSync(file, "utf8").includes(text(key(2))) && !readFileSync(file, "utf8").includes(text(key(1))),
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  await b.stop();
  const again = await start("b", { keys: [key(1)], keyringFile: files.b });
  expect(await again.join([at(a)])).toBe(1);
  const { keys } = await again.keys({ command: "list" });
  expect(keys).toEqual(new Map([[text(key(2)), 2]]));
  const lines = JSON.stringify(log.recent());
  for (const one of [key(1), key(2)]) expect(lines).not.toContain(text(one));
});

test("[K3] a keyring file that is none keeps the agent from starting, and the error shows no key", async () => {
  writeFileSync(join(folder, "k.json"), `["${text(key(7))}", "short"]`);
  const failure = await start("a", { keyringFile: join(folder, "k.json") }).catch((error: Error) => error.message);
  expect(failure).toContain("key 2 is not 16, 24 or 32 bytes");
  expect(failure).not.toContain(text(key(7)));
});

test("the clocks of the last run go on in the next", async () => {
  const snapshotPath = join(folder, "snapshot");
  const first = await start("a", { snapshotPath });
  for (let i = 0; i < 5; i += 1) first.userEvent("x", new Uint8Array(0));
  const before = first.stats()["event_time"];
  await first.stop();
  const second = await start("a", { snapshotPath });
  expect(second.stats()["event_time"]).toBe(before);
});

test("[R9] keys over the RPC change the cluster, and a refusal names its member", async () => {
  const a = await start("a", { keys: [key(1)], rpc: { host: HOST, port: 0 } });
  const client = await RpcClient.open({ host: HOST, port: a.rpcPort ?? 0 });
  expect(await client.keys("install", text(key(2)))).toMatchObject({ error: "", numNodes: 1, numResp: 1 });
  expect(await client.keys("list")).toMatchObject({
    keys: { [text(key(1))]: 1, [text(key(2))]: 1 },
    primaryKeys: { [text(key(1))]: 1 },
  });
  expect(await client.keys("remove", text(key(1)))).toMatchObject({
    error: "1/1 nodes reported failure",
    messages: { a: "Removing the primary key is not allowed" },
  });
  expect((await client.info())["serf"]).toMatchObject({ encrypted: "true" });
  client.close();
});

test("two agents with scripts and RPC live in one process", async () => {
  const [a, b] = await Promise.all(
    ["a", "b"].map((name) =>
      start(name, {
        rpc: { host: HOST, port: 0 },
        eventHandlers: {
          scripts: [`user=echo $SERF_SELF_NAME >> ${folder}/out`],
          run: runScript,
          environment: process.env,
        },
      }),
    ),
  );
  await b?.join([at(a as GossipAgent)]);
  a?.userEvent("x", new Uint8Array(0));
  await until(() => kept("out").split("\n").sort().join("") === "ab");
  expect(a?.rpcPort).not.toBe(b?.rpcPort);
});
