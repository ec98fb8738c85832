// Agents with real sockets on loopback: what the product relies on.

import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { GossipAgent } from "./agent.ts";
import type { GossipAgentOptions } from "./agent-options.ts";
import { JoinError, RemoteError, TimeoutError } from "./errors.ts";
import { RpcClient } from "./rpc/client.ts";

const HOST = "127.79.200.1";
const SPEAKS = { hearsay: "1" };
const agents: GossipAgent[] = [];
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
});

async function start(nodeName: string, options: Partial<GossipAgentOptions> = {}): Promise<GossipAgent> {
  const agent = new GossipAgent({ nodeName, bindHost: HOST, bindPort: 0, profile: "local", tags: SPEAKS, ...options });
  agents.push(agent);
  await agent.start();
  return agent;
}

const textOf = ({ address }: GossipAgent): string => `${address.host}:${address.port}`;
const statusesOf = (agent: GossipAgent): Record<string, string> =>
  Object.fromEntries(agent.members().map(({ name, status }) => [name, status]));

/** Resolves once the agent sees exactly this; the test's own time limit is the bound. */
function seen(agent: GossipAgent, wanted: Readonly<Record<string, string>>): Promise<void> {
  const isSeen = (): boolean =>
    JSON.stringify(Object.entries(statusesOf(agent)).sort()) === JSON.stringify(Object.entries(wanted).sort());
  return new Promise((resolve) => {
    if (isSeen()) return resolve();
    const end = agent.onEvent(() => {
      if (!isSeen()) return;
      end();
      resolve();
    });
  });
}

async function pair(options: Partial<GossipAgentOptions> = {}): Promise<readonly [GossipAgent, GossipAgent]> {
  const a = await start("a", options);
  const b = await start("b", options);
  expect(await b.join([textOf(a)])).toBe(1);
  await Promise.all([seen(a, { a: "alive", b: "alive" }), seen(b, { a: "alive", b: "alive" })]);
  return [a, b];
}

