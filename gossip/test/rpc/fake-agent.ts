// The RPC's two ends for unit tests: an agent without a cluster, and a client without a socket.

import { expect } from "@jest/globals";
import type { KeyResult } from "../../io/keys.ts";
import { LogTee } from "../../io/log.ts";
import type { OperatorEvent } from "../../io/operator/events.ts";
import type { AgentQueryOptions, QueryResult } from "../../io/queries.ts";
import type { RpcBackend } from "../../io/rpc/backend.ts";
import { RpcCounters } from "../../io/rpc/counters.ts";
import { RpcSession } from "../../io/rpc/session.ts";
import { encodeValue, type RpcValue, type RpcWritable, ValueStream } from "../../io/rpc/value.ts";
import type { KeyQuestion } from "../../src/core.ts";
import type { Member } from "../../src/sink.ts";
import { incarnation, nodeName, UsageError } from "../../src/types.ts";

export const member = (name: string, host: string, tags: Record<string, string> = {}): Member => ({
  name: nodeName(name),
  host,
  port: 7946,
  tags,
  status: "alive",
  incarnation: incarnation(1),
  versions: [1, 5, 2, 2, 5, 5],
});

/** An agent without a cluster: three members, and a memory of what it was asked. */
export class FakeAgent implements RpcBackend {
  readonly asked: string[] = [];
  readonly log = new LogTee(undefined, () => new Date(2026, 10, 22, 10, 38, 48));
  readonly listeners = new Set<(event: OperatorEvent) => void>();
  /** The queries asked so far, for a test to answer and to end. */
  readonly queries: { readonly options: AgentQueryOptions; readonly end: () => void }[] = [];
  joins: (addresses: readonly string[]) => Promise<number> = async (addresses) => addresses.length;

  members(): readonly Member[] {
    return [
      member("a", "127.77.0.111", { role: "web", dc: "east" }),
      member("b", "127.77.0.112", { role: "db" }),
      member("c", "127.77.0.113"),
    ];
  }
  localMember(): Member {
    return this.members()[0]!;
  }
  join(addresses: readonly string[], options: { readonly ignoreOld: boolean }): Promise<number> {
    this.asked.push(`join ${addresses.join(" ")} ${options.ignoreOld}`);
    return this.joins(addresses);
  }
  async leave(): Promise<void> {
    this.asked.push("leave");
  }
  left(): void {
    this.asked.push("left");
  }
  forceLeave(name: string, { prune }: { readonly prune: boolean }): void {
    this.asked.push(`force-leave ${name}${prune ? " prune" : ""}`);
  }
  /** What members say to the next key query. */
  keyResult: Partial<KeyResult> = {};
  async keys({ command, key }: KeyQuestion): Promise<KeyResult> {
    this.asked.push(`keys ${command} ${Buffer.from(key ?? []).toString("base64")}`);
    const nothing = { messages: new Map(), keys: new Map(), primaryKeys: new Map() };
    return { numNodes: 0, numResp: 0, numErr: 0, ...nothing, ...this.keyResult };
  }
  async setTags(tags: Readonly<Record<string, string>>): Promise<void> {
    this.asked.push(`tags ${JSON.stringify(tags)}`);
    if ("long" in tags) throw new Error("Encoded length of tags exceeds limit of 512 bytes");
  }
  coordinate(name: string): ReturnType<RpcBackend["coordinate"]> {
    return name === "b" ? { vec: [0, 0.5], error: 1.5, adjustment: 0, height: 1e-5 } : undefined;
  }
  measuredRtt(a: string, b = "a"): number | undefined {
    return [a, b].sort().join() === "a,b" ? 12.5 : undefined;
  }
  info(): ReturnType<RpcBackend["info"]> {
    return { agent: { name: "a" } };
  }
  userEvent(name: string, payload: Uint8Array, { coalesce }: { readonly coalesce?: boolean }): void {
    if (payload.length > 512)
      throw new UsageError("event_too_large", "user event exceeds configured limit of 512 bytes before encoding");
    this.asked.push(`event ${name} ${Buffer.from(payload)} ${coalesce}`);
  }
  query(name: string, payload: Uint8Array, options: AgentQueryOptions): Promise<QueryResult> {
    if (name.startsWith("_serf_")) throw new UsageError("reserved_name", "Queries cannot contain the '_serf_' prefix");
    const { nodes, tags, wantAck, relayFactor, timeoutMs, signal } = options;
    this.asked.push(
      `query ${name} ${Buffer.from(payload)} ${JSON.stringify([nodes, tags, wantAck, relayFactor, timeoutMs])}`,
    );
    return new Promise((resolve, reject) => {
      this.queries.push({ options, end: () => resolve({ acks: [], responses: [] }) });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }
  onEvent(listener: (event: OperatorEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  recentLog(): ReturnType<RpcBackend["recentLog"]> {
    return this.log.recent();
  }
  onLog(listener: Parameters<RpcBackend["onLog"]>[0]): () => void {
    return this.log.onLine(listener);
  }
}

/** A client's end of a session. */
export class Client {
  readonly agent = new FakeAgent();
  readonly counters = new RpcCounters();
  readonly sent: Uint8Array[] = [];
  isClosed = false;
  isSlow = false;
  readonly session: RpcSession;
  readonly #values = new ValueStream();
  #idle: (() => void) | undefined;

  constructor(authKey?: string) {
    this.session = new RpcSession({
      backend: this.agent,
      log: this.agent.log,
      ...(authKey === undefined ? {} : { authKey }),
      counters: this.counters,
      write: (bytes) => {
        this.sent.push(bytes);
        this.#values.push(bytes);
        return !this.isSlow;
      },
      close: () => {
        this.isClosed = true;
      },
      idle: () => this.#idle?.(),
    });
  }

  async send(...values: readonly RpcWritable[]): Promise<void> {
    await this.sendBytes(Buffer.concat(values.map((value) => encodeValue(value))));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    this.session.receive(bytes);
    await idle;
  }

  /** What came since the last call, as plain objects. */
  received(): unknown[] {
    const values: unknown[] = [];
    for (let step = this.#values.next(); step.kind === "value"; step = this.#values.next())
      values.push(plain(step.value));
    return values;
  }

  async shakeHands(): Promise<void> {
    await this.send({ Command: "handshake", Seq: 0 }, { Version: 1 });
    expect(this.received()).toEqual([{ Error: "", Seq: 0 }]);
  }
}

function plain(value: RpcValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** A client that has shaken hands. */
export async function connected(): Promise<Client> {
  const client = new Client();
  await client.shakeHands();
  return client;
}
