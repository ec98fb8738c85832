// A client of the RPC, ours or a stock agent's: one request at a time, which is all that the command line needs.

import { connect, type Socket } from "node:net";
import type { KeyCommand } from "../../src/core.ts";
import {
  questionBody,
  type RpcCoordinate,
  type RpcKeyAnswer,
  type RpcQueryRecord,
  type RpcQuestion,
  type RpcSighting,
  readCoordinate,
  readKeyAnswer,
  readQueryRecord,
  readRows,
  readSighting,
} from "./answers.ts";
import { isMap } from "./fields.ts";
import { RPC_VERSION, RpcError, type RpcMember, readMember } from "./messages.ts";
import { encodeValue, type RpcMap, type RpcValue, type RpcWritable, ValueStream } from "./value.ts";

export interface RpcClientOptions {
  readonly host: string;
  readonly port: number;
  readonly authKey?: string;
  /** For connecting, and for each answer except those of join and leave. Default 10 s. */
  readonly timeoutMs?: number;
}

/** "refused": in the agent's own words. "unreachable": it could not be talked to, or no longer. */
export type RpcClientErrorCode = "refused" | "unreachable";

export class RpcClientError extends Error {
  readonly code: RpcClientErrorCode;
  constructor(code: RpcClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RpcClientError";
    this.code = code;
  }
}

/** A join waits for the slowest contact, a leave for the dissemination. */
const PATIENT_TIMEOUT_MS = 60_000;
const { authRequired: AUTH_REQUIRED, unsupportedCommand: UNSUPPORTED } = RpcError;

interface Waiter {
  readonly resolve: (value: RpcValue) => void;
  readonly reject: (error: Error) => void;
}

interface CallOptions {
  readonly body?: RpcWritable;
  /** The command answers with a body behind the header. */
  readonly hasReply?: boolean;
  readonly timeoutMs?: number;
}

