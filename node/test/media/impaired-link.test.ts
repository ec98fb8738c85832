import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, test } from "@jest/globals";
import { ImpairedLink, type LinkShapes } from "./impaired-link.ts";

let closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.reverse()) close();
  closers = [];
});

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  closers.push(() => socket.close());
  return socket;
}

/** A node that echoes, a link to it and a client. */
async function echo(shapes: LinkShapes & { readonly seed: number }): Promise<{ link: ImpairedLink; client: Socket }> {
  const node = await bound();
  node.on("message", (bytes, { address, port }) => node.send(bytes, port, address));
  const link = await ImpairedLink.open({ port: node.address().port, ...shapes });
  closers.push(() => link.close());
  return { link, client: await bound() };
}

async function until(holds: () => boolean): Promise<void> {
  const limitMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > limitMs) throw new Error("not within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("datagrams go both ways, in order and unchanged", async () => {
  const { link, client } = await echo({ seed: 1, toNode: { delayMs: 3 }, fromNode: { delayMs: 2 } });
  const heard: number[] = [];
  client.on("message", (bytes) => heard.push(bytes[0] ?? -1));
  for (let i = 0; i < 50; i++) client.send(Buffer.from([i]), link.port, "127.0.0.1");
  await until(() => heard.length === 50);
  expect(heard).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(link.counts().toNode).toEqual({ passed: 50, lost: 0, overflowed: 0 });
});

test("one seed loses the same share each time", async () => {
  const lost: number[] = [];
  for (let run = 0; run < 2; run++) {
    const { link, client } = await echo({ seed: 7, toNode: { lossRatio: 0.2 } });
    // In pieces that the sockets' buffers hold.
    for (let sent = 20; sent <= 400; sent += 20) {
      for (let i = 0; i < 20; i++) client.send(Buffer.from([1]), link.port, "127.0.0.1");
      await until(() => link.counts().toNode.lost + link.counts().toNode.passed === sent);
    }
    lost.push(link.counts().toNode.lost);
  }
  expect(lost[0]).toBe(lost[1]);
  expect(lost[0]).toBeGreaterThan(40);
  expect(lost[0]).toBeLessThan(120);
});

test("what finds the queue full is lost", async () => {
  const { link, client } = await echo({ seed: 1, toNode: { rateBps: 80_000, queueMs: 100 } });
  const heard: number[] = [];
  client.on("message", (bytes) => heard.push(bytes.length));
  // Each takes 100 ms: the first goes, the second waits, the third may find room, the rest cannot.
  for (let i = 0; i < 20; i++) client.send(Buffer.alloc(1_000), link.port, "127.0.0.1");
  await until(() => link.counts().toNode.overflowed + link.counts().toNode.passed === 20);
  const { passed } = link.counts().toNode;
  expect(link.counts().toNode.overflowed).toBeGreaterThan(0);
  await until(() => heard.length === passed);
});
