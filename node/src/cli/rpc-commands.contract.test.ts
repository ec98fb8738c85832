// The commands over the RPC, against an agent of ours on loopback.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { GossipAgent } from "#gossip/io";
import { runCommandLine } from "./commands.ts";

const KEY = "s3cret";
let near: GossipAgent;
let far: GossipAgent;
beforeAll(async () => {
  const place = { bindPort: 0, profile: "local" as const };
  near = new GossipAgent({
    ...place,
    nodeName: "near",
    bindHost: "127.79.202.1",
    tags: { role: "media", dc: "east" },
    rpc: { host: "127.79.202.1", port: 0, authKey: KEY },
  });
  far = new GossipAgent({ ...place, nodeName: "far", bindHost: "127.79.202.2" });
  await Promise.all([near.start(), far.start()]);
});
afterAll(() => Promise.all([near.stop(), far.stop()]));

async function hearsay(
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const written = { out: "", err: "" };
  const code = await runCommandLine(argv, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    env: { SERF_RPC_ADDR: `127.79.202.1:${near.rpcPort}`, SERF_RPC_AUTH: KEY },
    interrupted: () => Promise.resolve(),
  });
  return { code, ...written };
}

test("members, join, info and leave, as text and as JSON", async () => {
  const { port } = near.address;
  expect(await hearsay("members")).toEqual({
    code: 0,
    out: `near  127.79.202.1:${port}  alive  dc=east,role=media\n`,
    err: "",
  });
  const table = await hearsay("members", "-detailed");
  expect(table.out).toContain("Protocol Version: 5  Available Protocol Range: [2, 5]");

  const target = `127.79.202.2:${far.address.port}`;
  expect(await hearsay("join", "--format=json", target)).toEqual({ code: 0, out: '{"contacted":1}\n', err: "" });
  expect(await hearsay("join", target, target)).toMatchObject({
    out: expect.stringMatching(/contacting [12] nodes?\./),
  });
  expect(await hearsay("join")).toMatchObject({ code: 2, err: "at least one address to join must be given\n" });

  const json = await hearsay("members", "-format", "json", "-tag", "role=media", "-status=alive", "-name", "near");
  expect(JSON.parse(json.out)).toEqual({
    members: [
      {
        name: "near",
        addr: `127.79.202.1:${port}`,
        port,
        tags: { role: "media", dc: "east" },
        status: "alive",
        protocol: { min: 2, max: 5, version: 5 },
      },
    ],
  });
  expect(await hearsay("members", "-tag=role")).toMatchObject({ code: 2, err: "tag filter is not key=regexp: role\n" });
  expect(await hearsay("members", "-format=xml")).toMatchObject({ code: 2, err: "unknown format: xml\n" });
  expect(await hearsay("members", "-name=(")).toMatchObject({
    code: 1,
    err: "invalid expression: bad syntax, or too long\n",
  });

  expect((await hearsay("info")).out).toMatch(/^agent:\n\tname = near\n/);
  expect(JSON.parse((await hearsay("info", "-format=json")).out)).toMatchObject({ tags: { role: "media" } });
  expect(await hearsay("leave", "-format=json")).toEqual({ code: 0, out: '{"left":true}\n', err: "" });
});
