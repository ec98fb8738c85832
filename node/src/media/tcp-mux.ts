/**
 * The passive end of ICE-TCP (RFC 6544) on the same port number as UDP, for networks that let no UDP through: each
 * connection is one endpoint, framed by RFC 4571, and what its frames hold is treated as datagrams are. A connection
 * costs memory before it has proved anything, so those are few and short-lived.
 */
import { createServer, type Server, type Socket } from "node:net";
import { FrameReader, frame } from "./frame-reader.ts";
import { type AddressFamily, endpointKey, type UdpAddress } from "./ip-address.ts";
import { dispatchDatagram, MAX_DATAGRAM_BYTES, type MuxDropReason, type MuxPeer } from "./udp-mux.ts";

export type TcpDropReason =
  /** Too many connections in all, from one host, or that have proved nothing. */
  | "tcp_limit"
  /** A frame longer than a datagram may be. */
  | "tcp_bad_frame"
  /** Something else than STUN came first, or no authentic request in time. */
  | "tcp_unproven"
  /** No authentic request for long. */
  | "tcp_idle";

export interface TcpMuxSink {
  /** True: the request was authentic. */
  stun(bytes: Buffer, from: UdpAddress): boolean;
  dropped(reason: TcpDropReason | MuxDropReason): void;
  /** Priority of our candidate with that address. */
  localPriority(host: string): number;
  /** After the frames of one chunk. */
  burstEnd(): void;
}
export interface TcpMuxOptions {
  /** Default 4,096: two for each client that a worker takes. */
  readonly maxConnections?: number;
  /** Many people may sit behind one address. Default 128. */
  readonly maxPerHost?: number;
  /** Default 256. */
  readonly maxUnproven?: number;
  /** How long a connection may go without an authentic request at first. Default 10 s. */
  readonly provenWithinMs?: number;
  /** … and later: browsers ask every 2.5 to 5 s. Default 30 s. */
  readonly idleMs?: number;
}
const DEFAULTS = {
  maxConnections: 4_096,
  maxPerHost: 128,
  maxUnproven: 256,
  provenWithinMs: 10_000,
  idleMs: 30_000,
} as const satisfies Required<TcpMuxOptions>;

/** What may wait for a slow reader beyond the kernel's buffer; more would only come too late. */
const MAX_QUEUED_BYTES = 256 * 1_024;

interface Connection {
  readonly socket: Socket;
  readonly address: UdpAddress;
  readonly frames: FrameReader;
  peer: MuxPeer | undefined;
  proven: boolean;
  /** Of its opening, or of the last authentic request. */
  aliveAtMs: number;
  corked: boolean;
}

export class TcpMux {
  readonly #options: Required<TcpMuxOptions>;
  readonly #sink: TcpMuxSink;
  readonly #nowMs: () => number;
  readonly #servers: Server[] = [];
  readonly #connections = new Map<string, Connection>();
  readonly #perHost = new Map<string, number>();
  #unproven = 0;

