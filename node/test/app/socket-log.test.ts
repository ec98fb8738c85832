import { expect, test } from "@jest/globals";
import pino from "pino";
import { WebSocket } from "ws";
import { TestMesh } from "./harness.ts";

test("[A53] a stranger's frame that is too long ends its socket and writes nothing to the log", async () => {
  const mesh = new TestMesh();
  const lines: string[] = [];
  try {
    const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const node = await mesh.start("ada", { parts: { log } });
    const before = lines.length;
    for (let i = 0; i < 3; i++) {
      const client = await mesh.client(node);
      client.send({ type: "hello", token: "x".repeat(70_000) });
      expect((await client.closed).code).toBe(1009);
    }
    expect(lines.slice(before)).toEqual([]);
    const text = await (await fetch(`${node.app.url}/metrics`)).text();
    expect(text).toContain('hearsay_socket_refusals_total{code="oversize"} 3');
  } finally {
    await mesh.stop();
  }
});

test("[A53] nor does one to the echo", async () => {
  const mesh = new TestMesh();
  const lines: string[] = [];
  try {
    const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const node = await mesh.start("ada", { parts: { log } });
    const before = lines.length;
    const socket = new WebSocket(`${node.app.url.replace("http", "ws")}/v1/echo`);
    await new Promise<void>((resolve) => socket.once("open", () => resolve()));
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.send("x".repeat(70_000));
    expect(await closed).toBe(1009);
    expect(lines.slice(before)).toEqual([]);
  } finally {
    await mesh.stop();
  }
});
