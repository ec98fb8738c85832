// One RPC connection: the texts and the order that the stock command line relies on.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../../src/random.ts";
import { type NodeName, nodeName } from "../../src/types.ts";
import { Client, connected } from "../../test/rpc/fake-agent.ts";
import type { KeyResult } from "../keys.ts";
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
    "rpc-force-leave-prune",
    "rpc-keys-badb64",
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

describe("captured key sessions", () => {
  const { vectors } = JSON.parse(readFileSync(new URL("../../test/vectors/rpc.json", import.meta.url), "utf8")) as {
    readonly vectors: readonly { readonly id: string; readonly clientHex: string; readonly serverHex: string }[];
  };
  const said = (names: string, text: string): Map<NodeName, string> =>
    new Map([...names].map((name) => [nodeName(name), text]));

  test.each<[string, Partial<KeyResult>]>([
    ["rpc-keys-install", { numNodes: 2, numResp: 2 }],
    ["rpc-keys-use", { numNodes: 2, numResp: 2 }],
    [
      "rpc-keys-remove-primary",
      {
        numNodes: 2,
        numResp: 2,
        numErr: 2,
        messages: said("ef", "Removing the primary key is not allowed"),
        error: "2/2 nodes reported failure",
      },
    ],
    [
      "rpc-keys-list-disabled",
      {
        numNodes: 3,
        numResp: 3,
        numErr: 3,
        messages: said("bac", "Keyring is empty (encryption not enabled)"),
        error: "3/3 nodes reported failure",
      },
    ],
  ])("[R9] %s is answered byte for byte as by the stock agent", async (id, keyResult) => {
    const { clientHex, serverHex } = vectors.find((vector) => vector.id === id)!;
    const client = new Client();
    client.agent.keyResult = keyResult;
    await client.sendBytes(Buffer.from(clientHex, "hex"));
    expect(Buffer.concat(client.sent).toString("hex")).toBe(serverHex);
  });
});

