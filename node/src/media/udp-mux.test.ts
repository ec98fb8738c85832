import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { expect, test } from "@jest/globals";
import type { UdpAddress } from "./ip-address.ts";
import { type MuxPeer, UdpMux } from "./udp-mux.ts";

interface Harness {
  readonly mux: UdpMux;
  readonly port: number;
  readonly events: string[];
  /** Resolves when that many events have been seen in all. */
  seen(count: number): Promise<void>;
}

async function startMux(): Promise<Harness> {
  const events: string[] = [];
  let wake: () => void = () => undefined;
  const note = (text: string): void => {
    events.push(text);
    wake();
  };
  const mux = new UdpMux(
    { port: 0, host: "127.0.0.1" },
    {
      stun: (bytes) => note(`stun ${bytes.length}`),
      dropped: (reason) => note(reason),
      burstEnd: () => undefined,
      failed: (error) => note(`failed ${error.message}`),
    },
  );
  const port = await mux.bind();
  const seen = async (count: number): Promise<void> => {
    while (events.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { mux, port, events, seen };
}

async function client(): Promise<{ socket: Socket; address: UdpAddress }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, address: { host: "127.0.0.1", port: socket.address().port, family: 4 } };
}

const noting = (events: string[]): MuxPeer => ({
  handleDtls: (bytes) => events.push(`dtls ${bytes.length}`),
  handleRtp: (bytes) => events.push(`rtp ${bytes.length}`),
  handleRtcp: (bytes) => events.push(`rtcp ${bytes.length}`),
});

test("[G8] the first byte says what a datagram is; only STUN is heard from an address that nobody selected", async () => {
  const { mux, port, events, seen } = await startMux();
  const { socket, address } = await client();
  const datagrams = [
    [0, 1],
    [22, 254, 253],
    [128, 96, 0, 1],
    [128, 200, 0, 1, 2],
    [77, 1],
    [2, 0, 0],
  ].map((bytes) => Buffer.from(bytes));
  try {
    for (const bytes of datagrams) socket.send(bytes, port, "127.0.0.1");
    await seen(6);
    const drops = ["mux_unknown_address", "mux_unknown_address", "mux_unknown_address", "mux_unknown_kind"];
    expect(events).toEqual(["stun 2", ...drops, "stun 3"]);
    mux.route(address, noting(events));
    for (const bytes of [...datagrams, Buffer.from([0])]) socket.send(bytes, port, "127.0.0.1");
    await seen(13);
    expect(events.slice(6)).toEqual(["stun 2", "dtls 3", "rtp 4", "rtcp 5", "mux_unknown_kind", "stun 3", "stun 1"]);
  } finally {
    socket.close();
    await mux.close();
  }
});

test("a peer that lost its address to another cannot take the route away", async () => {
  const { mux, port, events, seen } = await startMux();
  const { socket, address } = await client();
  try {
    const older = noting([]);
    mux.route(address, older);
    mux.route(address, noting(events));
    mux.unroute(address, older);
    socket.send(Buffer.from([128, 96]), port, "127.0.0.1");
    socket.send(Buffer.from([0]), port, "127.0.0.1");
    await seen(2);
    expect(events).toEqual(["rtp 2", "stun 1"]);
  } finally {
    socket.close();
    await mux.close();
  }
});

test("what is sent arrives, and a family that is not bound is a counted drop", async () => {
  const { mux, events } = await startMux();
  const { socket, address } = await client();
  try {
    const arrived = once(socket, "message");
    mux.sendView(Buffer.from("media"), address);
    expect(String((await arrived)[0])).toBe("media");
    mux.send(Buffer.from("x"), { host: "::1", port: 9, family: 6 });
    for (const port of [0, -1, 65_536, Number.NaN])
      mux.sendView(Buffer.from("x"), { host: "127.0.0.1", port, family: 4 });
    expect(events).toEqual(Array(5).fill("send_failed"));
    expect(mux.queuedBytes()).toBe(0);
  } finally {
    socket.close();
    await mux.close();
  }
});

test("failed sends of media are counted, and are no error of the socket", async () => {
  const { mux, events, seen } = await startMux();
  const { socket, address } = await client();
  const tooLong = Buffer.alloc(70_000);
  try {
    const first = once(socket, "message");
    mux.sendView(Buffer.from("first"), address);
    for (let i = 0; i < 10; i++) mux.sendView(tooLong, address);
    await seen(10);
    expect(events).toEqual(Array(10).fill("send_failed"));
    await first;
    const arrived = once(socket, "message");
    mux.sendView(Buffer.from("media"), address);
    expect(String((await arrived)[0])).toBe("media");
    expect(events).toHaveLength(10);
  } finally {
    socket.close();
    await mux.close();
  }
});

test("a port that is taken is an error that names it, and close may be called twice", async () => {
  const first = await startMux();
  const second = new UdpMux(
    { port: first.port, host: "127.0.0.1" },
    { stun: () => undefined, dropped: () => undefined, burstEnd: () => undefined, failed: () => undefined },
  );
  await expect(second.bind()).rejects.toThrow(`port ${first.port}`);
  await first.mux.close();
  await first.mux.close();
});

test("all interfaces means both families where the machine has IPv6, and IPv4 alone where not", async () => {
  const heard: string[] = [];
  let wake: () => void = () => undefined;
  const stun = (_bytes: Buffer, from: UdpAddress): void => {
    heard.push(`${from.family} ${from.host}`);
    wake();
  };
  const ignore = (): void => undefined;
  const mux = new UdpMux({ port: 0 }, { stun, dropped: ignore, burstEnd: ignore, failed: ignore });
  const port = await mux.bind();
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
  const socket = createSocket(hasIpv6 ? "udp6" : "udp4");
  try {
    expect(mux.families()).toEqual(hasIpv6 ? [4, 6] : [4]);
    socket.send(Buffer.from([0]), port, hasIpv6 ? "::1" : "127.0.0.1");
    while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    expect(heard).toEqual([hasIpv6 ? "6 ::1" : "4 127.0.0.1"]);
  } finally {
    socket.close();
    await mux.close();
  }
});
