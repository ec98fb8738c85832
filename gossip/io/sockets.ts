// The pair of sockets that a member has: TCP and UDP on one address and one port number.

import type { StreamInput, StreamOutput } from "../src/sink.ts";
import type { Endpoint, StreamId } from "../src/types.ts";
import { TcpTransport } from "./tcp-transport.ts";
import { UdpTransport } from "./udp-transport.ts";

export interface SocketEvents {
  packet(from: Endpoint, bytes: Uint8Array, atMs: number): void;
  stream(id: StreamId, input: StreamInput): void;
  failed(error: Error, what: "udp" | "tcp"): void;
}

const ATTEMPTS = 10;

export class GossipSockets {
  readonly #udp: UdpTransport;
  readonly #tcp: TcpTransport;
  readonly port: number;

  private constructor(udp: UdpTransport, tcp: TcpTransport, port: number) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = port;
  }

  /** Port 0 takes one that is free for both. Rejects when the port, or ten of them, are taken. */
  static async open({ host, port }: Endpoint, events: SocketEvents, nowMs: () => number): Promise<GossipSockets> {
    for (let attempt = 1; ; attempt += 1) {
      const tcp = new TcpTransport({
        host,
        port,
        events: { stream: events.stream, failed: (error) => events.failed(error, "tcp") },
      });
      const bound = await tcp.open();
      const udp = new UdpTransport({
        host,
        port: bound,
        nowMs,
        events: { packet: events.packet, failed: (error) => events.failed(error, "udp") },
      });
      try {
        await udp.open();
        return new GossipSockets(udp, tcp, bound);
      } catch (error) {
        await tcp.close();
        if (port !== 0 || attempt === ATTEMPTS) {
          throw new Error(`UDP port ${bound} of ${host} cannot be bound`, { cause: error });
        }
      }
    }
  }

  packet(to: Endpoint, bytes: Uint8Array): void {
    this.#udp.send(to, bytes);
  }

  stream(id: StreamId, output: StreamOutput): void {
    this.#tcp.output(id, output);
  }

  counters(): Record<string, number> {
    const { packetsIn, bytesIn, packetsOut, bytesOut, sendErrors, sendDrops } = this.#udp.counters;
    const { streamsOpened, streamsAccepted, streamsRefused, streamsFailed, streamsOpen } = this.#tcp.counters;
    return {
      udp_packets_in: packetsIn ?? 0,
      udp_bytes_in: bytesIn ?? 0,
      udp_packets_out: packetsOut ?? 0,
      udp_bytes_out: bytesOut ?? 0,
      udp_send_errors: sendErrors ?? 0,
      udp_send_drops: sendDrops ?? 0,
      tcp_streams_opened: streamsOpened ?? 0,
      tcp_streams_accepted: streamsAccepted ?? 0,
      tcp_streams_refused: streamsRefused ?? 0,
      tcp_streams_failed: streamsFailed ?? 0,
      tcp_streams_open: streamsOpen ?? 0,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }
}
