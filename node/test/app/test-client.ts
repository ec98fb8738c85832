/** A client of /v1/socket that remembers everything it was told. */
import { WebSocket } from "ws";
import type { ClientRequest, ServerMessage, View } from "#protocol";

type Request = ClientRequest | View;
type WithoutId<M> = M extends unknown ? Omit<M, "id"> : never;

const REPLY_WITHIN_MS = 10_000;

export class TestClient {
  readonly messages: ServerMessage[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #nextId = 1;
  isOpen = true;

  static async connect(url: string): Promise<TestClient> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/socket`);
    const client = new TestClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.messages.push(JSON.parse(String(data)) as ServerMessage);
      this.#wake();
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.isOpen = false;
        this.#wake();
        resolve({ code, reason: String(reason) });
      });
    });
  }

  get lastSeq(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** The reply, whichever it is. */
  async request(message: WithoutId<Request>): Promise<ServerMessage> {
    const id = `q${this.#nextId++}`;
    this.send({ ...message, id });
    return this.until(`a reply to ${message.type}`, (reply) => "replyTo" in reply && reply.replyTo === id);
  }

  async hello(token: string, lastSeq?: number): Promise<Extract<ServerMessage, { type: "welcome" }>> {
    const reply = await this.request({
      type: "hello",
      protocol: 1,
      token,
      ...(lastSeq === undefined ? {} : { lastSeq }),
    });
    if (reply.type !== "welcome") throw new Error(`hello was refused: ${JSON.stringify(reply)}`);
    return reply;
  }

  /** The first message, from those already here, that fits; fails when the socket closes or time runs out. */
  async until<M extends ServerMessage>(what: string, fits: (message: ServerMessage) => message is M): Promise<M>;
  async until(what: string, fits: (message: ServerMessage) => boolean): Promise<ServerMessage>;
  async until(what: string, fits: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    const endMs = performance.now() + REPLY_WITHIN_MS;
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (!this.isOpen || performance.now() > endMs)
        throw new Error(`${this.isOpen ? "no" : "closed before"} ${what}; heard ${JSON.stringify(this.messages)}`);
      await this.#next();
    }
  }

  of<T extends ServerMessage["type"]>(type: T): readonly Extract<ServerMessage, { readonly type: T }>[] {
    return this.messages.filter(
      (message): message is Extract<ServerMessage, { readonly type: T }> => message.type === type,
    );
  }

  /** Heartbeats until it is closed. */
  keepAlive(everyMs: number): void {
    const timer = setInterval(() => {
      if (this.isOpen) this.send({ type: "ping", sentAtMs: 0 });
      else clearInterval(timer);
    }, everyMs);
    timer.unref();
  }

  /** As a browser whose page is closed or left. */
  close(): void {
    this.#socket.close(1001);
  }

  /** As a line that is cut. */
  cut(): void {
    this.#socket.terminate();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, 200);
      const waiting = this.#waiting;
      function done(): void {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      }
      waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
