// How members go and come back in a cluster of both kinds: declared left, pruned, killed and back from their snapshot.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { RpcClient } from "../../io/rpc/client.ts";
import {
  endAll,
  hasReference,
  hearsay,
  OURS,
  pruneEverywhere,
  RPC_PORT,
  type RunningAgent,
  type Side,
  STOCK,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
afterEach(endAll);

if (!isHere) {
  test("departures did not run: serf is not installed", () => {
    process.stderr.write("departures did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  let block = 50;
  const folder = mkdtempSync(join(tmpdir(), "hearsay-interop-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const STAYING = { stock: "alive", ours: "alive" };

  /** One of each kind, which stay, and others, each with flags of its own, which go. */
  async function withOthers(
    others: Readonly<Record<string, { readonly side: Side; readonly flags?: readonly string[] }>>,
  ): Promise<{ readonly stay: string[]; readonly hosts: string[]; readonly gone: RunningAgent[] }> {
    block += 1;
    const host = (number: number): string => `127.22.${block}.${number}`;
    const stay = [host(1), host(2)];
    await startStock("stock", host(1));
    await startOurs("ours", host(2), [`-join=${host(1)}`]);
    const gone: RunningAgent[] = [];
    for (const [name, { side, flags = [] }] of Object.entries(others)) {
      gone.push(await side.start(name, host(gone.length + 3), [`-join=${host(1)}`, ...flags]));
    }
    const hosts = [...stay, ...gone.map((agent) => agent.host)];
    // A rumour that missed somebody is repaired by the next exchange of states.
    await waitForStatuses(hosts, { ...STAYING, ...all(Object.keys(others), "alive") }, 40_000);
    return { stay, hosts, gone };
  }

  const all = (names: readonly string[], status: string): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, status]));

  test.each([
    { killed: STOCK, at: 1, told: "ours" },
    { killed: OURS, at: 0, told: "the stock agent" },
  ])(
    "a killed $killed.name is left by force-leave and forgotten by -prune when $told is told",
    async (which) => {
      const { stay, gone } = await withOthers({ third: { side: which.killed } });
      await gone[0]!.kill("SIGKILL");
      await waitForStatuses(stay, { ...STAYING, third: "failed" }, 60_000);
      const rpc = `-rpc-addr=${stay[which.at]}:${RPC_PORT}`;
      expect((await serf("force-leave", rpc, "third")).code).toBe(0);
      await waitForStatuses(stay, { ...STAYING, third: "left" });
      await pruneEverywhere("third", stay[which.at]!, stay);
      await waitForStatuses(stay, STAYING);
    },
    200_000,
  );

  test("a failed member that is pruned is forgotten at once, and may come back as new", async () => {
    const { stay, hosts, gone } = await withOthers({ third: { side: OURS } });
    await gone[0]!.kill("SIGKILL");
    await waitForStatuses(stay, { ...STAYING, third: "failed" }, 60_000);
    await pruneEverywhere("third", stay[1]!, stay);
    await waitForStatuses(stay, STAYING);
    await startOurs("third", hosts[2]!, [`-join=${stay[0]}`]);
    await waitForStatuses(hosts, { ...STAYING, third: "alive" });
  }, 200_000);

  test("who is said to leave but is alive says so, whichever kind it is", async () => {
    // With nobody alive but the one it is about, a stock agent tells nobody: so there is a third.
    const { stay, hosts } = await withOthers({ third: { side: OURS } });
    for (const [at, name] of ["ours", "stock"].entries()) {
      const accused = stay[1 - at]!;
      const before = await memberTime(accused);
      expect((await hearsay("force-leave", `-rpc-addr=${stay[at]}:${RPC_PORT}`, name)).code).toBe(0);
      await waitFor(async () => (await memberTime(accused)) > before, {
        withinMs: 40_000,
        what: `${name} to hear of it`,
      });
      await waitForStatuses(hosts, { ...STAYING, third: "alive" });
    }
  }, 200_000);

  test.each([{ third: STOCK }, { third: OURS }])(
    "a killed $third.name finds back by its snapshot without being told where",
    async ({ third }) => {
      const snapshot = join(folder, third.name);
      const flags = [`-snapshot=${snapshot}`];
      const { stay, hosts, gone } = await withOthers({ third: { side: third, flags } });
      // A stock agent writes what it has when something else happens half a second later. Killed before, it remembers
      // nobody, and comes back only when another tries it again, which can take minutes.
      const isWritten = async (): Promise<boolean> => {
        await serf("event", `-rpc-addr=${hosts[2]}:${RPC_PORT}`, "write");
        const lines = readFileSync(snapshot, "utf8");
        return Object.keys(STAYING).every((name) => lines.includes(`alive: ${name} `));
      };
      await waitFor(isWritten, { withinMs: 60_000, what: "the snapshot to name both" });
      await gone[0]!.kill("SIGKILL");
      await waitForStatuses(stay, { ...STAYING, third: "failed" }, 60_000);
      await third.start("third", hosts[2]!, flags);
      await waitForStatuses(hosts, { ...STAYING, third: "alive" }, 60_000);
    },
    250_000,
  );
}

/** The clock that every join and leave moves, as the agent tells it. */
async function memberTime(host: string): Promise<number> {
  const client = await RpcClient.open({ host, port: RPC_PORT });
  try {
    return Number((await client.info())["serf"]?.["member_time"]);
  } finally {
    client.close();
  }
}
