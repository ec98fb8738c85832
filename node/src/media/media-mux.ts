/** The one port of a worker, for UDP and, under the same number, for TCP. Endpoints of both kinds are used alike. */
import type { AddressFamily, UdpAddress } from "./ip-address.ts";
import { TcpMux, type TcpMuxOptions, type TcpMuxSink } from "./tcp-mux.ts";
import { type MuxPeer, UdpMux, type UdpMuxOptions, type UdpMuxSink } from "./udp-mux.ts";

export interface MediaMuxSink extends Omit<UdpMuxSink, "stun" | "dropped"> {
  /** True: the request was authentic. */
  stun(bytes: Buffer, from: UdpAddress): boolean;
  dropped(reason: Parameters<TcpMuxSink["dropped"]>[0]): void;
  /** Priority of our TCP candidate with that address. */
  localPriority(host: string): number;
}
export interface MediaMuxOptions extends UdpMuxOptions {
  /** False: no TCP. Default true. */
  readonly tcp?: boolean;
  readonly tcpLimits?: TcpMuxOptions;
}

/** Where the system chooses the port it knows nothing of TCP: so often another is tried. */
const MAX_PORT_TRIES = 10;

export class MediaMux {
  readonly #options: MediaMuxOptions;
  readonly #sink: MediaMuxSink;
  readonly #tcp: TcpMux;
  #udp: UdpMux;
  #tcpFamilies: readonly AddressFamily[] = [];

  constructor(options: MediaMuxOptions, sink: MediaMuxSink, nowMs: () => number) {
    this.#options = options;
    this.#sink = sink;
    this.#udp = new UdpMux(options, sink);
    this.#tcp = new TcpMux(sink, nowMs, options.tcpLimits);
  }

  /**
   * Binds both; resolves with the port. Rejects when UDP cannot be bound. Where another has that port for TCP,
   * `tcpFamilies` lacks the family.
   */
  async bind(): Promise<number> {
    for (let tries = 1; ; tries++) {
      const port = await this.#udp.bind();
      if (this.#options.tcp === false) return port;
      this.#tcpFamilies = await this.#listen(port);
      const complete = this.#tcpFamilies.length === this.#udp.families().length;
      if (complete || this.#options.port !== 0 || tries === MAX_PORT_TRIES) return port;
      await this.close();
      this.#udp = new UdpMux(this.#options, this.#sink);
    }
  }

  families(): readonly AddressFamily[] {
    return this.#udp.families();
  }

  tcpFamilies(): readonly AddressFamily[] {
    return this.#tcpFamilies;
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }

  route(address: UdpAddress, peer: MuxPeer): void {
    this.#of(address).route(address, peer);
  }

  unroute(address: UdpAddress, peer: MuxPeer): void {
    this.#of(address).unroute(address, peer);
  }

  /** Sends bytes that nobody will change afterwards. */
  send(bytes: Uint8Array, to: UdpAddress): void {
    this.#of(to).send(bytes, to);
  }

  /** Sends a view into memory that will be reused. */
  sendView(bytes: Uint8Array, to: UdpAddress): void {
    if (to.tcp === true) this.#tcp.send(bytes, to);
    else this.#udp.sendView(bytes, to);
  }

  handleSweep(nowMs: number): void {
    this.#tcp.handleSweep(nowMs);
  }

  #of(address: UdpAddress): UdpMux | TcpMux {
    return address.tcp === true ? this.#tcp : this.#udp;
  }

  async #listen(port: number): Promise<AddressFamily[]> {
    const { host } = this.#options;
    const every = host === undefined || host === "::";
    const wanted = this.#udp.families().map((family) => {
      const all = family === 4 ? "0.0.0.0" : "::";
      return { family, port, host: every ? all : host };
    });
    const listening: AddressFamily[] = [];
    for (const address of wanted) {
      const ok = await this.#tcp.listen(address).then(
        () => true,
        () => false,
      );
      if (ok) listening.push(address.family);
    }
    return listening;
  }
}
