/** WebSocket shell: one socket at a time, JSON out, text in, heartbeat. What it carries is the session's business. */
import { type Schedule, type SocketConstructor, type SocketLike, socketUrl } from "./options.ts";
import type { SentMessage } from "./session-types.ts";

/** The protocol asks for a ping at least every 5 s. */
export const PING_INTERVAL_MS = 4_000;
/** A socket on which nothing came for so long is dead, whatever the platform believes. */
export const SILENCE_LIMIT_MS = 9_000;
/** How long an answer may take when one is asked for in doubt: three round trips, within these bounds. */
const PROBE_MS = { least: 250, most: 2_000 } as const;

export interface SocketListener {
  opened(): void;
  text(text: string): void;
  closed(): void;
}
interface Options {
  readonly WebSocket: SocketConstructor;
  readonly schedule: Schedule;
  readonly nowMs: () => number;
}

export class NodeSocket {
  readonly #options: Options;
  readonly #listener: SocketListener;
  #socket: SocketLike | undefined;
  #cancelPing: (() => void) | undefined;
  #heardAtMs = 0;
  /** Messages that came, whatever they say. */
  #heard = 0;
  #pingedAtMs = 0;
  #rttMs = 0;

  constructor(options: Options, listener: SocketListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Opens a socket to the node; an older one is closed without a word. */
  connect(url: string): void {
    this.disconnect();
    let socket: SocketLike;
    try {
      socket = new this.#options.WebSocket(socketUrl(url, "/v1/socket"));
    } catch {
      this.#listener.closed();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#heardAtMs = this.#options.nowMs();
      this.#listener.opened();
      this.#beat();
    };
    socket.onmessage = ({ data }) => {
      this.#heardAtMs = this.#options.nowMs();
      this.#heard += 1;
      if (typeof data !== "string") return;
      if (data.includes('"type":"pong"')) this.#rttMs = this.#heardAtMs - this.#pingedAtMs;
      this.#listener.text(data);
    };
    socket.onclose = () => this.#ended();
    socket.onerror = () => undefined;
  }

  /** False when there is no open socket; the message is then lost, as on the wire. */
  send(message: SentMessage): boolean {
    try {
      this.#socket?.send(JSON.stringify(message));
      return this.#socket !== undefined;
    } catch {
      return false;
    }
  }

  /** Whether the node answers now; a socket on which it does not is over. */
  probe(): Promise<boolean> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve(false);
    const heard = this.#heard;
    this.#ping();
    return new Promise((resolve) => {
      const decide = (): void => {
        const isHeard = this.#heard > heard;
        if (!isHeard && this.#socket === socket) this.#ended();
        resolve(isHeard);
      };
      this.#options.schedule(decide, Math.min(PROBE_MS.most, Math.max(PROBE_MS.least, this.#rttMs * 3)));
    });
  }

  /** The way to the node is another one now: a new socket, at once. */
  renew(): void {
    if (this.#socket !== undefined) this.#ended();
  }

  disconnect(): void {
    this.#cancelPing?.();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onclose = socket.onerror = socket.onmessage = null;
    socket.close();
  }

  #ended(): void {
    this.disconnect();
    this.#listener.closed();
  }

  #beat(): void {
    this.#cancelPing = this.#options.schedule(() => {
      const nowMs = this.#options.nowMs();
      if (nowMs - this.#heardAtMs > SILENCE_LIMIT_MS) {
        this.#ended();
        return;
      }
      this.#ping();
      this.#beat();
    }, PING_INTERVAL_MS);
  }

  #ping(): void {
    this.#pingedAtMs = this.#options.nowMs();
    this.send({ type: "ping", sentAtMs: this.#pingedAtMs });
  }
}
