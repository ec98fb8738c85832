import { describe, expect, test } from "@jest/globals";
import { ManualClock, settle } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import { Metrics } from "../metrics/metrics.ts";
import { StoreUnavailableError } from "../store/errors.ts";
import { Gateway, type RawSocket } from "./gateway.ts";
import type { HelloOutcome, SessionHub } from "./hub.ts";
import type { ClientSocket, LiveSession } from "./live-session.ts";

/** A socket without a wire. */
class FakeSocket implements RawSocket {
  readonly sent: { readonly type: string; readonly code?: string; readonly reason?: string }[] = [];
  readonly #listeners = new Map<string, (...input: never[]) => void>();
  bufferedAmount = 0;
  readyState = 1;
  closedWith: number | undefined;
  terminated = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(code: number): void {
    this.readyState = 2;
    this.closedWith = code;
  }
  terminate(): void {
    this.terminated = true;
    this.readyState = 3;
    this.emit("close");
  }
  removeAllListeners(event: string): void {
    this.#listeners.delete(event);
  }
  on(event: string, listener: (...input: never[]) => void): void {
    this.#listeners.set(event, listener);
  }
  emit(event: string, ...input: unknown[]): void {
    this.#listeners.get(event)?.(...(input as never[]));
  }
  say(message: object): void {
    this.emit("message", Buffer.from(JSON.stringify(message)), false);
  }
}

function make(hello: (socket: ClientSocket) => Promise<HelloOutcome>) {
  const clock = new ManualClock();
  const metrics = new Metrics({ version: "1.0.0", defaults: false });
  const hub = { hello: (_input: unknown, socket: ClientSocket) => hello(socket) } as unknown as SessionHub;
  const gateway = new Gateway({ hub, metrics, clock, log: silentLog, maxBufferedBytes: 1_000 });
  return { clock, gateway };
}

const hello = { type: "hello", id: "h", protocol: 1, token: "t" };
const never = () => new Promise<HelloOutcome>(() => undefined);

describe("sockets", () => {
  test("[A50] a socket that does not say hello within 5 s is told so, closed, and cut if it does not go", async () => {
    const { clock, gateway } = make(never);
    const socket = new FakeSocket();
    gateway.accept(socket);
    await clock.advance(4_999);
    expect(socket.sent).toEqual([]);
    await clock.advance(1);
    expect(socket.sent).toMatchObject([{ code: "hello_first" }, { type: "closing", reason: "protocol" }]);
    expect([socket.closedWith, socket.terminated]).toEqual([4004, false]);
    await clock.advance(2_000);
    expect([socket.terminated, clock.pendingTimers]).toEqual([true, 0]);
  });

  test("[A50] only so many strangers are heard at once; who has said hello is none", async () => {
    const { gateway } = make(async () => ({
      ok: true,
      session: { socketClosed: () => undefined } as unknown as LiveSession,
    }));
    const sockets = Array.from({ length: 1_024 }, () => new FakeSocket());
    for (const socket of sockets) gateway.accept(socket);
    const late = new FakeSocket();
    gateway.accept(late);
    expect(late.closedWith).toBe(1013);
    sockets[0]?.say(hello);
    sockets[1]?.terminate();
    await settle();
    const others = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
    for (const socket of others) gateway.accept(socket);
    expect(others.map((socket) => socket.closedWith)).toEqual([undefined, undefined, 1013]);
  });

  test("[A53] an error of a socket is heard by nobody else, and the line is cut if it stays", async () => {
    const { clock, gateway } = make(never);
    const socket = new FakeSocket();
    const logged: unknown[] = [];
    socket.on("error", (error: unknown) => logged.push(error));
    gateway.accept(socket);
    const error = Object.assign(new RangeError("too long"), { code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" });
    socket.emit("error", error);
    socket.say(hello);
    expect([logged, socket.sent, socket.terminated]).toEqual([[], [], false]);
    await clock.advance(2_000);
    expect([socket.terminated, clock.pendingTimers]).toEqual([true, 0]);
  });

  test("[A62] a full buffer is told to the session, which closes as slow", async () => {
    let client: ClientSocket | undefined;
    const { gateway } = make((socket) => {
      client = socket;
      return never();
    });
    const socket = new FakeSocket();
    gateway.accept(socket);
    socket.say(hello);
    socket.bufferedAmount = 1_000;
    expect(client?.send({ type: "ok", replyTo: "1", seq: 1 })).toBe(true);
    socket.bufferedAmount = 1_001;
    expect(client?.send({ type: "ok", replyTo: "2", seq: 2 })).toBe(false);
    client?.close("slow");
    expect([socket.sent.length, socket.closedWith]).toEqual([1, 4005]);
    // A line that is gone already takes everything: the session keeps it for the resume.
    expect(client?.send({ type: "ok", replyTo: "3", seq: 3 })).toBe(true);
  });

  test("[A50] a line that goes while its hello is under way leaves no session without a socket unnoticed", async () => {
    let lost = 0;
    let finish: (outcome: HelloOutcome) => void = () => undefined;
    const { gateway } = make(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    const socket = new FakeSocket();
    gateway.accept(socket);
    socket.say(hello);
    socket.say({ type: "ping", sentAtMs: 1 });
    expect(socket.sent[0]).toMatchObject({ code: "hello_first" });
    const session = { socketClosed: () => lost++ } as unknown as LiveSession;
    finish({ ok: true, session });
    await settle();
    expect(lost).toBe(1);
  });

  test("[A70] a hello that fails because a store is away says so and may come again", async () => {
    const away = { store: "presence", operation: "getSession", stateChanged: "no", cause: undefined } as const;
    const { gateway } = make(() => Promise.reject(new StoreUnavailableError(away)));
    const socket = new FakeSocket();
    gateway.accept(socket);
    socket.say(hello);
    await settle();
    expect(socket.sent).toMatchObject([
      { type: "error", code: "store_unavailable", replyTo: "h", retryAfterMs: 2_000 },
    ]);
    expect(socket.closedWith).toBe(1000);
  });
});
