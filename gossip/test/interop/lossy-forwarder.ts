// A bad network in front of an agent: it has an address of its own, which the agent advertises for itself, so that all that
// is sent to the agent comes by here. Datagrams are late and now and then lost, by a seed; connections are passed through.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Socket as Connection, connect, createServer, type Server } from "node:net";
import type { Random } from "#gossip";

export interface ForwarderOptions {
  /** Where others send to; the port is the same on both sides. */
  readonly front: string;
  readonly agent: string;
  readonly port: number;
  readonly random: Random;
  /** Share of datagrams that never arrive, 0..1. */
  readonly loss: number;
  readonly delayMs: number;
}

export class LossyForwarder {
  readonly #options: ForwarderOptions;
  readonly #socket: Socket = createSocket("udp4");
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly counters = { passed: 0, lost: 0, connections: 0 };
  #isOpen = true;

  private constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#socket.on("message", (bytes) => this.#forward(bytes));
    this.#server = createServer({ allowHalfOpen: true }, (connection) => this.#connect(connection));
  }

  static async open(options: ForwarderOptions): Promise<LossyForwarder> {
    const forwarder = new LossyForwarder(options);
    forwarder.#socket.bind(options.port, options.front);
    forwarder.#server.listen(options.port, options.front);
    await Promise.all([once(forwarder.#socket, "listening"), once(forwarder.#server, "listening")]);
    return forwarder;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#socket.close();
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #forward(bytes: Uint8Array): void {
    const { random, loss, delayMs, port, agent } = this.#options;
    if (random.next() < loss) {
      this.counters.lost += 1;
      return;
    }
    this.counters.passed += 1;
    setTimeout(() => {
      if (this.#isOpen) this.#socket.send(bytes, port, agent);
    }, delayMs);
  }

  #connect(incoming: Connection): void {
    this.counters.connections += 1;
    const outgoing = connect({ host: this.#options.agent, port: this.#options.port, allowHalfOpen: true });
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      this.#connections.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => this.#connections.delete(from));
      from.pipe(to);
    }
  }
}
