// The RPC port: accepts connections, bounds them, and gives each a session.

import { createServer, type Server, type Socket } from "node:net";
import { UsageError } from "../../src/types.ts";
import type { Logger } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { RpcSession } from "./session.ts";

export interface RpcServerOptions {
  /** An address; anything but loopback needs an authKey. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly authKey?: string;
  /** Connections at once; further ones are closed. Default 64. */
  readonly maxConnections?: number;
}

/** What a client that does not read may keep waiting; beyond it, records are dropped and no request is taken. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** A client that says nothing for this long before its handshake is complete has no business here. */
const SHY_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 1_000;

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #backend: RpcBackend;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
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
    server.maxConnections = this.#options.maxConnections ?? 64;
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

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const { authKey } = this.#options;
    const session = new RpcSession({
      backend: this.#backend,
      log: this.#log,
      ...(authKey === undefined || authKey === "" ? {} : { authKey }),
      send: (bytes, { canDrop }) => {
        if (canDrop && socket.writableLength > MAX_WAITING_BYTES) return false;
        socket.write(bytes);
        socket.setTimeout(0);
        return true;
      },
      close: () => socket.end(),
      idle: () => {
        if (socket.writableLength <= MAX_WAITING_BYTES) socket.resume();
      },
    });
    this.#wire(socket, session);
  }

  #wire(socket: Socket, session: RpcSession): void {
    const client = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#log.debug({ client }, "RPC client connected");
    socket.setNoDelay(true);
    socket.setTimeout(SHY_TIMEOUT_MS, () => socket.destroy());
    socket.on("data", (bytes) => {
      session.receive(bytes);
      // One request after the other: what comes meanwhile waits in the kernel.
      if (session.isBusy || socket.writableLength > MAX_WAITING_BYTES) socket.pause();
    });
    socket.on("drain", () => {
      if (!session.isBusy) socket.resume();
    });
    socket.on("error", (error) => this.#log.debug({ client, error }, "RPC connection failed"));
    socket.on("close", () => {
      session.end();
      this.#sockets.delete(socket);
      this.#log.debug({ client }, "RPC client gone");
    });
  }
}
