// One RPC connection: the texts and the order that the stock command line relies on.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { Member, MembershipEvent } from "../../src/sink.ts";
import { incarnation, nodeName } from "../../src/types.ts";
import { LogTee } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { RpcSession } from "./session.ts";
import { encodeValue, type RpcValue, type RpcWritable, ValueStream } from "./value.ts";

const member = (name: string, host: string, tags: Record<string, string> = {}): Member => ({
  name: nodeName(name),
  host,
  port: 7946,
  tags,
  status: "alive",
  incarnation: incarnation(1),
  versions: [1, 5, 2, 2, 5, 5],
});

/** An agent without a cluster: three members, and a memory of what it was asked. */
class FakeAgent implements RpcBackend {
  readonly asked: string[] = [];
  readonly log = new LogTee(undefined, () => new Date(2026, 10, 22, 10, 38, 48));
  readonly listeners = new Set<(event: MembershipEvent) => void>();
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
  forceLeave(name: string): void {
    this.asked.push(`force-leave ${name}`);
  }
  async setTags(tags: Readonly<Record<string, string>>): Promise<void> {
    this.asked.push(`tags ${JSON.stringify(tags)}`);
    if ("long" in tags) throw new Error("Encoded length of tags exceeds limit of 512 bytes");
  }
  coordinate(name: string): ReturnType<RpcBackend["coordinate"]> {
    return name === "b" ? { vec: [0, 0.5], error: 1.5, adjustment: 0, height: 1e-5 } : undefined;
  }
  info(): ReturnType<RpcBackend["info"]> {
    return { agent: { name: "a" } };
  }
  onEvent(listener: (event: MembershipEvent) => void): () => void {
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
class Client {
  readonly agent = new FakeAgent();
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
      send: (bytes, { canDrop }) => {
        if (canDrop && this.isSlow) return false;
        this.sent.push(bytes);
        this.#values.push(bytes);
        return true;
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

async function connected(): Promise<Client> {
  const client = new Client();
  await client.shakeHands();
  return client;
}

describe("captured sessions", () => {
  const { vectors } = JSON.parse(readFileSync(new URL("../../test/vectors/rpc.json", import.meta.url), "utf8")) as {
    readonly vectors: readonly { readonly id: string; readonly clientHex: string; readonly serverHex: string }[];
  };

  test.each([
    "rpc-auth-wrong",
    "rpc-members",
    "rpc-tags",
    "rpc-force-leave",
    "rpc-leave",
    "rpc-err-version",
    "rpc-err-dup",
    "rpc-err-unknown",
    "rpc-err-streamexists",
    "rpc-err-loglevel",
    "rpc-coordinate-unknown",
  ])("%s is answered byte for byte as by the stock agent", async (id) => {
    const { clientHex, serverHex } = vectors.find((vector) => vector.id === id)!;
    const client = new Client(clientHex.includes(Buffer.from("AuthKey").toString("hex")) ? "s3cret" : undefined);
    await client.sendBytes(Buffer.from(clientHex, "hex"));
    expect(Buffer.concat(client.sent).toString("hex")).toBe(serverHex);
  });
});

describe("the beginning", () => {
  test("a command before the handshake is refused and the connection closed", async () => {
    const client = new Client();
    await client.send({ Command: "members", Seq: 3 });
    expect(client.received()).toEqual([{ Error: "Handshake required", Seq: 3 }]);
    expect(client.isClosed).toBe(true);
  });

  test("a sequence number may have all 64 bits", async () => {
    const client = new Client();
    await client.send({ Command: "handshake", Seq: 2n ** 64n - 1n }, { Version: 1 });
    expect(client.received()).toEqual([{ Error: "", Seq: 2n ** 64n - 1n }]);
  });

  test("without the key a command and its body are dropped, and the connection goes on", async () => {
    const client = new Client("s3cret");
    await client.shakeHands();
    await client.send({ Command: "join", Seq: 1 }, { Existing: ["x"], Replay: false }, { Command: "stats", Seq: 2 });
    expect(client.received()).toEqual([
      { Error: "Authentication required", Seq: 1 },
      { Error: "Authentication required", Seq: 2 },
    ]);
    expect(client.agent.asked).toEqual([]);
    await client.send({ Command: "auth", Seq: 3 }, { AuthKey: "s3cret" }, { Command: "stats", Seq: 4 });
    expect(client.received()).toEqual([{ Error: "", Seq: 3 }, { Error: "", Seq: 4 }, { agent: { name: "a" } }]);
  });

  test("a stranger may not send much", async () => {
    const client = new Client("s3cret");
    await client.sendBytes(encodeValue({ Command: "x".repeat(5000), Seq: 1 }));
    expect(client.isClosed).toBe(true);
    expect(client.received()).toEqual([]);
  });

  test.each([
    ["no map", encodeValue("hello")],
    ["no value", Uint8Array.of(0xc1)],
    ["a command that is a number", encodeValue({ Command: 5, Seq: 1 })],
  ])("%s closes the connection", async (_, bytes) => {
    const client = new Client();
    await client.sendBytes(bytes);
    expect(client.isClosed).toBe(true);
    // Closed is closed.
    client.session.receive(encodeValue({ Command: "members", Seq: 1 }));
    expect(client.received()).toEqual([]);
  });
});

describe("commands", () => {
  test("requests are answered one after the other, whatever they wait for", async () => {
    const client = await connected();
    let finish: (contacted: number) => void = () => undefined;
    client.agent.joins = () => new Promise((resolve) => (finish = resolve));
    const done = client.send(
      { Command: "join", Seq: 1 },
      { Existing: ["a", "b"], Replay: true },
      { Command: "stats", Seq: 2 },
    );
    expect(client.session.isBusy).toBe(true);
    await Promise.resolve();
    expect(client.received()).toEqual([]);
    finish(2);
    await done;
    expect(client.received()).toEqual([
      { Error: "", Seq: 1 },
      { Num: 2 },
      { Error: "", Seq: 2 },
      { agent: { name: "a" } },
    ]);
    expect(client.agent.asked).toEqual(["join a b false"]);
  });

  test("a join that fails has its body too, because the client waits for it", async () => {
    const client = await connected();
    client.agent.joins = () => Promise.reject(new Error("1 error occurred:\n\t* refused\n\n"));
    await client.send({ Command: "join", Seq: 1 }, { Existing: ["a"], Replay: false });
    expect(client.received()).toEqual([{ Error: "1 error occurred:\n\t* refused\n\n", Seq: 1 }, { Num: 0 }]);
  });

  test("members are filtered by whole names, statuses and tags", async () => {
    const client = await connected();
    const names = async (body: RpcWritable): Promise<string[]> => {
      await client.send({ Command: "members-filtered", Seq: 1 }, body);
      const [, reply] = client.received() as [unknown, { Members: { Name: string }[] }];
      return reply.Members.map(({ Name }) => Name);
    };
    expect(await names({ Name: "a|c", Status: "", Tags: {} })).toEqual(["a", "c"]);
    expect(await names({ Name: "", Status: "ali", Tags: {} })).toEqual([]);
    expect(await names({ Name: "", Status: "alive", Tags: { role: "w.b|" } })).toEqual(["a", "c"]);
    expect(await names({})).toEqual(["a", "b", "c"]);
  });

  test("a bad expression is an error with an empty list, and the connection lives", async () => {
    const client = await connected();
    await client.send({ Command: "members-filtered", Seq: 1 }, { Name: "(", Status: "", Tags: {} });
    expect(client.received()).toEqual([{ Error: "invalid expression: bad syntax", Seq: 1 }, { Members: [] }]);
    expect(client.isClosed).toBe(false);
  });

  test("a field of a wrong type is told", async () => {
    const client = await connected();
    await client.send({ Command: "force-leave", Seq: 1 }, { Node: 5 }, { Command: "tags", Seq: 2 }, { Tags: { a: 1 } });
    expect(client.received()).toEqual([
      { Error: "field Node must be text", Seq: 1 },
      { Error: "field Tags must be a map of texts", Seq: 2 },
    ]);
    expect(client.agent.asked).toEqual([]);
  });

  test("tags that are too long are refused with the agent's words", async () => {
    const client = await connected();
    await client.send({ Command: "tags", Seq: 1 }, { Tags: { long: "x" }, DeleteTags: null });
    expect(client.received()).toEqual([{ Error: "Encoded length of tags exceeds limit of 512 bytes", Seq: 1 }]);
  });

  test("a leave is answered before the agent is told that it may end", async () => {
    const client = await connected();
    await client.send({ Command: "leave", Seq: 1 });
    expect(client.received()).toEqual([{ Error: "", Seq: 1 }]);
    expect(client.agent.asked).toEqual(["leave", "left"]);
  });

  test("coordinates are floats, also where they are whole", async () => {
    const client = await connected();
    await client.send({ Command: "get-coordinate", Seq: 1 }, { Node: "b" });
    const bytes = Buffer.from(client.sent.at(-1)!).toString("hex");
    expect(bytes).toContain("a3566563" + "92" + "cb0000000000000000" + "cb3fe0000000000000");
    expect(client.received()[1]).toEqual({
      Coord: { Adjustment: 0, Error: 1.5, Height: 1e-5, Vec: [0, 0.5] },
      Ok: true,
    });
  });

  test.each([
    ["event", { Name: "x", Payload: null, Coalesce: true }, undefined],
    ["query", { Name: "x" }, undefined],
    ["respond", { ID: 1 }, undefined],
    ["install-key", { Key: "x" }, { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 }],
  ])("%s is known and refused in words, its body read", async (command, body, reply) => {
    const client = await connected();
    await client.send({ Command: command, Seq: 1 }, body, { Command: "members", Seq: 2 });
    const [header, ...rest] = client.received();
    expect(header).toEqual({ Error: expect.stringContaining("does not support"), Seq: 1 });
    expect(rest.slice(0, reply === undefined ? 0 : 1)).toEqual(reply === undefined ? [] : [reply]);
    expect(rest.at(-2)).toEqual({ Error: "", Seq: 2 });
  });
});

describe("streams", () => {
  const failed: MembershipEvent = { kind: "failed", member: member("b", "127.77.0.112") };

  test("records follow the answer, filtered, until stopped", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 7 }, { Type: "member-failed,member-leave" });
    for (const listener of client.agent.listeners) {
      listener({ ...failed, kind: "joined" });
      listener(failed);
    }
    expect(client.received()).toMatchObject([
      { Error: "", Seq: 7 },
      { Error: "", Seq: 7 },
      { Event: "member-failed", Members: [{ Name: "b", Status: "alive" }] },
    ]);
    await client.send({ Command: "stop", Seq: 8 }, { Stop: 7 }, { Command: "stop", Seq: 9 }, { Stop: 99 });
    expect(client.agent.listeners.size).toBe(0);
    expect(client.received()).toEqual([
      { Error: "", Seq: 8 },
      { Error: "", Seq: 9 },
    ]);
  });

  test("an unknown filter is refused", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "member-join,zork" });
    expect(client.received()).toEqual([{ Error: "Invalid event filter", Seq: 1 }]);
  });

  test("a client that does not read loses records, not answers", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "*" });
    client.isSlow = true;
    for (const listener of client.agent.listeners) listener(failed);
    await client.send({ Command: "stats", Seq: 2 });
    expect(client.received()).toEqual([{ Error: "", Seq: 1 }, { Error: "", Seq: 2 }, { agent: { name: "a" } }]);
  });

  test("the end of the connection ends its streams", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "*" });
    client.session.end();
    expect(client.agent.listeners.size).toBe(0);
  });

  test("streams are bounded in number", async () => {
    const client = await connected();
    for (let seq = 1; seq <= 65; seq += 1) await client.send({ Command: "stream", Seq: seq }, { Type: "*" });
    expect(client.received().at(-1)).toEqual({ Error: "Too many streams", Seq: 65 });
  });

  test("a monitor shows the lines that were, then those that come, from its level on; there is one", async () => {
    const client = await connected();
    client.agent.log.info({ node: "b" }, "member failed");
    client.agent.log.debug({}, "not wanted");
    await client.send(
      { Command: "monitor", Seq: 1 },
      { LogLevel: "info" },
      { Command: "monitor", Seq: 2 },
      { LogLevel: "err" },
    );
    client.agent.log.warn({ what: "two words" }, "later");
    expect(client.received()).toEqual([
      { Error: "", Seq: 1 },
      { Error: "", Seq: 1 },
      { Log: "2026/11/22 10:38:48 [INFO] member failed node=b" },
      { Error: "Monitor already exists", Seq: 2 },
      { Error: "", Seq: 1 },
      { Log: '2026/11/22 10:38:48 [WARN] later what="two words"' },
    ]);
    await client.send({ Command: "stop", Seq: 3 }, { Stop: 1 }, { Command: "monitor", Seq: 4 }, { LogLevel: "ERR" });
    expect(client.received()).toEqual([
      { Error: "", Seq: 3 },
      { Error: "", Seq: 4 },
    ]);
  });
});
