/**
 * The socket shell of /v1/socket: hello in time, size and kind of frames, one session a socket, and a bounded buffer towards
 * clients that read slowly.
 */
import { type Closing, type Hello, MAX_MESSAGE_BYTES, type ServerMessage } from "#protocol";
import { type Clock, pause } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { SessionHub } from "./hub.ts";
import type { ClientSocket, LiveSession } from "./live-session.ts";
import { parseClientMessage } from "./messages.dto.ts";

export const HELLO_WITHIN_MS = 5_000;
/** What waits for a slow client; beyond this it is closed and may resume. */
export const MAX_BUFFERED_BYTES = 1_048_576;
/** From our close to a cut of the line, for clients that do not answer it. */
const CUT_AFTER_MS = 2_000;
/** Sockets that have not said hello; further ones are closed at once. */
const MAX_STRANGERS = 1_024;

const CLOSE_CODES: Readonly<Record<Closing["reason"], number>> = {
  left: 1000,
  superseded: 4001,
  removed: 4002,
  draining: 4003,
  protocol: 4004,
  slow: 4005,
  expired: 4006,
};

/** What this needs of a WebSocket of `ws`. */
export interface RawSocket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(text: string): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: "message", listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  on(event: "close", listener: (code?: number) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeAllListeners(event: "error"): unknown;
}

