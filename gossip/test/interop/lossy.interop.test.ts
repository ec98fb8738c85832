// Three agents of each kind on a network that loses every twentieth datagram and delays all.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { RpcClient } from "../../io/rpc/client.ts";
import { LossyForwarder } from "./lossy-forwarder.ts";
import {
  endAll,
  GOSSIP_PORT,
  hasReference,
  hearsay,
  RPC_PORT,
  type RunningAgent,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
const SEED = 5;
const LOSS = 0.05;
/** One way; a probe and its answer pass two forwarders. */
const DELAY_MS = 10;
const NAMES = ["s1", "h1", "s2", "h2", "s3", "h3"];
/** Time for repair by the next exchange of states, which are half a minute apart. */
const PATIENT_MS = 75_000;

const agentHost = (index: number): string => `127.22.40.${index + 1}`;
const frontHost = (index: number): string => `127.22.40.${index + 101}`;
const rpc = (index: number): string => `-rpc-addr=${agentHost(index)}:${RPC_PORT}`;

if (!isHere) {
  test("interop under loss did not run: serf is not installed", () => {
    process.stderr.write("interop under loss did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  describe("three of each kind at 5 % loss", () => {
    const agents: RunningAgent[] = [];
    const forwarders: LossyForwarder[] = [];
    const monitors: RpcClient[] = [];
    /** Names of the user events that each agent told. */
    const told = new Map<string, string[]>();

    beforeAll(async () => {
      const random = seededRandom(SEED);
      for (const index of NAMES.keys()) {
        forwarders.push(
          await LossyForwarder.open({
            front: frontHost(index),
            agent: agentHost(index),
            port: GOSSIP_PORT,
            random: random.fork(`front ${index}`),
            loss: LOSS,
            delayMs: DELAY_MS,
          }),
        );
      }
      for (const [index, name] of NAMES.entries()) {
        const start = name.startsWith("s") ? startStock : startOurs;
        const flags = ["-profile=lan", `-advertise=${frontHost(index)}`];
        agents.push(await start(name, agentHost(index), index === 0 ? flags : [...flags, `-join=${frontHost(0)}`]));
      }
      for (const [index, name] of NAMES.entries()) {
        const client = await RpcClient.open({ host: agentHost(index), port: RPC_PORT });
        monitors.push(client);
        const heard: string[] = [];
        told.set(name, heard);
        const watch = client.monitor({ events: "user", logLevel: "ERR" }, (sighting) => {
          if (sighting.kind === "event") heard.push(String(sighting.fields.get("Name")));
        });
        // It ends when it is closed.
        watch.catch(() => undefined);
      }
    }, 120_000);

    afterAll(async () => {
      for (const client of monitors) client.close();
      await endAll();
      await Promise.all(forwarders.map((forwarder) => forwarder.close()));
    });

    const everybody = (): string[] => [...NAMES.keys()].map(agentHost);
    const alive = Object.fromEntries(NAMES.map((name) => [name, "alive"]));

    test("they become one cluster, and whatever is sent goes through the lossy network", async () => {
      await waitForStatuses(everybody(), alive, PATIENT_MS);
      await waitFor(() => forwarders.every(({ counters }) => counters.passed > 0), {
        withinMs: 40_000,
        what: "datagrams for everybody",
      });
      const { counters } = forwarders[0]!;
      expect(counters.connections).toBeGreaterThanOrEqual(NAMES.length - 1);
    }, 140_000);

    test("events of either kind reach everybody, once", async () => {
      const sent = ["from-serf", "from-hearsay"];
      await serf("event", rpc(0), "-coalesce=false", sent[0]!, "one");
      await hearsay("event", rpc(1), "-coalesce=false", sent[1]!, "two");
      await waitFor(() => [...told.values()].every((names) => sent.every((name) => names.includes(name))), {
        withinMs: PATIENT_MS,
        what: "both events everywhere",
        detail: () => JSON.stringify([...told]),
      });
      for (const names of told.values()) expect(names.toSorted()).toEqual(sent.toSorted());
    }, 140_000);

    test.each([
      ["a stock agent", 2],
      ["ours", 3],
    ])(
      "queries of %s are acknowledged by everybody, if not the first then a later one",
      async (_, asker) => {
        const acks = new Set<string>();
        // An acknowledgement is one datagram and nobody repeats it; relays make up for most that are lost.
        const ask = async (): Promise<boolean> => {
          const { out } = await serf("query", rpc(asker), "-relay-factor=2", "-timeout=1s", "-format=json", "anybody");
          for (const name of (JSON.parse(out) as { readonly Acks: string[] | null }).Acks ?? []) acks.add(name);
          return acks.size === NAMES.length;
        };
        await waitFor(ask, { withinMs: 60_000, what: "acks of all", detail: () => [...acks].join(" ") });
      },
      80_000,
    );

    test("estimates of either kind agree, and are no less than what the network takes", async () => {
      const leastMs = 2 * DELAY_MS;
      const estimate = async (run: typeof serf, asker: number): Promise<number> => {
        const { out } = await run("rtt", rpc(asker), "s1", "h2");
        return Number(/([\d.]+) ms/.exec(out)?.[1] ?? Number.NaN);
      };
      let seen: number[] = [];
      await waitFor(
        async () => {
          seen = await Promise.all([estimate(serf, 0), estimate(serf, 1), estimate(hearsay, 0), estimate(hearsay, 1)]);
          // How much more it takes than the network is a matter of how busy the machine is.
          return Math.min(...seen) > 0.6 * leastMs && Math.max(...seen) < 1.5 * Math.min(...seen);
        },
        { withinMs: 60_000, what: `estimates of ${leastMs} ms or more`, detail: () => seen.join(" ") },
      );
    }, 90_000);

    test("nobody healthy was called failed, though datagrams were lost", async () => {
      await waitForStatuses(everybody(), alive);
      for (const agent of agents) expect(agent.output()).not.toMatch(/EventMemberFailed|member failed/);
      const lost = forwarders.reduce((sum, { counters }) => sum + counters.lost, 0);
      const passed = forwarders.reduce((sum, { counters }) => sum + counters.passed, 0);
      expect(lost).toBeGreaterThan(0);
      expect(lost / (lost + passed)).toBeLessThan(3 * LOSS);
    });

    test("one killed of each kind is seen failed by all others, and nobody else is", async () => {
      await Promise.all([agents[4]!.kill("SIGKILL"), agents[5]!.kill("SIGKILL")]);
      await waitForStatuses(everybody().slice(0, 4), { ...alive, s3: "failed", h3: "failed" }, PATIENT_MS);
      for (const agent of agents.slice(0, 4)) {
        expect(agent.output()).not.toMatch(/EventMemberFailed: (?!s3|h3)|member failed node=(?!s3|h3)/);
      }
    }, 140_000);
  });
}
