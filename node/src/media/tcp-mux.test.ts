import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { FrameReader, frame } from "./frame-reader.ts";
import type { UdpAddress } from "./ip-address.ts";
import { TcpMux, type TcpMuxOptions } from "./tcp-mux.ts";

const REQUEST = Buffer.from([0, 1, 7]);
const FORGED = Buffer.from([0, 1, 8]);
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: TcpMuxOptions = {}) {
  const events: string[] = [];
  const asked: UdpAddress[] = [];
  let nowMs = 0;
  let wake: () => void = () => undefined;
  const note = (text: string): void => {
    events.push(text);
    wake();
  };
  const mux = new TcpMux(
    {
      stun: (bytes, from) => {
        asked.push(from);
        note(`stun ${bytes[2]}`);
        return bytes.equals(REQUEST);
      },
      dropped: note,
      localPriority: (host) => host.length,
      burstEnd: () => undefined,
    },
    () => nowMs,
    options,
  );
  cleanups.push(() => mux.close());
  const port = await mux.listen({ host: "127.0.0.1", port: 0, family: 4 });
  const seen = async (count: number): Promise<void> => {
    while (events.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  const client = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    cleanups.push(() => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const sweep = (atMs: number): void => {
    nowMs = atMs;
    mux.handleSweep(atMs);
  };
  return { mux, events, asked, seen, client, sweep };
}

test("[G25] after an authentic request a connection carries datagrams both ways to the peer that owns it", async () => {
  const { mux, events, asked, seen, client } = await start();
  const socket = await client();
  socket.write(frame(REQUEST));
  await seen(1);
  const [address] = asked;
  if (address === undefined) throw new Error("nothing was asked");
  expect(address).toMatchObject({ host: "127.0.0.1", tcp: true, localPriority: 9 });
  socket.write(frame(Buffer.from([22, 1])));
  await seen(2);
  const peer = {
    handleDtls: (bytes: Buffer) => events.push(`dtls ${bytes.length}`),
    handleRtp: (bytes: Buffer) => events.push(`rtp ${bytes.length}`),
    handleRtcp: (bytes: Buffer) => events.push(`rtcp ${bytes.length}`),
  };
  mux.route(address, peer);
  const frames = [[22, 1], [128, 96, 1], [128, 200, 1, 1], [77]].map((bytes) => frame(Buffer.from(bytes)));
  socket.write(Buffer.concat([...frames, frame(REQUEST)]));
  await seen(7);
  expect(events).toEqual(["stun 7", "mux_unknown_address", "dtls 2", "rtp 3", "rtcp 4", "mux_unknown_kind", "stun 7"]);
  const view = Buffer.from([128, 96, 9]);
  mux.send(view, address);
  mux.send(Buffer.from([22]), address);
  view.fill(0);
  const reader = new FrameReader(100);
  const heard: Buffer[] = [];
  while (heard.length < 2) heard.push(...(reader.read((await once(socket, "data"))[0] as Buffer) ?? []));
  expect(heard).toEqual([Buffer.from([128, 96, 9]), Buffer.from([22])]);
});

test.each([
  ["what is no STUN", frame(Buffer.from([22, 1])), ["tcp_unproven"]],
  ["a frame that no datagram fills", Buffer.from([255, 255]), ["tcp_bad_frame"]],
  [
    "a forged request and then media",
    Buffer.concat([frame(FORGED), frame(Buffer.from([128, 96]))]),
    ["stun 8", "tcp_unproven"],
  ],
])("[G26] a connection that begins with %s is ended", async (_what, bytes, expected) => {
  const { mux, events, client } = await start();
  const socket = await client();
  socket.write(bytes);
  await once(socket, "close");
  expect(events).toEqual(expected);
  expect(mux.connectionCount).toBe(0);
});

test("[G26] a connection that proves nothing in ten seconds, or is silent for thirty later, is ended", async () => {
  const { mux, events, seen, client, sweep } = await start();
  const [idle, forger, honest] = [await client(), await client(), await client()];
  forger.write(frame(FORGED));
  honest.write(frame(REQUEST));
  await seen(2);
  sweep(10_000);
  expect(mux.connectionCount).toBe(3);
  sweep(10_001);
  await Promise.all([once(idle, "close"), once(forger, "close")]);
  sweep(30_000);
  expect(mux.connectionCount).toBe(1);
  sweep(30_001);
  await once(honest, "close");
  expect(events.slice(2)).toEqual(["tcp_unproven", "tcp_unproven", "tcp_idle"]);
});

test.each([
  ["in all", { maxConnections: 2 }],
  ["of one host", { maxPerHost: 2 }],
  ["that have proved nothing", { maxUnproven: 2 }],
])("[G26] connections %s are bounded, and one that ends makes room", async (_what, limits) => {
  const { mux, events, seen, client } = await start(limits);
  const [first] = [await client(), await client()];
  const third = await client();
  await once(third, "close");
  expect(events).toEqual(["tcp_limit"]);
  first.destroy();
  while (mux.connectionCount > 1) await new Promise((resolve) => setImmediate(resolve));
  const fourth = await client();
  fourth.write(frame(FORGED));
  await seen(2);
  expect(events).toEqual(["tcp_limit", "stun 8"]);
});

test("[G26] what a client does not read is dropped at a bound, and what goes nowhere is counted", async () => {
  const { mux, events, asked, seen, client } = await start();
  const socket = await client();
  socket.pause();
  socket.write(frame(REQUEST));
  await seen(1);
  const [address] = asked;
  if (address === undefined) throw new Error("nothing was asked");
  for (let sent = 0; events.length < 2 && sent < 100_000; sent++) {
    mux.send(new Uint8Array(1_200), address);
    if (sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(events[1]).toBe("send_queue_full");
  mux.send(new Uint8Array(3), { ...address, port: 1 });
  expect(events.at(-1)).toBe("send_failed");
});
