// User events and queries between the stock agent and ours, both ways: who hears, who acknowledges, who answers.

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type AgentEvent, GossipAgent } from "#gossip/io";
import {
  askUntil,
  endAll,
  GOSSIP_PORT,
  hasReference,
  isDone,
  RPC_PORT,
  says,
  serf,
  startStock,
  waitFor,
} from "./processes.ts";

const isHere = hasReference();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);
const agents = new Set<GossipAgent>();

afterEach(async () => {
  await Promise.all([...Array.from(agents, (agent) => agent.stop()), endAll()]);
  agents.clear();
});

interface Ours {
  readonly agent: GossipAgent;
  readonly host: string;
  readonly heard: AgentEvent[];
}

/** An agent of ours that answers every query named "color". */
async function startAgent(nodeName: string, host: string, tags: Record<string, string>): Promise<Ours> {
  const agent = new GossipAgent({ nodeName, bindHost: host, bindPort: GOSSIP_PORT, tags, profile: "local" });
  const heard: AgentEvent[] = [];
  agent.onEvent((event) => {
    heard.push(event);
    if (event.kind === "query" && event.name === "color") event.respond(bytes(`blue of ${nodeName}`));
  });
  agents.add(agent);
  await agent.start();
  return { agent, host, heard };
}

const queriesOf = ({ heard }: Ours): string[] => heard.flatMap((event) => (event.kind === "query" ? [event.name] : []));