export class RpcClient {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #values = new ValueStream();
  #waiter: Waiter | undefined = undefined;
  #failure: Error | undefined = undefined;
  #seq = 0;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on("data", (bytes) => {
      this.#values.push(bytes);
      this.#offer();
    });
    socket.on("error", (error) =>
      this.#fail(new RpcClientError("unreachable", `connection failed: ${error.message}`, { cause: error })),
    );
    socket.on("close", () => this.#fail(new RpcClientError("unreachable", "the agent closed the connection")));
  }

  /** Connects, shakes hands and shows the key. Rejects with RpcClientError. */
  static async open(options: RpcClientOptions): Promise<RpcClient> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    const client = new RpcClient(await dial(options, timeoutMs), timeoutMs);
    try {
      await client.#call("handshake", { body: { Version: RPC_VERSION } });
      if (options.authKey !== undefined && options.authKey !== "") {
        await client.#call("auth", { body: { AuthKey: options.authKey } });
      }
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  close(): void {
    this.#failure ??= new RpcClientError("unreachable", "the client is closed");
    this.#socket.destroy();
  }

  /** Filters are expressions that must match whole values; absent ones match everything. */
  async members(filter: MemberFilter = {}): Promise<RpcMember[]> {
    const body = { Name: filter.name ?? "", Status: filter.status ?? "", Tags: { ...filter.tags } };
    const reply = await this.#call("members-filtered", { body, hasReply: true });
    const records = reply.get("Members");
    return Array.isArray(records) ? records.filter(isMap).map(readMember) : [];
  }

  /** How many of the addresses answered. */
  async join(addresses: readonly string[], options: { readonly replay?: boolean } = {}): Promise<number> {
    const body = { Existing: addresses, Replay: options.replay ?? false };
    const reply = await this.#call("join", { body, hasReply: true, timeoutMs: PATIENT_TIMEOUT_MS });
    const contacted = reply.get("Num");
    return typeof contacted === "number" ? contacted : 0;
  }

  async leave(): Promise<void> {
    await this.#call("leave", { timeoutMs: PATIENT_TIMEOUT_MS });
  }

  /** Announces to everybody. */
  async event(name: string, payload: Uint8Array, { coalesce }: { readonly coalesce: boolean }): Promise<void> {
    const body = { Coalesce: coalesce, Name: name, Payload: payload.length === 0 ? null : payload };
    await this.#call("event", { body });
  }

  /** Asks everybody; resolves when the agent says that the time is over. */
  async query(question: RpcQuestion, onRecord: (record: RpcQueryRecord) => void): Promise<void> {
    await this.#call("query", { body: questionBody(question) });
    const waitMs = (question.timeoutMs ?? 0) + PATIENT_TIMEOUT_MS;
    for (;;) {
      const { record } = await this.#nextRecord(waitMs);
      if (record?.get("Type") === "done") return;
      const known = record === undefined ? undefined : readQueryRecord(record);
      if (known !== undefined) onRecord(known);
    }
  }

  /** Tells events of these types ("*", "user", "query:NAME", …) and log lines from a level on, until it is closed. */
  async monitor(
    { events, logLevel }: { readonly events: string; readonly logLevel: string },
    onSighting: (sighting: RpcSighting) => void,
  ): Promise<never> {
    await this.#call("stream", { body: { Type: events } });
    this.#request("monitor", { LogLevel: logLevel });
    const monitorSeq = this.#seq;
    let isAnswered = false;
    for (;;) {
      // Records of the stream may come before the monitor's answer, which is a header alone.
      const header = await this.#nextHeader(Number.POSITIVE_INFINITY);
      if (!isAnswered && header.get("Seq") === monitorSeq) {
        isAnswered = true;
        continue;
      }
      const record = await this.#next(this.#timeoutMs);
      const sighting = isMap(record) ? readSighting(record) : undefined;
      if (sighting !== undefined) onSighting(sighting);
    }
  }

  async setTags(tags: Readonly<Record<string, string>>, deleted: readonly string[]): Promise<void> {
    await this.#call("tags", { body: { DeleteTags: deleted, Tags: { ...tags } } });
  }

  /** With `prune` it is forgotten everywhere, too. */
  async forceLeave(name: string, { prune }: { readonly prune: boolean }): Promise<void> {
    await this.#call("force-leave", { body: { Node: name, Prune: prune } });
  }

  /** The key in base64; none for "list". What members refuse is in the answer. */
  async keys(command: KeyCommand, key?: string): Promise<RpcKeyAnswer> {
    const name = command === "list" ? "list-keys" : `${command}-key`;
    const options = { hasReply: true, timeoutMs: PATIENT_TIMEOUT_MS };
    const { error, body } = await this.#ask(
      name,
      command === "list" ? options : { ...options, body: { Key: key ?? "" } },
    );
    if (error === AUTH_REQUIRED) throw new RpcClientError("refused", error);
    return readKeyAnswer(error, body);
  }

  /** What these measured to each other. Agents of others do not know the command, refuse it, and end the connection. */
  async measuredRows(nodes: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
    return readRows(await this.#call("measured-rtts", { body: { Nodes: nodes }, hasReply: true }));
  }

  /** Undefined when the agent knows none of this node. */
  async coordinate(name: string): Promise<RpcCoordinate | undefined> {
    return readCoordinate(await this.#call("get-coordinate", { body: { Node: name }, hasReply: true }));
  }

  /** Sections of texts. */
  async info(): Promise<Record<string, Record<string, string>>> {
    const reply = await this.#call("stats", { hasReply: true });
    const sections = [...reply].filter((entry): entry is [string, RpcMap] => isMap(entry[1]));
    return Object.fromEntries(
      sections.map(([name, section]) => [
        name,
        Object.fromEntries([...section].map(([key, value]) => [key, String(value)])),
      ]),
    );
  }

  /** The reply's body. Rejects with the agent's own words when it refuses. */
  async #call(command: string, options: CallOptions): Promise<RpcMap> {
    const { error, body } = await this.#ask(command, options);
    if (error !== "") throw new RpcClientError("refused", error);
    return body;
  }

  async #ask(command: string, options: CallOptions): Promise<{ readonly error: string; readonly body: RpcMap }> {
    this.#request(command, options.body);
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const answer = await this.#next(timeoutMs);
    const said = isMap(answer) ? (answer.get("Error") ?? "") : undefined;
    if (typeof said !== "string") throw new RpcClientError("unreachable", "the agent's answer is not understood");
    // A body follows errors too, except these.
    const hasBody = options.hasReply === true && said !== AUTH_REQUIRED && said !== UNSUPPORTED;
    const body = hasBody ? await this.#next(timeoutMs) : null;
    return { error: said, body: isMap(body ?? undefined) ? (body as RpcMap) : new Map() };
  }

  #request(command: string, body?: RpcWritable): void {
    this.#seq += 1;
    const header = encodeValue({ Command: command, Seq: this.#seq });
    this.#socket.write(body === undefined ? header : Buffer.concat([header, encodeValue(body)]));
  }

  async #nextRecord(timeoutMs: number): Promise<{ readonly record: RpcMap | undefined }> {
    await this.#nextHeader(timeoutMs);
    const record = await this.#next(timeoutMs);
    return { record: isMap(record) ? record : undefined };
  }

  async #nextHeader(timeoutMs: number): Promise<RpcMap> {
    const header = await this.#next(timeoutMs);
    if (!isMap(header)) throw new RpcClientError("unreachable", "the agent's answer is not understood");
    const error = header.get("Error");
    if (typeof error === "string" && error !== "") throw new RpcClientError("refused", error);
    return header;
  }

  /** Waits for ever when told to wait infinitely long. */
  #next(timeoutMs: number): Promise<RpcValue> {
    return new Promise((resolve, reject) => {
      const slow = Number.isFinite(timeoutMs)
        ? setTimeout(() => this.#fail(new RpcClientError("unreachable", "the agent does not answer")), timeoutMs)
        : undefined;
      this.#waiter = {
        resolve: (value) => {
          clearTimeout(slow);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(slow);
          reject(error);
        },
      };
      this.#offer();
    });
  }

  /** Gives the next value to who waits. */
  #offer(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    const step = this.#values.next();
    if (step.kind === "value") {
      this.#waiter = undefined;
      waiter.resolve(step.value);
    } else if (step.kind === "failed")
      this.#fail(new RpcClientError("unreachable", "the agent's answer is not understood"));
    else if (this.#failure !== undefined) this.#fail(this.#failure);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(this.#failure);
  }
}

export interface MemberFilter {
  readonly name?: string;
  readonly status?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

function dial({ host, port }: RpcClientOptions, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const refuse = (error: Error): void => {
      socket.destroy();
      reject(
        new RpcClientError("unreachable", `no agent answers at ${host}:${port}: ${error.message}`, { cause: error }),
      );
    };
    socket.setTimeout(timeoutMs, () => refuse(new Error("connection timed out")));
    socket.once("error", refuse);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", refuse);
      resolve(socket);
    });
  });
}
