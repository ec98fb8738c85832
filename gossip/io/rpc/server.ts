// The RPC port: accepts connections, bounds them, and gives each a session.

import { createServer, type Server, type Socket } from "node:net";
import { UsageError } from "../../src/types.ts";
import type { Logger } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { RpcCounters } from "./counters.ts";
import { OWN_RPC_ERROR } from "./messages.ts";
import { Patience, type PatienceOptions } from "./patience.ts";
import { RpcSession } from "./session.ts";
import { encodeValue } from "./value.ts";

export interface RpcServerOptions extends PatienceOptions {
  /** An address; anything but loopback needs an authKey. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly authKey?: string;
  /** Connections at once; further ones are told so and closed. Default 64. */
  readonly maxConnections?: number;
}

/** Beyond so many bytes that wait for a client, no further request of it is read. */
const MAX_WAITING_BYTES = 1024 * 1024;
const DEFAULT_MAX_CONNECTIONS = 64;
/** Finds clients whose machine is gone. */
const KEEP_ALIVE_MS = 30_000;
const CLOSE_GRACE_MS = 1_000;

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #backend: RpcBackend;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
  readonly #counters = new RpcCounters();
  #server: Server | undefined = undefined;

  /** Throws UsageError "rpc_auth_required" when others than this machine could connect without a key. */
  constructor(options: RpcServerOptions, backend: RpcBackend, log: Logger) {
    if (!isLoopback(options.host) && (options.authKey ?? "") === "") {
      throw new UsageError(
        "rpc_auth_required",
        `RPC on ${options.host} needs an auth key: it is not a loopback address`,
      );
    }
    this.#options = options;
    this.#backend = backend;
    this.#log = log;
  }

  /** Resolves to the port in use. */
  async start(): Promise<number> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: this.#options.host, port: this.#options.port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => this.#log.warn({ error }, "RPC listener failed"));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  /** Lets answers that are under way leave, then closes. Idempotent. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.end();
    const hurry = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSE_GRACE_MS);
    await closed;
    clearTimeout(hurry);
  }

  stats(): Record<string, number> {
    this.#counters.clients = this.#sockets.size;
    return this.#counters.stats();
  }

  #accept(socket: Socket): void {
    const client = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on("error", (error) => this.#log.debug({ client, error }, "RPC connection failed"));
    if (this.#sockets.size >= (this.#options.maxConnections ?? DEFAULT_MAX_CONNECTIONS)) {
      this.#counters.refused("too_many_clients");
      socket.end(encodeValue({ Error: OWN_RPC_ERROR.tooManyClients, Seq: 0 }), () => socket.destroy());
      return;
    }
    this.#sockets.add(socket);
    const { authKey } = this.#options;
    const patience = new Patience(this.#options, (reason) => {
      this.#counters.refused(reason);
      this.#log.warn({ client, reason }, "RPC client cut off");
      socket.destroy();
    });
    const session: RpcSession = new RpcSession({
      backend: this.#backend,
      log: this.#log,
      counters: this.#counters,
      ...(authKey === undefined || authKey === "" ? {} : { authKey }),
      write: (bytes) => {
        const isFast = socket.write(bytes);
        if (!isFast) patience.blocked();
        return isFast;
      },
      close: () => {
        socket.end();
        // What still comes is not read, and must not keep the connection.
        setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
      },
      idle: () => {
        patience.read(session);
        if (socket.writableLength <= MAX_WAITING_BYTES) socket.resume();
      },
    });
    this.#wire({ socket, session, patience, client });
  }

  #wire({ socket, session, patience, client }: Connection): void {
    this.#log.debug({ client }, "RPC client connected");
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (bytes) => {
      session.receive(bytes);
      // One request after the other: what comes meanwhile waits in the kernel.
      if (session.isBusy || socket.writableLength > MAX_WAITING_BYTES) socket.pause();
    });
    socket.on("drain", () => {
      patience.drained();
      session.drained();
      if (!session.isBusy) socket.resume();
    });
    socket.on("close", () => {
      patience.end();
      session.end();
      this.#sockets.delete(socket);
      this.#log.debug({ client }, "RPC client gone");
    });
  }
}

interface Connection {
  readonly socket: Socket;
  readonly session: RpcSession;
  readonly patience: Patience;
  /** For the log. */
  readonly client: string;
}
