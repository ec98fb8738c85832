/**
 * Messages on their way. Each has a client id and is repeated until it is stored or refused for good, one at a time, so
 * that messages keep their order. What was refused stays to be seen until it is sent again or discarded.
 */
import { codeOf, HearsayError, isTransient } from "./errors.ts";
import type { ChatMessage, PostMessage } from "./protocol/messages.ts";
import { type Random, type ReconnectPolicy, reconnectDelayMs } from "./reconnect-policy.ts";

/** Messages that wait to be stored; at the bound send() rejects with "limit". */
const MAX_OUTBOX = 100;
/** Refused messages that are still shown; at the bound the oldest goes. */
const MAX_FAILED = 20;

export interface PendingMessage extends PostMessage {
  readonly state: "sending" | "failed";
  /** Of the refusal. */
  readonly code?: string;
}
export interface OutboxHost {
  post(body: PostMessage): Promise<ChatMessage>;
  /** Resolves after the delay, or when there is reason to try again sooner. */
  wait(delayMs: number): Promise<void>;
  stored(message: ChatMessage): void;
  changed(): void;
  readonly random: Random;
  readonly policy: ReconnectPolicy;
}
interface Outgoing {
  readonly body: PostMessage;
  readonly resolve: (message: ChatMessage) => void;
  readonly reject: (error: unknown) => void;
}

export class Outbox {
  readonly #host: OutboxHost;
  readonly #waiting: Outgoing[] = [];
  #failed: readonly PendingMessage[] = [];
  /** Told by the socket before its request was answered; only the first in the box can be. */
  #echoed: string | undefined;
  #busy = false;
  #closed = false;

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** In the order of sending, refused ones first. */
  get pending(): readonly PendingMessage[] {
    const sending = this.#waiting.filter(({ body }) => body.clientId !== this.#echoed);
    return [...this.#failed, ...sending.map(({ body }) => ({ ...body, state: "sending" as const }))];
  }

  send(body: PostMessage): Promise<ChatMessage> {
    if (this.#closed) return Promise.reject(new HearsayError("closed", "The room was left."));
    if (this.#waiting.length >= MAX_OUTBOX)
      return Promise.reject(new HearsayError("limit", `${MAX_OUTBOX} messages wait to be sent already.`));
    this.#failed = this.#failed.filter(({ clientId }) => clientId !== body.clientId);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ body, resolve, reject });
      this.#host.changed();
      void this.#work();
    });
  }

  failed(clientId: string): PendingMessage | undefined {
    return this.#failed.find((message) => message.clientId === clientId);
  }
  echoed(clientId: string | undefined): void {
    this.#echoed = clientId;
  }
  discard(clientId: string): void {
    this.#failed = this.#failed.filter((message) => message.clientId !== clientId);
    this.#host.changed();
  }

  /** Rejects whatever waits. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new HearsayError("closed", "The room was left."));
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const settled = await this.#deliver(next);
      if (this.#waiting[0] === next) this.#waiting.shift();
      settled?.();
    }
    this.#busy = false;
  }

  /** How the sender is told, once the message is out of the box. */
  async #deliver(outgoing: Outgoing): Promise<(() => void) | undefined> {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      try {
        const message = await this.#host.post(outgoing.body);
        return () => {
          this.#host.stored(message);
          outgoing.resolve(message);
        };
      } catch (error) {
        if (!isTransient(error)) return () => this.#refused(outgoing, error);
        const retryAfterMs = error instanceof HearsayError ? (error.retryAfterMs ?? 0) : 0;
        const delayMs = reconnectDelayMs(attempt + 2, this.#host.random, this.#host.policy);
        await this.#host.wait(Math.max(retryAfterMs, delayMs));
      }
    }
    return undefined;
  }

  #refused({ body, reject }: Outgoing, error: unknown): void {
    this.#failed = [...this.#failed, { ...body, state: "failed" as const, code: codeOf(error) }].slice(-MAX_FAILED);
    this.#host.changed();
    reject(error);
  }
}
