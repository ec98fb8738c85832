// Records that follow one another on a connection: events and log lines.

import { describe, expect, test } from "@jest/globals";
import type { UserEvent } from "../../src/sink.ts";
import { lamportTime } from "../../src/types.ts";
import { type Client, connected, member } from "../../test/rpc/fake-agent.ts";
import type { MembersEvent } from "../operator/events.ts";

describe("streams", () => {
  const failed: MembersEvent = {
    kind: "members",
    change: "failed",
    members: [member("b", "127.77.0.112"), member("c", "127.77.0.113")],
  };

  test("records follow the answer, filtered, until stopped", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 7 }, { Type: "member-failed,member-leave" });
    for (const listener of client.agent.listeners) {
      listener({ ...failed, change: "joined" });
      listener(failed);
    }
    expect(client.received()).toMatchObject([
      { Error: "", Seq: 7 },
      { Error: "", Seq: 7 },
      { Event: "member-failed", Members: [{ Name: "b", Status: "alive" }, { Name: "c" }] },
    ]);
    await client.send({ Command: "stop", Seq: 8 }, { Stop: 7 }, { Command: "stop", Seq: 9 }, { Stop: 99 });
    expect(client.agent.listeners.size).toBe(0);
    expect(client.received()).toEqual([
      { Error: "", Seq: 8 },
      { Error: "", Seq: 9 },
    ]);
  });

  test("user events of the wanted name are told with their payload", async () => {
    const client = await connected();
    const happened = (name: string, payload: Uint8Array): UserEvent => ({
      kind: "userEvent",
      lamportTime: lamportTime(4),
      name,
      payload,
      coalesce: true,
    });
    await client.send({ Command: "stream", Seq: 1 }, { Type: "user:deploy" });
    for (const listener of client.agent.listeners) {
      listener(happened("other", Uint8Array.of(1)));
      listener(happened("deploy", Uint8Array.of(2)));
      listener(happened("deploy", new Uint8Array(0)));
    }
    const record = { Event: "user", Name: "deploy", LTime: 4, Coalesce: true };
    expect(client.received()).toEqual([
      { Error: "", Seq: 1 },
      { Error: "", Seq: 1 },
      { ...record, Payload: Uint8Array.of(2) },
      { Error: "", Seq: 1 },
      { ...record, Payload: null },
    ]);
  });

  test("an unknown filter is refused", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "member-join,zork" });
    expect(client.received()).toEqual([{ Error: "Invalid event filter", Seq: 1 }]);
  });

  const flood = (client: Client, count: number): void => {
    for (let i = 0; i < count; i += 1) for (const listener of client.agent.listeners) listener(failed);
  };
  const eventsIn = (values: readonly unknown[]): number =>
    values.filter((value) => "Event" in (value as object)).length;

  test("[R7] 512 records of a stream wait for a slow client; further ones are dropped, counted, and said once", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "*" });
    client.isSlow = true;
    flood(client, 1 + 512 + 30);
    expect(eventsIn(client.received())).toBe(1);
    expect(client.counters.stats()["rpc_record_dropped"]).toBe(30);
    expect(client.agent.log.recent().filter(({ text }) => text.includes("reads too slowly"))).toHaveLength(1);
    client.isSlow = false;
    client.session.drained();
    expect(eventsIn(client.received())).toBe(512);
    flood(client, 1);
    expect(eventsIn(client.received())).toBe(1);
    expect(client.counters.stats()["rpc_record_dropped"]).toBe(30);
  });

  test("[R7] one stream that is full does not cost another its records", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "*" }, { Command: "stream", Seq: 2 }, { Type: "user" });
    client.isSlow = true;
    flood(client, 600);
    const payload = Uint8Array.of(1);
    const told: UserEvent = { kind: "userEvent", lamportTime: lamportTime(1), name: "x", payload, coalesce: false };
    for (const listener of client.agent.listeners) listener(told);
    client.received();
    client.isSlow = false;
    client.session.drained();
    const values = client.received();
    expect(values.filter((value) => (value as { Event?: string }).Event === "user")).toHaveLength(1);
  });

  test("[R7] answers are not behind records that wait, and a stopped stream has no more", async () => {
    const client = await connected();
    await client.send({ Command: "stream", Seq: 1 }, { Type: "*" });
    client.isSlow = true;
    flood(client, 10);
    client.received();
    await client.send({ Command: "stats", Seq: 2 }, { Command: "stop", Seq: 3 }, { Stop: 1 });
    expect(client.received()).toEqual([{ Error: "", Seq: 2 }, { agent: { name: "a" } }, { Error: "", Seq: 3 }]);
    client.session.drained();
    expect(client.received()).toEqual([]);
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