describe("the beginning", () => {
  test("[R2] a command before the handshake is refused and the connection closed", async () => {
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

  test("[R3] without the key a command and its body are dropped, and the connection goes on", async () => {
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
    expect(client.received()).toEqual([{ Error: "Malformed request: too_long", Seq: 0 }]);
  });

  test("[R1] nobody may send much before the handshake, and no request may be larger than any needs to be", async () => {
    const early = new Client();
    await early.sendBytes(encodeValue({ Command: "x".repeat(5000), Seq: 1 }));
    expect(early.received()).toEqual([{ Error: "Malformed request: too_long", Seq: 0 }]);
    const client = await connected();
    // Only the length was sent: it is refused before the bytes are waited for.
    await client.send({ Command: "event", Seq: 6 });
    await client.sendBytes(Uint8Array.of(0x81, 0xa7, ...Buffer.from("Payload"), 0xc6, 0x7f, 0xff, 0xff, 0xff));
    expect(client.isClosed).toBe(false);
    for (let i = 0; i < 5 && !client.isClosed; i += 1) await client.sendBytes(new Uint8Array(64 * 1024));
    expect(client.received()).toEqual([{ Error: "Malformed request: too_long", Seq: 6 }]);
    expect(client.isClosed).toBe(true);
    expect(client.agent.asked).toEqual([]);
    expect(client.counters.stats()["rpc_too_long"]).toBe(1);
  });

  test("[R3] five wrong keys end the connection, each with the reference's words", async () => {
    const client = new Client("s3cret");
    await client.shakeHands();
    for (let seq = 1; seq <= 5; seq += 1) await client.send({ Command: "auth", Seq: seq }, { AuthKey: `k${seq}` });
    expect(client.received()).toHaveLength(5);
    expect(client.isClosed).toBe(true);
    expect(client.counters.stats()["rpc_bad_auth"]).toBe(5);
  });

  test("[R2] another version is refused, and the client may try again", async () => {
    const client = new Client();
    await client.send(
      { Command: "handshake", Seq: 1 },
      { Version: 7 },
      { Command: "handshake", Seq: 2 },
      { Version: 1 },
    );
    expect(client.received()).toEqual([
      { Error: "Unsupported IPC version", Seq: 1 },
      { Error: "", Seq: 2 },
    ]);
    expect(client.isClosed).toBe(false);
  });

  test("[R4] an unknown command is told so and closes the connection", async () => {
    const client = await connected();
    await client.send({ Command: "zork", Seq: 9 }, { Command: "leave", Seq: 10 });
    expect(client.received()).toEqual([{ Error: "Unsupported command", Seq: 9 }]);
    expect(client.isClosed).toBe(true);
    expect(client.agent.asked).toEqual([]);
    expect(client.counters.stats()["rpc_unknown_command"]).toBe(1);
  });

  test.each(["toString", "__proto__", "constructor", ""])("[R4] %j is no command", async (name) => {
    const client = await connected();
    await client.send({ Command: name, Seq: 9 });
    expect(client.received()).toEqual([{ Error: "Unsupported command", Seq: 9 }]);
  });

  test("[R5] the Seq of a running stream cannot be used for another, and the stream goes on", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 4 }, { Type: "user" });
    client.received();
    for (const command of ["stream", "monitor", "query"]) {
      const body = command === "stream" ? { Type: "*" } : { LogLevel: "err", Name: "q" };
      await client.send({ Command: command, Seq: 4 }, body);
      expect(client.received()).toEqual([{ Error: "Stream with given sequence exists", Seq: 4 }]);
      expect(client.agent.listeners.size).toBe(1);
    }
    // Other commands have no lasting claim to their number.
    await client.send({ Command: "stats", Seq: 4 }, { Command: "stop", Seq: 5 }, { Stop: 4 });
    expect(client.received()).toHaveLength(3);
    expect(client.counters.stats()["rpc_stream_exists"]).toBe(3);
    expect(client.agent.queries).toEqual([]);
  });

  test("[R6] any bytes give answers or a closed connection, and ask nothing of the agent", async () => {
    const random = seededRandom(7);
    for (let i = 0; i < 300; i += 1) {
      const client = await connected();
      const noise = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
      await client.sendBytes(noise);
      expect(client.agent.asked).toEqual([]);
    }
  });

  test.each([
    ["no map", encodeValue("hello"), 0],
    ["no value", Uint8Array.of(0xc1), 0],
    ["a command that is a number", encodeValue({ Command: 5, Seq: 1 }), 0],
    ["a body that is no map", Buffer.concat([encodeValue({ Command: "join", Seq: 3 }), encodeValue(["x"])]), 3],
    ["lists in lists", new Uint8Array(100).fill(0x91).fill(0xc0, 99), 0],
  ])("[R6] %s is told so and closes the connection", async (_, bytes, seq) => {
    const client = new Client();
    await client.sendBytes(bytes);
    expect(client.isClosed).toBe(true);
    expect(client.received()).toEqual([
      { Error: expect.stringMatching(/^Malformed request: (malformed|too_deep)$/), Seq: seq },
    ]);
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
    expect(client.received()).toEqual([
      { Error: "invalid expression: bad syntax, or too long", Seq: 1 },
      { Members: [] },
    ]);
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

  test("a force-leave may also prune", async () => {
    const client = await connected();
    await client.send({ Command: "force-leave", Seq: 1 }, { Node: "c", Prune: true });
    expect(client.received()).toEqual([{ Error: "", Seq: 1 }]);
    expect(client.agent.asked).toEqual(["force-leave c prune"]);
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
      MeasuredMs: 12.5,
      Ok: true,
    });
  });

  test("[R8] what the agent itself measured stands beside the coordinate", async () => {
    const client = await connected();
    await client.send({ Command: "get-coordinate", Seq: 1 }, { Node: "b" });
    expect(client.received()[1]).toMatchObject({ MeasuredMs: 12.5, Ok: true });
  });

  test("[R8] what members measured to each other is a table of all, or of those asked for", async () => {
    const client = await connected();
    await client.send(
      { Command: "measured-rtts", Seq: 1 },
      {},
      { Command: "measured-rtts", Seq: 2 },
      { Nodes: ["b", "x"] },
    );
    expect(client.received()).toEqual([
      { Error: "", Seq: 1 },
      { Rows: { a: { b: 12.5 }, b: { a: 12.5 }, c: {} } },
      { Error: "", Seq: 2 },
      { Rows: { b: {}, x: {} } },
    ]);
  });

  const key = Buffer.alloc(16, 7).toString("base64");

  test.each(["install", "use", "remove"])("%s-key passes the key on and tells what became of it", async (command) => {
    const client = await connected();
    client.agent.keyResult = {
      numNodes: 3,
      numResp: 3,
      numErr: 1,
      messages: new Map([[nodeName("b"), "Requested key is not in the keyring"]]),
      error: "1/3 nodes reported failure",
    };
    await client.send({ Command: `${command}-key`, Seq: 1 }, { Key: key });
    const Messages = { b: "Requested key is not in the keyring" };
    expect(client.received()).toEqual([
      { Error: "1/3 nodes reported failure", Seq: 1 },
      { Keys: null, Messages, NumErr: 1, NumNodes: 3, NumResp: 3 },
    ]);
    expect(client.agent.asked).toEqual([`keys ${command} ${key}`]);
  });

  test("list-keys counts the members of each key, and of each primary", async () => {
    const client = await connected();
    const keys = new Map([[key, 2]]);
    client.agent.keyResult = { numNodes: 2, numResp: 2, keys, primaryKeys: new Map([[key, 1]]) };
    await client.send({ Command: "list-keys", Seq: 1 });
    expect(client.received()).toEqual([
      { Error: "", Seq: 1 },
      { Keys: { [key]: 2 }, Messages: {}, NumErr: 0, NumNodes: 2, NumResp: 2, PrimaryKeys: { [key]: 1 } },
    ]);
  });

  test("[R9] a key that is none is refused without asking anybody, and is neither answered nor logged", async () => {
    const client = await connected();
    await client.send({ Command: "install-key", Seq: 1 }, { Key: "secret%%%" });
    const [header, body] = client.received();
    expect(header).toEqual({ Error: "illegal base64 data at input byte 6", Seq: 1 });
    expect(body).toEqual({ Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 });
    expect(client.agent.asked).toEqual([]);
    expect(JSON.stringify(client.agent.log.recent())).not.toContain("secret");
  });
});
