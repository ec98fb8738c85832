/** What operators are given by the gossip of a whole node: scripts, RPC and keys, as configured. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { RpcClient } from "#gossip/io";
import { gossipMesh, type RunningMesh } from "../app-mesh.ts";
import { resolveConfig } from "../config.ts";
import { systemClock } from "./clock.ts";
import { silentLog } from "./log.ts";

const HOST = "127.88.5.1";
const PORT = 21_980;
const FIRST = new Uint8Array(32).fill(1);
const SECOND = Buffer.alloc(32, 2).toString("base64");

const folder = mkdtempSync(join(tmpdir(), "node-operator-"));
let running: RunningMesh;
beforeAll(async () => {
  const config = resolveConfig({
    name: "ada",
    gossipHost: HOST,
    gossipPort: 0,
    dataDir: folder,
    gossipKeys: [FIRST],
    keyringFile: join(folder, "keys.json"),
    rpcAddr: { host: HOST, port: PORT },
    eventHandlers: [`user:deploy=cat > ${folder}/out; echo "$SERF_TAG_HEARSAY $HEARSAY_TOKEN_KEY" >> ${folder}/out`],
    operatorCoalesce: { userPeriodMs: 0 },
  });
  const self = { name: "ada", url: "http://x", region: "eu", draining: false, media: [], version: "1", capacity: 1 };
  process.env["HEARSAY_TOKEN_KEY"] = "hush";
  running = await gossipMesh(config, self, { clock: systemClock, log: silentLog });
});
afterAll(async () => {
  delete process.env["HEARSAY_TOKEN_KEY"];
  await running.stop();
  rmSync(folder, { recursive: true });
});

test("a script hears of an event, finds the node's tags, and none of its secrets", async () => {
  const client = await RpcClient.open({ host: HOST, port: PORT });
  await client.event("deploy", Buffer.from("v1"), { coalesce: false });
  const written = (): string => readFileSync(join(folder, "out"), { encoding: "utf8", flag: "a+" });
  for (let i = 0; i < 500 && written().split("\n").length < 3; i += 1)
    await new Promise((next) => setTimeout(next, 10));
  expect(written()).toBe("v1\n1 \n");
  expect(running.stats()).toMatchObject({ handler_runs: 1, handler_failures: 0, rpc_clients: 1 });
  client.close();
});

test("keys that change at run time are kept in the file that was named", async () => {
  const client = await RpcClient.open({ host: HOST, port: PORT });
  expect(await client.keys("install", SECOND)).toMatchObject({ error: "", numNodes: 1 });
  expect(JSON.parse(readFileSync(join(folder, "keys.json"), "utf8"))).toEqual([
    Buffer.from(FIRST).toString("base64"),
    SECOND,
  ]);
  client.close();
});
