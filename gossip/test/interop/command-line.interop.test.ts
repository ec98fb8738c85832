// The stock command line against our RPC, and ours against the stock agent's.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  endAll,
  hasReference,
  hearsay,
  type RunningAgent,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
const OURS = "127.79.1.1";
const STOCK = "127.79.1.2";
const LOCKED = "127.79.1.3";
const KEY = "s3cret";

if (!isHere) {
  test("interop did not run: serf is not installed", () => {
    process.stderr.write("interop with the reference did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  let ours: RunningAgent;
  beforeAll(async () => {
    ours = await startOurs("ours", OURS, ["-tag=role=media", "-tag", "region=eu"]);
    await startStock("stock", STOCK, ["-tag=role=web"]);
  });
  afterAll(endAll);

  describe("serf against our RPC", () => {
    const at = `-rpc-addr=${OURS}:7373`;

    test("join contacts the address, and says so", async () => {
      expect(await serf("join", at, STOCK)).toMatchObject({
        code: 0,
        out: "Successfully joined cluster by contacting 1 nodes.\n",
      });
      await waitForStatuses([OURS, STOCK], { ours: "alive", stock: "alive" });
    });

    test("join of an address where nobody is fails with the reason", async () => {
      const { code, out } = await serf("join", at, "127.79.1.99:7946");
      expect(code).toBe(1);
      const reason = "Failed to join 127.79.1.99: dial tcp 127.79.1.99:7946: connect: connection refused";
      expect(out).toContain(`1 error occurred:\n\t* ${reason}\n`);
    });

    test("members prints the same as against the stock agent, plain, detailed and as JSON", async () => {
      for (const flags of [[], ["-detailed"], ["-format=json"]]) {
        const mine = await serf("members", ...flags, at);
        const theirs = await serf("members", ...flags, `-rpc-addr=${STOCK}:7373`);
        expect(mine.code).toBe(0);
        expect(linesOf(mine.out)).toEqual(linesOf(theirs.out));
      }
    });

    test("members filters by name, status and tag, anchored", async () => {
      expect((await serf("members", "-name=ou", at)).out.trim()).toBe("");
      expect((await serf("members", "-name=ou.*", at)).out).toContain("ours");
      expect((await serf("members", "-status=failed|left", at)).out.trim()).toBe("");
      expect((await serf("members", "-tag", "role=web", at)).out).toMatch(/^stock /);
    });

    test("info has the agent's name, its tags and the numbers of members", async () => {
      const { code, out } = await serf("info", "-format=json", at);
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        agent: { name: "ours" },
        serf: { members: "2", failed: "0", left: "0", encrypted: "false" },
        tags: { role: "media", region: "eu" },
      });
    });

    test("rtt between the two is a number", async () => {
      await waitFor(async () => (await serf("rtt", at, "ours", "stock")).code === 0, {
        withinMs: 40_000,
        what: "a coordinate",
      });
      expect((await serf("rtt", at, "stock")).out).toMatch(/^Estimated stock <-> ours rtt: \d+\.\d+ ms\n$/);
    });

    test("tags are set and deleted, and the stock agent hears of it", async () => {
      expect((await serf("tags", at, "-set", "ver=1.2", "-delete", "region")).code).toBe(0);
      await waitFor(
        async () => (await serf("members", "-name=ours", `-rpc-addr=${STOCK}:7373`)).out.includes("role=media,ver=1.2"),
        { withinMs: 40_000, what: "the new tags" },
      );
    });

    test("monitor shows lines that were and lines that come", async () => {
      const { out } = await monitorFor(OURS, "joined");
      expect(out).toContain("member joined");
    });

    test("leave is answered, and the agent ends well and is seen left", async () => {
      expect(await serf("leave", at)).toMatchObject({ code: 0, out: "Graceful leave complete\n" });
      expect(await ours.ended).toBe(0);
      await waitForStatuses([STOCK], { ours: "left", stock: "alive" });
    });
  });

  describe("an RPC that wants a key", () => {
    const at = `-rpc-addr=${LOCKED}:7373`;
    beforeAll(async () => {
      await startOurs("locked", LOCKED, [`-rpc-auth=${KEY}`]);
    });

    test("refuses no key and a wrong one with the reference's words, and takes the right one", async () => {
      expect(await serf("members", at)).toMatchObject({
        code: 1,
        out: expect.stringContaining("Authentication required"),
      });
      expect(await serf("members", at, "-rpc-auth=nope")).toMatchObject({
        code: 1,
        out: expect.stringContaining("Invalid authentication token"),
      });
      expect(await serf("members", at, `-rpc-auth=${KEY}`)).toMatchObject({
        code: 0,
        out: expect.stringContaining("locked"),
      });
      expect(await hearsay("members", at, "--rpc-auth", KEY)).toMatchObject({
        code: 0,
        out: expect.stringContaining("locked"),
      });
    });
  });

  describe("hearsay against the stock agent's RPC", () => {
    const at = `--rpc-addr=${STOCK}:7373`;

    test("members, info and join print what was asked for", async () => {
      const { out } = await hearsay("members", at, "--format", "json", "--name", "stock");
      expect(JSON.parse(out)).toMatchObject({ members: [{ name: "stock", addr: `${STOCK}:7946`, status: "alive" }] });
      expect(linesOf((await hearsay("members", at, "-detailed")).out)).toEqual(
        linesOf((await serf("members", "-detailed", `-rpc-addr=${STOCK}:7373`)).out),
      );
      expect((await hearsay("info", at)).out).toContain("\tname = stock\n");
      expect((await hearsay("join", at, LOCKED)).out).toBe("Successfully joined cluster by contacting 1 node.\n");
      expect(await hearsay("join", at, "127.79.1.99")).toMatchObject({ code: 1 });
    });

    test("leave lets it go", async () => {
      expect(await hearsay("leave", at)).toEqual({ code: 0, out: "Graceful leave complete\n", err: "" });
      expect(await hearsay("members", at)).toMatchObject({ code: 3, err: expect.stringContaining("no agent answers") });
    });
  });
}

/** Blanks differ between tables; the order of members and of their tags is each agent's own. */
function linesOf(text: string): unknown[] {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    const { members } = JSON.parse(trimmed) as { readonly members: readonly { readonly name: string }[] };
    return members.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
  return trimmed
    .split("\n")
    .map((line) =>
      line
        .trim()
        .split(/ +/)
        .map((cell) => cell.split(",").sort().join(","))
        .join(" "),
    )
    .sort();
}

async function monitorFor(host: string, word: string): Promise<{ readonly out: string }> {
  const { spawn } = await import("node:child_process");
  const child = spawn("serf", ["monitor", `-rpc-addr=${host}:7373`], { stdio: ["ignore", "pipe", "ignore"] });
  let out = "";
  child.stdout.on("data", (piece: Buffer) => {
    out += piece.toString();
  });
  try {
    await waitFor(() => out.includes(word), { withinMs: 40_000, what: `a line with ${word}`, detail: () => out });
  } finally {
    child.kill("SIGKILL");
  }
  return { out };
}