if (!isHere) {
  test("events and queries did not run: serf is not installed", () => {
    process.stderr.write("interop with the reference did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  let block = 10;
  let ours: Ours;
  /** Two stock agents; the handlers' output shows in their logs and is their answer. */
  let stock: readonly { readonly host: string; output(): string; readonly ended: Promise<number | string> }[];
  const rpc = (index: number): string => `-rpc-addr=${stock[index]!.host}:${RPC_PORT}`;

  beforeEach(async () => {
    block += 1;
    const host = (number: number): string => `127.81.${block}.${number}`;
    const handlers = ["-event-handler=user:deploy=cat", "-event-handler=query:color=echo red of $SERF_SELF_NAME"];
    stock = await Promise.all([
      startStock("s1", host(1), ["-tag=role=db", ...handlers]),
      startStock("s2", host(2), ["-tag=role=cache", ...handlers]),
    ]);
    ours = await startAgent("h1", host(3), { role: "web" });
    expect(await ours.agent.join([host(1), host(2)])).toBe(2);
    await waitFor(
      async () => {
        const lists = await Promise.all([serf("members", rpc(0)), serf("members", rpc(1))]);
        return ours.agent.members().length === 3 && lists.every(({ out }) => (out.match(/alive/g) ?? []).length === 3);
      },
      { withinMs: 60_000, what: "three members everywhere" },
    );
  });

  describe("user events", () => {
    test("one of a stock agent reaches us once, with its payload", async () => {
      expect(await serf("event", rpc(0), "deploy", "v1.2")).toMatchObject({ code: 0 });
      // When both datagrams of it are lost an exchange of states brings it, which does not say whether it may be coalesced.
      await waitFor(() => ours.heard.some(({ kind }) => kind === "userEvent"), { withinMs: 40_000, what: "the event" });
      const told = ours.heard.flatMap((event) => (event.kind === "userEvent" ? [event] : []));
      expect(told).toMatchObject([{ name: "deploy", lamportTime: 1 }]);
      expect(text(told[0]!.payload)).toBe("v1.2");
    });

    test("one of ours reaches the stock agents, and the largest that may be", async () => {
      ours.agent.userEvent("deploy", bytes("from ours"));
      const hasHeard = (what: string): boolean => stock.every((agent) => agent.output().includes(what));
      await waitFor(() => hasHeard("from ours"), { withinMs: 40_000, what: "the event at the stock agents" });
      // Spec section 6.7 measured 481 bytes for the name "e"; "deploy" is five longer.
      ours.agent.userEvent("deploy", bytes(`${"x".repeat(475)}!`));
      await waitFor(() => hasHeard("xxx!"), { withinMs: 40_000, what: "the large event at the stock agents" });
      expect(() => ours.agent.userEvent("deploy", bytes("x".repeat(477)))).toThrow("exceeds configured limit");
    });
  });

  describe("queries", () => {
    test("one of a stock agent is acknowledged and answered by everybody, once each in spite of relays", async () => {
      let asked = 0;
      const ask = () => {
        asked += 1;
        return serf("query", rpc(0), "-relay-factor=2", "color");
      };
      const acks = ["Ack from 's1'", "Ack from 's2'", "Ack from 'h1'"];
      const answers = ["Response from 'h1': blue of h1", "Response from 's2': red of s2"];
      const { code, out } = await askUntil(ask, says(...acks, ...answers, "Total Responses: 3"));
      expect(code).toBe(0);
      expect(out).toContain("Total Acks: 3");
      expect(new Set(queriesOf(ours))).toEqual(new Set(["color"]));
      expect(queriesOf(ours).length).toBeLessThanOrEqual(asked);
    });

    test("one of a stock agent for others passes us by", async () => {
      for (const filter of ["-node=s2", "-tag=role=^(db|cache)$", "-tag=none=."]) {
        expect((await serf("query", rpc(0), filter, "color")).out).not.toContain("h1");
      }
      expect(queriesOf(ours)).toEqual([]);
    });

    test("one of a stock agent for us alone is ours alone", async () => {
      for (const filter of ["-node=h1", "-tag=role=(?i)^W.b$", "-tag=missing=^$"]) {
        const ask = () => serf("query", rpc(1), filter, "-tag=role=we", "color");
        const { out } = await askUntil(ask, says("Response from 'h1': blue of h1", "Total Acks: 1"));
        expect(out).toContain("Total Responses: 1");
      }
    });

    test("one of ours is acknowledged and answered by everybody, once each in spite of relays", async () => {
      const { acks, responses } = await askUntil(
        () => ours.agent.query("color", bytes(""), { wantAck: true, relayFactor: 2 }),
        (answer) => answer.acks.length === 3 && answer.responses.length === 3,
      );
      expect([...acks].sort()).toEqual(["h1", "s1", "s2"]);
      const answers = responses.map(({ from, payload }) => `${from}: ${text(payload).trim()}`);
      expect(answers.sort()).toEqual(["h1: blue of h1", "s1: red of s1", "s2: red of s2"]);
      expect(ours.agent.stats()["dropped_unknown_query"] ?? 0).toBe(0);
    });

    test.each([
      [{ nodes: ["s1"] }, ["s1"]],
      [{ nodes: ["s1", "h1"] }, ["h1", "s1"]],
      [{ tags: { role: "^(web|cache)$" } }, ["h1", "s2"]],
      [{ nodes: ["s1", "s2"], tags: { role: "c.che" } }, ["s2"]],
    ])("one of ours to %j is taken by whom it is for", async (filter, names) => {
      const { acks, responses } = await askUntil(
        () => ours.agent.query("color", bytes(""), { ...filter, wantAck: true }),
        (answer) => answer.acks.length >= names.length && answer.responses.length >= names.length,
      );
      expect([...acks].sort()).toEqual(names);
      expect(responses.map(({ from }) => from).sort()).toEqual(names);
    });

    test("the stock agent reaches everybody", async () => {
      const ask = () => serf("reachability", rpc(0));
      expect((await askUntil(ask, says("Successfully contacted all live nodes"))).code).toBe(0);
    });
  });

  describe("keys", () => {
    const OLD = "AAECAwQFBgcICQoLDA0ODw==";
    const NEW = "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8=";

    test("a rotation that a stock agent starts is carried out by us too", async () => {
      block += 1;
      const [there, here] = [`127.81.${block}.1`, `127.81.${block}.2`];
      await startStock("k1", there, [`-encrypt=${OLD}`]);
      const agent = new GossipAgent({
        nodeName: "k2",
        bindHost: here,
        bindPort: GOSSIP_PORT,
        profile: "local",
        keys: [Buffer.from(OLD, "base64")],
      });
      agents.add(agent);
      await agent.start();
      await agent.join([there]);
      const keys = (flag: string) => serf("keys", `-rpc-addr=${there}:${RPC_PORT}`, flag);
      for (const flag of [`-install=${NEW}`, `-use=${NEW}`, `-remove=${OLD}`]) {
        await askUntil(() => keys(flag), isDone, { what: flag });
      }
      const { out } = await askUntil(() => keys("-list"), isDone);
      expect(out).toMatch(/EBESExQV\S+ +\[2\/2\]/);
      expect(out).not.toContain(OLD);
      // And they still understand each other.
      await askUntil(
        () => agent.query("_serf_ping", bytes(""), { wantAck: true }),
        ({ acks }) => acks.length === 2,
      );
      await askUntil(() => keys(`-remove=${NEW}`), says("2/2 nodes reported failure"));
    });

    test("without encryption we say so as the stock agent does", async () => {
      await askUntil(() => serf("keys", rpc(0), "-list"), says("3/3 nodes reported failure"));
    });
  });

  describe("one name twice", () => {
    test("a stock newcomer that takes our name is shut down", async () => {
      const twin = await startStock("h1", `127.81.${block}.9`, [`-join=${stock[0]!.host}`]).catch(
        (error: Error) => error,
      );
      // It may already have ended before its RPC was asked.
      if (!(twin instanceof Error)) await twin.ended;
      expect(ours.agent.members().find(({ name }) => name === "h1")).toMatchObject({
        host: ours.host,
        status: "alive",
      });
    });

    test("our newcomer that takes the name of a stock agent gives way", async () => {
      const twin = await startAgent("s1", `127.81.${block}.9`, {});
      const left = new Promise<void>((resolve) => twin.agent.onLeft(resolve));
      await twin.agent.join([stock[1]!.host]);
      await left;
      expect(() => twin.agent.members()).toThrow("not running");
      expect((await serf("members", rpc(0))).code).toBe(0);
    });
  });
}
