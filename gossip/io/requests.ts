// Direct requests between members, as promises: bodies are msgpackr values, failures are errors.

// This door of the package has no native part. With that all texts of a body are slices of one, and whoever keeps a name
// of 26 letters from another node's word keeps the whole word, of kilobytes.
import { Packr } from "msgpackr/index-no-eval";
import type { DirectReply } from "../src/core.ts";
import type { DirectEvent } from "../src/sink.ts";
import type { CommandId } from "../src/types.ts";
import { RemoteError, TimeoutError } from "./errors.ts";
import type { Logger } from "./log.ts";

export type RequestHandler = (from: string, body: unknown) => Promise<unknown> | unknown;

type Result = Extract<DirectEvent, { readonly kind: "requestResult" }>;
type Request = Extract<DirectEvent, { readonly kind: "request" }>;

// Without records, so that every body stands for itself whoever reads it.
const packr = new Packr({ useRecords: false });

export const packBody = (body: unknown): Uint8Array => packr.pack(body);
const unpackBody = (bytes: Uint8Array): unknown => packr.unpack(bytes);

interface Pending {
  readonly what: string;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Requests of ours that wait, and what answers those of others. The core bounds both. */
export class DirectRequests {
  readonly #pending = new Map<CommandId, Pending>();
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** One handler per topic; answers what takes it away again. */
  handle(topic: string, handler: RequestHandler): () => void {
    if (this.#handlers.has(topic)) throw new Error(`topic ${topic} has a handler already`);
    this.#handlers.set(topic, handler);
    return () => {
      if (this.#handlers.get(topic) === handler) this.#handlers.delete(topic);
    };
  }

  /** The result of a request that the core just took. */
  result(id: CommandId, what: string): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { what, resolve, reject }));
  }

  /** Gives up on one; the caller tells the core. */
  abort(id: CommandId, reason: Error): void {
    this.#pending.get(id)?.reject(reason);
    this.#pending.delete(id);
  }

  settle(event: Result): void {
    const pending = this.#pending.get(event.id);
    this.#pending.delete(event.id);
    if (pending === undefined) return;
    if (!event.ok) {
      pending.reject(failureOf(event, pending.what));
      return;
    }
    try {
      pending.resolve(unpackBody(event.body));
    } catch (error) {
      pending.reject(new Error(`${pending.what}: the answer is not readable`, { cause: error }));
    }
  }

  /** Runs the handler of the topic; never rejects. */
  async answer(event: Request): Promise<DirectReply> {
    const handler = this.#handlers.get(event.topic);
    if (handler === undefined) return { ok: false, code: "no_handler", message: `nobody handles ${event.topic}` };
    let body: unknown;
    try {
      body = unpackBody(event.body);
    } catch (error) {
      this.#log.debug({ error, topic: event.topic, from: event.from }, "direct request is not readable");
      return { ok: false, code: "bad_body", message: "the body is not readable" };
    }
    try {
      return { ok: true, body: packBody(await handler(event.from, body)) };
    } catch (error) {
      this.#log.debug({ error, topic: event.topic, from: event.from }, "direct request failed");
      return replyOf(error);
    }
  }

  stop(): void {
    for (const pending of this.#pending.values()) {
      pending.reject(new RemoteError("stopped", `${pending.what}: the agent stopped`));
    }
    this.#pending.clear();
  }
}

function failureOf(event: Extract<Result, { readonly ok: false }>, what: string): Error {
  if (event.failure === "timeout") return new TimeoutError(`${what}: no answer in time`);
  const code = event.failure === "remote" ? (event.code ?? "internal") : event.failure;
  return new RemoteError(code, event.message ?? `${what}: ${code}`);
}

/** A handler's error with a `code` tells it to the asker; without one it is only that something failed. */
function replyOf(error: unknown): DirectReply {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "internal";
  return { ok: false, code: code.slice(0, 64), message: message.slice(0, 256) };
}
