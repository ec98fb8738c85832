// Events and queries through the RPC: what is asked, what follows the answer, and what is refused in which words.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { UsageError } from "../../src/types.ts";
import { Client, connected } from "../../test/rpc/fake-agent.ts";
import type { QueryCall } from "../queries.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const ok = (seq: number): object => ({ Error: "", Seq: seq });

describe("captured sessions, byte for byte", () => {
  interface Session {
    readonly id: string;
    readonly clientHex: string;
    readonly serverHex: string;
    readonly client: readonly { readonly hex: string }[];
  }
  const { vectors } = JSON.parse(readFileSync(new URL("../../test/vectors/rpc.json", import.meta.url), "utf8")) as {
    readonly vectors: readonly Session[];
  };
  const sentBy = (client: Client): string => Buffer.concat(client.sent).toString("hex");
  const sessionOf = (id: string): Session => vectors.find((vector) => vector.id === id)!;
  const keyOf = ({ clientHex }: Session): string | undefined =>
    clientHex.includes(Buffer.from("AuthKey").toString("hex")) ? "s3cret" : undefined;

  test.each([
    ["rpc-query-response", "up 1 day\n", ["a", "A", "c", "b"]],
    ["rpc-query-ask", "the answer", ["b", "B"]],
  ])("%s", async (id, answer, order) => {
    const session = sessionOf(id);
    const client = new Client(keyOf(session));
    await client.sendBytes(Buffer.from(session.clientHex, "hex"));
    const [asked] = client.agent.queries;
    for (const name of order) {
      if (name === name.toLowerCase()) asked!.options.onAck?.(name);
      else asked!.options.onResponse?.({ from: name.toLowerCase(), payload: bytes(answer) });
    }
    asked!.end();
    await new Promise(setImmediate);
    expect(sentBy(client)).toBe(session.serverHex);
  });

  test("rpc-stream-respond", async () => {
    const { client: values, serverHex } = sessionOf("rpc-stream-respond");
    const client = new Client();
    const pieces = values.map(({ hex }) => Buffer.from(hex, "hex"));
    await client.sendBytes(Buffer.concat(pieces.slice(0, 4)));
    const answers: string[] = [];
    const respond = (payload: Uint8Array): void => void answers.push(Buffer.from(payload).toString());
    const call: QueryCall = { kind: "query", name: "ask", payload: bytes("what?"), from: "a", lamportTime: 4, respond };
    for (const listener of client.agent.listeners) listener(call);
    await client.sendBytes(Buffer.concat(pieces.slice(4)));
    expect(sentBy(client)).toBe(serverHex);
    expect(answers).toEqual(["the answer"]);
  });
});

describe("event", () => {
  test("is announced with its payload", async () => {
    const client = await connected();
    await client.send({ Command: "event", Seq: 1 }, { Name: "deploy", Payload: bytes("v1"), Coalesce: true });
    await client.send({ Command: "event", Seq: 2 }, { Name: "deploy", Payload: null, Coalesce: false });
    expect(client.received()).toEqual([ok(1), ok(2)]);
    expect(client.agent.asked).toEqual(["event deploy v1 true", "event deploy  false"]);
  });

  test("that is too long, or no event, is refused in words", async () => {
    const client = await connected();
    await client.send({ Command: "event", Seq: 1 }, { Name: "x", Payload: new Uint8Array(513) });
    await client.send({ Command: "event", Seq: 2 }, { Name: "x", Payload: 5 });
    expect(client.received()).toEqual([
      { Error: "user event exceeds configured limit of 512 bytes before encoding", Seq: 1 },
      { Error: "field Payload must be bytes", Seq: 2 },
    ]);
  });
});

