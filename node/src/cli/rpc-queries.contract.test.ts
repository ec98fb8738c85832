// Commands that announce, ask and watch, against agents of ours on loopback.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { GossipAgent } from "#gossip/io";
import { runCommandLine } from "./commands.ts";

let near: GossipAgent;
let far: GossipAgent;
beforeAll(async () => {
  const place = { bindPort: 0, profile: "local" as const };
  const rpc = { host: "127.82.202.1", port: 0 };
  near = new GossipAgent({
    ...place,
    nodeName: "near",
    bindHost: "127.82.202.1",
    tags: { role: "media", hearsay: "1" },
    rpc,
  });
  far = new GossipAgent({ ...place, nodeName: "far", bindHost: "127.82.202.2", tags: { hearsay: "1" } });
  far.onEvent((event) => {
    if (event.kind === "query") event.respond(Buffer.from(`blue, ${Buffer.from(event.payload)}\n`));
  });
  await Promise.all([near.start(), far.start()]);
  await near.join([`127.82.202.2:${far.address.port}`]);
});
afterAll(() => Promise.all([near.stop(), far.stop()]));

interface Run {
  readonly written: { out: string; err: string };
  readonly code: Promise<number>;
}

function start(argv: readonly string[], interrupted: Promise<void> = Promise.resolve()): Run {
  const written = { out: "", err: "" };
  const code = runCommandLine(argv, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    env: { SERF_RPC_ADDR: `127.82.202.1:${near.rpcPort}` },
    interrupted: () => interrupted,
  });
  return { written, code };
}

async function hearsay(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { written, code } = start(argv);
  return { code: await code, ...written };
}

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  for (let left = 200; left > 0 && !(await isTrue()); left -= 1) await new Promise((next) => setTimeout(next, 25));
  expect(await isTrue()).toBe(true);
}

describe("event", () => {
  test("reaches the others, in text and JSON; too much is a failure", async () => {
    const heard: string[] = [];
    const end = far.onEvent((event) => {
      if (event.kind === "userEvent") heard.push(`${event.name} ${Buffer.from(event.payload)} ${event.coalesce}`);
    });
    expect(await hearsay("event", "deploy", "v1")).toEqual({
      code: 0,
      out: "Event 'deploy' dispatched! Coalescing enabled: true\n",
      err: "",
    });
    const json = await hearsay("event", "-coalesce=false", "-format=json", "deploy");
    expect(json.out).toBe('{"event":"deploy","coalesce":false}\n');
    await until(() => heard.length === 2);
    end();
    expect(heard).toEqual(["deploy v1 true", "deploy  false"]);
    const long = await hearsay("event", "deploy", "x".repeat(600));
    expect(long).toMatchObject({ code: 1, err: expect.stringContaining("exceeds configured limit") });
  });
});

describe("query", () => {
  test("prints who heard it, the answers, and the totals", async () => {
    const { code, out } = await hearsay("query", "-timeout=300ms", "color", "which?");
    expect(code).toBe(0);
    expect(out).toMatch(/^Query 'color' dispatched\n/);
    for (const line of ["Ack from 'near'\n", "Ack from 'far'\n", "Response from 'far': blue, which?\n"])
      expect(out).toContain(line);
    expect(out).toMatch(/Total Acks: 2\nTotal Responses: 1\n$/);
  });

  test("as JSON has the shape of the stock command's", async () => {
    const flags = ["-format=json", "-timeout=300ms", "-node=far", "-relay-factor=1"];
    expect(JSON.parse((await hearsay("query", ...flags, "color")).out)).toEqual({
      Acks: ["far"],
      Responses: { far: "blue, \n" },
    });
    const none = await hearsay("query", "-no-ack", "-timeout=100ms", "-tag=role=zork", "color");
    expect(none.out).toBe("Query 'color' dispatched\nTotal Responses: 0\n");
  });

  test("that may not be asked is a failure", async () => {
    const { code, err } = await hearsay("query", "_serf_conflict");
    expect({ code, err }).toEqual({ code: 1, err: "Queries cannot contain the '_serf_' prefix\n" });
  });
});

test("reachability finds everybody", async () => {
  const { code, out } = await hearsay("reachability", "-verbose");
  expect({ code, lines: out.split("\n").sort() }).toEqual({
    code: 0,
    lines: [
      "",
      "Ack from 'far'",
      "Ack from 'near'",
      "Starting reachability test...",
      "Successfully contacted all live nodes",
      "Total members: 2, live members: 2",
    ],
  });
});

