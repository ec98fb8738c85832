// Scripts, keys, prune and refusals: a stock agent and one of ours side by side, told the same, must do the same.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  askUntil,
  type CommandResult,
  endAll,
  hasReference,
  hearsay,
  isDone,
  pruneEverywhere,
  type RunningAgent,
  says,
  serf,
  startOurs,
  startStock,
  waitFor,
  waitForStatuses,
} from "../interop/processes.ts";

const isHere = hasReference();
const HOSTS = { ours: "127.88.1.1", stock: "127.88.1.2" } as const;
const KEYED = { ours: "127.88.1.3", stock: "127.88.1.4" } as const;
const THIRD = "127.88.1.5";
const KEYS = [1, 2].map((byte) => Buffer.alloc(32, byte).toString("base64"));
const [FIRST = "", SECOND = ""] = KEYS;
type Side = keyof typeof HOSTS;
const SIDES: readonly Side[] = ["ours", "stock"];

const at = (host: string): string => `-rpc-addr=${host}:7373`;

if (!isHere) {
  test("interop did not run: serf is not installed", () => {
    process.stderr.write("interop with the reference did not run: serf is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  const folder = mkdtempSync(join(tmpdir(), "operator-interop-"));
  afterAll(async () => {
    await endAll();
    rmSync(folder, { recursive: true });
  });

  /** The same with names and addresses of both sides made one. */
  const neutral = (text: string): string =>
    text
      .replaceAll(/127\.88\.1\.\d/g, "HOST")
      .replaceAll(/\b(ours|stock)\b/g, "NODE")
      .replaceAll(/LTIME=\d+/g, "LTIME=N");

  const both = async (run: (host: string) => Promise<CommandResult>, hosts: Record<Side, string> = HOSTS) => {
    const [mine, theirs] = [await run(hosts.ours), await run(hosts.stock)];
    return { mine, theirs };
  };

  describe("scripts", () => {
    const kept = (side: Side): string[] =>
      readFileSync(join(folder, side), { encoding: "utf8", flag: "a+" }).split("=== \n").slice(1).sort();
    beforeAll(async () => {
      const tags = ["-tag=role=web", "-tag=da-ta=a\tb"];
      const handlers = (side: Side): string[] => {
        const out = `${folder}/${side}`;
        writeFileSync(
          `${out}.sh`,
          `{ echo "=== "; env | grep ^SERF_ | sort; cat; } > ${out}.$$\ncat ${out}.$$ >> ${out}\n`,
        );
        return [`-event-handler=sh ${out}.sh`, "-event-handler=query:color=cat; echo red >&2", ...tags];
      };
      await Promise.all([
        startOurs("ours", HOSTS.ours, handlers("ours")),
        startStock("stock", HOSTS.stock, handlers("stock")),
      ]);
      await waitFor(() => SIDES.every((side) => kept(side).length === 1), {
        withinMs: 40_000,
        what: "the first script",
      });
    });

    test("[A5] [A6] read what those of the stock agent read, about members, events and queries", async () => {
      for (const side of SIDES) {
        expect((await serf("event", at(HOSTS[side]), "deploy", "v1.2")).code).toBe(0);
        expect((await serf("event", at(HOSTS[side]), "-coalesce=false", "empty")).code).toBe(0);
        const { out } = await serf("query", at(HOSTS[side]), "-timeout=5s", "color", "which?");
        expect(out).toContain(`Response from '${side}': which?\nred`);
        expect((await serf("tags", at(HOSTS[side]), "-set", "ver=1\n2", "-delete", "da-ta")).code).toBe(0);
      }
      await waitFor(() => SIDES.every((side) => kept(side).length === 5), {
        withinMs: 40_000,
        what: "five scripts of each",
        detail: () => JSON.stringify(SIDES.map(kept)),
      });
      // The stock agent tells tags in no order.
      const ordered = (text: string): string =>
        neutral(text).replaceAll(/[^\t\n]+=[^\t\n]*(,[^\t\n]+=[^\t\n]*)+/g, (tags) => tags.split(",").sort().join(","));
      expect(kept("ours").map(ordered)).toEqual(kept("stock").map(ordered));
    });

    test("are listed by info as the stock agent lists them", async () => {
      const { mine, theirs } = await both((host) => serf("info", at(host), "-format=json"));
      const handlersOf = ({ out }: CommandResult): unknown =>
        Object.keys((JSON.parse(out) as { event_handlers: object }).event_handlers).sort();
      expect(handlersOf(mine)).toEqual(handlersOf(theirs));
      const fieldsOf = ({ out }: CommandResult): unknown =>
        Object.entries(JSON.parse(out) as Record<string, object>).map(([section, fields]) => [
          section,
          ["event_handlers", "tags"].includes(section) ? [] : Object.keys(fields).sort(),
        ]);
      expect(fieldsOf(mine)).toEqual(fieldsOf(theirs));
    });

    test("[A4] that make no sense are refused in the same words", async () => {
      const flags = ["agent", "-bind=127.88.1.9:0", "-event-handler=zork=foo"];
      const words = "Invalid event script: Event 'zork' invoking 'foo'";
      expect((await serf(...flags)).out).toContain(words);
      expect(await hearsay(...flags)).toMatchObject({ code: 2, err: `${words}\n` });
    });
  });

  describe("keys", () => {
    const ring = (side: Side): string => join(folder, `${side}.json`);
    const ringKeys = (side: Side): unknown => JSON.parse(readFileSync(ring(side), "utf8"));
    let agents: RunningAgent[] = [];
    beforeAll(async () => {
      for (const side of SIDES) writeFileSync(ring(side), JSON.stringify([FIRST]));
      agents = await Promise.all([
        startOurs("ours", KEYED.ours, [`-keyring-file=${ring("ours")}`]),
        startStock("stock", KEYED.stock, [`-keyring-file=${ring("stock")}`]),
      ]);
      await serf("join", at(KEYED.ours), KEYED.stock);
      await waitForStatuses(Object.values(KEYED), { ours: "alive", stock: "alive" });
    });

    test("[R9] every step of a rotation prints the same through both agents, and both keep the keys", async () => {
      const steps = [
        ["-list"],
        [`-install=${SECOND}`],
        [`-use=${SECOND}`],
        [`-remove=${SECOND}`],
        ["-list"],
        [`-remove=${FIRST}`],
        ["-install=xyz"],
        ["-install=AAAA"],
        ["-list"],
      ];
      for (const step of steps) {
        // Each step may be repeated; one that missed somebody must be.
        const ask = (host: string) =>
          askUntil(
            () => serf("keys", at(host), ...step),
            (result) => !/nodes reported success/.test(result.out),
          );
        const { mine, theirs } = await both(ask, KEYED);
        const sorted = ({ code, out, err }: CommandResult) => ({ code, err, out: out.split("\n").sort() });
        expect(sorted(mine)).toEqual(sorted(theirs));
      }
      expect(SIDES.map(ringKeys)).toEqual([[SECOND], [SECOND]]);
      for (const { output } of agents) for (const key of KEYS) expect(output()).not.toContain(key);
    });

    test("[R9] hearsay keys turns the keys of both, through either agent", async () => {
      for (const [host, next, last] of [
        [KEYED.ours, FIRST, SECOND],
        [KEYED.stock, SECOND, FIRST],
      ] as const) {
        for (const step of [`-install=${next}`, `-use=${next}`, `-remove=${last}`]) {
          expect(await askUntil(() => hearsay("keys", at(host), step), isDone)).toMatchObject({ err: "" });
        }
        const list = await askUntil(() => hearsay("keys", at(host), "-list", "-format=json"), isDone);
        expect(JSON.parse(list.out)).toMatchObject({ error: "", numNodes: 2, numErr: 0, keys: { [next]: 2 } });
      }
      const remove = () => hearsay("keys", at(KEYED.stock), `-remove=${SECOND}`);
      const refused = await askUntil(remove, says("2/2 nodes reported failure"));
      expect(refused).toMatchObject({ code: 1, err: "\nError removing key: 2/2 nodes reported failure\n" });
    });

    test("[K2] a restart takes the kept keys", async () => {
      await agents[0]?.kill("SIGTERM");
      await startOurs("ours", KEYED.ours, [`-keyring-file=${ring("ours")}`, `-join=${KEYED.stock}`]);
      await waitForStatuses(Object.values(KEYED), { ours: "alive", stock: "alive" });
    });
  });

  describe("the other commands", () => {
    let third: RunningAgent;
    beforeAll(async () => {
      await serf("join", at(HOSTS.ours), HOSTS.stock);
      third = await startStock("third", THIRD, [`-join=${HOSTS.stock}`]);
      await waitForStatuses(Object.values(HOSTS), { ours: "alive", stock: "alive", third: "alive" });
    });

    test("of serf print the same shape against both agents", async () => {
      const commands = [
        ["reachability"],
        ["rtt", "ours", "stock"],
        ["rtt", "nobody"],
        ["event", "x", "y".repeat(600)],
        ["query", "_serf_x"],
        ["force-leave", "nobody"],
        ["tags", "-set", `long=${"x".repeat(600)}`],
        ["monitor", "-log-level=zork"],
        ["join", "127.88.1.99"],
      ];
      for (const [command = "", ...rest] of commands) {
        const ask = (host: string) =>
          askUntil(
            () => serf(command, at(host), ...rest),
            (result) => command !== "reachability" || isDone(result),
          );
        const { mine, theirs } = await both(ask);
        const shape = ({ code, out, err }: CommandResult) => ({
          code,
          out: neutral(out).replaceAll(/\d+\.\d+ ms/g, "N ms"),
          err: neutral(err),
        });
        expect({ command, ...shape(mine) }).toEqual({ command, ...shape(theirs) });
      }
    });

    test("of hearsay work against both agents, and their JSON has the same fields", async () => {
      const commands = [
        ["members"],
        ["info"],
        ["rtt", "ours", "stock"],
        ["rtt", "--matrix"],
        ["reachability"],
        ["event", "x", "y"],
        ["query", "-timeout=300ms", "q"],
        ["tags", "-set=a=b"],
        ["join", HOSTS.stock],
        ["force-leave", "nobody"],
      ];
      for (const [command = "", ...rest] of commands) {
        const ask = (host: string, ...flags: string[]) =>
          askUntil(() => hearsay(command, at(host), ...flags, ...rest), isDone, { what: command });
        const { mine, theirs } = await both((host) => ask(host, "-format=json"));
        expect({ command, code: mine.code, err: mine.err }).toEqual({ command, code: 0, err: "" });
        expect({ command, code: theirs.code, err: theirs.err }).toEqual({ command, code: 0, err: "" });
        const fields = ({ out }: CommandResult): string[] => Object.keys(JSON.parse(out) as object).sort();
        expect(fields(mine)).toEqual(fields(theirs));
        await ask(HOSTS.stock);
      }
    });

    test("a member that failed is pruned everywhere by a force-leave through ours", async () => {
      await third.kill("SIGKILL");
      await waitForStatuses(Object.values(HOSTS), { ours: "alive", stock: "alive", third: "failed" }, 60_000);
      await pruneEverywhere("third", HOSTS.ours, Object.values(HOSTS));
      await waitForStatuses(Object.values(HOSTS), { ours: "alive", stock: "alive" });
    });

    test("leave lets ours go, and nobody answers there any more", async () => {
      expect(await hearsay("leave", at(HOSTS.ours))).toEqual({ code: 0, out: "Graceful leave complete\n", err: "" });
      expect(await hearsay("members", at(HOSTS.ours))).toMatchObject({ code: 3, out: "" });
    });
  });
}
