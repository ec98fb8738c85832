import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { viewSender } from "./view-sender.ts";

const HOST = "127.0.0.1";
/** As the mux has it: without it Node asks the resolver before each packet. */
type Found = (error: null, host: string, family: number) => void;
const lookup = ((host: string, _options: unknown, found: Found) => found(null, host, 4)) as never;
const lookup6 = ((host: string, _options: unknown, found: Found) => found(null, host, 6)) as never;
const TOO_LONG = Buffer.alloc(70_000);
let [from, to]: Socket[] = [];

beforeEach(async () => {
  [from, to] = [createSocket({ type: "udp4", lookup }), createSocket({ type: "udp4", lookup })];
  for (const socket of [from, to]) {
    await new Promise<void>((resolve) => socket.bind(0, HOST, resolve));
  }
});
afterEach(() => {
  from?.close();
  to?.close();
});

/** A socket of which only the public methods are there, as a later Node may have it. */
function publicOnly(socket: Socket): Socket {
  const methods = { send: socket.send.bind(socket), getSendQueueSize: () => socket.getSendQueueSize() };
  return methods as unknown as Socket;
}

/** One whose handle is called in another way. */
function strange(socket: Socket): Socket {
  const state = { handle: { send: () => 0 } };
  return Object.assign(publicOnly(socket), { [Symbol("state symbol")]: state });
}

describe.each([
  ["by the handle", (socket: Socket) => socket],
  ["the public way", publicOnly],
  ["the public way where the handle is not called as expected", strange],
])("%s", (_title, dress) => {
  test("each view arrives as it was when it was sent, though its memory is used again", async () => {
    const sender = viewSender(dress(from!), () => undefined);
    const arrived: string[] = [];
    to!.on("message", (bytes) => arrived.push(String(bytes)));
    const memory = Buffer.alloc(3);

    for (let i = 0; i < 200; i++) {
      memory.write(String(i).padStart(3, "0"));
      expect(sender.send(memory, to!.address().port, HOST)).toBe("sent");
    }
    while (arrived.length < 200) await once(to!, "message");

    expect(arrived).toEqual(Array.from({ length: 200 }, (_, i) => String(i).padStart(3, "0")));
  });
});

test("IPv6 has a way of its own", async () => {
  const sockets = [0, 1].map(() => createSocket({ type: "udp6", lookup: lookup6 }));
  const [source, target] = sockets as [Socket, Socket];
  try {
    for (const socket of sockets) await new Promise<void>((resolve) => socket.bind(0, "::1", resolve));
    const sender = viewSender(source, () => undefined);
    const arrived: string[] = [];
    target.on("message", (bytes) => arrived.push(String(bytes)));

    for (const text of ["first", "second", "third"])
      expect(sender.send(Buffer.from(text), target.address().port, "::1")).toBe("sent");
    while (arrived.length < 3) await once(target, "message");

    expect(arrived).toEqual(["first", "second", "third"]);
  } finally {
    for (const socket of sockets) socket.close();
  }
});

test("by the handle every refusal of the kernel is known at once", () => {
  const sender = viewSender(from!, () => undefined);
  sender.send(Buffer.from("first"), to!.address().port, HOST);

  const outcomes = Array.from({ length: 3 }, () => sender.send(TOO_LONG, to!.address().port, HOST));

  expect(outcomes).toEqual(["failed", "failed", "failed"]);
  expect(sender.send(Buffer.from("next"), to!.address().port, HOST)).toBe("sent");
});

test("the public way finds refusals by a sample, and then one by one", async () => {
  let failures = 0;
  const seen = async (count: number): Promise<void> => {
    while (failures < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const sender = viewSender(publicOnly(from!), () => {
    failures++;
  });

  for (let i = 0; i < 64; i++) sender.send(TOO_LONG, to!.address().port, HOST);
  await seen(1);
  for (let i = 0; i < 10; i++) sender.send(TOO_LONG, to!.address().port, HOST);
  await seen(11);

  expect(failures).toBe(11);
});