test("rtt shows estimate, error and what was measured, of one pair and of all", async () => {
  const measured = (): boolean => near.measuredRtts().has("far") && far.measuredRtts().has("near");
  await until(() => near.rtt("far") !== undefined && measured());
  expect((await hearsay("rtt", "far")).out).toMatch(
    /^Estimated far <-> near rtt: \d+\.\d{3} ms \(error \d\.\d\d\)\nMeasured far <-> near rtt: \d+\.\d{3} ms\n$/,
  );
  expect(JSON.parse((await hearsay("rtt", "-format=json", "far", "near")).out)).toEqual({
    nodes: ["far", "near"],
    estimateMs: expect.any(Number),
    error: expect.any(Number),
    measuredMs: expect.any(Number),
  });
  const table = (title: string): string => `${title} +far +near\\nfar +- +\\d+\\.\\d{3}\\nnear +\\d+\\.\\d{3} +-\\n`;
  const tables = ["estimated ms", "measured ms", "error"].map(table).join("\\n");
  expect((await hearsay("rtt", "--matrix")).out).toMatch(new RegExp(`^${tables}$`));
  const matrix: unknown = JSON.parse((await hearsay("rtt", "--matrix", "--format=json")).out);
  const cells = [
    [null, expect.any(Number)],
    [expect.any(Number), null],
  ];
  expect(matrix).toEqual({ nodes: ["far", "near"], estimatesMs: cells, errors: cells, measuredMs: cells });
  const unknown = await hearsay("rtt", "nobody");
  expect(unknown).toMatchObject({ code: 1, err: 'no coordinate is known for node "nobody"\n' });
});

test("keys without encryption are refused by every member, in text and JSON, and nothing of the key is shown", async () => {
  const key = Buffer.alloc(32, 5).toString("base64");
  const list = await hearsay("keys", "-list");
  expect(list).toEqual({
    code: 1,
    out: expect.stringContaining("failed:  near  Keyring is empty (encryption not enabled)\n"),
    err: expect.stringMatching(/^\nFailed to gather member keys: \d\/\d nodes reported failure\n$/),
  });
  const install = await hearsay("keys", `-install=${key}`, "-format=json");
  expect(install.code).toBe(1);
  expect(JSON.parse(install.out)).toMatchObject({ error: expect.stringContaining("reported failure"), keys: {} });
  expect(install.out).not.toContain(key);
});

test("tags are set and deleted", async () => {
  expect(await hearsay("tags", "-set=ver=1=2", "-delete", "role")).toMatchObject({
    code: 0,
    out: "Successfully updated agent tags\n",
  });
  expect(near.localMember().tags).toEqual({ ver: "1=2", hearsay: "1" });
  expect(await hearsay("tags", `-set=long=${"x".repeat(600)}`)).toMatchObject({ code: 1 });
});

test("force-leave of somebody unknown changes nothing", async () => {
  expect(await hearsay("force-leave", "nobody")).toMatchObject({ code: 0, out: "Member nobody is declared left\n" });
  expect((await hearsay("force-leave", "-prune", "-format=json", "nobody")).out).toBe(
    '{"forced":"nobody","prune":true}\n',
  );
  expect(near.members()).toHaveLength(2);
});

test("monitor shows lines, events and queries until it is interrupted", async () => {
  let interrupt: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  const text = start(["monitor"], stopped);
  const json = start(["monitor", "-format=json", "-events=user"], stopped);
  await until(async () => {
    near.userEvent("deploy", Buffer.from("a\u001bb"));
    await near.query("color", Buffer.from("?"), { timeoutMs: 50 });
    return text.written.out.includes("query") && json.written.out.includes('"user"');
  });
  interrupt();
  expect(await Promise.all([text.code, json.code])).toEqual([0, 0]);
  expect(text.written.out).toContain("member joined");
  expect(text.written.out).toContain('name="deploy"');
  expect(text.written.out).toMatch(/\[EVENT\] query .*name="color".*payload="\?"/);
  const records = json.written.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const events = records.filter((record) => "event" in record);
  expect(new Set(events.map((record) => record["event"]))).toEqual(new Set(["user"]));
  expect(events[0]).toMatchObject({ name: "deploy", payload: "a?b" });
  const refused = start(["monitor", "-log-level=zork"], new Promise(() => undefined));
  expect(await refused.code).toBe(1);
  expect(refused.written.err).toBe("Unknown log level: ZORK\n");
});

test.each([
  [["event"], "an event name must be given"],
  [["event", "a", "b", "c"], "an event has one name and one payload"],
  [["query"], "a query name must be given"],
  [["query", "-timeout=5", "x"], "not a duration such as 15s or 700ms: 5"],
  [["query", "-relay-factor=256", "x"], "the relay factor must be 0..255"],
  [["query", "-tag=x", "x"], "tag filter is not key=regexp: x"],
  [["rtt"], "one or two nodes must be given"],
  [["tags"], "nothing to set or to delete was given"],
  [["tags", "-set=x"], "tag is not key=value: x"],
  [["force-leave"], "one node name must be given"],
  [["reachability", "-format=xml"], "unknown format: xml"],
])("%j is refused with exit code 2", async (argv, message) => {
  expect(await hearsay(...argv)).toEqual({ code: 2, out: "", err: `${message}\n` });
});
