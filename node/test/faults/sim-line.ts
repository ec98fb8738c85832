/** A WebSocket in virtual time: in order each way, late, and able to fall silent. */
import type { Random } from "#gossip";
import type { ServerMessage } from "#protocol";
import type { Clock } from "../../src/mesh/clock.ts";
import type { RawSocket } from "../../src/signalling/gateway.ts";

const MAX_DELAY_MS = 60;

export interface LineEnd {
  message(message: ServerMessage): void;
  closed(): void;
}

type OnMessage = (data: Buffer, isBinary: boolean) => void;
type OnClose = (code: number) => void;

export class SimLine implements RawSocket {
  readonly bufferedAmount = 0;
  readyState = 1;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #client: LineEnd;
  #onMessage: OnMessage = () => undefined;
  #onClose: OnClose = () => undefined;
  #upAtMs = 0;
  #downAtMs = 0;
  #isSilent = false;

  constructor(parts: { readonly clock: Clock; readonly random: Random }, client: LineEnd) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#client = client;
  }

  // ---- the client's end

  say(message: object, extraMs = 0): void {
    this.#up(() => this.#onMessage(Buffer.from(JSON.stringify(message)), false), extraMs);
  }

  hangUp(code: number): void {
    this.#up(() => this.#end(code), 0);
  }

  /** Nothing passes any more, and neither end is told. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  /** The server's process is gone. */
  reset(): void {
    this.readyState = 3;
    this.#onMessage = () => undefined;
    this.#onClose = () => undefined;
    this.#down(() => this.#client.closed());
  }

  // ---- the server's end

  send(text: string): void {
    this.#down(() => this.#client.message(JSON.parse(text) as ServerMessage));
  }

  close(): void {
    if (this.readyState !== 1) return;
    this.readyState = 2;
    this.#down(() => {
      this.#client.closed();
      this.#up(() => this.#end(1005), 0);
    });
  }

  terminate(): void {
    this.#down(() => this.#client.closed());
    this.#end(1006);
  }

  on(event: "message" | "close" | "error", listener: unknown): this {
    if (event === "message") this.#onMessage = listener as OnMessage;
    else if (event === "close") this.#onClose = listener as OnClose;
    return this;
  }

  removeAllListeners(): this {
    return this;
  }

  #end(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#clock.after(0, () => this.#onClose(code));
  }

  #up(run: () => void, extraMs: number): void {
    this.#upAtMs = this.#next(this.#upAtMs, extraMs);
    this.#clock.after(this.#upAtMs - this.#clock.nowMs(), () => {
      if (!this.#isSilent && this.readyState !== 3) run();
    });
  }

  #down(run: () => void): void {
    this.#downAtMs = this.#next(this.#downAtMs, 0);
    this.#clock.after(this.#downAtMs - this.#clock.nowMs(), () => {
      if (!this.#isSilent) run();
    });
  }

  #next(lastMs: number, extraMs: number): number {
    // A hair later than the one before: what was sent first arrives first.
    return Math.max(lastMs + 0.001, this.#clock.nowMs() + this.#random.next() * MAX_DELAY_MS + extraMs);
  }
}
