// Events and queries by the stock command line through our RPC, and by ours through both.

import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  askUntil,
  endAll,
  hasReference,
  hearsay,
  isDone,
  type RunningAgent,
  says,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
const OURS = "127.82.1.1";
const STOCK = "127.82.1.2";
const at = `-rpc-addr=${OURS}:7373`;
const atStock = `-rpc-addr=${STOCK}:7373`;

if (!isHere) {
  test("interop did not run: serf is not installed", () => {
    process.stderr.write("interop with the reference did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  let stock: RunningAgent;
  beforeAll(async () => {
    await startOurs("ours", OURS, ["-tag=role=media"]);
    const handlers = ["-event-handler=user:deploy=cat", "-event-handler=query:color=echo red"];
    stock = await startStock("stock", STOCK, ["-tag=role=web", ...handlers]);
    await serf("join", at, STOCK);
    await waitForStatuses([OURS, STOCK], { ours: "alive", stock: "alive" });
  });
  afterAll(endAll);

  describe("serf against our RPC", () => {
    test("event reaches the stock agent with its payload", async () => {
      expect(await serf("event", at, "deploy", "v1.2")).toMatchObject({
        code: 0,
        out: "Event 'deploy' dispatched! Coalescing enabled: true\n",
      });
      await waitFor(() => stock.output().includes("v1.2"), { withinMs: 40_000, what: "the event at the stock agent" });
    });

    test("an event that is too long is refused as by the stock agent", async () => {
      const long = "x".repeat(600);
      const mine = await serf("event", at, "deploy", long);
      const theirs = await serf("event", atStock, "deploy", long);
      expect(mine).toEqual(theirs);
      expect(mine.code).toBe(1);
    });

    test("query prints acknowledgements, answers and the totals, and ends well", async () => {
      const lines = ["Ack from 'ours'", "Ack from 'stock'", "Response from 'stock': red"];
      const { code, out } = await askUntil(() => serf("query", at, "color"), says(...lines));
      expect(code).toBe(0);
      expect(out).toContain("Total Acks: 2\nTotal Responses: 1\n");
    });

    test("query takes filters, a timeout, relays and JSON", async () => {
      const flags = ["-node=stock", "-tag=role=^w", "-timeout=700ms", "-relay-factor=1", "-format=json"];
      const { code, out } = await askUntil(() => serf("query", at, ...flags, "color", "which?"), says("red"));
      expect(code).toBe(0);
      expect(JSON.parse(out)).toEqual({ Acks: ["stock"], Responses: { stock: "red\n" } });
      const unheard = await serf("query", at, "-no-ack", "-timeout=300ms", "-node=nobody", "color");
      expect(unheard.out).toContain("Total Responses: 0");
      expect(unheard.out).not.toContain("Ack");
    });

    test("a query that may not be asked is refused as by the stock agent", async () => {
      for (const argv of [["_serf_conflict"], ["color", "x".repeat(1100)]]) {
        const mine = await serf("query", at, ...argv);
        expect(mine).toEqual(await serf("query", atStock, ...argv));
        expect(mine.code).toBe(1);
      }
    });

    test("reachability counts both of us", async () => {
      const ask = () => serf("reachability", at, "-verbose");
      const { code, out } = await askUntil(ask, says("Successfully contacted all live nodes"));
      expect(code).toBe(0);
      for (const name of ["ours", "stock"]) expect(out).toContain(`Ack from '${name}'`);
    });

    test("monitor shows events and queries as they happen", async () => {
      const child = spawn("serf", ["monitor", at, "-log-level=err"], { stdio: ["ignore", "pipe", "ignore"] });
      let out = "";
      child.stdout.on("data", (piece: Buffer) => {
        out += piece.toString();
      });
      try {
        // Nothing tells when it has begun to listen, so it is told until it shows.
        const isShown = async (): Promise<boolean> => {
          await serf("event", atStock, "deploy", "seen");
          await serf("query", atStock, "-timeout=100ms", "color", "asked");
          return ["user", "deploy", "query", "color"].every((word) => out.includes(word));
        };
        await waitFor(isShown, { withinMs: 60_000, what: "an event and a query", detail: () => out });
      } finally {
        child.kill("SIGKILL");
      }
      expect(out).toMatch(/Event Info:/);
      expect(out).toMatch(/"?Name"?: "?(deploy|color)/);
    });
  });

  // The agents of the two kinds must look the same to our commands.
  describe.each([
    ["our", at],
    ["the stock agent's", atStock],
  ])("hearsay against %s RPC", (_, rpc) => {
    test("event is announced", async () => {
      expect(await hearsay("event", rpc, "deploy", "v3")).toMatchObject({ code: 0, err: "" });
      expect(await hearsay("event", rpc, "deploy", "x".repeat(600))).toMatchObject({
        code: 1,
        err: expect.stringContaining("exceeds configured limit"),
      });
    });

    test("query has the acknowledgements and the answer, and ends", async () => {
      const ask = () => hearsay("query", rpc, "-timeout=800ms", "-format=json", "color");
      const { code, out } = await askUntil(ask, says('"ours"', '"stock"', "red"));
      expect(code).toBe(0);
      const { Acks, Responses } = JSON.parse(out) as { readonly Acks: string[]; readonly Responses: object };
      expect(Acks.sort()).toEqual(["ours", "stock"]);
      expect(Responses).toEqual({ stock: "red\n" });
    });

    test("reachability, rtt and tags do their work", async () => {
      const reached = await askUntil(() => hearsay("reachability", rpc), isDone);
      expect(reached.out).toContain("Successfully contacted all live nodes");
      await waitFor(async () => (await hearsay("rtt", rpc, "ours", "stock")).code === 0, {
        withinMs: 40_000,
        what: "a coordinate",
      });
      expect((await hearsay("rtt", rpc, "--matrix")).out).toMatch(/^estimated ms +ours +stock\n/);
      expect(await hearsay("tags", rpc, "-set=x=y", "-delete=role")).toMatchObject({ code: 0 });
      expect(await hearsay("force-leave", rpc, "nobody")).toMatchObject({ code: 0 });
    });
  });
}
