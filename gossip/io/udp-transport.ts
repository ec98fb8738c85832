// The gossip datagram socket. Packets leave from the port that others know, as the reference requires.

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Endpoint } from "../src/types.ts";
import { unmappedHost } from "./addresses.ts";

export interface UdpEvents {
  /** `atMs` was read right in the socket's callback: it becomes a round-trip time. */
  packet(from: Endpoint, bytes: Uint8Array, atMs: number): void;
  /** A send or the socket failed; the transport goes on. */
  failed(error: Error, to: Endpoint | undefined): void;
}

export interface UdpTransportOptions {
  readonly host: string;
  readonly port: number;
  readonly events: UdpEvents;
  readonly nowMs: () => number;
}

/** Node's default holds a burst of some hundred packets; the reference asks for this much. The kernel may grant less. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** Packets handed to the kernel and not yet confirmed; beyond it a packet is dropped, as a full network would. */
const MAX_UNCONFIRMED = 1024;

export class UdpTransport {
  readonly #options: UdpTransportOptions;
  readonly #socket: Socket;
  readonly #isV6: boolean;
  readonly #counters = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0, sendErrors: 0, sendDrops: 0 };
  #unconfirmed = 0;
  #isOpen = false;

  constructor(options: UdpTransportOptions) {
    this.#options = options;
    this.#isV6 = isIPv6(options.host);
    const family = this.#isV6 ? 6 : 4;
    // Addresses are literals: the system's resolver has nothing to add but delay.
    this.#socket = createSocket({
      type: this.#isV6 ? "udp6" : "udp4",
      lookup: (host, _options, callback) => callback(null, host, family),
    });
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  /** Rejects when the port is taken. */
  async open(): Promise<void> {
    const socket = this.#socket;
    const { host, port, events } = this.#options;
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    this.#isOpen = true;
    growReceiveBuffer(socket, events);
    socket.on("error", (error) => events.failed(error, undefined));
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#unconfirmed === MAX_UNCONFIRMED) {
      this.#counters.sendDrops += 1;
      return;
    }
    this.#unconfirmed += 1;
    this.#counters.packetsOut += 1;
    this.#counters.bytesOut += bytes.length;
    const host = this.#isV6 && !to.host.includes(":") ? `::ffff:${to.host}` : to.host;
    this.#socket.send(bytes, to.port, host, (error) => {
      this.#unconfirmed -= 1;
      if (error === null) return;
      this.#counters.sendErrors += 1;
      if (this.#isOpen) this.#options.events.failed(error, to);
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    const atMs = this.#options.nowMs();
    this.#counters.packetsIn += 1;
    this.#counters.bytesIn += bytes.length;
    this.#options.events.packet({ host: unmappedHost(from.address), port: from.port }, bytes, atMs);
  }
}

/** Halves the wish until the system grants it. */
function growReceiveBuffer(socket: Socket, events: UdpEvents): void {
  for (let bytes = RECEIVE_BUFFER_BYTES; bytes >= 64 * 1024; bytes /= 2) {
    try {
      socket.setRecvBufferSize(bytes);
      return;
    } catch (error) {
      events.failed(new Error("the receive buffer could not be enlarged", { cause: error }), undefined);
    }
  }
}
