/**
 * Text of a room. Sending is idempotent (a client id each) and retried until it is stored or refused for good,
 * one at a time, so that messages keep their order. Receiving sees every message once: after a reconnect
 * the gap is fetched by the last id.
 */
import { HearsayError, isTransient } from "./errors.ts";
import type { ChatMessage, MessagePage, PostMessage } from "./protocol/messages.ts";
import { type Random, type ReconnectPolicy, reconnectDelayMs } from "./reconnect-policy.ts";

/** Messages that wait to be stored; at the bound send() rejects with "limit". */
const MAX_OUTBOX = 100;
/** Ids remembered against duplicates; at the bound the oldest is forgotten. */
const MAX_SEEN = 2_000;
/** Pages fetched to close a gap; what is older then is reached by history(). */
const MAX_GAP_PAGES = 10;
const GAP_PAGE = 100;

export interface ChatHost {
  post(body: PostMessage): Promise<ChatMessage>;
  history(query: { readonly after?: string; readonly before?: string; readonly limit?: number }): Promise<MessagePage>;
  /** Resolves after the delay, or when there is reason to try again sooner. */
  wait(delayMs: number): Promise<void>;
  /** A message that was not seen before, own ones included. */
  message(message: ChatMessage): void;
  readonly random: Random;
  readonly policy: ReconnectPolicy;
}

interface Outgoing {
  readonly body: PostMessage;
  readonly resolve: (message: ChatMessage) => void;
  readonly reject: (error: unknown) => void;
}

export class Chat {
  readonly #host: ChatHost;
  readonly #outbox: Outgoing[] = [];
  readonly #seen = new Set<string>();
  #busy = false;
  #closed = false;
  #lastId: string | undefined;

  constructor(host: ChatHost) {
    this.#host = host;
  }

  /** Resolves with the stored message. Rejects when refused for good, when the room is left, or with "limit". */
  send(text: string, options: { readonly replyTo?: string; readonly clientId?: string } = {}): Promise<ChatMessage> {
    if (this.#closed) return Promise.reject(new HearsayError("closed", "The room was left."));
    if (this.#outbox.length >= MAX_OUTBOX)
      return Promise.reject(new HearsayError("limit", `${MAX_OUTBOX} messages wait to be sent already.`));
    const clientId = options.clientId ?? this.newClientId();
    const body = { text, clientId, ...(options.replyTo === undefined ? {} : { replyTo: options.replyTo }) };
    return new Promise((resolve, reject) => {
      this.#outbox.push({ body, resolve, reject });
      void this.#work();
    });
  }

  /** 80 bits of chance in base 32: unique among the messages of one author. */
  newClientId(): string {
    return Array.from({ length: 16 }, () => Math.floor(this.#host.random() * 32).toString(32)).join("");
  }

  /** A message came over the socket. */
  receive(message: ChatMessage): void {
    if (this.#seen.has(message.id)) return;
    this.#remember(message.id);
    if (this.#lastId === undefined || message.id > this.#lastId) this.#lastId = message.id;
    this.#host.message(message);
  }

  /** A page of the past; what is read here is known from now on, and not told again. */
  async history(query: { readonly before?: string; readonly limit?: number }): Promise<MessagePage> {
    const page = await this.#host.history({ limit: 50, ...query });
    const messages = [...page.messages].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { id } of messages) this.#remember(id);
    const newest = messages.at(-1)?.id;
    if (newest !== undefined && (this.#lastId === undefined || newest > this.#lastId)) this.#lastId = newest;
    return { ...page, messages };
  }

  /** After a reconnect: tells everything after the last known message. Rejects when no node answers. */
  async catchUp(): Promise<void> {
    for (let page = 0; page < MAX_GAP_PAGES && this.#lastId !== undefined && !this.#closed; page += 1) {
      const { messages, nextCursor } = await this.#host.history({ after: this.#lastId, limit: GAP_PAGE });
      for (const message of [...messages].sort((a, b) => (a.id < b.id ? -1 : 1))) this.receive(message);
      if (nextCursor === undefined || messages.length === 0) return;
    }
  }

  /** Rejects whatever waits. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#outbox.splice(0)) reject(new HearsayError("closed", "The room was left."));
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#outbox[0]; next !== undefined; next = this.#outbox[0]) {
      await this.#deliver(next);
      if (this.#outbox[0] === next) this.#outbox.shift();
    }
    this.#busy = false;
  }

  async #deliver(outgoing: Outgoing): Promise<void> {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      try {
        const message = await this.#host.post(outgoing.body);
        this.receive(message);
        outgoing.resolve(message);
        return;
      } catch (error) {
        if (!isTransient(error)) {
          outgoing.reject(error);
          return;
        }
        const retryAfterMs = error instanceof HearsayError ? (error.retryAfterMs ?? 0) : 0;
        await this.#host.wait(
          Math.max(retryAfterMs, reconnectDelayMs(attempt + 2, this.#host.random, this.#host.policy)),
        );
      }
    }
  }

  #remember(id: string): void {
    const oldest = this.#seen.values().next();
    if (this.#seen.size >= MAX_SEEN && oldest.done !== true) this.#seen.delete(oldest.value);
    this.#seen.add(id);
  }
}
