// One connection of the agent's RPC: a sequence of values in, a sequence of values out. Requests are carried out one after
// the other; records of streams are put between whole responses. Knows no sockets.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Logger } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { type CommandContext, PendingCalls, type RecordOptions, type Reply } from "./command.ts";
import { runCommand } from "./commands.ts";
import { isMap, numberField, seqField, textField } from "./fields.ts";
import { COMMANDS_WITH_BODY, RPC_VERSION, RpcError } from "./messages.ts";
import { encodeValue, MAX_VALUE_BYTES, type RpcMap, type RpcValue, type RpcWritable, ValueStream } from "./value.ts";

export interface SessionOptions {
  readonly backend: RpcBackend;
  readonly log: Logger;
  /** Clients must show it before anything else. Absent: nobody has to. */
  readonly authKey?: string;
  /** False when the client reads too slowly: a record of a stream is then dropped. */
  readonly send: (bytes: Uint8Array, options: { readonly canDrop: boolean }) => boolean;
  readonly close: () => void;
  /** All requests so far are answered. */
  readonly idle: () => void;
}

/** What strangers may send at once: a handshake and a key. */
const MAX_STRANGER_BYTES = 4096;
const EMPTY_MAP: RpcMap = new Map();

interface Header {
  readonly command: string;
  readonly seq: number | bigint;
}

export class RpcSession {
  readonly #options: SessionOptions;
  readonly #values: ValueStream;
  readonly #context: CommandContext;
  #header: Header | undefined = undefined;
  #isBusy = false;
  #isClosed = false;
  #hasHandshake = false;
  #isTrusted: boolean;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#isTrusted = options.authKey === undefined;
    this.#values = new ValueStream(this.#isTrusted ? MAX_VALUE_BYTES : MAX_STRANGER_BYTES);
    this.#context = {
      backend: options.backend,
      subscriptions: new Map(),
      calls: new PendingCalls(),
      hasMonitor: false,
      record: (seq, record, options) => this.#record(seq, record, options),
    };
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#values.push(bytes);
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#pump();
  }

  /** The connection is gone: ends its streams. */
  end(): void {
    this.#isClosed = true;
    for (const unsubscribe of this.#context.subscriptions.values()) unsubscribe();
    this.#context.subscriptions.clear();
  }

  /** Never rejects: whatever a command throws is answered as its error. */
  async #pump(): Promise<void> {
    for (;;) {
      const step = this.#isClosed ? undefined : this.#values.next();
      if (step?.kind === "failed") {
        this.#options.log.warn({ reason: step.reason }, "RPC client sent what is no request");
        this.#close();
      }
      if (step?.kind !== "value") break;
      await this.#take(step.value);
    }
    this.#isBusy = false;
    this.#options.idle();
  }

  async #take(value: RpcValue): Promise<void> {
    if (!isMap(value)) return this.#close();
    if (this.#header === undefined) {
      const header = readHeader(value);
      if (header === undefined) return this.#close();
      if (COMMANDS_WITH_BODY.has(header.command)) {
        this.#header = header;
        return;
      }
      return this.#execute(header, EMPTY_MAP);
    }
    const header = this.#header;
    this.#header = undefined;
    return this.#execute(header, value);
  }

  async #execute(header: Header, body: RpcMap): Promise<void> {
    const reply = await this.#answer(header, body);
    if (this.#isClosed) return;
    const first = encodeValue({ Error: reply.error ?? "", Seq: header.seq });
    this.#options.send(reply.body === undefined ? first : join(first, encodeValue(reply.body)), { canDrop: false });
    reply.afterwards?.();
  }

  async #answer(header: Header, body: RpcMap): Promise<Reply> {
    const { command, seq } = header;
    const close = (): void => this.#close();
    try {
      if (command === "handshake") return { error: this.#handshake(body) };
      if (!this.#hasHandshake) return { error: RpcError.handshakeRequired, afterwards: close };
      if (command === "auth") return { error: this.#authenticate(body) };
      if (!this.#isTrusted) return { error: RpcError.authRequired };
      const reply = await runCommand(command, { seq, body }, this.#context);
      return reply ?? { error: RpcError.unsupportedCommand, afterwards: close };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  #handshake(body: RpcMap): string {
    if (this.#hasHandshake) return RpcError.duplicateHandshake;
    if (numberField(body, "Version") !== RPC_VERSION) return RpcError.unsupportedVersion;
    this.#hasHandshake = true;
    return "";
  }

  #authenticate(body: RpcMap): string {
    const given = textField(body, "AuthKey");
    if (!isSameSecret(given, this.#options.authKey ?? "")) return RpcError.invalidAuth;
    this.#isTrusted = true;
    this.#values.maxBytes = MAX_VALUE_BYTES;
    return "";
  }

  #record(seq: number | bigint, record: RpcWritable, { canDrop = true }: RecordOptions = {}): void {
    if (this.#isClosed) return;
    this.#options.send(join(encodeValue({ Error: "", Seq: seq }), encodeValue(record)), { canDrop });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.end();
    this.#options.close();
  }
}

function readHeader(map: RpcMap): Header | undefined {
  try {
    return { command: textField(map, "Command"), seq: seqField(map, "Seq") };
  } catch {
    // Without a header there is no one to answer to.
    return undefined;
  }
}

function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.concat([a, b]);
}
