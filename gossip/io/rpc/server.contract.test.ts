// The RPC port against clients that are slow, silent, or too many.

import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { FakeAgent } from "../../test/rpc/fake-agent.ts";
import { RpcClient } from "./client.ts";
import { RpcServer, type RpcServerOptions } from "./server.ts";
import { encodeValue, ValueStream } from "./value.ts";

const HOST = "127.88.3.1";
let ends: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(ends.map((end) => end()));
  ends = [];
});

async function serve(options: Partial<RpcServerOptions> = {}) {
  const agent = new FakeAgent();
  const server = new RpcServer({ host: HOST, port: 0, ...options }, agent, agent.log);
  ends.push(() => server.stop());
  const port = await server.start();
  return { agent, server, port, count: (name: string) => server.stats()[`rpc_${name}`] };
}

interface Raw {
  readonly socket: Socket;
  readonly values: ValueStream;
  readonly closed: Promise<void>;
}

async function raw(port: number): Promise<Raw> {
  const socket = connect({ host: HOST, port });
  const values = new ValueStream();
  socket.on("data", (bytes) => values.push(bytes));
  socket.on("error", () => undefined);
  ends.push(() => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, values, closed };
}

const handshake = Buffer.concat([encodeValue({ Command: "handshake", Seq: 1 }), encodeValue({ Version: 1 })]);

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isTrue(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isTrue()).toBe(true);
}

test("[R10] who does not introduce itself in time is cut off, however busy it looks", async () => {
  const { port, count } = await serve({ welcomeTimeoutMs: 200 });
  const silent = await raw(port);
  const slow = await raw(port);
  let at = 0;
  const drip = setInterval(() => slow.socket.write(handshake.subarray(at, ++at)), 50);
  await Promise.all([silent.closed, slow.closed]);
  clearInterval(drip);
  expect(count("too_slow")).toBe(2);
});

test("[R10] a handshake without the key is no introduction", async () => {
  const { port, agent, count } = await serve({ welcomeTimeoutMs: 200, authKey: "s3cret" });
  const client = await raw(port);
  client.socket.write(Buffer.concat([handshake, encodeValue({ Command: "members", Seq: 2 })]));
  await client.closed;
  expect([count("too_slow"), count("auth_required")]).toEqual([1, 1]);
  expect(agent.asked).toEqual([]);
});

test("[R10] a request that does not end is cut off, one that ends and a silence between requests are not", async () => {
  const { port, agent, count } = await serve({ requestTimeoutMs: 200 });
  const fine = await raw(port);
  fine.socket.write(handshake);
  await until(() => fine.values.pendingBytes > 0);
  const slow = await raw(port);
  slow.socket.write(Buffer.concat([handshake, encodeValue({ Command: "force-leave", Seq: 2 })]));
  const body = encodeValue({ Node: "b", Prune: false });
  let at = 0;
  const drip = setInterval(() => slow.socket.write(body.subarray(at, ++at).subarray(0, at < body.length ? 1 : 0)), 50);
  await slow.closed;
  clearInterval(drip);
  expect(count("too_slow")).toBe(1);
  expect(agent.asked).toEqual([]);
  fine.socket.write(encodeValue({ Command: "leave", Seq: 3 }));
  await until(() => agent.asked.includes("left"));
});

test("[R10] who reads nothing while something waits is cut off, and its streams end", async () => {
  const { port, agent, count } = await serve({ stallTimeoutMs: 300 });
  const client = await raw(port);
  client.socket.write(
    Buffer.concat([handshake, encodeValue({ Command: "stream", Seq: 2 }), encodeValue({ Type: "*" })]),
  );
  await until(() => agent.listeners.size === 1);
  client.socket.pause();
  const members = Array.from({ length: 200 }, () => agent.members()).flat();
  for (let i = 0; i < 1_000; i += 1) {
    for (const listener of agent.listeners) listener({ kind: "members", change: "joined", members });
  }
  await until(() => count("stalled") === 1);
  await until(() => agent.listeners.size === 0);
  expect(count("record_dropped")).toBeGreaterThan(0);
});

test("[R11] one client too many is told so; when another has gone there is room again", async () => {
  const { port, count } = await serve({ maxConnections: 2 });
  const [first] = [await raw(port), await raw(port)];
  await until(() => count("clients") === 2);
  await expect(RpcClient.open({ host: HOST, port })).rejects.toThrow("Too many clients");
  expect(count("too_many_clients")).toBe(1);
  first?.socket.destroy();
  await until(() => count("clients") === 1);
  const client = await RpcClient.open({ host: HOST, port });
  expect(await client.members()).toHaveLength(3);
  client.close();
});

test("a client that goes in the middle of a request, or of an answer, harms nobody", async () => {
  const { port, agent, count } = await serve();
  for (let length = 1; length < handshake.length; length += 5) {
    const client = await raw(port);
    client.socket.write(handshake.subarray(0, length));
    client.socket.resetAndDestroy();
  }
  const slow = await raw(port);
  agent.joins = () => new Promise(() => undefined);
  const join = encodeValue({ Existing: ["x"], Replay: false });
  slow.socket.write(Buffer.concat([handshake, encodeValue({ Command: "join", Seq: 2 }), join]));
  await until(() => agent.asked.length === 1);
  slow.socket.resetAndDestroy();
  await until(() => count("clients") === 0);
  const client = await RpcClient.open({ host: HOST, port });
  expect(await client.members()).toHaveLength(3);
  client.close();
});
