// The stock agent is the judge: it joins us, we join it, and each sees the other live, fail and leave.

import { afterEach, describe, expect, test } from "@jest/globals";
import {
  endAll,
  hasReference,
  membersAt,
  OURS,
  type RunningAgent,
  STOCK,
  startOurs,
  startStock,
  waitForStatuses,
} from "./processes.ts";

const isHere = hasReference();
afterEach(endAll);

if (!isHere) {
  test("interop did not run: serf is not installed", () => {
    process.stderr.write("interop with the reference did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  /** Every test has addresses of its own, so that nothing of an earlier one can answer. */
  let block = 10;
  const addresses = (count: number): string[] => {
    block += 1;
    return Array.from({ length: count }, (_, i) => `127.79.${block}.${i + 1}`);
  };

  describe.each([
    { joiner: STOCK, running: OURS },
    { joiner: OURS, running: STOCK },
  ])("$joiner.name joins a running $running.name", ({ joiner, running }) => {
    /** The one that runs is "old", the one that joins is "new". */
    async function pair(
      flags: readonly string[] = [],
    ): Promise<{ old: RunningAgent; fresh: RunningAgent; hosts: string[] }> {
      const hosts = addresses(2);
      const old = await running.start("old", hosts[0]!, ["-tag", "side=old", ...flags]);
      const fresh = await joiner.start("new", hosts[1]!, [
        "-tag=side=new",
        "-tag",
        "dc=east",
        `-join=${hosts[0]}`,
        ...flags,
      ]);
      await waitForStatuses(hosts, { old: "alive", new: "alive" });
      return { old, fresh, hosts };
    }

    test("each lists the other alive, with address, tags and versions", async () => {
      const { hosts } = await pair();
      for (const host of hosts) {
        const seen = await membersAt(host);
        const tags = Object.fromEntries(seen.map((member) => [member.name, member.tags]));
        expect(tags).toEqual({ old: { side: "old" }, new: { side: "new", dc: "east" } });
        for (const member of seen) {
          expect([...member.addr].join(".")).toBe(hosts[member.name === "old" ? 0 : 1]);
          expect(member).toMatchObject({ port: 7946, protocol: { current: 5, min: 2, max: 5 } });
        }
      }
    });

    test("the one that joined is killed and seen failed, comes back and is seen alive", async () => {
      const { fresh, hosts } = await pair();
      await fresh.kill("SIGKILL");
      await waitForStatuses([hosts[0]!], { old: "alive", new: "failed" });
      await joiner.start("new", hosts[1]!, ["-tag=side=new", `-join=${hosts[0]}`]);
      await waitForStatuses(hosts, { old: "alive", new: "alive" });
    });

    test("the one that joined leaves gracefully and is seen left", async () => {
      const { fresh, hosts } = await pair();
      expect(await fresh.kill("SIGINT")).toBe(0);
      await waitForStatuses([hosts[0]!], { old: "alive", new: "left" });
    });

    test.each([
      ["16 bytes", "AAECAwQFBgcICQoLDA0ODw=="],
      ["32 bytes", "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8="],
    ])("with a shared key of %s they meet and part", async (_, key) => {
      const { fresh, hosts } = await pair([`-encrypt=${key}`]);
      expect(await fresh.kill("SIGINT")).toBe(0);
      await waitForStatuses([hosts[0]!], { old: "alive", new: "left" });
    });

    test("without the key nobody gets in", async () => {
      const hosts = addresses(2);
      const old = await running.start("old", hosts[0]!, ["-encrypt=AAECAwQFBgcICQoLDA0ODw=="]);
      // It may open its RPC for a moment before the join fails and ends it.
      const how = await joiner.start("new", hosts[1]!, [`-join=${hosts[0]}`]).then(
        (agent) => agent.ended,
        (error: Error) => error.message,
      );
      expect(String(how)).toMatch(/^1$|ended with 1 /);
      await waitForStatuses([old.host], { old: "alive" });
    });

    test("without compression they meet all the same", async () => {
      const { hosts } = await pair(["-disable-compression"]);
      await waitForStatuses(hosts, { old: "alive", new: "alive" });
    });
  });

  test("with a label our agents meet each other, and nobody without it gets in, of either kind", async () => {
    const hosts = addresses(4);
    const label = "-label=blue";
    await startOurs("h1", hosts[0]!, [label]);
    await startOurs("h2", hosts[1]!, [label, `-join=${hosts[0]}`]);
    for (const [side, name, host] of [
      [STOCK, "s1", hosts[2]!],
      [OURS, "h3", hosts[3]!],
    ] as const) {
      const how = await side.start(name, host, [`-join=${hosts[0]}`]).then(
        (agent) => agent.ended,
        (error: Error) => error.message,
      );
      expect(String(how)).toMatch(/^1$|ended with 1 /);
    }
    await waitForStatuses(hosts.slice(0, 2), { h1: "alive", h2: "alive" });
  }, 60_000);

  test("three of each kind form one cluster, which sees one killed and one leave on either side", async () => {
    const hosts = addresses(6);
    const names = ["s1", "s2", "s3", "h1", "h2", "h3"];
    const agents: RunningAgent[] = [];
    // The local profile sends a rumour twice only, so that now and then a leave comes before its intent and looks like a
    // failure, with the reference as with us. The last flag wins.
    const LAN = "-profile=lan";
    for (const [i, name] of names.entries()) {
      const start = name.startsWith("s") ? startStock : startOurs;
      agents.push(await start(name, hosts[i]!, i === 0 ? [LAN] : [LAN, `-join=${hosts[i - 1]}`]));
    }
    const alive = Object.fromEntries(names.map((name) => [name, "alive"]));
    await waitForStatuses(hosts, alive);

    expect(await Promise.all([agents[2]!.kill("SIGINT"), agents[5]!.kill("SIGINT")])).toEqual([0, 0]);
    const rest = [0, 1, 3, 4].map((i) => hosts[i]!);
    await waitForStatuses(rest, { ...alive, s3: "left", h3: "left" });

    await Promise.all([agents[1]!.kill("SIGKILL"), agents[4]!.kill("SIGKILL")]);
    const last = [hosts[0]!, hosts[3]!];
    await waitForStatuses(last, { ...alive, s3: "left", h3: "left", s2: "failed", h2: "failed" }, 40_000);
    // Nobody found anything to complain about in what we sent.
    for (const agent of agents.slice(0, 3)) {
      expect(agent.output()).not.toMatch(/Failed to decode|not supported|invalid|checksum|unpack/i);
    }
  }, 90_000);
}
