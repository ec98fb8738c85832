// One RPC connection: the texts and the order that the stock command line relies on.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { Client, connected } from "../../test/rpc/fake-agent.ts";
import { encodeValue, type RpcWritable } from "./value.ts";

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
    "rpc-err-respond",
    "rpc-event-nopayload",
    "rpc-event-toolong",
    "rpc-query-prefix",
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

  test("a force-leave that should also prune is refused rather than done by half", async () => {
    const client = await connected();
    await client.send({ Command: "force-leave", Seq: 1 }, { Node: "c", Prune: true });
    expect(client.received()).toEqual([{ Error: expect.stringContaining("does not support pruning"), Seq: 1 }]);
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
    ["install-key", { Key: "x" }, { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 }],
    ["use-key", { Key: "x" }, { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 }],
    ["remove-key", { Key: "x" }, { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 }],
  ])("%s is known and refused in words, its body read", async (command, body, reply) => {
    const client = await connected();
    await client.send({ Command: command, Seq: 1 }, body, { Command: "members", Seq: 2 });
    const [header, ...rest] = client.received();
    expect(header).toEqual({ Error: expect.stringContaining("does not support"), Seq: 1 });
    expect(rest[0]).toEqual(reply);
    expect(rest.at(-2)).toEqual({ Error: "", Seq: 2 });
  });
});
