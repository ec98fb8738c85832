// One connection of the agent's RPC: a sequence of values in, a sequence of values out. Requests are carried out one after
// the other; records of streams are put between whole responses. Knows no sockets.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Logger } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { type CommandContext, DONE, PendingCalls, type RecordOptions, type Reply, type Seq } from "./command.ts";
import { runCommand } from "./commands.ts";
import type { RpcCounters, RpcRefusal } from "./counters.ts";
import { isMap, numberField, seqField, textField } from "./fields.ts";
import { COMMANDS_WITH_BODY, OWN_RPC_ERROR, RPC_VERSION, RpcError } from "./messages.ts";
import { Outflow } from "./outflow.ts";
import { encodeValue, type RpcMap, type RpcValue, type RpcWritable, ValueStream } from "./value.ts";

export interface SessionOptions {
  readonly backend: RpcBackend;
  readonly log: Logger;
  readonly counters: RpcCounters;
  /** Clients must show it before anything else. Absent: nobody has to. */
  readonly authKey?: string;
  /** Takes the bytes in any case. False: the client reads too slowly; tell `drained` when it has caught up. */
  readonly write: (bytes: Uint8Array) => boolean;
  readonly close: () => void;
  /** All requests so far are answered. */
  readonly idle: () => void;
}

/** What strangers may send at once: a handshake and a key. */
const MAX_STRANGER_BYTES = 4096;
/** A join of 128 addresses, an event or new tags have some kilobytes at most. */
const MAX_REQUEST_BYTES = 256 * 1024;
/** Keys that a connection may try. */
const MAX_WRONG_KEYS = 5;
const EMPTY_MAP: RpcMap = new Map();

interface Header {
  readonly command: string;
  readonly seq: Seq;
}

/** Refusals that have a counter of their own. */
const REASONS: ReadonlyMap<string, RpcRefusal> = new Map([
  [RpcError.handshakeRequired, "handshake_required"],
  [RpcError.unsupportedVersion, "unsupported_version"],
  [RpcError.duplicateHandshake, "duplicate_handshake"],
  [RpcError.authRequired, "auth_required"],
  [RpcError.invalidAuth, "bad_auth"],
  [RpcError.unsupportedCommand, "unknown_command"],
  [RpcError.streamExists, "stream_exists"],
  [OWN_RPC_ERROR.tooManyStreams, "too_many_streams"],
]);

export class RpcSession {
  readonly #options: SessionOptions;
  readonly #values = new ValueStream(MAX_STRANGER_BYTES);
  readonly #outflow: Outflow;
  readonly #context: CommandContext;
  #header: Header | undefined = undefined;
  #isBusy = false;
  #isClosed = false;
  #hasHandshake = false;
  #isTrusted: boolean;
  #wrongKeys = 0;
  #requestCount = 0;
  #isLosing = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#isTrusted = options.authKey === undefined;
    this.#outflow = new Outflow({ write: options.write, dropped: () => this.#lost() });
    this.#context = {
      backend: options.backend,
      subscriptions: new Map(),
      calls: new PendingCalls(),
      hasMonitor: false,
      forget: (seq) => this.#outflow.forget(seq),
      record: (seq, record, options) => this.#record(seq, record, options),
    };
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Has introduced itself. */
  get isWelcome(): boolean {
    return this.#hasHandshake && this.#isTrusted;
  }

  /** Requests that were read as a whole. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** A request has begun and is not complete. */
  get isMidRequest(): boolean {
    return this.#header !== undefined || this.#values.pendingBytes > 0;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#values.push(bytes);
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#pump();
  }

  /** The client has read what was written. */
  drained(): void {
    this.#isLosing = false;
    this.#outflow.drained();
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
      if (step?.kind === "failed") this.#refuse(step.reason === "bad_msgpack" ? "malformed" : step.reason);
      if (step?.kind !== "value") break;
      await this.#take(step.value);
    }
    this.#isBusy = false;
    this.#options.idle();
  }

  async #take(value: RpcValue): Promise<void> {
    const header = this.#header;
    if (!isMap(value)) return this.#refuse("malformed");
    if (header !== undefined) {
      this.#header = undefined;
      return this.#execute(header, value);
    }
    const begun = readHeader(value);
    if (begun === undefined) return this.#refuse("malformed");
    if (!COMMANDS_WITH_BODY.has(begun.command)) return this.#execute(begun, EMPTY_MAP);
    this.#header = begun;
  }

  /** What cannot be read has no sequence number of its own, and what follows it cannot be read either. */
  #refuse(reason: "malformed" | "too_long" | "too_deep"): void {
    this.#options.counters.refused(reason);
    this.#options.log.warn({ reason }, "RPC client sent what is no request");
    const Seq = this.#header?.seq ?? 0;
    this.#outflow.reply(encodeValue({ Error: `${OWN_RPC_ERROR.malformed}: ${reason}`, Seq }));
    this.#close();
  }

  async #execute(header: Header, body: RpcMap): Promise<void> {
    this.#requestCount += 1;
    this.#options.counters.requests += 1;
    const reply = await this.#answer(header, body);
    if (this.#isClosed) return;
    const error = reply.error ?? "";
    if (error !== "") this.#options.counters.refused(REASONS.get(error) ?? "failed");
    const first = encodeValue({ Error: error, Seq: header.seq });
    this.#outflow.reply(reply.body === undefined ? first : join(first, encodeValue(reply.body)));
    reply.afterwards?.();
  }

  async #answer(header: Header, body: RpcMap): Promise<Reply> {
    const { command, seq } = header;
    const close = (): void => this.#close();
    try {
      if (command === "handshake") return { error: this.#handshake(body) };
      if (!this.#hasHandshake) return { error: RpcError.handshakeRequired, afterwards: close };
      if (command === "auth") return this.#authenticate(body);
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
    this.#welcome();
    return "";
  }

  #authenticate(body: RpcMap): Reply {
    const given = textField(body, "AuthKey");
    if (isSameSecret(given, this.#options.authKey ?? "")) {
      this.#isTrusted = true;
      this.#welcome();
      return DONE;
    }
    this.#wrongKeys += 1;
    const error = RpcError.invalidAuth;
    return this.#wrongKeys < MAX_WRONG_KEYS ? { error } : { error, afterwards: () => this.#close() };
  }

  #welcome(): void {
    if (this.isWelcome) this.#values.maxBytes = MAX_REQUEST_BYTES;
  }

  #record(seq: Seq, record: RpcWritable, { canDrop = true }: RecordOptions = {}): void {
    if (this.#isClosed) return;
    this.#outflow.record(seq, join(encodeValue({ Error: "", Seq: seq }), encodeValue(record)), { canDrop });
  }

  /** Said once until the client has caught up. Not through a log that is itself being streamed for each record. */
  #lost(): void {
    this.#options.counters.refused("record_dropped");
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#options.log.warn({}, "RPC client reads too slowly: records of its streams are dropped");
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
