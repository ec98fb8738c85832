/**
 * One UDP port for all peers of a worker. The first byte of a datagram says what it is (RFC 7983):
 * 0..3 STUN, 20..63 DTLS, 128..191 RTP or RTCP (then the second byte, RFC 5761 section 4). STUN goes
 * to the owner whatever its source; DTLS and media only when they come from an address that an owner
 * has selected, which makes every other datagram of a stranger one counted drop.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { type AddressFamily, addressKey, type UdpAddress } from "./ip-address.ts";
import { type ViewSender, viewSender } from "./view-sender.ts";

export type MuxDropReason =
  | "mux_unknown_address"
  | "mux_unknown_kind"
  | "mux_too_long"
  | "send_queue_full"
  /** Of media every packet, or a sample where view-sender.ts has only the public way. */
  | "send_failed"
  /** The socket itself reported an error. */
  | "socket_failed"
  /** Not lost: copied because the kernel refused to take packets for a moment. */
  | "send_copied";

/** What the owner of an address gets. The bytes are its own: every datagram has fresh memory. */
export interface MuxPeer {
  handleDtls(bytes: Buffer): void;
  handleRtp(bytes: Buffer): void;
  handleRtcp(bytes: Buffer): void;
}
export interface UdpMuxSink {
  stun(bytes: Buffer, from: UdpAddress): void;
  dropped(reason: MuxDropReason): void;
  /** Once after each burst of datagrams that one wake-up of the loop has delivered. */
  burstEnd(): void;
  /** The socket reported an error; it may do so for each datagram. */
  failed(error: Error): void;
}
export interface UdpMuxOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Address to bind; default "::", all interfaces of both families; "0.0.0.0" is IPv4 only. */
  readonly host?: string;
}

/** Kernel buffers: about 30 ms of a worker's full load, so that a late event loop loses nothing. */
const SOCKET_BUFFER_BYTES = 4 << 20;
/** No peer of ours sends more than an Ethernet frame. */
export const MAX_DATAGRAM_BYTES = 2_048;
/** Bytes that may wait in user space while the kernel refuses to send (EAGAIN); beyond it packets are dropped and counted. */
const MAX_QUEUED_BYTES = 1 << 20;

/** Hands a datagram that is no STUN to the owner of its source by its first bytes; or says why not. */
export function dispatchDatagram(
  bytes: Buffer,
  peer: MuxPeer | undefined,
): "mux_unknown_kind" | "mux_unknown_address" | undefined {
  const first = bytes[0] ?? 255;
  const media = first >= 128 && first < 192;
  if (!media && (first < 20 || first > 63)) return "mux_unknown_kind";
  if (peer === undefined) return "mux_unknown_address";
  const second = bytes[1] ?? 0;
  if (!media) peer.handleDtls(bytes);
  else if (second >= 192 && second <= 223) peer.handleRtcp(bytes);
  else peer.handleRtp(bytes);
  return undefined;
}

/** Resolves address literals at once: the default lookup costs a thread-pool round trip for each packet. */
type Lookup = (
  host: string,
  options: unknown,
  callback: (error: null, address: string, family: number) => void,
) => void;

export class UdpMux {
  readonly #options: UdpMuxOptions;
  readonly #sink: UdpMuxSink;
  readonly #byAddress = new Map<string, MuxPeer>();
  #socket4: Socket | undefined = undefined;
  #socket6: Socket | undefined = undefined;
  /** What waited in user space after the last view was sent. */
  #backlogBytes = 0;
  #views4: ViewSender | undefined = undefined;
  #views6: ViewSender | undefined = undefined;
  #burstPending = false;
  #closed = false;

