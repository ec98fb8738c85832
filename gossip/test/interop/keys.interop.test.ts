// Key rotation in a cluster of both kinds, begun from either side, and what the coordinates of both are worth to each other.

import { afterEach, describe, expect, test } from "@jest/globals";
import { type CoordinateSnapshot, estimateRtt } from "#gossip/io";
import { RpcClient } from "../../io/rpc/client.ts";
import {
  askUntil,
  endAll,
  GOSSIP_PORT,
  hasReference,
  hearsay,
  isDone,
  RPC_PORT,
  says,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
afterEach(endAll);

const FIRST = "AAECAwQFBgcICQoLDA0ODw==";
const SECOND = "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8=";

if (!isHere) {
  test("keys and coordinates did not run: serf is not installed", () => {
    process.stderr.write("keys and coordinates did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  let block = 60;
  const ALIVE = { s1: "alive", h1: "alive", s2: "alive" };

  /** Two stock agents, and one of ours in the middle. */
  async function three(flags: readonly string[]): Promise<string[]> {
    block += 1;
    const hosts = [1, 2, 3].map((number) => `127.22.${block}.${number}`);
    await startStock("s1", hosts[0]!, flags);
    await startOurs("h1", hosts[1]!, [...flags, `-join=${hosts[0]}`]);
    await startStock("s2", hosts[2]!, [...flags, `-join=${hosts[1]}`]);
    await waitForStatuses(hosts, ALIVE, 40_000);
    return hosts;
  }

  test.each([
    ["the stock command at ours", serf, 1],
    ["our command at ours", hearsay, 1],
    ["our command at a stock agent", hearsay, 0],
  ])(
    "a rotation by %s is carried out by all, who go on understanding each other",
    async (_, command, at) => {
      const hosts = await three([`-encrypt=${FIRST}`]);
      const keys = (flag: string) => command("keys", `-rpc-addr=${hosts[at]}:${RPC_PORT}`, flag);
      // A step may be repeated, and must be when a datagram of it was lost.
      for (const flag of [`-install=${SECOND}`, `-use=${SECOND}`, `-remove=${FIRST}`]) {
        await askUntil(() => keys(flag), isDone, { what: flag });
      }
      const { out } = await askUntil(() => keys("-list"), isDone, { what: "the keys of all" });
      expect(out).toMatch(/EBESExQV\S+ +\[3\/3\]/);
      expect(out).not.toContain(FIRST);
      const refused = await askUntil(() => keys(`-remove=${SECOND}`), says("3/3 nodes reported failure"));
      expect(refused.code).toBe(1);
      // Who joins with the new key is let in by both kinds.
      const newcomers = [`127.22.${block}.4`, `127.22.${block}.5`];
      await startOurs("h2", newcomers[0]!, [`-encrypt=${SECOND}`, `-join=${hosts[0]}`]);
      await startStock("s3", newcomers[1]!, [`-encrypt=${SECOND}`, `-join=${hosts[1]}`]);
      await waitForStatuses([...hosts, ...newcomers], { ...ALIVE, h2: "alive", s3: "alive" }, 40_000);
    },
    200_000,
  );

  test("with a key, tags, and compression only here and there they all understand each other", async () => {
    block += 1;
    const hosts = [1, 2, 3, 4].map((number) => `127.22.${block}.${number}`);
    const flags = (kind: string): string[] => [`-encrypt=${SECOND}`, `-tag=kind=${kind}`];
    const plain = "-disable-compression";
    await startStock("s1", hosts[0]!, flags("stock"));
    await startOurs("h1", hosts[1]!, [...flags("ours"), plain, `-join=${hosts[0]}`]);
    await startStock("s2", hosts[2]!, [...flags("stock"), plain, `-join=${hosts[1]}`]);
    await startOurs("h2", hosts[3]!, [...flags("ours"), `-join=${hosts[2]}`]);
    await waitForStatuses(hosts, { ...ALIVE, h2: "alive" }, 40_000);
    for (const host of hosts) {
      const ask = () => serf("query", `-rpc-addr=${host}:${RPC_PORT}`, "-tag=kind=ours", "-timeout=600ms", "all?");
      await askUntil(ask, says("Total Acks: 2"), { what: `acks of both to ${host}` });
    }
  }, 200_000);

  describe("coordinates", () => {
    /** Of both, as one agent knows them. */
    async function known(host: string): Promise<(CoordinateSnapshot | undefined)[]> {
      const client = await RpcClient.open({ host, port: RPC_PORT });
      try {
        return [await client.coordinate("s1"), await client.coordinate("h1")];
      } finally {
        client.close();
      }
    }

    test("from the same coordinates serf and we estimate the same, to the last printed digit", async () => {
      const [stock, ours] = await three([]);
      for (const host of [stock!, ours!]) {
        // Coordinates move with every probe: the reading counts when they did not move meanwhile.
        await waitFor(
          async () => {
            const before = await known(host);
            const { out } = await serf("rtt", `-rpc-addr=${host}:${RPC_PORT}`, "s1", "h1");
            if (JSON.stringify(await known(host)) !== JSON.stringify(before)) return false;
            const estimate = estimateRtt(before[0], before[1]);
            if (estimate === undefined) return false;
            expect(out).toBe(`Estimated s1 <-> h1 rtt: ${estimate.estimateMs.toFixed(3)} ms\n`);
            return true;
          },
          { withinMs: 60_000, what: `still coordinates at ${host}:${GOSSIP_PORT}` },
        );
      }
    }, 130_000);
  });
}