  constructor(sink: TcpMuxSink, nowMs: () => number, options: TcpMuxOptions = {}) {
    this.#sink = sink;
    this.#nowMs = nowMs;
    this.#options = { ...DEFAULTS, ...options };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Listens on one more address. Rejects when it cannot; what listens already goes on. */
  async listen(input: {
    readonly host: string;
    readonly port: number;
    readonly family: AddressFamily;
  }): Promise<number> {
    const { host, port, family } = input;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket, family));
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(new Error(`cannot listen on TCP ${host} port ${port}`, { cause: error })));
      server.listen({ host, port, ipv6Only: family === 6, exclusive: true }, resolve);
    });
    // What fails later concerns one connection that is not here yet.
    server.on("error", () => this.#sink.dropped("socket_failed"));
    this.#servers.push(server);
    const address = server.address();
    return address !== null && typeof address === "object" ? address.port : port;
  }

  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    for (const connection of [...this.#connections.values()]) this.#end(connection);
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  route(address: UdpAddress, peer: MuxPeer): void {
    const connection = this.#connections.get(endpointKey(address));
    if (connection !== undefined) connection.peer = peer;
  }

  unroute(address: UdpAddress, peer: MuxPeer): void {
    const connection = this.#connections.get(endpointKey(address));
    if (connection?.peer === peer) connection.peer = undefined;
  }

  /** Copies the bytes. */
  send(bytes: Uint8Array, to: UdpAddress): void {
    const connection = this.#connections.get(endpointKey(to));
    if (connection === undefined) {
      this.#sink.dropped("send_failed");
      return;
    }
    const { socket } = connection;
    if (socket.writableLength > MAX_QUEUED_BYTES) {
      this.#sink.dropped("send_queue_full");
      return;
    }
    // What one burst sends goes out as one segment where it fits.
    if (!connection.corked) {
      connection.corked = true;
      socket.cork();
      setImmediate(() => {
        connection.corked = false;
        socket.uncork();
      });
    }
    socket.write(frame(bytes));
  }

  /** Ends connections that prove nothing; a few times a second. */
  handleSweep(nowMs: number): void {
    const { provenWithinMs, idleMs } = this.#options;
    for (const connection of [...this.#connections.values()]) {
      const silentMs = nowMs - connection.aliveAtMs;
      if (silentMs > (connection.proven ? idleMs : provenWithinMs)) {
        this.#refuse(connection, connection.proven ? "tcp_idle" : "tcp_unproven");
      }
    }
  }

  #accept(socket: Socket, family: AddressFamily): void {
    socket.on("error", () => socket.destroy());
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const fromHost = this.#perHost.get(remoteAddress) ?? 0;
    const { maxConnections, maxPerHost, maxUnproven } = this.#options;
    if (this.#connections.size >= maxConnections || fromHost >= maxPerHost || this.#unproven >= maxUnproven) {
      this.#sink.dropped("tcp_limit");
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
      address: {
        host: remoteAddress,
        port: remotePort,
        family,
        tcp: true,
        localPriority: this.#sink.localPriority(socket.localAddress ?? ""),
      },
      frames: new FrameReader(MAX_DATAGRAM_BYTES),
      peer: undefined,
      proven: false,
      aliveAtMs: this.#nowMs(),
      corked: false,
    };
    this.#connections.set(endpointKey(connection.address), connection);
    this.#perHost.set(remoteAddress, fromHost + 1);
    this.#unproven++;
    socket.on("data", (chunk) => this.#receive(connection, chunk));
    socket.on("end", () => this.#end(connection));
    socket.on("close", () => this.#end(connection));
  }

  #receive(connection: Connection, chunk: Buffer): void {
    const frames = connection.frames.read(chunk);
    if (frames === undefined) {
      this.#refuse(connection, "tcp_bad_frame");
      return;
    }
    for (const bytes of frames) {
      if ((bytes[0] ?? 255) < 4) this.#handleStun(connection, bytes);
      else if (!connection.proven) {
        this.#refuse(connection, "tcp_unproven");
        return;
      } else {
        const refused = dispatchDatagram(bytes, connection.peer);
        if (refused !== undefined) this.#sink.dropped(refused);
      }
    }
    if (frames.length > 0) this.#sink.burstEnd();
  }

  #handleStun(connection: Connection, bytes: Buffer): void {
    if (!this.#sink.stun(bytes, connection.address)) return;
    connection.aliveAtMs = this.#nowMs();
    if (connection.proven) return;
    connection.proven = true;
    this.#unproven--;
  }

  #refuse(connection: Connection, reason: TcpDropReason): void {
    this.#sink.dropped(reason);
    this.#end(connection);
  }

  /** Idempotent. */
  #end(connection: Connection): void {
    const key = endpointKey(connection.address);
    if (this.#connections.get(key) === connection) {
      this.#connections.delete(key);
      const { host } = connection.address;
      const left = (this.#perHost.get(host) ?? 1) - 1;
      if (left === 0) this.#perHost.delete(host);
      else this.#perHost.set(host, left);
      if (!connection.proven) this.#unproven--;
    }
    connection.socket.destroy();
  }
}