describe("query", () => {
  async function asking(seq = 3): Promise<Client> {
    const client = await connected();
    await client.send({ Command: "query", Seq: seq }, { Name: "color", Payload: bytes("?"), RequestAck: true });
    return client;
  }

  test("is asked with all that the client wants of it", async () => {
    const client = await connected();
    await client.send(
      { Command: "query", Seq: 1 },
      {
        FilterNodes: ["b"],
        FilterTags: { role: "web" },
        RequestAck: true,
        RelayFactor: 2,
        Timeout: 900_000_000,
        Name: "color",
        Payload: bytes("which?"),
      },
      { Command: "query", Seq: 2 },
      { FilterNodes: null, FilterTags: null, Name: "color", Payload: null },
    );
    expect(client.agent.asked).toEqual([
      'query color which? [["b"],{"role":"web"},true,2,900]',
      "query color  [[],{},false,0,null]",
    ]);
  });

  test("has its records behind its answer, and done at the end", async () => {
    const client = await asking();
    const [asked] = client.agent.queries;
    asked!.options.onAck?.("b");
    asked!.options.onResponse?.({ from: "b", payload: bytes("red") });
    asked!.end();
    await client.send({ Command: "stop", Seq: 4 }, { Stop: 99 });
    expect(client.received()).toEqual([
      ok(3),
      ok(3),
      { From: "b", Payload: null, Type: "ack" },
      ok(3),
      { From: "b", Payload: Uint8Array.from(bytes("red")), Type: "response" },
      ok(3),
      { From: "", Payload: null, Type: "done" },
      ok(4),
    ]);
  });

  test("[R7] its last word comes however slowly the client reads", async () => {
    const client = await asking();
    const [asked] = client.agent.queries;
    client.isSlow = true;
    for (let i = 0; i < 600; i += 1) asked!.options.onResponse?.({ from: "c", payload: bytes("maybe lost") });
    asked!.end();
    await new Promise(setImmediate);
    client.isSlow = false;
    client.session.drained();
    const records = client.received().filter((value) => "Type" in (value as object));
    expect(records).toHaveLength(1 + 512 + 1);
    expect(records.at(-1)).toEqual({ From: "", Payload: null, Type: "done" });
  });

  test("with an acknowledgement before its answer is written keeps the order", async () => {
    const client = await connected();
    const { agent } = client;
    const ask = agent.query.bind(agent);
    agent.query = (name, payload, options) => {
      options.onAck?.("a");
      return ask(name, payload, options);
    };
    await client.send({ Command: "query", Seq: 1 }, { Name: "color" });
    expect(client.received()).toEqual([ok(1), ok(1), { From: "a", Payload: null, Type: "ack" }]);
  });

  test("that may not be asked is an error, and nothing follows", async () => {
    const client = await connected();
    await client.send({ Command: "query", Seq: 1 }, { Name: "_serf_conflict" }, { Command: "stats", Seq: 2 });
    expect(client.received()).toEqual([
      { Error: "Queries cannot contain the '_serf_' prefix", Seq: 1 },
      ok(2),
      { agent: { name: "a" } },
    ]);
  });

  test.each([
    [{ Name: 5 }, "field Name must be text"],
    [{ Name: "x", FilterNodes: "b" }, "field FilterNodes must be a list of texts"],
    [{ Name: "x", FilterTags: ["a"] }, "field FilterTags must be a map of texts"],
    [{ Name: "x", RequestAck: 1 }, "field RequestAck must be true or false"],
    [{ Name: "x", Timeout: "1s" }, "field Timeout must be a number"],
  ])("%j is no question, is told so, and leaves its Seq free", async (body, text) => {
    const client = await connected();
    await client.send({ Command: "query", Seq: 1 }, body, { Command: "stream", Seq: 1 }, { Type: "*" });
    expect(client.received()).toEqual([{ Error: text, Seq: 1 }, ok(1)]);
    expect(client.agent.asked).toEqual([]);
  });

  test("may not take the Seq of one that runs, but of one that is over", async () => {
    const client = await asking();
    await client.send({ Command: "query", Seq: 3 }, { Name: "again" }, { Command: "stream", Seq: 3 }, { Type: "*" });
    const exists = { Error: "Stream with given sequence exists", Seq: 3 };
    expect(client.received()).toEqual([ok(3), exists, exists]);
    client.agent.queries[0]!.end();
    await client.send({ Command: "stop", Seq: 4 }, { Stop: 99 });
    await client.send({ Command: "stream", Seq: 3 }, { Type: "*" });
    expect(client.received().at(-1)).toEqual(ok(3));
  });

  test.each(["stop", "the end of the connection"])("ends with %s", async (how) => {
    const client = await asking();
    const [asked] = client.agent.queries;
    if (how === "stop") await client.send({ Command: "stop", Seq: 4 }, { Stop: 3 });
    else client.session.end();
    expect(asked!.options.signal?.aborted).toBe(true);
    client.received();
    asked!.end();
    await Promise.resolve();
    expect(JSON.stringify(client.received())).not.toContain("done");
  });
});

describe("respond", () => {
  const answers: string[] = [];
  const call = (
    name: string,
    respond: QueryCall["respond"] = (payload) => void answers.push(Buffer.from(payload).toString()),
  ): QueryCall => ({
    kind: "query",
    name,
    payload: bytes("what?"),
    from: "b",
    lamportTime: 4,
    respond,
  });
  async function told(...calls: readonly QueryCall[]): Promise<Client> {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "query:ask,user" });
    for (const one of calls) for (const listener of client.agent.listeners) listener(one);
    return client;
  }

  test("answers a query by the number that its record had on this connection", async () => {
    const client = await told(call("other"), call("ask"), call("ask"));
    const record = { Event: "query", LTime: 4, Name: "ask", Payload: Uint8Array.from(bytes("what?")) };
    expect(client.received()).toEqual([ok(1), ok(1), { ...record, ID: 1 }, ok(1), { ...record, ID: 2 }]);
    await client.send({ Command: "respond", Seq: 2 }, { ID: 2, Payload: bytes("answer") });
    expect(client.received()).toEqual([ok(2)]);
    expect(answers).toEqual(["answer"]);
  });

  test.each([
    ["response_sent", "failed to respond to key query: response already sent"],
    ["unknown_query", "No pending queries matching ID"],
    ["past_deadline", "No pending queries matching ID"],
  ])("of a query that is %s is refused with the reference's words", async (code, text) => {
    const refuse = (): void => {
      throw new UsageError(code, "response already sent");
    };
    const client = await told(call("ask", refuse));
    client.received();
    await client.send({ Command: "respond", Seq: 2 }, { ID: 1, Payload: bytes("x") });
    expect(client.received()).toEqual([{ Error: text, Seq: 2 }]);
  });

  test("the oldest of too many queries are forgotten", async () => {
    const client = await told(...new Array<QueryCall>(513).fill(call("ask")));
    client.received();
    await client.send({ Command: "respond", Seq: 2 }, { ID: 1 }, { Command: "respond", Seq: 3 }, { ID: 2 });
    expect(client.received()).toEqual([{ Error: "No pending queries matching ID", Seq: 2 }, ok(3)]);
  });
});