export interface GatewayOptions {
  readonly hub: SessionHub;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly helloWithinMs?: number;
  readonly maxBufferedBytes?: number;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #sockets = new Set<Connection>();
  #strangers = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** A new socket; never throws. */
  accept(raw: RawSocket): void {
    // The server's own listener writes each error of a client to the log, with a stack: whoever wants could fill it.
    raw.removeAllListeners("error");
    if (this.#strangers >= MAX_STRANGERS) {
      raw.on("error", () => undefined);
      raw.close(1013, "try again later");
      return;
    }
    this.#strangers += 1;
    const connection = new Connection(raw, this.#options, {
      greeted: () => {
        this.#strangers -= 1;
      },
      closed: (ended) => this.#sockets.delete(ended),
    });
    this.#sockets.add(connection);
  }

  /** Resolves when all sockets are closed, or after `withinMs`. */
  async emptied(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + withinMs;
    while (this.#sockets.size > 0 && clock.nowMs() < untilMs) await pause(clock, 20);
  }

  /** Cuts what is left of all sockets. */
  stop(): void {
    for (const connection of [...this.#sockets]) connection.cut();
  }
}

interface ConnectionEvents {
  /** It is no stranger any more: it said hello, or it is gone. Once. */
  greeted(): void;
  closed(connection: Connection): void;
}

const OPEN = 1;
/** What browsers close with when a page is left, reloaded or closed. RFC 6455 section 7.4.1, "going away". */
const PAGE_GONE = 1001;
const BINARY = { ok: false, detail: "messages are text" } as const;

class Connection implements ClientSocket {
  readonly #raw: RawSocket;
  readonly #options: GatewayOptions;
  readonly #events: ConnectionEvents;
  #phase: "stranger" | "greeting" | "greeted" | "closing" = "stranger";
  #isCounted = true;
  #session: LiveSession | undefined;
  #cancelHello: () => void;
  #cancelCut: () => void = () => undefined;

  constructor(raw: RawSocket, options: GatewayOptions, events: ConnectionEvents) {
    this.#raw = raw;
    this.#options = options;
    this.#events = events;
    this.#cancelHello = options.clock.after(options.helloWithinMs ?? HELLO_WITHIN_MS, () => this.#helloMissed());
    raw.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    raw.on("close", (code) => this.#onClose(code));
    // Too large a frame, broken UTF-8: ws closes the socket by itself, with the code that says so, and waits long.
    raw.on("error", (error) => this.#onError(error));
  }

  send(message: ServerMessage): boolean {
    if (this.#raw.readyState !== OPEN) return true;
    if (this.#raw.bufferedAmount > (this.#options.maxBufferedBytes ?? MAX_BUFFERED_BYTES)) return false;
    this.#raw.send(JSON.stringify(message));
    return true;
  }

  close(reason: Closing["reason"] | undefined): void {
    if (this.#phase === "closing") return;
    this.#phase = "closing";
    this.#raw.close(reason === undefined ? 1000 : CLOSE_CODES[reason], reason ?? "");
    this.#cutLater();
  }

  cut(): void {
    this.#raw.terminate();
  }

  #onMessage(data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean): void {
    if (this.#phase === "closing") return;
    const { metrics } = this.#options;
    if (isBinary) metrics.socketRefusal("binary");
    const parsed = isBinary ? BINARY : parseClientMessage(textOf(data));
    if (this.#session !== undefined) this.#forSession(this.#session, parsed);
    else if (parsed.ok && parsed.message.type === "hello" && this.#phase === "stranger")
      this.#startGreeting(parsed.message);
    else this.#refuseStranger(parsed);
  }

  #forSession(session: LiveSession, parsed: ReturnType<typeof parseClientMessage>): void {
    const { metrics, clock } = this.#options;
    if (parsed.ok) {
      metrics.socketMessage(parsed.message.type);
      session.machine.handle(parsed.message, clock.nowMs());
    } else session.machine.refuse(parsed.id, { code: "bad_message", detail: parsed.detail }, clock.nowMs());
  }

  #refuseStranger(parsed: ReturnType<typeof parseClientMessage>): void {
    const id = parsed.ok ? ("id" in parsed.message ? parsed.message.id : undefined) : parsed.id;
    const refusal = parsed.ok
      ? { code: "hello_first", detail: "the first message is hello, and its answer is waited for" }
      : { code: "bad_message", detail: parsed.detail };
    this.#options.metrics.socketRefusal(refusal.code);
    this.#refuseAndClose(id, refusal, "protocol");
  }

  #startGreeting(hello: Hello): void {
    this.#greet(hello).catch((error: unknown) => this.#greetFailed(hello, error));
  }

  async #greet(hello: Hello): Promise<void> {
    this.#phase = "greeting";
    this.#options.metrics.socketMessage("hello");
    const outcome = await this.#options.hub.hello(hello, this);
    if (!outcome.ok) {
      this.#options.metrics.socketRefusal(outcome.refusal.code);
      this.#refuseAndClose(hello.id, outcome.refusal, outcome.closing);
      return;
    }
    this.#noStranger();
    this.#session = outcome.session;
    // The line may have gone while the session was claimed.
    if (this.#raw.readyState !== OPEN) outcome.session.socketClosed(this);
    else if (this.#phase === "greeting") this.#phase = "greeted";
  }

  /** Not the client's fault: it is not told to go away, only to come again. */
  #greetFailed(hello: Hello, error: unknown): void {
    const isAway = isStoreUnavailable(error);
    if (!isAway) this.#options.log.error({ err: error }, "a hello failed");
    const code = isAway ? "store_unavailable" : "internal";
    this.#options.metrics.socketRefusal(code);
    const detail = isAway ? "a store is away; try again" : "something is broken here";
    this.send({ type: "error", seq: 1, replyTo: hello.id, code, detail, retryAfterMs: 2_000 });
    this.close(undefined);
  }

  #helloMissed(): void {
    if (this.#phase !== "stranger") return;
    this.#options.metrics.socketRefusal("hello_late");
    this.#refuseAndClose(undefined, { code: "hello_first", detail: "hello did not come in time" }, "protocol");
  }

  /** To a client without a session; these messages are numbered from 1 and never told again. */
  #refuseAndClose(
    replyTo: string | undefined,
    refusal: { readonly code: string; readonly detail: string; readonly retryAfterMs?: number },
    reason: Closing["reason"],
  ): void {
    if (this.#phase === "closing") return;
    this.send({ type: "error", seq: 1, ...(replyTo === undefined ? {} : { replyTo }), ...refusal });
    this.send({ type: "closing", seq: 2, reason });
    this.close(reason);
  }

  #onError(error: Error): void {
    const isTooLarge = "code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    this.#options.metrics.socketRefusal(isTooLarge ? "oversize" : "bad_message");
    this.#options.log.debug({ error: error.message }, "a socket failed");
    this.#phase = "closing";
    this.#cutLater();
  }

  #cutLater(): void {
    this.#cancelCut();
    this.#cancelCut = this.#options.clock.after(CUT_AFTER_MS, () => this.#raw.terminate());
  }

  #onClose(code?: number): void {
    this.#phase = "closing";
    this.#cancelHello();
    this.#cancelCut();
    this.#noStranger();
    this.#session?.socketClosed(this, { isPageGone: code === PAGE_GONE });
    this.#events.closed(this);
  }

  #noStranger(): void {
    this.#cancelHello();
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#events.greeted();
  }
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return data instanceof ArrayBuffer ? Buffer.from(data).toString("utf8") : data.toString("utf8");
}

/** For the WebSocket server: larger frames close the socket with 1009. */
export const MAX_FRAME_BYTES = MAX_MESSAGE_BYTES;