describe("membership", () => {
  test("two agents see each other, hear of tags, and part in peace", async () => {
    const [a, b] = await pair();
    const events: string[] = [];
    a.onEvent((event) => ("member" in event ? events.push(`${event.kind} ${event.member.name}`) : undefined));
    const updated = new Promise<void>((resolve) => {
      a.onEvent(({ kind }) => (kind === "updated" ? resolve() : undefined));
    });
    await b.setTags({ ...SPEAKS, region: "eu" });
    await updated;
    expect(a.members().find(({ name }) => name === "b")!.tags).toEqual({ hearsay: "1", region: "eu" });

    await Promise.all([b.leave(), b.leave()]);
    await seen(a, { a: "alive", b: "left" });
    expect(events).toEqual(["updated b", "left b"]);
  });

  test("an agent that stops without a word is failed for the other", async () => {
    const [a, b] = await pair();
    await b.stop();
    await seen(a, { a: "alive", b: "failed" });
  });

  test("keys of 16 and 32 bytes: with the same they meet, without it nobody gets in", async () => {
    const key = new Uint8Array(32).fill(3);
    const [a] = await pair({ keys: [key, new Uint8Array(16).fill(4)] });
    const stranger = await start("stranger");
    await expect(stranger.join([textOf(a)])).rejects.toThrow(JoinError);
    expect(statusesOf(a)).toEqual({ a: "alive", b: "alive" });
  });

  test("a join of nobody says why, in the reference's form, and can be aborted", async () => {
    const a = await start("a");
    const nobody = "127.79.200.99:7946";
    await expect(a.join([nobody])).rejects.toThrow(
      `1 error occurred:\n\t* Failed to join 127.79.200.99: dial tcp ${nobody}: connect: connection refused\n\n`,
    );
    await expect(a.join(["no such name/not an address:x"])).rejects.toThrow(/Failed to resolve/);
    await expect(a.join(new Array(129).fill(nobody))).rejects.toThrow("at most 128 addresses");
    await expect(a.join([nobody], { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });

  test("a snapshot brings an agent back without a seed, unless it left", async () => {
    const folder = mkdtempSync(join(tmpdir(), "agent-"));
    const snapshotPath = join(folder, "members");
    try {
      const a = await start("a");
      const first = await start("b", { snapshotPath });
      await first.join([textOf(a)]);
      await Promise.all([seen(first, { a: "alive", b: "alive" }), seen(a, { a: "alive", b: "alive" })]);
      const { port } = first.address;
      await first.stop();

      const second = await start("b", { snapshotPath, bindPort: port });
      await seen(second, { a: "alive", b: "alive" });
      await second.leave();
      await second.stop();

      const third = await start("b", { snapshotPath, bindPort: port });
      expect(statusesOf(third)).toEqual({ b: "alive" });
    } finally {
      await Promise.all(agents.splice(0).map((agent) => agent.stop()));
      rmSync(folder, { recursive: true });
    }
  });
});

describe("direct requests", () => {
  test("a small one by packet and a large one by stream are answered, errors keep their codes", async () => {
    const [a, b] = await pair();
    a.handle("echo", (from, body) => ({ from, body }));
    a.handle("fail", () => {
      throw Object.assign(new Error("no"), { code: "room_full" });
    });
    expect(await b.request("a", "echo", { n: 1 })).toEqual({ from: "b", body: { n: 1 } });
    const large = Buffer.alloc(200_000, 5);
    expect(await b.request("a", "echo", large)).toEqual({ from: "b", body: large });
    await expect(b.request("a", "fail", null)).rejects.toMatchObject({ name: "RemoteError", code: "room_full" });
    await expect(b.request("a", "nothing", null)).rejects.toMatchObject({ code: "no_handler" });
    await expect(b.request("zork", "echo", null)).rejects.toBeInstanceOf(RemoteError);
  });

  test("a handler that does not come back is a timeout, or an abort when the asker had enough", async () => {
    const [a, b] = await pair();
    a.handle("slow", () => new Promise(() => undefined));
    await expect(b.request("a", "slow", null, { timeoutMs: 300 })).rejects.toBeInstanceOf(TimeoutError);
    const controller = new AbortController();
    const aborted = b.request("a", "slow", null, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
  });

  test("a stop rejects what still waits", async () => {
    const [a, b] = await pair();
    a.handle("slow", () => new Promise(() => undefined));
    const waiting = b.request("a", "slow", null);
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: "stopped" }), b.stop()]);
  });
});

describe("life", () => {
  test("start and stop may be called again, and a stopped agent says so", async () => {
    const a = await start("a");
    await a.start();
    await a.stop();
    await a.stop();
    expect(() => a.members()).toThrow("not running");
    await expect(a.join([textOf(a)])).rejects.toThrow("not running");
  });

  test("a port that is taken, or a wrong option, rejects the start with everything closed", async () => {
    const a = await start("a");
    const { port } = a.address;
    await expect(start("b", { bindPort: port })).rejects.toThrow(/did not start.*EADDRINUSE/);
    await expect(start("c", { tags: { t: "x".repeat(600) } })).rejects.toThrow("did not start");
    await a.stop();
    await start("d", { bindPort: port });
  });

  test("an agent stopped while it starts leaves nothing open, and a leave without a start is nothing", async () => {
    const agent = new GossipAgent({ nodeName: "a", bindHost: HOST, bindPort: 0 });
    await agent.leave();
    const starting = agent.start();
    await agent.stop();
    await expect(starting).rejects.toThrow("stopped while it started");
  });

  test("on IPv6, and on all addresses of both families, agents meet", async () => {
    const a = await start("a", { bindHost: "::1" });
    const b = await start("b", { bindHost: "::", advertiseHost: "::1" });
    expect(a.address.host).toBe("::1");
    expect(await b.join([`[::1]:${a.address.port}`])).toBe(1);
    await Promise.all([seen(a, { a: "alive", b: "alive" }), seen(b, { a: "alive", b: "alive" })]);
    // One that knows only IPv4 finds the one bound to everything.
    const c = await start("c");
    expect(await c.join([`127.0.0.1:${b.address.port}`])).toBe(1);
  });

  test("a listener that throws is logged and harms nobody", async () => {
    const lines: string[] = [];
    const note = (_: object, text: string): void => void lines.push(text);
    const a = await start("a", { log: { debug: note, info: note, warn: note, error: note } });
    a.onEvent(() => {
      throw new Error("oops");
    });
    const b = await start("b");
    await b.join([textOf(a)]);
    await seen(a, { a: "alive", b: "alive" });
    expect(lines).toContain("a listener of the gossip agent failed");
  });
});