  constructor(options: UdpMuxOptions, sink: UdpMuxSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Binds; resolves with the port. Rejects when IPv4 (or the one given host) cannot be bound; a missing IPv6 is not an error. */
  async bind(): Promise<number> {
    const { host, port } = this.#options;
    if (host !== undefined && host !== "::" && host.includes(":")) {
      this.#socket6 = await this.#open(6, host, port);
      return this.#socket6.address().port;
    }
    const every = host === undefined || host === "::";
    this.#socket4 = await this.#open(4, every ? "0.0.0.0" : host, port);
    const bound = this.#socket4.address().port;
    if (every) this.#socket6 = await this.#open(6, "::", bound).catch(() => undefined);
    return bound;
  }

  families(): readonly AddressFamily[] {
    return [...(this.#socket4 ? [4 as const] : []), ...(this.#socket6 ? [6 as const] : [])];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#byAddress.clear();
    const sockets = [this.#socket4, this.#socket6];
    this.#socket4 = undefined;
    this.#socket6 = undefined;
    await Promise.all(sockets.map((socket) => socket && new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  /** From now on datagrams from this address are the peer's; an older owner of the address loses it. */
  route(address: UdpAddress, peer: MuxPeer): void {
    this.#byAddress.set(addressKey(address.host, address.port), peer);
  }

  unroute(address: UdpAddress, peer: MuxPeer): void {
    const key = addressKey(address.host, address.port);
    if (this.#byAddress.get(key) === peer) this.#byAddress.delete(key);
  }

  /** Sends bytes that nobody will change afterwards. */
  send(bytes: Uint8Array, to: UdpAddress): void {
    const socket = this.#ready(to);
    socket?.send(bytes, to.port, to.host, this.#sent);
  }

  /**
   * Sends a view into memory that will be reused. Node sends at once unless the kernel refuses (EAGAIN), and
   * then keeps the pointer until later; so while packets wait, the bytes are copied. Only the very packet that
   * meets the first refusal may be overwritten before it leaves; its receiver drops it, as SRTP then does not
   * verify, and asks again.
   */
  sendView(bytes: Uint8Array, to: UdpAddress): void {
    const socket = this.#ready(to);
    if (socket === undefined) return;
    if (this.#backlogBytes > 0) this.#sink.dropped("send_copied");
    const kept = this.#backlogBytes > 0 ? Buffer.from(bytes) : bytes;
    const sender = to.family === 4 ? this.#views4 : this.#views6;
    const outcome = sender?.send(kept, to.port, to.host);
    if (outcome === "queued") this.#backlogBytes = socket.getSendQueueSize();
    else if (outcome === "failed") this.#sink.dropped("send_failed");
  }

  /** The socket for an address, unless it has none or too much is waiting. */
  #ready(to: UdpAddress): Socket | undefined {
    const socket = to.family === 4 ? this.#socket4 : this.#socket6;
    if (socket === undefined || !(to.port > 0 && to.port < 65_536)) {
      this.#sink.dropped("send_failed");
      return undefined;
    }
    if (this.#backlogBytes > 0) {
      this.#backlogBytes = socket.getSendQueueSize();
      if (this.#backlogBytes > MAX_QUEUED_BYTES) {
        this.#sink.dropped("send_queue_full");
        return undefined;
      }
    }
    return socket;
  }

  /** Bytes that the kernel has not taken yet. */
  queuedBytes(): number {
    return (this.#socket4?.getSendQueueSize() ?? 0) + (this.#socket6?.getSendQueueSize() ?? 0);
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null && !this.#closed) this.#sink.dropped("send_failed");
  };

  async #open(family: AddressFamily, host: string, port: number): Promise<Socket> {
    const lookup: Lookup = (name, _options, callback) => callback(null, name, family);
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      ipv6Only: family === 6,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      lookup: lookup as never,
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind({ port, address: host, exclusive: true }, () => {
          socket.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      socket.close();
      throw new Error(`cannot bind UDP ${host} port ${port}`, { cause: error });
    }
    socket.on("error", (error) => {
      this.#sink.dropped("socket_failed");
      this.#sink.failed(error);
    });
    const views = viewSender(socket, () => this.#closed || this.#sink.dropped("send_failed"));
    if (family === 4) this.#views4 = views;
    else this.#views6 = views;
    socket.on("message", (bytes, remote) => this.#receive(bytes, remote, family));
    return socket;
  }

  #receive(bytes: Buffer, remote: RemoteInfo, family: AddressFamily): void {
    if (this.#closed) return;
    if (!this.#burstPending) {
      this.#burstPending = true;
      setImmediate(this.#endBurst);
    }
    // Port 0 can be forged but not answered: Node throws at it.
    if (remote.port === 0) this.#sink.dropped("mux_unknown_address");
    else if (bytes.length > MAX_DATAGRAM_BYTES) this.#sink.dropped("mux_too_long");
    else if ((bytes[0] ?? 255) < 4) this.#sink.stun(bytes, { host: remote.address, port: remote.port, family });
    else this.#dispatch(bytes, remote);
  }

  #dispatch(bytes: Buffer, remote: RemoteInfo): void {
    const peer = this.#byAddress.get(addressKey(remote.address, remote.port));
    const refused = dispatchDatagram(bytes, peer);
    if (refused !== undefined) this.#sink.dropped(refused);
  }

  readonly #endBurst = (): void => {
    this.#burstPending = false;
    if (!this.#closed) this.#sink.burstEnd();
  };
}
