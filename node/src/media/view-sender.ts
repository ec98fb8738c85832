/**
 * Sends views of reused memory on a datagram socket. Sending is most of what forwarding a packet costs, and of that a fifth
 * is what node:dgram does around the system call: it checks arguments, makes a request object and a list, and keeps the result
 * to itself (measured by bench:forward: 0.9 µs a packet). The socket's handle takes all of these as they are and says what
 * became of the packet; it is not public, so where it does not look as expected, the public way is gone.
 */
import type { Socket } from "node:dgram";

/** Gone to the kernel; kept by libuv with a pointer to the bytes until the kernel takes it; or refused. */
export type SendOutcome = "sent" | "queued" | "failed";

export interface ViewSender {
  send(bytes: Uint8Array, port: number, host: string): SendOutcome;
}

/** A request that libuv holds while the packet waits; its list keeps the bytes alive. */
interface SendRequest {
  list?: readonly Uint8Array[];
}
type Send = (
  ...args: [
    request: SendRequest,
    list: readonly Uint8Array[],
    count: number,
    port: number,
    host: string,
    hasCallback: boolean,
  ]
) => number;

const HANDLE_SEND_ARGUMENTS = 6;
/** One view in so many is sent with a callback, and so many in a row after a failure. */
const WATCHED_SENDS = 64;

/** Of a bound socket. `failed`: an earlier packet was refused, which the public way says only later and of a sample. */
export function viewSender(socket: Socket, failed: () => void): ViewSender {
  const publicWay = new SocketSender(socket, failed);
  const handle = handleOf(socket);
  return handle === undefined ? publicWay : new HandleSender(publicWay, handle);
}

class HandleSender implements ViewSender {
  readonly #publicWay: SocketSender;
  readonly #handle: { send: Send };
  /** Undefined before the first packet has shown it; null: the handle is called otherwise than expected. */
  #newRequest: (() => SendRequest) | undefined | null = undefined;
  #request: SendRequest = {};
  #list: Uint8Array[] = [];

  constructor(publicWay: SocketSender, handle: { send: Send }) {
    this.#publicWay = publicWay;
    this.#handle = handle;
  }

  send(bytes: Uint8Array, port: number, host: string): SendOutcome {
    if (!this.#newRequest) return this.#sendPublicly(bytes, port, host);
    this.#list[0] = bytes;
    const result = this.#handle.send(this.#request, this.#list, 1, port, host, false);
    // As dgram.js reads it: one more than the bytes sent, 0 when it waits, or an error number.
    if (result > 0) return "sent";
    if (result < 0) return "failed";
    this.#request.list = this.#list;
    this.#list = [];
    this.#request = this.#newRequest();
    return "queued";
  }

  /** The first packet shows how the handle is called, and of what class a request is. */
  #sendPublicly(bytes: Uint8Array, port: number, host: string): SendOutcome {
    if (this.#newRequest === null) return this.#publicWay.send(bytes, port, host);
    this.#newRequest = null;
    const handle = this.#handle;
    const ordinary: Send = handle.send;
    handle.send = (...args) => {
      const request = args[0];
      if (args.length === HANDLE_SEND_ARGUMENTS) this.#newRequest = () => Reflect.construct(request.constructor, []);
      return ordinary.apply(handle, args);
    };
    const outcome = this.#publicWay.send(bytes, port, host);
    // Not deleted: the handle of an IPv6 socket has its own.
    handle.send = ordinary;
    this.#request = this.#learned()?.() ?? {};
    return outcome;
  }

  #learned(): (() => SendRequest) | undefined | null {
    return this.#newRequest;
  }
}

/**
 * The public way. A callback costs a tick for each packet; without one Node keeps a failure (ENETUNREACH, EMSGSIZE) to
 * itself, so a sample has one.
 */
class SocketSender implements ViewSender {
  readonly #socket: Socket;
  readonly #failed: () => void;
  #sent = 0;
  /** That are still sent with a callback, as one has failed. */
  #watchedLeft = 0;

  constructor(socket: Socket, failed: () => void) {
    this.#socket = socket;
    this.#failed = failed;
  }

  send(bytes: Uint8Array, port: number, host: string): SendOutcome {
    if (this.#isWatched()) this.#socket.send(bytes, port, host, this.#done);
    else this.#socket.send(bytes, port, host);
    return this.#socket.getSendQueueSize() > 0 ? "queued" : "sent";
  }

  readonly #done = (error: Error | null): void => {
    if (error === null) return;
    this.#watchedLeft = WATCHED_SENDS;
    this.#failed();
  };

  #isWatched(): boolean {
    if (this.#watchedLeft > 0) {
      this.#watchedLeft--;
      return true;
    }
    this.#sent = (this.#sent + 1) % WATCHED_SENDS;
    return this.#sent === 0;
  }
}

/** What lib/internal/dgram.js keeps under its "state symbol", since Node 10. */
function handleOf(socket: Socket): { send: Send } | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
  const state: unknown = symbol === undefined ? undefined : Reflect.get(socket, symbol);
  const handle: unknown = typeof state === "object" && state !== null ? Reflect.get(state, "handle") : undefined;
  return isHandle(handle) ? handle : undefined;
}

function isHandle(value: unknown): value is { send: Send } {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "send") === "function";
}
