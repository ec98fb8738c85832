// Gossip streams: dials and accepts connections, and turns sockets into the core's stream inputs and outputs.

import { connect, createServer, isIPv6, type Server, type Socket } from "node:net";
import type { StreamInput, StreamOutput } from "../src/sink.ts";
import { type Endpoint, type StreamId, streamId } from "../src/types.ts";
import { unmappedHost } from "./addresses.ts";

export interface TcpEvents {
  stream(id: StreamId, input: StreamInput): void;
  /** The listener failed; the transport goes on. */
  failed(error: Error): void;
}

export interface TcpTransportOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly events: TcpEvents;
  /** Accepted connections at once; further ones are closed by the system. Default 128. */
  readonly maxConnections?: number;
  /** A connection that says nothing for this long is closed, whatever the core thinks of it. Default 60 s. */
  readonly idleTimeoutMs?: number;
}

/** A peer that does not read may keep this much waiting: the largest state we send, and some. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export class TcpTransport {
  readonly #options: TcpTransportOptions;
  readonly #streams = new Map<StreamId, Socket>();
  readonly #counters = { streamsOpened: 0, streamsAccepted: 0, streamsRefused: 0, streamsFailed: 0 };
  readonly #server: Server;
  /** The core numbers what it opens with odd ids, we number what we accept with even ones. */
  #lastAccepted = 0;
  #isOpen = false;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = options.maxConnections ?? 128;
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#counters, streamsOpen: this.#streams.size };
  }

  /** Resolves to the port in use; rejects when it is taken. */
  async open(): Promise<number> {
    const server = this.#server;
    const { host, port, events } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    this.#isOpen = true;
    server.on("error", (error) => events.failed(error));
    server.on("drop", () => {
      this.#counters.streamsRefused += 1;
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Carries out what the core wants of a stream. */
  output(id: StreamId, output: StreamOutput): void {
    if (output.kind === "open") {
      this.#dial(id, output.to, output.timeoutMs);
      return;
    }
    const socket = this.#streams.get(id);
    if (socket === undefined) return;
    if (output.kind === "write") this.#write(id, socket, output.bytes);
    else if (output.kind === "end") socket.end();
    else this.#forget(id, socket);
  }

  /** Closes everything at once. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const [id, socket] of this.#streams) this.#forget(id, socket);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #dial(id: StreamId, to: Endpoint, timeoutMs: number): void {
    const family = isIPv6(to.host) ? 6 : 4;
    const socket = connect({ host: to.host, port: to.port, family, allowHalfOpen: true, noDelay: true });
    this.#counters.streamsOpened += 1;
    const slow = setTimeout(() => socket.destroy(new Error("connect: connection timed out")), timeoutMs);
    this.#wire(id, socket);
    socket.once("connect", () => {
      clearTimeout(slow);
      this.#input(id, { kind: "opened" });
    });
    socket.once("close", () => clearTimeout(slow));
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // Gone before we could look at it.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    this.#lastAccepted += 2;
    const id = streamId(this.#lastAccepted);
    this.#counters.streamsAccepted += 1;
    this.#wire(id, socket);
    this.#input(id, { kind: "opened", from: { host: unmappedHost(remoteAddress), port: remotePort } });
  }

  #wire(id: StreamId, socket: Socket): void {
    this.#streams.set(id, socket);
    let error: Error | undefined;
    socket.setTimeout(this.#options.idleTimeoutMs ?? 60_000, () => socket.destroy(new Error("stream timed out")));
    socket.on("data", (bytes) => this.#input(id, { kind: "data", bytes }));
    socket.on("end", () => this.#input(id, { kind: "ended" }));
    socket.on("error", (reason) => {
      error = reason;
    });
    socket.on("close", () => {
      const isOurs = this.#streams.get(id) === socket;
      if (!isOurs) return;
      this.#streams.delete(id);
      // Both sides ended in order: the core has heard "ended" already.
      if (error === undefined && socket.readableEnded) return;
      this.#counters.streamsFailed += 1;
      this.#options.events.stream(id, { kind: "failed", error: describe(error) });
    });
  }

  #input(id: StreamId, input: StreamInput): void {
    if (this.#streams.has(id)) this.#options.events.stream(id, input);
  }

  #write(id: StreamId, socket: Socket, bytes: Uint8Array): void {
    if (socket.writableLength + bytes.length > MAX_WAITING_BYTES) {
      socket.destroy(new Error("the peer does not read"));
      return;
    }
    // A socket that ended or failed meanwhile says so by its own event.
    if (socket.writable && this.#streams.has(id)) socket.write(bytes);
  }

  #forget(id: StreamId, socket: Socket): void {
    this.#streams.delete(id);
    socket.destroy();
  }
}

/** As the reference words it: "dial tcp 10.0.0.1:7946: connect: connection refused". */
function describe(
  error: (Error & { readonly code?: string; readonly address?: string; readonly port?: number }) | undefined,
): string {
  if (error === undefined) return "connection closed";
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ECONNRESET: "connection reset by peer",
    ETIMEDOUT: "connect: connection timed out",
  };
  const text = words[error.code ?? ""] ?? error.message;
  return error.address === undefined ? text : `dial tcp ${error.address}:${error.port}: ${text}`;
}