describe("strangers", () => {
  test("random bytes on either socket are counted and change nothing", async () => {
    const [a, b] = await pair();
    const udp = createSocket("udp4");
    for (let i = 0; i < 100; i += 1) {
      const noise = Uint8Array.from({ length: i }, (_, k) => (i * 53 + k * 29) & 255);
      await new Promise((resolve) => udp.send(noise, a.address.port, a.address.host, resolve));
    }
    udp.close();
    const sockets = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        send(
          a.address,
          Uint8Array.from({ length: 50 }, (_, k) => (i * 37 + k * 11) & 255),
        ),
      ),
    );
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    expect(statusesOf(a)).toEqual({ a: "alive", b: "alive" });
    expect(Object.entries(a.stats()).some(([name, count]) => name.startsWith("dropped_") && count > 0)).toBe(true);
    expect(await b.join([textOf(a)])).toBe(1);
  });

  function send(to: { readonly host: string; readonly port: number }, bytes: Uint8Array): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(to, () => {
        socket.end(bytes);
        socket.resume();
        resolve(socket);
      });
      socket.once("error", reject);
    });
  }
});

describe("RPC", () => {
  const rpcOf = (agent: GossipAgent, authKey = ""): Promise<RpcClient> =>
    RpcClient.open({ host: HOST, port: agent.rpcPort!, authKey, timeoutMs: 3_000 });

  test("our client reads members and info, joins and leaves; the agent learns that it was told to leave", async () => {
    const a = await start("a", { rpc: { host: HOST, port: 0, authKey: "s3cret" } });
    const b = await start("b");
    await expect(rpcOf(a, "wrong")).rejects.toThrow("Invalid authentication token");
    const stranger = await rpcOf(a);
    await expect(stranger.members()).rejects.toThrow("Authentication required");
    stranger.close();

    const client = await rpcOf(a, "s3cret");
    expect(await client.join([textOf(b)])).toBe(1);
    await expect(client.join(["127.79.200.99:1"])).rejects.toThrow("connection refused");
    await seen(a, { a: "alive", b: "alive" });
    expect((await client.members()).map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      "a alive",
      "b alive",
    ]);
    expect(await client.members({ name: "b", tags: { hearsay: "1" } })).toMatchObject([{ name: "b", tags: SPEAKS }]);
    expect(await client.info()).toMatchObject({ agent: { name: "a" }, serf: { members: "2", encrypted: "false" } });

    const left = new Promise<void>((resolve) => a.onLeft(resolve));
    await client.leave();
    await left;
    await a.stop();
    await expect(client.members()).rejects.toThrow("closed");
    client.close();
  });

  test("nobody there, or somebody who does not answer, is an error in words", async () => {
    const a = await start("a");
    await expect(RpcClient.open({ host: "127.79.200.99", port: 1 })).rejects.toThrow(
      "no agent answers at 127.79.200.99:1",
    );
    // The gossip port takes the connection and closes it.
    await expect(RpcClient.open({ ...a.address, timeoutMs: 2_000 })).rejects.toThrow(/closed|failed|does not answer/);
  });
});
