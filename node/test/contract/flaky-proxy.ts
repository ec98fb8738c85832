// A TCP relay in front of a real server, with which a suite takes the server away without touching it: other suites may be
// using it at the same moment.

import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";

export class FlakyProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #stalled = false;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port every time. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((client) => this.#relay(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As a server that was killed: connections are reset, new ones refused. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await new Promise((resolve) => server.close(resolve));
  }

  /** As a server that hangs: connections stand and are accepted, nothing moves. */
  stall(): void {
    this.#stalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  async heal(): Promise<void> {
    this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
    await this.start();
  }

  #relay(client: Socket): void {
    const server = connect(this.#target);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#stalled) from.pause();
    }
  }
}
